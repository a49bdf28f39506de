from __future__ import annotations

import hashlib
import random
from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlassay.manifest import SplitRule
from mlassay.manifest.split import assign, fields_digest

COLUMNS = ("a", "b", "c")
ROW = st.tuples(st.sampled_from(["x", "y", ""]), st.sampled_from(["1", "2", "3", "é"]), st.text(max_size=3))
ROWS = st.lists(ROW, max_size=60)
FRACTIONS = st.sampled_from(
    [{"train": "0.5", "test": "0.5"}, {"train": "0.7", "tune": "0.1", "test": "0.2"}, {"all": "1"}]
)
RULES = st.builds(
    lambda kind, fractions, seed: SplitRule(kind, fractions, seed, () if kind == "seeded" else ("a",)),
    st.sampled_from(["seeded", "stratified", "key"]),
    FRACTIONS,
    st.integers(0, 2**40),
)


def placed(rule: SplitRule, rows: list[tuple[str, ...]]) -> list[str]:
    where = [""] * len(rows)
    for split, numbers in assign(rule, COLUMNS, rows).items():
        for number in numbers:
            assert where[number] == ""
            where[number] = split
    return where


@settings(max_examples=150, deadline=None)
@given(RULES, ROWS)
def test_splits_are_disjoint_and_complete_and_identical_rows_stay_together(
    rule: SplitRule, rows: list[tuple[str, ...]]
) -> None:
    where = placed(rule, rows)
    assert all(split in rule.fractions for split in where)
    assert len(set(zip(rows, where, strict=True))) == len(set(rows))


@settings(max_examples=100, deadline=None)
@given(RULES, ROWS, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(
    rule: SplitRule, rows: list[tuple[str, ...]], shuffle: random.Random
) -> None:
    before = dict(zip(rows, placed(rule, rows), strict=True))
    shuffled = list(rows)
    shuffle.shuffle(shuffled)
    assert dict(zip(shuffled, placed(rule, shuffled), strict=True)) == before


@settings(max_examples=100, deadline=None)
@given(RULES.filter(lambda rule: rule.kind != "stratified"), ROWS, ROWS)
def test_new_rows_move_no_other_row(
    rule: SplitRule, rows: list[tuple[str, ...]], new: list[tuple[str, ...]]
) -> None:
    assert placed(rule, rows + new)[: len(rows)] == placed(rule, rows)


@settings(max_examples=100, deadline=None)
@given(FRACTIONS, st.integers(0, 99), ROWS)
def test_rows_of_one_key_stay_together(
    fractions: dict[str, str], seed: int, rows: list[tuple[str, ...]]
) -> None:
    where = placed(SplitRule("key", fractions, seed, ("b",)), rows)
    assert len({(row[1], split) for row, split in zip(rows, where, strict=True)}) == len(
        {row[1] for row in rows}
    )


def test_strata_are_divided_almost_exactly() -> None:
    rows = [("x" if n % 10 else "y", str(n), "") for n in range(1000)]
    where = placed(SplitRule("stratified", {"train": "0.7", "test": "0.3"}, 3, ("a",)), rows)
    assert Counter((row[0], split) for row, split in zip(rows, where, strict=True)) == {
        ("x", "train"): 630,
        ("x", "test"): 270,
        ("y", "train"): 70,
        ("y", "test"): 30,
    }


def test_a_seeded_split_comes_near_its_fractions_and_another_seed_is_another_split() -> None:
    rows = [(str(n), "", "") for n in range(4000)]
    one, other = (placed(SplitRule("seeded", {"train": "0.8", "test": "0.2"}, seed), rows) for seed in (1, 2))
    assert 3100 < Counter(one)["train"] < 3300
    assert one != other


@pytest.mark.parametrize("row", [("a", "b", "c"), ("1:a,", "", "é"), ("", "", "")])
def test_the_written_rule_gives_the_same_split_when_followed_by_hand(row: tuple[str, ...]) -> None:
    joined = b"".join(str(len(f.encode())).encode() + b":" + f.encode() + b"," for f in row)
    digest = hashlib.sha256(joined).digest()
    number = int.from_bytes(hashlib.sha256(b"mlassay split v1\n7\n" + digest).digest()[:8], "big")
    expected = "train" if Fraction(number, 2**64) < Fraction("0.3") else "test"
    rule = SplitRule("seeded", {"train": "0.3", "test": "0.7"}, 7)
    assert placed(rule, [row]) == [expected]


@given(ROW, ROW)
def test_different_rows_have_different_digests(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    assert (fields_digest(one) == fields_digest(other)) == (one == other)
