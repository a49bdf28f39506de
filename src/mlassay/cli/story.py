"""The acts of the demonstration. Each calls public verbs as processes; each number is read from committed evidence."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mlassay.cli.common import printable
from mlassay.cli.play import PEOPLE, Asked, PlayError, Story
from mlassay.errors import Problem
from mlassay.isolation import available, why_not


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
        console.print(f"   {folder / path}  ({what})", markup=False)
    command = (
        "mlassay" if shutil.which("mlassay") else shlex.quote(str(Path(sys.executable).with_name("mlassay")))
    )
    console.print(f"   For example: cd {shlex.quote(str(story.team))} && {command} status", markup=False)


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
    bias = story.evidence(story.acts[-1]["release"], "gates/bias.json")
    if bias["outcome"] == "failed":
        yield "Other columns stand in for the one that was dropped: not looking at a group does not treat it alike."


def third(story: Story) -> Iterator[str]:
    """Candidate 3: rows weighed so that group and label are independent; the model never sees the group"""
    _edit(
        story, {"withhold": "[afam]", "weigh": "{by: [afam], method: reweighing}", "parameters": "{seed: 7}"}
    )
    _commit(story, "Weigh training rows by afam, which stays withheld")
    yield from _candidate(story, "candidate-3")
    yield from _cost(story)


def staging(story: Story) -> Iterator[str]:
    """Staging: Dana asks, Robin looks and approves"""
    asked = _ask(
        story,
        "staging",
        "Both groups are treated more alike than by the candidates before, at better accuracy.",
    )
    yield f"$ mlassay promote staging           opens promotion {asked.id}, signed by Dana"
    mine = ("I trained it and I have looked at every number myself.", "None that I can see.")
    yield f"$ mlassay approve (as Dana)         {story.answer(asked, 'dana', *mine, codes=(1,))}"
    reason = "I read the report and compared the groups with those of both failed candidates."
    risk = "More of the applications that the bank denied are approved, and some of those denials were right."
    story.answer(asked, "robin", reason, risk)
    yield "$ mlassay approve (as Robin)        shown what changes and who is worse off; reason and risk signed"
    yield from _decided_and_merged(story, asked)


def production(story: Story) -> Iterator[str]:
    """Production: the risk is major, so policy wants two people, one of them from outside the developing team"""
    asked = _ask(story, "production", "It runs in staging, and nobody has found a reason against it.")
    yield f"$ mlassay promote production        opens promotion {asked.id}"
    reason = "Nothing has changed since staging; the digest of the model is the same."
    risk = "Applicants of 1990 are not those of today; we must measure again on new rows."
    story.answer(asked, "robin", reason, risk)
    yield "$ mlassay approve (as Robin)        signed"
    decision = json.loads(story.verb("decide", asked.id, "--json", codes=(1,)))
    yield "$ mlassay decide                    no:"
    yield from (f"    {printable(d['what'])}" for d in decision["demands"] if not d["met"])
    reason = "I answer for this model, and I have read who is missing from its data."
    risk = "Groups that the data do not name may be treated worse, and nothing here could show it."
    story.answer(asked, "lee", reason, risk)
    yield "$ mlassay approve (as Lee)          signed; Lee leads risk and is in another team"
    yield from _decided_and_merged(story, asked)


def audit(story: Story) -> Iterator[str]:
    """An auditor clones the remote: no key, no configuration, no other file"""
    story.git("clone", "--quiet", str(story.folder / "remote.git"), "auditor", cwd=story.folder)
    auditor = story.folder / "auditor"
    yield "$ mlassay status"
    yield from _indented(story.verb("status", cwd=auditor))
    yield "$ git log --first-parent --format=%s"
    yield from _indented(story.git("log", "--first-parent", "--format=%s", cwd=auditor))
    yield "$ mlassay verify"
    yield from _indented(story.verb("verify", cwd=auditor))
    story.remember("audit")


def tampering(story: Story) -> Iterator[str]:
    """Somebody makes the first candidate look better: one bit, and then whole files with every digest recomputed"""
    release = next(act["release"] for act in story.acts if act["act"] == "candidate-1")
    path = f"evidence/{release}/gates/bias.json"
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / "copy"
        story.git("clone", "--quiet", str(story.folder / "remote.git"), str(copy), cwd=story.folder)
        file = copy / path
        data = bytearray(file.read_bytes())
        data[len(data) // 2] ^= 1
        file.write_bytes(data)
        yield "one bit flipped in a file of the work tree:"
        yield from _caught(story, copy, path)
        story.git("checkout", "--quiet", "--", ".", cwd=copy)
        _forge(copy, release)
        story.git(
            "-c", "user.name=Mal", "-c", "user.email=mal@example.com", "commit", "-qam", "Tidy up", cwd=copy
        )
        yield "the failed verdict turned into a pass, consistently, and committed:"
        yield from _caught(story, copy, path)
    story.remember("tampering")


ACTS = (fork, first, second, third, staging, production, audit, tampering)


def _ask(story: Story, environment: str, reason: str) -> Asked:
    words = ["promote", environment, "--reason", reason, "--key", str(story.key("dana")), "--json"]
    said = json.loads(story.verb(*words))
    return Asked(said["promotion"], environment, said["release"], tuple(said["questions"]))


def _decided_and_merged(story: Story, asked: Asked) -> Iterator[str]:
    decision = json.loads(story.verb("decide", asked.id, "--json"))
    yield f"$ mlassay decide                    yes: {len(decision['demands'])} of {len(decision['demands'])} demands met"
    story.verb("merge", asked.id)
    story.remember(asked.environment, release=asked.release, promotion=asked.id)
    yield f"$ mlassay merge                     {asked.environment} points at {asked.release}"


def _indented(text: str) -> Iterator[str]:
    return (f"    {printable(line)}" for line in text.splitlines() if line.strip())


def _caught(story: Story, clone: Path, path: str) -> Iterator[str]:
    """What verify says of a clone that was tampered with; the play stops if it does not name ``path``."""
    answer = json.loads(story.verb("verify", "--json", cwd=clone, codes=(3,)))
    named = [problem for problem in answer["problems"] if problem["path"] == path]
    if not named:
        raise PlayError(Problem("verify did not name the file that was changed", path=path))
    yield f"    exit code 3: {path}: {printable(named[0]['what'])}"


def _forge(clone: Path, release: str) -> None:
    """Turn the failed bias gate into a pass in every file that carries its verdict."""
    folder = clone / "evidence" / release
    for name in ("gates/bias.json", "verdict.json", "report.md"):
        text = (folder / name).read_text(encoding="utf-8")
        (folder / name).write_text(text.replace("failed", "passed"), encoding="utf-8")


def _cost(story: Story) -> Iterator[str]:
    """What the promoted candidate does that the first one did not, by group, from the evidence of both."""
    yield "What it costs, of the applications that the bank denied, approved by candidate 1 and now:"
    before, after = (
        _denials(story, act["release"]) for act in story.acts if act["act"] in {"candidate-1", "candidate-3"}
    )
    for group, (approved, denied) in after.items():
        yield f"    {group:10} {before[group][0]} of {before[group][1]}, now {approved} of {denied}"
    yield "The group is used to weigh training rows, and weights with labels disclose it to training."
    yield f"What these tests do not show stands in evidence/{story.acts[-1]['release']}/report.md"


def _denials(story: Story, release: str) -> dict[str, tuple[int, int]]:
    """By group: ``(approved, all)`` of those whose label is the unfavourable one, from the bias gate's counts."""
    measured = story.evidence(release, "gates/bias.json")["measured"]
    return {
        group["group"]: (group["false_positives"], group["rows"] - group["positives"])
        for column in measured["columns"].values()
        for group in column["groups"]
    }


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
    told = [gate for gate in verdict["gates"] if gate["outcome"] != "passed" or gate["gate"] == "bias"]
    yield "passed: " + ", ".join(gate["gate"] for gate in verdict["gates"] if gate not in told)
    for gate in told:
        yield f"{gate['outcome']}: {gate['gate']}. {printable(gate['summary'])}"
    yield f"Release {release} is signed and on the main line: {verdict['outcome']}."
