"""The Protocols between rooms of one floor: a stage knows these, and no concrete gate, forge or signer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from mlassay.evidence.verdict import GateReport
from mlassay.manifest import Table, read_split
from mlassay.plan import Plan

if TYPE_CHECKING:
    from mlassay.model import Model


@dataclass(frozen=True)
class Subject:
    """What a gate looks at: a model file, the plan it was trained under, and where data and sources lie.

    ``root`` is a folder with the tracked files of the source commit, ``outputs`` the folder that training left.
    ``live`` is the model file that now runs where this one would go first, if any. ``model``, ``table``,
    ``scores``, ``predicted`` and ``truth`` are computed once and shared by the gates; a model that cannot be
    used raises `mlassay.model.Unusable` there, which the test stage turns into a failed gate.
    """

    plan: Plan
    root: Path
    outputs: Path
    live: Path | None = None
    cross_checks: bool = False
    progress: Callable[[str], None] = lambda _: None

    @cached_property
    def model(self) -> Model:
        """The model that training left, loaded for scoring."""
        return load_model(self.outputs / self.plan.config.model.file, self.plan)

    @cached_property
    def table(self) -> Table:
        """The evaluation rows, as text, all columns (sensitive and withheld ones too)."""
        return read_split(self.plan.evaluation, self.root, self.plan.config.evaluate.data.partition("/")[2])

    @cached_property
    def scores(self) -> Any:
        """Probability of class 1 for each evaluation row, float64 of shape (n,)."""
        return self.model.score(self.model.encode(self.table.as_mapping()))

    @cached_property
    def predicted(self) -> Any:
        """The decided class of each evaluation row, int8 of shape (n,): 1 where the score reaches the threshold."""
        return (self.scores >= self.plan.config.model.threshold).astype("int8")

    @cached_property
    def truth(self) -> Any:
        """The label of each evaluation row as its index among the declared values, int8 of shape (n,)."""
        import numpy as np

        label = self.plan.config.evaluate.label
        codes = {value: index for index, value in enumerate(self.plan.evaluation.column(label).values)}
        return np.array([codes[value] for value in self.table.column(label)], dtype="int8")

    @property
    def favourable(self) -> int:
        """The class that people hope for, as an index."""
        return self.plan.favourable


def load_model(path: Path, plan: Plan) -> Model:
    """The ONNX model at ``path`` as a scored function over the columns that ``plan`` lets it see."""
    from mlassay.model import Input, Model

    return Model.load(path, [Input(column.name, column.values) for column in plan.model_columns])


class Gate(Protocol):
    """A test of a release whose verdict can block."""

    id: str

    def test(self, subject: Subject) -> GateReport:
        """Measure and answer; raise only when the gate could not run, which is never a pass."""


class Signer(Protocol):
    """Somebody's private key, never its bytes."""

    public: str

    def sign(self, payload: bytes) -> bytes:
        """Signature bytes in the signer's own format over ``payload``."""


class Verifier(Protocol):
    """Checks one kind of signature against one public key."""

    def verify(self, payload: bytes, signature: bytes, public: str) -> None:
        """Return when ``signature`` over ``payload`` is ``public``'s; raise EvidenceError otherwise."""


@dataclass(frozen=True, slots=True)
class Verifiers:
    """One verifier for each kind of signature: machines' DSSE envelopes and people's SSH signatures."""

    dsse: Verifier
    ssh: Verifier


@dataclass(frozen=True, slots=True)
class PullRequest:
    """An open promotion or change: its branch on the remote and where that branch stands."""

    id: str
    branch: str
    head: str


class Forge(Protocol):
    """Host of pull requests."""

    def open(self, branch: str, head: str, *, title: str, body: str) -> PullRequest:
        """Publish ``head`` as a new pull request against the main line, or find it when it stands already."""

    def update(self, request: PullRequest, head: str) -> PullRequest:
        """Move the branch from where it was seen to ``head``; MovedOn when somebody was faster."""

    def requests(self) -> Sequence[PullRequest]:
        """Every open pull request of mlassay's on this forge."""

    def merge(self, request: PullRequest, commit: str, expected_main: str) -> None:
        """Move the main line from ``expected_main`` to ``commit``, then close the request; MovedOn when it moved."""
