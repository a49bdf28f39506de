"""The verdict of the release that ran when another was tested, so that a page can put the two side by side."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from mlassay.errors import MlassayError
from mlassay.evidence import Verdict, read_verdict
from mlassay.evidence.layout import RELEASE, VERDICT, evidence_dir
from mlassay.evidence.release import read_release_json
from mlassay.files import find_file
from mlassay.git import Repository
from mlassay.stages._newest import recorded

BYTES = 16 << 20
NEWEST = 1000  # recorded releases that are looked through


def live_verdict(model: Path | None) -> Verdict | None:
    """The verdict beside the live release's ``model`` in a checkout; None where there is none that can be read.

    Nothing is decided by it: a page without it says less.
    """
    if model is None:
        return None
    try:
        data = find_file(model.parent, VERDICT, BYTES)
        return read_verdict(data, VERDICT) if data is not None else None
    except MlassayError:
        return None


def verdict_of_live(repository: Repository, commit: str, verdict: Verdict) -> Verdict | None:
    """The same for a recorded release: the newest one at ``commit`` whose model is what ``verdict`` says was live."""
    digest = verdict.inputs.get("live")
    if not digest:
        return None
    for name in islice(recorded(repository, commit), NEWEST):
        try:
            path = f"{evidence_dir(name)}/{RELEASE}"
            data = repository.read(commit, path)
            if data is not None and read_release_json(data, path).model.digest == digest:
                path = f"{evidence_dir(name)}/{VERDICT}"
                found = repository.read(commit, path)
                return read_verdict(found, path) if found is not None else None
        except MlassayError:
            continue
    return None
