from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlassay.digest import canonical
from mlassay.errors import EvidenceError
from mlassay.evidence.statement import Statement, digests_of, read_statement, resources, subjects

RELEASE, MODEL = "sha256:" + "1" * 64, "sha256:" + "2" * 64
STATEMENT = Statement("https://slsa.dev/provenance/v1", subjects(RELEASE, MODEL), {"a": 1})


def test_a_statement_is_what_in_toto_v1_asks_for():
    assert json.loads(STATEMENT.to_bytes()) == {
        "_type": "https://in-toto.io/Statement/v1",
        "predicateType": "https://slsa.dev/provenance/v1",
        "subject": [
            {"name": "model.onnx", "digest": {"sha256": "2" * 64}},
            {"name": "release", "digest": {"sha256": "1" * 64}},
        ],
        "predicate": {"a": 1},
    }


def test_a_statement_reads_back_the_same():
    assert read_statement(STATEMENT.to_bytes(), "x") == STATEMENT


@pytest.mark.parametrize(
    "change",
    [
        lambda s: s | {"_type": "https://in-toto.io/Statement/v0.1"},
        lambda s: s | {"extra": 1},
        lambda s: s | {"subject": s["subject"][::-1]},
        lambda s: s | {"subject": [s["subject"][0] | {"uri": "x"}]},
        lambda s: s | {"subject": "release"},
        lambda s: s | {"predicate": []},
        lambda s: s | {"predicateType": 1},
        lambda s: {k: v for k, v in s.items() if k != "predicate"},
        lambda s: [s],
    ],
)
def test_any_other_statement_is_refused_by_file(change):
    value = json.loads(STATEMENT.to_bytes())
    with pytest.raises(EvidenceError) as caught:
        read_statement(canonical(change(value)), "x.dsse.json")
    assert caught.value.problems[0].path == "x.dsse.json"


@given(st.dictionaries(st.text(min_size=1), st.text("0123456789abcdef", min_size=64, max_size=64)))
def test_lists_of_digests_read_back_the_same(digests):
    told = {name: f"sha256:{hexes}" for name, hexes in digests.items()}
    assert digests_of(resources(told), "x") == told


@pytest.mark.parametrize("wrong", [None, 3, [3], [{}], [{"name": "a", "digest": {}}], {"a": 1}])
def test_what_is_no_list_of_digests_is_refused(wrong):
    with pytest.raises(EvidenceError):
        digests_of(wrong, "x")


def test_a_file_listed_twice_is_refused():
    once = resources({"a": RELEASE})
    with pytest.raises(EvidenceError):
        digests_of(once * 2, "x")
