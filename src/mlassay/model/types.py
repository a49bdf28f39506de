"""What a model takes, why one cannot be used, and the bounds that every model is held to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mlassay.errors import ExitCode, MlassayError, Problem

MAX_BYTES = 512 << 20  # a tabular model beyond this is a mistake or an attack
MAX_NODES = 20_000
MAX_ELEMENTS = 1 << 27  # of one tensor: 512 MiB of float32, more than a file may hold anyway
MEMORY_BYTES = 2 << 30  # what ONNX Runtime may allocate in this process
BATCH = 4096  # rows handed to ONNX Runtime at once: fixed, so that a score depends on the rows alone

# From float tabular operators to what ONNX Runtime 1.18 to 1.31 loads; fixed here, so that the
# verdict does not move with the version that happens to be installed.
IR_VERSIONS = (3, 13)
OPSETS = {"": (7, 26), "ai.onnx.ml": (1, 5)}


@dataclass(frozen=True, slots=True)
class Input:
    """A column that the plan offers: a number when ``values`` is empty, else a category whose code is its index."""

    name: str
    values: tuple[str, ...] = ()


class Unusable(MlassayError):  # noqa: N818 - a word of the house
    """A model that cannot be used at all. ``rule`` is the rule it broke, as the contract gate names it."""

    exit_code = ExitCode.USAGE

    def __init__(self, *problems: Problem | str, rule: str = "format") -> None:
        super().__init__(*problems)
        self.rule = rule


class Unfit(Exception):  # noqa: N818 - a word of the gates, and no error: another way is taken
    """A model is not of the kind that a way of measuring reads exactly; its text says what stands in the way."""


def refuse(rule: str, what: str, *, why: str, remedy: str, path: Path) -> Unusable:
    """The error for a broken ``rule``, with control characters and overlong names taken out of ``what``."""
    return Unusable(Problem(clean(what), why=why, remedy=remedy, path=path.name), rule=rule)


def clean(text: str, limit: int = 400) -> str:
    """``text`` on one line, printable only, at most ``limit`` characters: names in a model are hostile."""
    flat = " ".join("".join(c if c.isprintable() else " " for c in text).split()).replace("::", ": ")
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"
