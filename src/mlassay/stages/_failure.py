"""A team's command that did not do what it must, in words that help: which limit, which missing file, which key."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mlassay.config import Config
from mlassay.errors import Problem
from mlassay.isolation import Limits, Outcome

TAIL_LINES = 20

_HINTS: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(r"ModuleNotFoundError: No module named '([\w.]+)'"),
        "if {0} is a file of yours, add it to '{key}.uses'; if it is a package, install it beside mlassay (pip install -r requirements.lock)",
    ),
    (
        re.compile(r"(?:FileNotFoundError|No such file or directory)[^\n]*"),
        "the command sees only what '{key}.uses' and '{data}' grant, and files below MLASSAY_DATA: add what is missing",
    ),
    (
        re.compile(
            r"Network is unreachable|name resolution|getaddrinfo|Could not resolve host|ConnectionError"
        ),
        "there is no network here: put what it fetches into a data manifest, or into '{key}.uses'",
    ),
    (
        re.compile(r"Read-only file system|Permission denied"),
        "write only below MLASSAY_OUT and the folder it starts in",
    ),
    (re.compile(r"MemoryError|std::bad_alloc"), "raise 'train.limits.memory', or use less at a time"),
)

_FRAME = re.compile(r'^ *File "[^"\n]*/work/([^"\n]+)", line (\d+)', re.MULTILINE)
_RAISED = re.compile(r"[A-Za-z_][\w.]*(?:Error|Exception|Interrupt|Exit)\b")


def tail(log: bytes, lines: int = TAIL_LINES) -> str:
    """The last lines of a (cleaned) log."""
    return "\n".join(log.decode("utf-8", "replace").rstrip("\n").split("\n")[-lines:])


def explain(config: Config, key: str, command: Sequence[str], limits: Limits, outcome: Outcome) -> Problem:
    """Why ``command`` (declared at ``key`` in ``ml.yaml``) is not passed, and what to do."""
    what, remedy, place = _ended(command, key, limits, outcome)
    remedy = remedy or _advice(config, key, tail(outcome.log, 60))
    line = config.lines.get(place) or config.lines.get(f"{key}.run") or config.lines.get(key)
    path = "ml.yaml"
    if outcome.ended == "exited" and (raised := _raised(config, key, outcome.log)):
        path, line, error = raised
        what = f"{what}: {error}"
    return Problem(what, why="there is nothing to test", remedy=remedy, path=path, line=line)


def _raised(config: Config, key: str, log: bytes) -> tuple[str, int, str] | None:
    """File, line and message of a Python traceback at the end of the log, where it passes through the team's code."""
    text = tail(log, 200)
    last = text.rsplit("\n", 1)[-1]
    step = config.train if key == "train" else config.prepare[int(key.rpartition(".")[2])]
    used = tuple(step.uses)
    frames = [
        (path, int(line))
        for path, line in _FRAME.findall(text)
        if path in used or path.startswith(tuple(f"{name.rstrip('/')}/" for name in used))
    ]
    return (*frames[-1], last[:200]) if frames and _RAISED.match(last) else None


def _ended(command: Sequence[str], key: str, limits: Limits, outcome: Outcome) -> tuple[str, str, str]:
    name = " ".join(command)[:120]
    if outcome.ended == "wall":
        place = "train.limits.wall"
        what = (
            f"'{name}' was stopped: it ran longer than {limits.wall_seconds:g} seconds, the limit '{place}'"
        )
        return what, f"make it quicker, or raise '{place}' in ml.yaml", place
    if outcome.ended == "memory":
        place = "train.limits.memory"
        what = f"'{name}' was stopped: it used more than {limits.memory_bytes >> 20} MiB, the limit '{place}'"
        return what, f"use less memory, or raise '{place}' in ml.yaml", place
    if outcome.ended == "disk":
        what = f"'{name}' was stopped: it wrote more than {limits.disk_bytes >> 20} MiB"
        return (
            what,
            "write less: no key of ml.yaml raises this one; keep checkpoints out of the run",
            f"{key}.run",
        )
    if outcome.ended == "processes":
        what = f"'{name}' was stopped: it started more than {limits.processes} processes"
        return what, "start fewer: no key of ml.yaml raises this one", f"{key}.run"
    if outcome.ended == "not-started":
        remedy = f"install {command[0]!r} where mlassay runs, or add it to '{key}.uses' and name it ./{command[0].lstrip('./')}"
        return (
            f"'{name}' could not be started: there is no such program in its environment",
            remedy,
            f"{key}.run",
        )
    if outcome.ended == "signal":
        return (
            f"'{name}' was ended by a signal",
            "see its log; a crash of a compiled library looks like this",
            f"{key}.run",
        )
    return f"'{name}' ended with exit code {outcome.exit_code}", "", f"{key}.run"


def _advice(config: Config, key: str, text: str) -> str:
    for column in config.train.withhold:
        if re.search(rf"KeyError: '{re.escape(column)}'", text):
            return (
                f"the column {column!r} is in 'train.withhold', so training never sees it: do not ask for it"
            )
    for pattern, remedy in _HINTS:
        if match := pattern.search(text):
            data = "train.data" if key == "train" else f"{key}.reads"
            return remedy.format(*match.groups(), key=key, data=data)
    return "read its log and correct the command"
