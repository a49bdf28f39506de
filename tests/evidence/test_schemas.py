"""The published schemas of evidence take what mlassay writes, and refuse what its own readers refuse."""

from __future__ import annotations

import json

import pytest

from mlassay.digest import canonical
from mlassay.errors import EvidenceError
from mlassay.evidence.codec import read_report, read_verdict, report_json, verdict_json
from mlassay.evidence.release import read_release_json
from mlassay.evidence.verdict import Outcome
from mlassay.files import Document, check
from tests.evidence.test_release import RELEASE
from tests.factory.release import make_report, make_verdict

DIGEST = "sha256:" + "0" * 64
WRITTEN = {
    "release": (RELEASE.to_bytes(), read_release_json),
    "verdict": (
        verdict_json(make_verdict(DIGEST, {"ml.yaml": DIGEST}, {"bias": Outcome.FAILED})),
        read_verdict,
    ),
    "report": (report_json(make_report("bias", Outcome.INCONCLUSIVE)), read_report),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_the_schema_takes_what_is_written(name):
    assert check(Document("x", json.loads(WRITTEN[name][0]), {}), name) == []


@pytest.mark.parametrize("name", WRITTEN)
def test_schema_and_reader_agree_that_every_key_is_needed_and_no_other_known(name):
    data, read = WRITTEN[name]
    value = json.loads(data)
    others = [{k: v for k, v in value.items() if k != key} for key in value] + [value | {"extra": 1}]
    for other in others:
        assert check(Document("x", other, {(): 1}), name)
        with pytest.raises(EvidenceError):
            read(canonical(other), "x")
