"""The stage of the demonstration: its folder, its people, and verbs run as processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlassay.cli.common import printable
from mlassay.errors import ConfigurationError, MlassayError, Problem

PEOPLE = {
    "dana": ("Dana Diaz", "modelling", "developer"),
    "robin": ("Robin Reyes", "modelling", "reviewer"),
    "lee": ("Lee", "risk", "risk-lead"),
}


ANSWERS = {
    "dana": "Applicants near the threshold; the bank bears what is approved by mistake.",
    "robin": "It favours applicants whom the bank would have denied; wrong approvals cost the bank, wrong denials a home.",
    "lee": "More African American applicants are approved than before; errors in either direction are counted by group.",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """An open promotion: its id, its environment and release, and the questions that each approval must answer."""

    id: str
    environment: str
    release: str
    questions: tuple[str, ...]


@dataclass
class Story:
    """The folder that is played in, and what happened so far."""

    folder: Path
    cross_checks: bool
    acts: list[dict[str, Any]] = field(default_factory=list)

    @property
    def team(self) -> Path:
        """The developer's clone."""
        return self.folder / "team"

    @property
    def keys(self) -> Path:
        """Where the private keys of this play lie."""
        return self.folder / "keys"

    def key(self, id_: str) -> Path:
        """The private key file of a person or a signer."""
        return self.keys / (f"mlassay-{id_}.pem" if id_ == "ci" else f"mlassay-{id_}")

    def remember(self, act: str, **facts: str) -> None:
        """Write down one act in ``story.json``, with the commit that the main line stands at after it."""
        commit = self.git("rev-parse", "--verify", "-q", "HEAD", cwd=self.folder / "remote.git", code=None)
        self.acts.append({"act": act, "commit": commit.strip() or None, **facts})
        (self.folder / "story.json").write_text(
            json.dumps({"version": 1, "acts": self.acts}, indent=2) + "\n"
        )

    def verb(self, *words: str, cwd: Path | None = None, codes: Sequence[int] = (0,)) -> str:
        """Run one verb of mlassay; its standard output. Any exit code but ``codes`` ends the play."""
        return self._run([sys.executable, "-m", "mlassay", *words], cwd or self.team, codes)

    def git(self, *words: str, cwd: Path | None = None, code: int | None = 0) -> str:
        """Run git itself; its standard output."""
        return self._run(["git", *words], cwd or self.team, None if code is None else (code,))

    def answer(
        self, asked: Asked, person: str, reason: str, risk: str, *, codes: Sequence[int] = (0,)
    ) -> str:
        """Approve as ``person``, answering every open question; why not, where the answer is no."""
        words = [
            "approve",
            asked.id,
            "--reason",
            reason,
            "--risk",
            risk,
            "--key",
            str(self.key(person)),
            "--json",
        ]
        for question in asked.questions:
            words += ["--answer", f"{question}={ANSWERS[person]}"]
        return str(json.loads(self.verb(*words, codes=codes))["no"] or "")

    def evidence(self, release: str, path: str) -> Any:
        """A JSON file of a release's committed evidence."""
        return json.loads(self.git("show", f"HEAD:evidence/{release}/{path}"))

    def _run(self, command: list[str], cwd: Path, codes: Sequence[int] | None) -> str:
        environment = {
            k: v for k, v in os.environ.items() if not k.startswith(("GIT_", "MLASSAY_", "SSH_AUTH_SOCK"))
        }
        done = subprocess.run(
            command, cwd=cwd, env=environment, capture_output=True, text=True, check=False, encoding="utf-8"
        )
        if codes is not None and done.returncode not in codes:
            raise PlayError(
                Problem(
                    f"`{' '.join(command[2:] if '-m' in command else command)}` exited with {done.returncode}",
                    why=printable((done.stderr or done.stdout).strip()[-1500:]),
                    remedy=f"what was played so far is in {self.folder}",
                )
            )
        return done.stdout


class PlayError(MlassayError):
    """A verb of the play did not answer as the story needs; carries what it said."""

    exit_code = ConfigurationError.exit_code
