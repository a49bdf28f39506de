"""Histories that earlier mlassays wrote, kept for ever: every later one must read them and find nothing."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

import pytest

from mlassay.audit.at import answer
from mlassay.audit.verify import Known, verify
from mlassay.evidence import layout
from mlassay.evidence.anchors import load_anchor
from mlassay.files import schema_names
from mlassay.git import Repository
from mlassay.wiring import verifiers

FOLDER = Path(__file__).parent
BUNDLES = sorted(FOLDER.glob("v*/*.bundle"))
NAMES = [f"{path.parent.name}/{path.stem}" for path in BUNDLES]
# What is in no history's own files: what people write for training, and what only travels between jobs.
NOT_RECORDED = {"export", "report", "template", "gate-result"}


def answers(repo: Repository) -> dict[str, object]:
    """What the golden file of a bundle holds: everything confirmed, and what each environment ran at the end."""
    head = repo.resolve("HEAD")
    report = verify(repo, head, None, verifiers())
    told = [[one.kind, one.name, one.commit, one.says, sorted(one.by)] for one in report.confirmed]
    now = datetime(2026, 12, 1, tzinfo=UTC)
    live = {}
    for environment in ("staging", "production"):
        said = answer(repo, "2026-12-01T00:00Z", environment, head, now, verifiers())
        live[environment] = said.live.pointer.live.release if said.live and said.live.pointer else None
    return {
        "head": head,
        "root": report.root,
        "verdict": report.verdict,
        "findings": [[finding.rule, finding.what] for finding in report.findings],
        "confirmed": told,
        "live": live,
    }


@lru_cache
def _cloned(bundle: Path, folder: Path) -> Repository:
    subprocess.run(["git", "clone", "-q", "--bare", str(bundle), str(folder)], check=True)
    return Repository.open(folder)


@pytest.fixture(scope="module")
def cloned(tmp_path_factory):
    home = tmp_path_factory.mktemp("golden")
    return lambda bundle: _cloned(bundle, home / f"{bundle.parent.name}-{bundle.stem}.git")


@pytest.mark.parametrize("bundle", BUNDLES, ids=NAMES)
def test_a_kept_history_still_verifies_and_says_what_it_said(bundle, cloned):
    expected = json.loads(bundle.with_suffix(".json").read_text())
    assert json.loads(json.dumps(answers(cloned(bundle)), default=str)) == expected
    assert not expected["findings"]


@pytest.mark.parametrize("path", sorted(FOLDER.glob("v*/*.anchor")), ids=lambda path: path.name)
def test_a_kept_anchor_still_pins_its_history(path, cloned):
    repo = cloned(path.with_suffix(".bundle"))
    report = verify(repo, repo.resolve("HEAD"), None, verifiers(), known=Known(anchors=(load_anchor(path),)))
    assert report.verdict.startswith("intact since anchor"), report.findings


def test_every_kind_of_record_is_kept(cloned):
    kept = set()
    for bundle in BUNDLES:
        repo = cloned(bundle)
        for path in repo.tree(repo.resolve("HEAD")):
            kept |= _kinds(path)
    kept |= {"anchor"} if list(FOLDER.glob("v*/*.anchor")) else set()
    assert set(schema_names()) - NOT_RECORDED <= kept


def _kinds(path: str) -> set[str]:
    name = path.rpartition("/")[2]
    found = {
        "ml.yaml": "ml", "policy.yaml": "policy", "people.yaml": "people", "release.json": "release", "verdict.json": "verdict",
    }.get(name)  # fmt: skip
    if found:
        return {found}
    if path.startswith(layout.ENVIRONMENTS):
        return {"environment"}
    if name == layout.REQUEST:
        return {"request" if path.startswith(layout.PROMOTIONS) else "change"}
    kinds = {"approvals": "approval", "refusals": "refusal", "withdrawals": "withdrawal", "waivers": "waiver"}
    folder = path.split("/")[-2] if "/" in path else ""
    if folder in kinds:
        return {kinds[folder]}
    return {"manifest"} if name.endswith(".manifest.yaml") else set()
