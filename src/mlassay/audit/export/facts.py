"""What a repository holds that a framework may ask for, by kind: the running releases' evidence and what people wrote."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mlassay.audit.export.types import PlainFile, Running
from mlassay.digest import sha256
from mlassay.evidence import layout
from mlassay.git import Repository

DIGESTED = 64 << 20  # bytes; a larger file is named by its path, and its digest stands in SHA256SUMS
UNANSWERED = b"*To be answered by the people"
"""How the template's deliberation begins, until people replace it by their own words."""

KINDS = {
    "card": layout.CARD,
    "bill": layout.BILL,
    "release": layout.RELEASE,
    "model": layout.MODEL,
    "model-signature": layout.MODEL_SIGNATURE,
    "verdict": layout.VERDICT,
    "summary": layout.SUMMARY,
    "report": layout.REPORT,
    "provenance": layout.PROVENANCE,
    "cross-checks": layout.CROSS_CHECKS,
}


@dataclass(frozen=True)
class Facts:
    """Paths by kind (a kind that is not there is an empty tuple), with what is needed to digest them."""

    repo: Repository
    blobs: dict[str, PlainFile]
    kinds: dict[str, tuple[str, ...]]

    def digest(self, path: str) -> str:
        """Digest of a file's bytes; "" for a folder and for what is too large to be read for this."""
        file = self.blobs.get(path)
        return sha256(self.repo.blob(file.blob, path)) if file is not None and file.size <= DIGESTED else ""


def facts_of(repo: Repository, running: Sequence[Running], files: Iterable[PlainFile]) -> Facts:
    """Sort the plain files of one commit; of all releases and requests only those behind what runs."""
    blobs = {file.path: file for file in files}
    kinds: dict[str, list[str]] = {}
    live = {layout.evidence_dir(one.release) for one in running}
    asked = {layout.promotion_dir(one.environment, one.promotion) for one in running}
    for path in blobs:
        for kind in _kinds_of(path, live, asked):
            kinds.setdefault(kind, []).append(path)
    unanswered = [p for p in kinds.get("deliberation", []) if UNANSWERED in repo.blob(blobs[p].blob, p)]
    kinds["unanswered"] = unanswered
    kinds["deliberation"] = [path for path in kinds.get("deliberation", []) if path not in unanswered]
    return Facts(repo, blobs, {kind: tuple(paths) for kind, paths in kinds.items()})


def _kinds_of(path: str, live: set[str], asked: set[str]) -> list[str]:
    if path.startswith(layout.EVIDENCE):
        folder = "/".join(path.split("/")[:2])
        return _evidence_kinds(path.removeprefix(f"{folder}/")) if folder in live else []
    if path.startswith(layout.PROMOTIONS):
        return _request_kinds(path) if any(path.startswith(f"{folder}/") for folder in asked) else []
    if path.startswith(layout.CHANGES):
        return ["change"] if path.endswith(f"/{layout.REQUEST}") else []
    if path.startswith(layout.WAIVERS):
        return ["waiver"] if path.endswith(".json") else []
    named = {layout.CONFIG: "config", layout.POLICY: "policy", layout.PEOPLE: "people"}
    if path in named:
        return [named[path]]
    if path == layout.CARD_TEXT or path.startswith(f"{layout.GOVERNANCE}deliberations/"):
        return ["deliberation"]
    if path.startswith(layout.ENVIRONMENTS):
        return ["pointer"]
    return ["manifest"] if path.endswith(".manifest.yaml") else ["missing"] if path.endswith(".md") else []


def _evidence_kinds(name: str) -> list[str]:
    gate = layout.gate_of(name)
    if gate is not None:
        return ["gate", f"gate:{gate}"]
    return [kind for kind, file in KINDS.items() if file == name]


def _request_kinds(path: str) -> list[str]:
    if "/approvals/" in path:
        return ["approval"] if path.endswith(".json") else []
    if path.endswith(f"/{layout.REVIEW_RECORD}"):
        return ["approval"]
    return ["request"] if path.endswith(f"/{layout.REQUEST}") else []
