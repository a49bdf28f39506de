"""report.html: one file that a person reads from a disk, with the verdict's own numbers, whatever stands in it."""

import base64
import hashlib
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import pytest

from mlassay.evidence import Finding, GateReport, Outcome, read_verdict
from mlassay.evidence.codec import verdict_json
from mlassay.render.unshown import ALWAYS
from mlassay.render.verdict import verdict_page
from tests.render.verdicts import EVIL, FAILED, PASSED, bias, evil, unit, verdict

VOID = {"meta", "br", "path", "circle"}


class Reader(HTMLParser):
    """Elements, attributes and text of a page; complains of what is not closed."""

    def __init__(self, page):
        super().__init__()
        self.open, self.elements, self.text, self.ids = [], [], [], []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self.ids += [value for name, value in attrs if name == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.text.append(data)


def read(page):
    reader = Reader(page.decode())
    return reader, " ".join(" ".join(reader.text).split())


def number(name, outcome=Outcome.PASSED, **numbers):
    return Finding(name, outcome, "what", "why", "remedy", "ml.yaml", 3, numbers)


def gate(name, measured, *findings, criteria=None):
    outcome = Outcome.worst([finding.outcome for finding in findings])
    return GateReport(name, outcome, "summary", criteria or {}, measured, findings, ())


CURVES = {
    "roc_auc": {"value": "0.8000", "lower": "0.7500", "upper": "0.8500"},
    "accuracy": {"value": "0.9000", "lower": "0.8800", "upper": "0.9200"},
    "roc": [["0.0000", "0.0000"], ["0.1000", "0.6000"], ["1.0000", "1.0000"]],
    "calibration": [{"rows": 60, "score": "0.2000", "rate": "0.5000", "lower": "0.3800", "upper": "0.6200"}],
}


def everything():
    """A verdict whose gates record all that the page can draw."""
    importance = [{"rank": 1, "column": "pay", "value": "0.10", "lower": "0.05", "upper": "0.15"}]
    before = [{"rank": 1, "column": "pay", "value": "0.02", "lower": "0.01", "upper": "0.03"}]
    curve = {"column": "pay", "values": ["0", "1", "2"], "average": ["0.1", "0.4", "0.5"], "rows": []}
    of_words = {"column": "sort", "values": ["a", "b"], "average": ["0.1", "0.4"], "rows": []}
    moved = {"drift": {"columns": {"pay": {"psi": "0.4000", "noise": "0.0200"}}}}
    flips = [{"share_of_change": "1.00", "vulnerable_at_least": 10, "vulnerable_at_most": 15}]
    robust = {"robust_rate_at_most": "0.9000", "lower": "0.8500", "upper": "0.9300", "minimum": "0.8000"}
    return verdict(
        gate(
            "performance",
            {"all": CURVES},
            number(
                "performance.roc_auc.min", value="0.8000", lower="0.7500", upper="0.8500", threshold="0.7000"
            ),
        ),
        bias(Outcome.FAILED, "0.4130", "0.3300", "0.5000"),
        gate(
            "adversarial",
            {"looked_at": 100, "radius": "0.0500", "flips_by_share": flips},
            number("adversarial.robust_rate", **robust),
            criteria={"robust_rate": {"min": "0.8"}},
        ),
        gate("data", {"data": {"loans": moved}}, number("data.drift.loans", psi="0.4000", required="0.2500")),
        gate(
            "explain",
            {
                "importance": {"metric": "roc_auc", "columns": importance},
                "rank_change": {"before": before},
                "curves": [curve, of_words],
            },
            number("explain.required"),
        ),
    )


PAGES = {
    "passed": verdict_page(PASSED),
    "failed": verdict_page(FAILED),
    "nothing ran": verdict_page(verdict()),
    "evil": verdict_page(evil(), evil()),
    "everything": verdict_page(everything(), everything()),
}


@pytest.mark.parametrize("name", PAGES)
def test_every_page_is_one_well_formed_file_that_asks_for_nothing(name):
    reader, _ = read(PAGES[name])
    tags = {tag for tag, _ in reader.elements}
    assert not tags & {"script", "img", "link", "iframe", "object", "form", "a:href"}
    links = [attributes["href"] for tag, attributes in reader.elements if "href" in attributes]
    assert all(link.startswith("#") and link[1:] in reader.ids for link in links)
    assert not [
        1
        for _, attributes in reader.elements
        if {"src", "style"} & attributes.keys() or any(a.startswith("on") for a in attributes)
    ]
    assert len(reader.ids) == len(set(reader.ids))
    named = [
        part for _, attributes in reader.elements for part in attributes.get("aria-labelledby", "").split()
    ]
    assert set(named) <= set(reader.ids)


@pytest.mark.parametrize("name", PAGES)
def test_only_its_own_style_is_obeyed(name):
    page = PAGES[name].decode()
    sheet = re.search(r"<style>(.*?)</style>", page, re.DOTALL).group(1)
    digest = base64.b64encode(hashlib.sha256(sheet.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'" in page


@pytest.mark.parametrize("name", PAGES)
def test_every_picture_is_well_formed_has_words_and_a_table(name):
    page = PAGES[name].decode()
    pictures = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    for one in pictures:
        root = ET.fromstring(one)
        assert root.find("title").text.strip()
        assert root.find("desc").text.strip()
        assert not re.search(r"\b(nan|inf)\b", one, re.IGNORECASE)
    assert page.count('class="pictures"') == page.count("The same as a table")


@pytest.mark.parametrize("name", PAGES)
def test_what_the_tests_do_not_show_stands_on_every_page(name):
    _, text = read(PAGES[name])
    assert "What these tests do not show" in text
    assert all(" ".join(line.split()) in text for line in ALWAYS)


def test_the_first_sentence_is_the_verdict_and_the_reader_learns_for_whom_how_much_and_what_it_would_take():
    _, text = read(PAGES["failed"])
    assert "mortgage-approval : failed The verdict is failed: of 2 gates, bias does not hold." in text
    for words in (
        "For whom Those in afam=yes: 169 of 1189 evaluation rows, beside afam=no.",
        "By how much 0.4130 (95% interval 0.3300 to 0.5000), where at least 0.8 is asked; that is 0.3870 too little.",
        "What it would take Look at which columns stand in for the group; a threshold of 0.6 would pass and cost 0.02 of accuracy.",
    ):
        assert words in text


def test_a_passed_verdict_has_nothing_wrong_and_says_how_it_was_held():
    reader, text = read(PAGES["passed"])
    assert "wrong" not in reader.ids
    assert "The verdict is passed: every gate, 2 in all, holds what was asked beforehand." in text


def test_a_verdict_without_gates_is_inconclusive():
    assert "The verdict is inconclusive: no gate ran" in read(PAGES["nothing ran"])[1]


def test_all_that_was_recorded_is_drawn():
    reader, text = read(PAGES["everything"])
    assert {"limits", "trade", "groups", "scores", "flips", "leaning", "drift"} <= set(reader.ids)
    for words in (
        "In 1 of them the score lies outside the 95% interval",
        "10 of 100 decisions flip for certain, and at most 15. At most 0.2 may flip",
        "1 columns. pay moved most, with 0.4000. 1 of them moved more than chance alone",
        "The answers lean most on pay. Those of the live release leaned most on pay.",
        "The mean score lies between 0.1 and 0.5 as pay runs from 0 to 2.",
        "Lowest is afam=no",
    ):
        assert words in text


def test_the_live_release_stands_beside_this_one_as_points_with_intervals_and_not_as_a_score():
    worse = dict(CURVES, accuracy={"value": "0.8000", "lower": "0.7800", "upper": "0.8200"})
    now = verdict(gate("performance", {"all": worse}, number("performance.x")))
    live = verdict(gate("performance", {"all": CURVES}, number("performance.x")))
    _, text = read(verdict_page(now, live))
    assert (
        "accuracy 0.8000 (0.7800 to 0.8200) 0.9000 (0.8800 to 0.9200) 0.1000 less, worse; the intervals lie apart"
        in text
    )
    assert "roc auc 0.8000 (0.7500 to 0.8500) 0.8000 (0.7500 to 0.8500) the same" in text
    assert "trade" not in read(verdict_page(now))[0].ids


@pytest.mark.parametrize(
    "wrong", ["", None, 3, [], {"x": 1}, "nan", "1e99999999", "9" * 400, [["0", "1"], 7], {"lower": {}}]
)
def test_what_a_gate_recorded_in_another_shape_is_left_out_and_never_an_error(wrong):
    keys = {
        "performance": "all",
        "bias": "columns",
        "adversarial": "flips_by_share",
        "data": "data",
        "explain": "importance",
    }
    shapes = [{key: wrong} for key in keys.values()] + [
        {key: {"a": wrong, "drift": wrong, "groups": wrong, "roc": wrong}} for key in keys.values()
    ]
    for shape in shapes:
        gates = [
            gate(name, shape, number(f"{name}.x", value=str(wrong), lower="0", upper="1", threshold="1"))
            for name in keys
        ]
        made = verdict(*gates)
        read(verdict_page(made, made))


def test_hostile_text_stays_text():
    reader, text = read(PAGES["evil"])
    assert "<script>alert(1)</script>" in text
    assert not [tag for tag, _ in reader.elements if tag == "script"]
    page = PAGES["evil"].decode()
    assert "\x1b" not in page
    assert "\u202e" not in page
    assert "[U+202E]" in page


def test_hostile_groups_and_columns_stay_text_in_pictures():
    made = everything()
    text = verdict_json(made).decode()
    hostile = (
        EVIL.replace("\\", "").replace('"', "").replace("\n", " ").replace("\x1b", "").replace("\u202e", "")
    )
    evil_one = read_verdict(text.replace('"pay"', f'"{hostile}"').replace("afam=yes", hostile).encode(), "v")
    reader, shown = read(verdict_page(evil_one))
    assert not [tag for tag, _ in reader.elements if tag == "script"]
    assert shown.count("<script>alert(1)</script>") > 5


def test_a_thousand_findings_and_groups_still_make_a_page_of_bounded_size():
    many = [
        replace(
            number("bias.selection_rate_ratio.g", gap="0.5", lower="0.4", upper="0.6", threshold="0.8"),
            id=f"bias.selection_rate_ratio.g={n}",
            outcome=Outcome.FAILED,
        )
        for n in range(3000)
    ]
    assert len(verdict_page(verdict(gate("bias", {}, *many)))) < 400_000


def test_the_same_verdict_gives_the_same_bytes_twice_and_in_another_process():
    again = read_verdict(verdict_json(everything()), "v")
    code = "import sys; from tests.render.test_verdict_page import everything; from mlassay.render.verdict import verdict_page; from mlassay.evidence import read_verdict; from mlassay.evidence.codec import verdict_json; sys.stdout.buffer.write(verdict_page(read_verdict(verdict_json(everything()), 'v')))"
    env = {"LC_ALL": "tr_TR.UTF-8", "TZ": "Asia/Tokyo", "PYTHONHASHSEED": "77"}
    other = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, check=True).stdout
    assert verdict_page(again) == verdict_page(again) == other


def test_it_is_made_without_numpy():
    code = """
import sys
sys.modules["numpy"] = sys.modules["onnx"] = None
from tests.render.verdicts import FAILED
from mlassay.render.verdict import verdict_page
assert b"failed" in verdict_page(FAILED)
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_self_reported_numbers_are_marked():
    failing = replace(unit(Outcome.FAILED))
    assert "Self-reported: the team's own code" in read(verdict_page(verdict(failing)))[1]
