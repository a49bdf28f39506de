"""The acts of the demonstration. Each calls public verbs as processes; each number is read from committed evidence."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlassay.cli.common import printable
from mlassay.errors import ConfigurationError, MlassayError, Problem
from mlassay.isolation import available, why_not

PEOPLE = {
    "dana": ("Dana Diaz", "modelling", "developer"),
    "robin": ("Robin Reyes", "modelling", "reviewer"),
    "lee": ("Lee Long", "risk", "risk-lead"),
}


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


def play(folder: Path, *, cross_checks: bool) -> None:
    """Play every act in ``folder``, which is new, and say where to go on from."""
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    story = Story(folder, cross_checks)
    started = time.monotonic()
    for number, act in enumerate(ACTS, 1):
        console.print(f"\n[bold]{number}. {act.__doc__}[/bold]")
        for line in _with_progress(console, act(story)):
            console.print(f"   {line}", markup=False)
    console.print(f"\nDone in {time.monotonic() - started:.0f} seconds. Go on from here:")
    for path, what in WHERE.items():
        console.print(f"   {folder / path}", f"[dim]{what}[/dim]")
    console.print("   For example: [bold]cd", f"{story.team} && mlassay status[/bold]")


WHERE = {
    "team": "the developer's clone",
    "auditor": "a fresh clone, with no key",
    "remote.git": "the bare remote that all of them share",
    "keys": "the private keys, which everybody has: they are refused outside this demonstration",
    "story.json": "each act with its release, verdict, promotion and commit",
}


def _with_progress(console: Any, lines: Iterator[str]) -> Iterator[str]:
    """Each line as it comes, with a spinner while the next one is being made."""
    while True:
        with console.status("…"):
            line = next(lines, None)
        if line is None:
            return
        yield line


def fork(story: Story) -> Iterator[str]:
    """A team forks the template"""
    story.folder.mkdir(parents=True, exist_ok=True)
    story.git("init", "--quiet", "--bare", "--initial-branch=main", "remote.git", cwd=story.folder)
    story.verb("init", "team", "--name", "mortgage-approval", "--owner", "lee", cwd=story.folder)
    _mark_as_demo(story)
    for id_, (name, team, role) in PEOPLE.items():
        who = ["--name", name, "--team", team, "--role", role, "--email", f"{id_}@example.com"]
        story.verb("keys", "new", "--id", id_, *who, "--out", str(story.keys), "--demo")
    story.verb("keys", "new", "--id", "ci", "--ci", "--out", str(story.keys), "--demo")
    for name, value in (("user.name", "Dana Diaz"), ("user.email", "dana@example.com")):
        story.git("config", name, value)
    story.git("remote", "add", "origin", str(story.folder / "remote.git"))
    _commit(story, "Start from the template")
    story.git("push", "--quiet", "--set-upstream", "origin", "main")
    story.remember("fork")
    yield "Dana develops, Robin reviews, Lee leads risk and sits in another team. Each has an SSH key; CI has one of its own."
    yield "The first commit brings in governance/: the root of trust. After it, keys and policy change only by approval."
    if available() == "none":
        yield f"This machine cannot isolate training: {why_not()}."
        yield "The demonstration's policy accepts that; the template's would refuse it at this risk."


def first(story: Story) -> Iterator[str]:
    """Candidate 1: all columns, classes balanced"""
    _edit(story, {"withhold": None, "weigh": None, "parameters": "{seed: 7, class_weight: balanced}"})
    _commit(story, "Train on all columns, with balanced classes")
    yield from _candidate(story, "candidate-1")


def second(story: Story) -> Iterator[str]:
    """Candidate 2: the same without afam, the column that says who is African American"""
    _edit(story, {"withhold": "[afam]", "weigh": None, "parameters": "{seed: 7, class_weight: balanced}"})
    _commit(story, "Withhold afam from training")
    yield from _candidate(story, "candidate-2")
    yield "Other columns stand in for the one that was dropped: not looking at a group does not treat it alike."


def third(story: Story) -> Iterator[str]:
    """Candidate 3: rows weighed so that group and label are independent; the model never sees the group"""
    _edit(
        story, {"withhold": "[afam]", "weigh": "{by: [afam], method: reweighing}", "parameters": "{seed: 7}"}
    )
    _commit(story, "Weigh training rows by afam, which stays withheld")
    yield from _candidate(story, "candidate-3")
    yield "What it costs and what the tests do not show stands in the report: "
    yield f"evidence/{story.acts[-1]['release']}/report.md"


ACTS = (fork, first, second, third)


def _mark_as_demo(story: Story) -> None:
    path = story.team / "governance" / "policy.yaml"
    text = path.read_text(encoding="utf-8")
    text = text.replace(
        "version: 1\n",
        "version: 1\ndemo: true       # keys that everybody has are taken here, and nowhere else\n",
        1,
    )
    if available() == "none":
        text = re.sub(
            r"(?m)^isolation_from: .*$", "isolation_from: never    # this machine has no bubblewrap", text
        )
    path.write_text(text, encoding="utf-8")


def _edit(story: Story, train: dict[str, str | None]) -> None:
    """Set or remove lines of the ``train:`` block of ml.yaml; the template's own text stands for the rest."""
    from mlassay.stages.init import personalise, template_files

    text = personalise(template_files(), name="mortgage-approval", owner="lee")["ml.yaml"].decode()
    for key, value in train.items():
        pattern = rf"(?m)^  {key}: .*\n"
        text = re.sub(pattern, "" if value is None else f"  {key}: {value}\n", text, count=1)
    (story.team / "ml.yaml").write_text(text, encoding="utf-8")


def _commit(story: Story, message: str) -> None:
    story.git("add", "--all")
    story.git("commit", "--quiet", "--message", message)


def _candidate(story: Story, act: str) -> Iterator[str]:
    """Push, train, test, sign and record; tell what the committed evidence says."""
    story.git("push", "--quiet")
    story.verb("train")
    yield "trained, in a clean folder that held only what ml.yaml grants"
    story.verb("test", *(["--cross-checks"] if story.cross_checks else []), codes=(0, 1))
    story.verb("sign", "--key", str(story.key("ci")))
    release = json.loads(story.verb("record", "--json"))["release"]
    verdict = story.evidence(release, "verdict.json")
    story.remember(act, release=release, verdict=verdict["outcome"])
    for gate in verdict["gates"]:
        yield f"{gate['gate']:12} {gate['outcome']:13} {printable(gate['summary'])}"
    yield f"Release {release} is signed and on the main line: {verdict['outcome']}."
