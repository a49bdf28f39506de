"""The record as tables: every row, stable columns, cells that no spreadsheet runs, samples that anybody can draw again."""

from __future__ import annotations

import csv
import io
import subprocess
from dataclasses import replace

import pytest

from mlassay.audit.listing import COLUMNS, Listing, Sample, listing, rank, sampled
from mlassay.render.audit_list import listing_csv, listing_json, listing_lines, safe_cell
from mlassay.wiring import verifiers
from tests.audit.told import NO
from tests.audit.told_fixtures import chronicle, ids, story

EXPECTED = [19, 40, 203, 241, 253]


def table(kind, told=None):
    return listing(told or chronicle(), kind, story().team.repo, verifiers())


def column(kind, name):
    return [row[name] for row in table(kind).rows]


def many(count):
    rows = tuple({"id": f"staging/{number:08d}-0000000a"} for number in range(count))
    return Listing("promotions", ("id",), rows, count)


def drawn(whole, size, seed):
    return [row["id"] for row in sampled(whole, Sample(size, seed)).rows]


def test_failed_releases_are_listed_with_the_others():
    assert column("releases", "verdict") == ["passed", "failed", "inconclusive"]
    assert column("releases", "ran_in") == ["staging", "", "staging"]


def test_a_promotion_says_when_it_ended():
    known = chronicle().promotions
    assert column("promotions", "until") == [f"{known[1].moment.time:%Y-%m-%dT%H:%M:%SZ}", ""]
    assert column("promotions", "approved_by") == ["robin; lee"] * 2
    assert column("promotions", "waivers") == ["", f"{ids()['second']}.bias.lee"]
    assert column("waivers", "used_by") == [f"staging/{ids()['later']}"]
    assert column("changes", "paths") == ["governance", "data/applications.manifest.yaml"]


def test_refusals_on_branches_are_told_apart_from_those_on_the_main_line():
    rows = table("refusals").rows
    assert [(row["id"], row["where"]) for row in rows] == [
        (f"staging/{ids()['refused']}", "main line"),
        (f"production/{ids()['on_branch']}", "branch"),
    ]
    assert [row["landed"] != "" for row in rows] == [True, False]
    assert [row["reasons"] for row in rows] == [NO, NO]
    assert all(str(row["signed"]).startswith("SHA256:") for row in rows)


@pytest.mark.parametrize("kind", COLUMNS)
def test_every_row_has_exactly_the_columns_of_its_kind(kind):
    found = table(kind)
    assert found.total == len(found.rows) > 0
    assert all(row.keys() == set(COLUMNS[kind]) for row in found.rows)
    assert listing_json(chronicle(), found)["rows"][0]["id"] == found.rows[0]["id"]
    assert str(found.rows[0]["id"]) in "\n".join(listing_lines(found))


def test_without_judging_no_number_of_problems_is_claimed():
    assert {row["problems"] for row in table("promotions", replace(chronicle(), judged=False)).rows} == {""}


def test_a_sample_is_decided_by_its_seed_alone():
    whole = many(500)
    assert drawn(whole, 5, "2026-Q4") == [f"staging/{number:08d}-0000000a" for number in EXPECTED], (
        "an auditor who drew this sample before could not draw it again"
    )
    assert drawn(whole, 5, "2027-Q1") != drawn(whole, 5, "2026-Q4")
    shuffled = replace(whole, rows=whole.rows[::-1])
    assert sorted(drawn(shuffled, 5, "2026-Q4")) == drawn(whole, 5, "2026-Q4")


def test_a_larger_sample_holds_the_smaller_one_and_all_where_there_are_no_more():
    whole = many(40)
    assert set(drawn(whole, 5, "s")) < set(drawn(whole, 9, "s"))
    assert drawn(whole, 400, "s") == [row["id"] for row in whole.rows]


def test_the_rank_is_what_sha256sum_says():
    shell = 'printf \'%s\\n%s\' "$1" "$2" | sha256sum'
    done = subprocess.run(
        ["sh", "-c", shell, "sh", "Q4 ü", "staging/1"], capture_output=True, text=True, check=True
    )
    assert rank("Q4 ü", "staging/1") == done.stdout.split()[0]


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "\uff1d1", "'=1", '=HYPERLINK("x")'],
)
def test_a_cell_that_a_spreadsheet_would_run_is_neutralised_and_can_be_had_back(text):
    cell = safe_cell(text)
    assert cell[0] == "'"
    assert cell[1:] == "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)


@pytest.mark.parametrize("text", ["", "plain", "a=b", "2026-11-20", "it's", "sha256:00"])
def test_any_other_cell_stays_as_it_is(text):
    assert safe_cell(text) == text


def test_csv_is_one_line_for_each_row_and_comes_back_whole():
    rows = (
        {"id": 'a "quoted", one', "reason": "=cmd|' /C calc'!A0"},
        {"id": "two\nlines\x1b[31m", "reason": ""},
    )
    text = listing_csv(Listing("waivers", ("id", "reason"), rows, 2))
    assert len(text.splitlines()) == 3
    assert list(csv.reader(io.StringIO(text))) == [
        ["id", "reason"],
        ['a "quoted", one', "'=cmd|' /C calc'!A0"],
        ["two\\x0alines\\x1b[31m", ""],
    ]
