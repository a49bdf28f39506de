from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlassay.digest import canonical
from mlassay.errors import EvidenceError
from mlassay.evidence.release import Artifact, Release, Source, read_release_json

RELEASE = Release(
    name="toy",
    source=Source("a" * 40, "b" * 40, "2026-11-20T23:59:59Z"),
    artifacts=(Artifact("model", "model.onnx", 12, "sha256:" + "c" * 64),),
    inputs=dict.fromkeys(("ml.yaml", "people", "policy"), "sha256:" + "d" * 64),
)


def test_the_release_digest_is_that_of_its_file_and_the_id_is_made_of_it():
    expected = hashlib.sha256(RELEASE.to_bytes()).hexdigest()
    assert RELEASE.digest == f"sha256:{expected}"
    assert RELEASE.id == f"20261120-{expected[:8]}"


def test_a_release_reads_back_the_same():
    assert read_release_json(RELEASE.to_bytes(), "x") == RELEASE


@pytest.mark.parametrize(
    "other",
    [
        replace(RELEASE, name="toy2"),
        replace(RELEASE, source=replace(RELEASE.source, commit="e" * 40)),
        replace(RELEASE, artifacts=(replace(RELEASE.artifacts[0], path="renamed.onnx"),)),
        replace(RELEASE, inputs={}),
    ],
)
def test_whatever_differs_makes_another_release(other):
    assert other.digest != RELEASE.digest


@pytest.mark.parametrize(
    "change",
    [
        lambda r: r | {"version": 2},
        lambda r: r | {"extra": 1},
        lambda r: r | {"name": 7},
        lambda r: r | {"source": r["source"] | {"date": "2026-11-20"}},
        lambda r: r | {"source": r["source"] | {"date": "2026-02-31T00:00:00Z"}},
        lambda r: r | {"artifacts": []},
        lambda r: r | {"artifacts": r["artifacts"] * 2},
        lambda r: r | {"artifacts": [r["artifacts"][0] | {"size": True}]},
        lambda r: r | {"artifacts": [r["artifacts"][0] | {"size": -1}]},
        lambda r: r | {"inputs": []},
        lambda r: r | {"inputs": r["inputs"] | {"ml.yaml": 1}},
        lambda r: r | {"inputs": r["inputs"] | {"ml.yaml": "sha256:" + "D" * 64}},
        lambda r: r | {"inputs": {name: r["inputs"][name] for name in ("ml.yaml", "people")}},
        lambda r: r | {"source": r["source"] | {"commit": "--output=here"}},
        lambda r: r | {"source": r["source"] | {"tree": "HEAD"}},
        lambda r: r | {"artifacts": [r["artifacts"][0] | {"digest": "sha256:zz"}]},
        lambda r: [r],
    ],
)
def test_a_release_of_another_shape_is_refused_by_file(change):
    with pytest.raises(EvidenceError) as caught:
        read_release_json(canonical(change(json.loads(RELEASE.to_bytes()))), "release.json")
    assert caught.value.problems[0].path == "release.json"


@given(st.binary(max_size=200))
def test_bytes_from_nowhere_are_refused(data):
    with pytest.raises(EvidenceError):
        read_release_json(data, "release.json")
