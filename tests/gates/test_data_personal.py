"""Personal identifiers are found wherever they were planted, and hardly anything else is taken for one."""

from __future__ import annotations

import random
import string
from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl
import pytest

from mlassay.evidence.verdict import Outcome
from mlassay.gates import data_personal_kinds as kinds
from mlassay.gates.data import DataGate
from mlassay.gates.data_personal import Hits, Personal, identifiers
from mlassay.manifest import Column, PersonalData
from mlassay.manifest.stream import Batch
from tests.gates.identifiers import MAKERS, bare, clean, filled, planted
from tests.gates.subjects import NUMBERS, REST, finding, manifest, rows, subject


def looked(values: list[object], type_: str = "text", size: int = 700) -> dict[str, Hits]:
    """Kinds found in one column that comes in several batches."""
    column = Column("c", type_, "ignored", "before")  # type: ignore[arg-type]
    frame = pl.DataFrame({"c": values})
    made = Personal(type("M", (), {"columns": (column,)}))  # type: ignore[arg-type]
    for start in range(0, len(values), size):
        part = frame.slice(start, size)
        made.add(Batch(part, start, np.zeros(part.height, dtype=np.uint8)))
    return {kind: hits for (_, kind), hits in made.found().items()}


def test_of_a_thousand_planted_identifiers_at_least_95_in_100_are_found() -> None:
    cells = planted(1000)
    found = [bool(list(identifiers(cell))) for cell in cells]
    assert sum(found) >= 950
    for number, maker in enumerate(MAKERS):
        assert sum(found[number :: len(MAKERS)]) >= 180, maker.__name__


def test_of_ten_thousand_clean_cells_at_most_one_is_taken_for_an_identifier() -> None:
    alarms = [(cell, list(identifiers(cell))) for cell in clean(10_000) if list(identifiers(cell))]
    assert len(alarms) <= 1, alarms
    assert sum(hits.many for hits in looked(clean(10_000)).values()) <= 1


@pytest.mark.parametrize("digits", range(9, 19))
def test_random_numbers_of_one_length_are_nobodys(digits: int) -> None:
    generator = np.random.default_rng(digits)
    numbers = generator.integers(10 ** (digits - 1), 10**digits, 500).tolist()
    assert looked(numbers, "integer") == {}
    assert looked([str(number) for number in numbers]) == {}


def test_numbers_in_a_row_and_seconds_since_1970_are_nobodys() -> None:
    assert looked(list(range(123_456_780, 123_460_780)), "integer") == {}
    assert looked(list(range(1_600_000_000, 1_700_000_000, 79_191)), "integer") == {}


@pytest.mark.parametrize(
    ("module", "layout", "name"),
    [
        ("nl.bsn", "#########", "a Dutch citizen number"),
        ("gb.nhs", "##########", "a British health number"),
        ("br.cpf", "###########", "a Brazilian taxpayer number"),
        ("pl.pesel", "###########", "a Polish personal number"),
        ("se.personnummer", "############", "a Swedish personal number"),
        ("in_.aadhaar", "############", "an Indian Aadhaar number"),
        ("luhn", "", "a payment card"),
    ],
)
def test_bare_numbers_are_told_by_their_check_digits_together(module: str, layout: str, name: str) -> None:
    chance = random.Random(7)
    texts = [bare(chance, module, layout) for _ in range(25)]
    assert looked([f"x {text} y" if n % 2 else text for n, text in enumerate(texts)])[name].many >= 10
    assert name in looked([int(text) for text in texts], "integer")


def test_numbers_of_several_countries_in_one_column_are_found_together() -> None:
    chance = random.Random(1)
    texts = [bare(chance, module, "#" * 9) for module in ("nl.bsn", "ca.sin", "pt.nif") for _ in range(30)]
    assert sum(hits.many for hits in looked(texts).values()) >= 30


def test_chances_are_not_smaller_than_random_texts_show() -> None:
    chance = random.Random(11)
    for kind in kinds.KINDS:
        for layout, declared in (kind.bare or {}).items():
            valid = sum(map(kinds.validator(kind), (filled(chance, layout) for _ in range(400))))
            assert valid <= 400 * declared + 4 * (400 * declared) ** 0.5 + 2, (kind.name, layout)


def with_notes(tmp_path, cells, *, name="note", role="ignored", personal=None):
    """A subject whose data have one more column of text."""
    root = tmp_path / "root"
    root.mkdir()
    made = {}
    for number, split in enumerate(("train", "test"), start=1):
        base = rows(seed=number)
        made[split] = [(cells[n % len(cells)], *row) for n, row in enumerate(base)]
    columns = (Column(name, "text", role, "before"), *NUMBERS, *REST)
    held = manifest(root, columns, made)
    if personal:
        held = replace(held, personal_data=PersonalData("consent", date(2030, 1, 1)))
    return subject(tmp_path, manifests={"data": held})


def test_the_finding_names_column_row_and_kind_and_never_the_value(tmp_path) -> None:
    cells = ["nothing", "fine", "mail kim.novak@example.com now", "4111 1111 1111 1111"]
    report = DataGate().test(with_notes(tmp_path, cells))
    found = finding(report, "data.personal.data.note.an_e_mail_address")
    assert found.outcome is Outcome.FAILED
    assert "note of 'data' holds an e-mail address" in found.what
    assert "(row 3" in found.what
    assert finding(report, "data.personal.data.note.a_payment_card").outcome is Outcome.FAILED
    assert "novak" not in str(report)
    assert "4111" not in str(report)


def test_a_column_of_clean_text_passes(tmp_path) -> None:
    report = DataGate().test(with_notes(tmp_path, ["nothing", "fine", "Main Street 12", "2020-01-02"]))
    assert finding(report, "data.personal.data").outcome is Outcome.PASSED
    assert report.outcome is Outcome.PASSED


@pytest.mark.parametrize(("personal", "outcome"), [(True, Outcome.PASSED), (False, Outcome.FAILED)])
def test_an_id_column_is_judged_by_what_the_manifest_says_of_personal_data(
    personal: bool, outcome: Outcome, tmp_path
) -> None:
    made = with_notes(tmp_path, ["a.b@example.com", "c@example.org"], role="id", personal=personal)
    report = DataGate().test(made)
    assert finding(report, "data.personal.data.note.an_e_mail_address").outcome is outcome


def test_a_name_that_is_an_identifier_and_one_that_promises_them(tmp_path) -> None:
    report = DataGate().test(with_notes(tmp_path, ["x"], name="kim@example.com"))
    assert finding(report, "data.personal.data.header.1").outcome is Outcome.FAILED
    (tmp_path / "b").mkdir()
    report = DataGate().test(with_notes(tmp_path / "b", ["x", "y"], name="E-Mail"))
    assert finding(report, "data.personal.data.E-Mail.name").outcome is Outcome.INCONCLUSIVE


def test_an_identifier_in_one_cell_of_many_batches_is_found_with_its_row() -> None:
    cells = ["word " + "".join(random.Random(n).choices(string.ascii_lowercase, k=6)) for n in range(3000)]
    cells[2222] = "NL91 ABNA 0417 1643 00"
    assert looked(cells) == {"a bank account (IBAN)": Hits(1, [2223])}
