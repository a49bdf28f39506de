"""``ml.yaml`` into a frozen `Config`; everything that is wrong with the file alone, at once."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

from mlassay.config.command import command_fault
from mlassay.config.model import model_problems, model_spec
from mlassay.config.types import RISKS, Config, Evaluate, Risk, RunLimits, Step, Train, Weigh
from mlassay.config.units import DAY, a_date, seconds, size_in_bytes
from mlassay.digest import sha256
from mlassay.errors import ConfigurationError, Problem
from mlassay.files import Document, check, path_fault, read_yaml
from mlassay.files.document import Pointer

_NO_SHELL = "no shell is used, so that the same words mean the same on every machine"


@lru_cache(maxsize=64)  # a history holds the same few of them hundreds of times
def load_config(path: str, data: bytes) -> Config:
    """Read ``ml.yaml``; ConfigurationError with every problem of it. Other files are not looked at."""
    document = read_yaml(path, data)
    ConfigurationError.raise_if_any([*check(document, "ml"), *_beyond_schema(document)])
    return _build(document, sha256(data))


def limits(value: dict[str, Any]) -> RunLimits:
    """The limits of a checked mapping ``{wall: 10m, memory: 4GiB}``, with the usual ones where it says nothing."""
    usual = RunLimits()
    return RunLimits(
        wall_seconds=seconds(value["wall"]) if "wall" in value else usual.wall_seconds,
        memory_bytes=size_in_bytes(value["memory"]) if "memory" in value else usual.memory_bytes,
    )


def _beyond_schema(document: Document) -> Iterator[Problem]:
    if isinstance(day := document.get("risk", "review_by"), str) and DAY.fullmatch(day):
        try:
            a_date(day)
        except ValueError as error:
            yield document.problem(("risk", "review_by"), f"risk.review_by: {error}")
    yield from model_problems(document)
    yield from _commands(document)
    yield from _paths(document)
    yield from _steps(document)
    if document.get("gates", "unit") is not None and document.get("gates", "unit", "run") is None:
        yield document.problem(
            ("gates", "unit"),
            "the key 'gates.unit.run' is missing",
            "the gate runs the team's own test command",
            "add 'run: pytest -q tests', or whatever runs your tests",
        )
    evaluation = document.get("evaluate", "data")
    for at, granted in document.texts("train", "data"):
        if granted == evaluation:
            yield document.problem(
                at,
                f"training is given '{granted}', the rows of evaluate.data",
                "numbers measured on rows that training saw say nothing",
                "give training another split, such as its /train",
            )


def _commands(document: Document) -> Iterator[Problem]:
    steps = document.get("prepare")
    places: list[Pointer] = [
        ("prepare", number, "run") for number in range(len(steps) if isinstance(steps, list) else 0)
    ]
    for at in (*places, ("train", "run"), *(("gates", gate, "run") for gate, _ in document.items("gates"))):
        command = document.get(*at)
        if isinstance(command, str) and (fault := command_fault(command)):
            what, remedy = fault
            yield document.problem(at, f"{'.'.join(map(str, at))}: {what}", _NO_SHELL, remedy)


def _paths(document: Document) -> Iterator[Problem]:
    named = document.texts("train", "uses")
    for gate, _ in document.items("gates"):
        named += document.texts("gates", gate, "uses")
    steps = document.get("prepare")
    for number in range(len(steps) if isinstance(steps, list) else 0):
        named += document.texts("prepare", number, "uses")
    named += [(("data", name), value) for name, value in document.items("data") if isinstance(value, str)]
    if isinstance(value := document.get("model", "file"), str):
        named.append((("model", "file"), value))
    for at, value in named:
        if fault := path_fault(value.removesuffix("/")):
            yield document.problem(
                at,
                f"{'.'.join(map(str, at))} is {value[:80]!r}: {fault}",
                "files are looked for inside the repository only",
                "write the path from the repository's folder, with '/' between folders",
            )


def _steps(document: Document) -> Iterator[Problem]:
    """Names: each known before it is read, none written twice."""
    known = {name for name, _ in document.items("data")}
    steps = document.get("prepare")
    for number in range(len(steps) if isinstance(steps, list) else 0):
        for at, name in document.texts("prepare", number, "reads"):
            yield from _known(document, at, name, known)
        for at, name in document.texts("prepare", number, "writes"):
            if name in known:
                yield document.problem(
                    at, f"the name '{name}' is taken already", remedy="choose another name"
                )
            known.add(name)
    for at, name in document.texts("train", "data"):
        yield from _known(document, at, name, known)
    if isinstance(name := document.get("evaluate", "data"), str):
        yield from _known(document, ("evaluate", "data"), name, {name for name, _ in document.items("data")})


def _known(document: Document, at: Pointer, name: str, known: set[str]) -> Iterator[Problem]:
    base = name.partition("/")[0]
    if base not in known:
        near = get_close_matches(base, known, n=1)
        hint = f"did you mean '{near[0]}'? " if near else ""
        yield document.problem(
            at,
            f"there is no data named '{base}' here",
            "only data that 'data' or an earlier step names can be read",
            f"{hint}named so far: {', '.join(sorted(known)) or 'none'}",
        )


def _build(document: Document, digest: str) -> Config:
    value = document.value
    risk, train = value["risk"], value["train"]
    weigh = train.get("weigh")
    return Config(
        name=value["name"],
        objective=value["objective"],
        owner=value["owner"],
        risk=Risk(
            {name: (int(risk[name]["probability"]), int(risk[name]["impact"])) for name in RISKS},
            a_date(risk["review_by"]),
        ),
        data=dict(value["data"]),
        prepare=tuple(_step(step) for step in value.get("prepare", [])),
        train=Train(
            run=train["run"],
            uses=tuple(train["uses"]),
            data=tuple(train["data"]),
            withhold=tuple(train.get("withhold", [])),
            weigh=Weigh(tuple(weigh["by"]), weigh.get("method", "reweighing")) if weigh else None,
            parameters=dict(train.get("parameters", {})),
            limits=limits(train.get("limits", {})),
        ),
        model=model_spec(value["model"]),
        evaluate=Evaluate(value["evaluate"]["data"], value["evaluate"]["label"]),
        gates={gate: dict(criteria) for gate, criteria in value.get("gates", {}).items()},
        store=value.get("store", "git"),
        lines=document.dotted_lines(),
        digest=digest,
    )


def _step(step: dict[str, Any]) -> Step:
    return Step(
        name=step["name"],
        run=step["run"],
        uses=tuple(step.get("uses", [])),
        reads=tuple(step.get("reads", [])),
        writes=tuple(step["writes"]),
    )
