"""Records have one spelling, and nothing but that is read."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlassay.digest import canonical
from mlassay.errors import EvidenceError
from mlassay.evidence.records import Approval, ChangeRequest, Refusal, Request, Waiver, Weakening, Withdrawal
from tests.policy.cases import CHANGE, NOW, REQUEST, approval, waiver

RECORDS = [
    replace(REQUEST, weakenings=(Weakening("threshold", "moved", "0.5", "0.4"),), previous=None),
    CHANGE,
    replace(approval("lee"), answers={"q": "because"}, accepts=("threshold",)),
    Refusal(REQUEST.digest, "sam", "The interval is too wide.", NOW),
    Withdrawal(REQUEST.digest, "sam", "I read it again.", NOW),
    waiver(),
]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.kind)
def test_a_record_reads_back_as_what_was_written(record):
    assert type(record).parse(record.to_bytes(), "x.json") == record


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.kind)
def test_another_spelling_an_unknown_key_or_another_kind_is_refused(record):
    value = json.loads(record.to_bytes())
    for data in (
        json.dumps(value).encode(),
        record.to_bytes() + b"\n",
        canonical(value | {"extra": 1}),
        canonical(value | {"kind": "other"}),
        canonical({k: v for k, v in value.items() if k != "version"}),
        b"[]",
        b"\xff",
    ):
        with pytest.raises(EvidenceError) as caught:
            type(record).parse(data, "x.json")
        assert caught.value.problems[0].path == "x.json"


@pytest.mark.parametrize("bad", ["2026-13-01", "2026-02-30"])
def test_a_day_that_is_none_is_refused(bad):
    value = json.loads(waiver().to_bytes()) | {"until": bad}
    with pytest.raises(EvidenceError):
        Waiver.parse(canonical(value), "x.json")


text = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200)
times = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)).map(
    lambda t: t.replace(microsecond=0, tzinfo=UTC)
)


@given(text, text, times, st.dictionaries(text, text, max_size=4), st.lists(text, max_size=4))
def test_any_words_survive_the_round_trip(reason, risk, at, answers, accepts):
    record = Approval(REQUEST.digest, "lee", reason, risk, at, answers, tuple(accepts))
    assert Approval.parse(record.to_bytes(), "x.json") == record


@given(text, times, st.dates(date(2000, 1, 1), date(2100, 1, 1)))
def test_any_waiver_survives_the_round_trip(reason, at, until):
    record = waiver(reason=reason, at=at, until=until)
    assert Waiver.parse(record.to_bytes(), "x.json") == record


@given(st.binary(max_size=300))
def test_noise_is_refused_and_never_a_surprise(noise):
    for kind in (Request, ChangeRequest, Approval, Waiver):
        with pytest.raises(EvidenceError):
            kind.parse(noise, "x.json")
