"""The record of reviews has one spelling: what is written is read back, and anything else is refused."""

import copy
from datetime import UTC, datetime

import pytest

from mlassay.digest import canonical
from mlassay.errors import EvidenceError
from mlassay.evidence.predicates import Dispatcher, Run
from mlassay.evidence.reviews import BODY, ReviewRecord, ReviewWord, read_review_record

AT = datetime(2026, 11, 21, 9, 0, 0, 123, tzinfo=UTC)
WORD = ReviewWord.of(17, 102, "robin", "ab" * 20, "approved", AT, "Reason: It holds.\r\n")
RECORD = ReviewRecord(
    "github",
    7,
    "https://forge.example/7",
    "ab" * 20,
    "cd" * 20,
    Run("builder", "run", "refs/heads/main", Dispatcher("octocat", "999")),
    (WORD,),
    (WORD.without_body(),),
)


def test_what_is_written_is_read_back():
    assert read_review_record(RECORD.predicate(), "x") == RECORD


def test_a_body_that_utf8_cannot_hold_is_written_all_the_same():
    word = ReviewWord.of(1, 2, "x" * 500, "", "commented", AT, "\ud800" + "y" * 100_000)
    assert canonical(word.as_mapping())
    assert len(word.body) == BODY
    assert ReviewWord.from_mapping(word.as_mapping(), "x") == word


def _places(value, path=()):
    if isinstance(value, dict):
        for key, item in value.items():
            yield (*path, key)
            yield from _places(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _places(item, (*path, index))


PLACES = list(_places(RECORD.predicate()))


@pytest.mark.parametrize("place", PLACES, ids=lambda place: ".".join(map(str, place)))
@pytest.mark.parametrize("change", ["missing", "number", "list", "true"])
def test_a_member_that_is_missing_or_of_another_kind_is_refused(place, change):
    value = copy.deepcopy(RECORD.predicate())
    parent = value
    for part in place[:-1]:
        parent = parent[part]
    if change == "missing":
        del parent[place[-1]]
    else:
        parent[place[-1]] = {"number": 1.5, "list": ["x"], "true": True}[change]
    with pytest.raises(EvidenceError):
        read_review_record(value, "x")


@pytest.mark.parametrize("place", [(), ("run",), ("pull_request",), ("reviews", 0)])
def test_a_member_too_many_is_refused(place):
    value = copy.deepcopy(RECORD.predicate())
    parent = value
    for part in place:
        parent = parent[part]
    parent["more"] = 1
    with pytest.raises(EvidenceError):
        read_review_record(value, "x")


def test_the_run_that_wrote_it_and_what_was_left_out_make_no_other_record():
    other = ReviewRecord(**{**{f: getattr(RECORD, f) for f in RECORD.__slots__}, "others": ()})
    assert RECORD.same_as(other)
    changed = ReviewRecord(**{**{f: getattr(RECORD, f) for f in RECORD.__slots__}, "reviews": ()})
    assert not RECORD.same_as(changed)
