"""Releases signed without a key: a project whose CI signer is pinned to a run of the tests' own Sigstore."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from mlassay.ci import Context
from mlassay.config import Keyless
from mlassay.evidence.bundle import bundle_bytes
from mlassay.evidence.statement import EVIDENCE_PREDICATES
from tests.factory.project import Project, make, people_yaml
from tests.servers.sigstore import CLAIMS, Sigstore

FIELDS = f"""\
    valid_from: 2026-01-01
    signs: [{", ".join(EVIDENCE_PREDICATES)}]
"""


def keyless_project(path: Path, trust_config: bytes, *, fields: str = FIELDS, pins: str = "") -> Project:
    """A project whose one signer ``ci`` is keyless, and its own Sigstore; all of it in the commit that starts it."""
    project = make(path)
    text = re.sub(r"(?s)\nsigners:\n.*", "\n", people_yaml(project.keys))
    text += "signers:\n" + signer_lines("ci", fields=fields, pins=pins)
    (project.folder / "governance/people.yaml").write_text(text)
    (project.folder / "governance/sigstore.json").write_bytes(trust_config)
    for command in (
        ["checkout", "--quiet", "--orphan", "start"],
        ["add", "-A"],
        ["commit", "--quiet", "-m", "Start", "--date", project.now().isoformat()],
        ["branch", "-M", "main"],
    ):
        subprocess.run(
            ["git", *command],
            cwd=project.folder,
            check=True,
            env={"PATH": "/usr/bin:/bin:/usr/local/bin", "GIT_COMMITTER_DATE": project.now().isoformat()},
        )
    return project


def signer_lines(id_: str, *, fields: str = FIELDS, pins: str = "", **other: str) -> str:
    """One keyless signer of people.yaml, pinned to `CLAIMS` but for ``other``."""
    wanted = {name: CLAIMS[name] for name in ("identity", "issuer", "repository_id", "ref")} | other
    lines = "".join(f"      {name}: {value}\n" for name, value in wanted.items())
    return f"  {id_}:\n    keyless:\n{lines}{pins}{fields}"


class RunSigner:
    """A run that signs with certificates of ``claims``, made without a network."""

    def __init__(self, own: Sigstore, claims: dict[str, str], clock: Callable[[], datetime]) -> None:
        self._own, self._claims, self._clock = own, claims, clock
        names = ("identity", "issuer", "repository_id", "ref")
        self.public = Keyless(*(claims[name] for name in names)).public

    def attest(self, payload: bytes) -> bytes:
        """A bundle around ``payload``."""
        return bundle_bytes(self._own.bundle(payload, self._claims, self._clock()))


def claims_at(project: Project, **other: str) -> dict[str, str]:
    """`CLAIMS` of a run for HEAD."""
    return CLAIMS | {"commit": project.repo.head() or ""} | other


def context_at(project: Project, claims: dict[str, str]) -> Context:
    """The CI's context of the run that ``claims`` tell of."""
    head = project.repo.head() or ""
    return Context("github-actions", head, "refs/heads/main", claims["run"], "dana", "7", claims["identity"])
