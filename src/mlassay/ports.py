"""The Protocols between rooms of one floor: a stage knows these, and no concrete gate, forge or signer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar, runtime_checkable

from mlassay.config import Keyless
from mlassay.evidence.bundle import SigstoreBundle
from mlassay.evidence.verdict import GateReport
from mlassay.manifest import Table, read_split
from mlassay.plan import Plan

if TYPE_CHECKING:
    from mlassay.model import Model

P = TypeVar("P")
R = TypeVar("R")


@dataclass(frozen=True)
class Subject:
    """What a gate looks at: a model file, the plan it was trained under, and where data and sources lie.

    ``root`` is a folder with the tracked files of the source commit, ``outputs`` the folder that training left.
    ``live`` is the model file that now runs where this one would go first, if any. ``model``, ``table``, ``answers``,
    ``scores``, ``predicted`` and ``truth`` are computed once and shared by the gates; a model that cannot be used
    raises `mlassay.model.Unusable` there and rows that say nothing `Unmeasurable`, which the test stage turns into
    a gate that did not pass. ``apart``: the team's own code has a job of its own, so that none may run here unless
    it is isolated.
    """

    plan: Plan
    root: Path
    outputs: Path
    live: Path | None = None
    cross_checks: bool = False
    progress: Callable[[str], None] = lambda _: None
    engine: Engine | None = None
    apart: bool = False

    @cached_property
    def model(self) -> Model:
        """The model that training left, loaded for scoring."""
        return load_model(self.outputs / self.plan.config.model.file, self.plan)

    @cached_property
    def table(self) -> Table:
        """The evaluation rows, as text, all columns (sensitive and withheld ones too)."""
        return read_split(self.plan.evaluation, self.root, self.plan.config.evaluate.data.partition("/")[2])

    @cached_property
    def answers(self) -> Any:
        """The model's output for each evaluation row as it comes, NaN included: float64 of shape (n, k).

        k is 1 or 2 (the last is the probability of class 1) for two labels and for a ranking, the number of declared
        labels for more of them, 1 for a regression.
        """
        return self.model.answers(self.model.encode(self.table.as_mapping()))

    @cached_property
    def scores(self) -> Any:
        """One finite number for each evaluation row, float64 of shape (n,), as `mlassay.model.Model.score` has it.

        The probability of class 1 (two labels) or of a favourable class (more labels), the predicted value
        (regression), what rows are ordered by (ranking).
        """
        return self.model.scores_of(self.answers)

    @cached_property
    def predicted(self) -> Any:
        """What was decided for each evaluation row, integers of shape (n,).

        The class's index: 1 where the score reaches the threshold (two labels, int8), that of the highest probability
        (more labels). 1 where the row is selected (ranking) or on the favourable side of the threshold (regression;
        `Unmeasurable` where no threshold is declared).
        """
        from mlassay.plan.deciding import decided

        return decided(self.plan, self.answers, self.scores)

    @cached_property
    def truth(self) -> Any:
        """The label of each evaluation row, shape (n,); `Unmeasurable` where a row has none that the task can use.

        Its index among the declared values (int8; int64 for more than two labels), the number itself (regression,
        float64), or the relevance (ranking: 0 or 1, or the number).
        """
        from mlassay.plan.deciding import labelled

        return labelled(self.plan, self.table.column(self.plan.config.evaluate.label))

    @property
    def task(self) -> str:
        """What kind of answer the model gives, one of `mlassay.tasks.TASKS`."""
        return self.plan.config.model.task

    @property
    def threshold(self) -> float:
        """The declared threshold; nan where there is none, so that nothing is decided by it."""
        declared = self.plan.config.model.threshold
        return float("nan") if declared is None else declared

    @property
    def favourable(self) -> int:
        """The class that people hope for, as an index; the first where there are several."""
        return self.plan.favourable

    @property
    def decides(self) -> bool:
        """Whether every row gets an answer that is favourable or not: not so for a regression without threshold."""
        return self.plan.decides

    @cached_property
    def favoured(self) -> Any:
        """Whether the model gives each row the favourable answer, bool of shape (n,); None where nothing is decided."""
        from mlassay.plan.deciding import is_favourable

        return is_favourable(self.predicted, self.plan.favourable_classes) if self.decides else None

    @cached_property
    def deserved(self) -> Any:
        """Whether each row's label is the favourable one, bool of shape (n,); None where nothing is decided."""
        from mlassay.plan.deciding import deserved

        return deserved(self.plan, self.truth) if self.decides else None


def load_model(path: Path, plan: Plan) -> Model:
    """The ONNX model at ``path`` as a scored function over the columns that ``plan`` lets it see."""
    from mlassay.model import Input, Model

    label = plan.label
    return Model.load(
        path,
        [Input(column.name, column.values) for column in plan.model_columns],
        task=plan.config.model.task,
        labels=label.values,
        favourable=plan.favourable_classes,
    )


class Engine(Protocol):
    """Somewhere to run the parts of a computation; results never depend on where, or on how many at once."""

    def map(self, function: Callable[[P], R], parts: Iterable[P], /) -> Iterator[R]:
        """``function`` of each of ``parts``, in their order; both must be able to travel to another process."""


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


@runtime_checkable
class KeylessSigner(Protocol):
    """A run that a certificate was made out to; ``public`` is what the certificate pins (`Keyless.public`)."""

    public: str

    def attest(self, payload: bytes) -> bytes:
        """The canonical Sigstore bundle around ``payload``, an in-toto statement; RemoteError when it was not made."""


@dataclass(frozen=True, slots=True)
class Certified:
    """What a valid bundle's certificate says: when it was signed (by a log or an authority), for which commit and run."""

    time: datetime
    commit: str
    run: str


class BundleVerifier(Protocol):
    """Checks Sigstore bundles, with no look at the network."""

    def keyid(self, bundle: SigstoreBundle, path: str) -> str:
        """The id of the signer that a bundle's certificate fits, checked or not; EvidenceError when it fits nobody."""

    def verify(self, bundle: SigstoreBundle, pins: Keyless, instance: bytes | None, path: str) -> Certified:
        """What holds of a bundle whose certificate names exactly ``pins``; EvidenceError that names ``path`` otherwise.

        ``instance`` is the client trust config of a Sigstore of one's own, None for the public one.
        ConfigurationError where this installation cannot check bundles.
        """


@dataclass(frozen=True, slots=True)
class Verifiers:
    """One verifier for each kind of signature: machines' DSSE envelopes, people's SSH signatures, Sigstore bundles."""

    dsse: Verifier
    ssh: Verifier
    keyless: BundleVerifier


@dataclass(frozen=True, slots=True)
class Stamped:
    """What a time stamp says: these bytes existed before ``time`` (UTC), by the word of ``authority``.

    ``proven``: checked with a certificate that the user named; nothing but a claim otherwise.
    """

    time: datetime
    authority: str
    proven: bool


class StampReader(Protocol):
    """Reads RFC 3161 responses, with no look at the network."""

    def read(self, stamp: bytes, data: bytes, path: str) -> Stamped:
        """What ``stamp`` says of ``data``; EvidenceError that names ``path`` when it is no valid stamp of exactly them."""


@dataclass(frozen=True, slots=True)
class PullRequest:
    """An open promotion or change: its branch on the forge and where that branch stands.

    ``number`` and ``url`` are the forge's own; 0 and empty where pull requests are branches and nothing more.
    ``id`` is empty for a pull request that is none of mlassay's (a model's own, found by `Page.find`).
    """

    id: str
    branch: str
    head: str
    number: int = 0
    url: str = ""


class Forge(Protocol):
    """Host of pull requests."""

    def open(self, branch: str, head: str, *, title: str, body: str) -> PullRequest:
        """Publish ``head`` as a new pull request against the main line, or find it when it stands already."""

    def update(self, request: PullRequest, head: str) -> PullRequest:
        """Move the branch from where it was seen to ``head``; MovedOn when somebody was faster."""

    def requests(self) -> Sequence[PullRequest]:
        """Every open pull request of mlassay's on this forge, from this repository (never from a fork)."""

    def merge(self, request: PullRequest, commit: str, expected_main: str) -> str:
        """Land ``request``, whose commit on top of ``expected_main`` is ``commit``; MovedOn when either moved.

        The main-line commit that now carries it: ``commit`` itself where this forge lets us push it, else the
        one that the forge made of the request's head.
        """


@dataclass(frozen=True, slots=True)
class Review:
    """What one account said of one pull request, and of which of its commits.

    ``id`` and ``account`` are numbers of the forge: logins can be changed and taken over. A dismissed review keeps
    its account, so that a later reading knows whose word was undone. ``at`` is in UTC, as the forge tells it.
    """

    id: int
    account: int
    login: str
    head: str
    state: Literal["approved", "refused", "dismissed", "commented"]
    body: str
    at: datetime


class Reviewing(Protocol):
    """A forge on which people review."""

    def reviews(self, request: PullRequest) -> Sequence[Review]:
        """Every submitted review of ``request``, in the order in which they were given."""

    def ask(self, request: PullRequest, accounts: Sequence[int]) -> None:
        """Ask these accounts for a review; one who cannot be asked (gone, or the author) is passed over."""

    def landed(self, branch: str) -> PullRequest | None:
        """The newest pull request of this branch, with the head that it has or had when it ended; None if none."""


@dataclass(frozen=True, slots=True)
class Annotation:
    """A remark on one line of a file of the commit that is checked; ``line`` starts at 1."""

    path: str
    line: int
    message: str
    title: str = ""
    level: Literal["notice", "warning", "failure"] = "failure"


@dataclass(frozen=True, slots=True)
class Check:
    """A status of one commit, as the forge shows it; ``allowed`` is None while nobody knows yet."""

    name: str
    allowed: bool | None
    title: str
    summary: str = ""
    url: str = ""
    annotations: Sequence[Annotation] = ()


class Page(Protocol):
    """The page of a pull request, where people decide."""

    def check(self, head: str, check: Check) -> None:
        """Say ``check`` of the commit ``head``, replacing what was said under its name before."""

    def find(self, head: str, repository: str = "", branch: str = "") -> PullRequest | None:
        """The open pull request whose head is this commit, a fork's too; None when there is none.

        ``repository`` (owner/name) and ``branch`` name where the head lies, when the caller knows it.
        """

    def comment(self, request: PullRequest, marker: str, body: str) -> None:
        """Write the one comment of ours that bears ``marker``, anew or for the first time."""


@dataclass(frozen=True, slots=True)
class RequiredCheck:
    """A status that the main line waits for; ``app`` is the id of the App that must post it, 0 for anybody."""

    name: str
    app: int = 0


@dataclass(frozen=True, slots=True)
class Place:
    """A protected place of secrets (a GitHub environment): which branches may use it, and what it holds."""

    name: str
    branches: tuple[str, ...] | None
    secrets: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Protection:
    """What the forge enforces; None (or ``unknown``) where this token may not see it, which is never a yes.

    ``bypass`` names who may go past the rules of the main line; ``places`` is None where the forge has no such
    thing; ``secrets`` are the names of the repository's own secrets, which every workflow of any branch can read.
    ``token_writes`` says whether a workflow's token may write by default, ``outside`` which people or teams may push.
    """

    forge: str
    repository: str
    branch: str
    page: str
    protected: bool | None
    force_push: bool | None
    deletion: bool | None
    pull_request: bool | None
    checks: tuple[RequiredCheck, ...] | None
    bypass: tuple[str, ...] | None
    places: tuple[Place, ...] | None = None
    secrets: frozenset[str] | None = None
    token_writes: bool | None = None
    outside: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


class Guarded(Protocol):
    """A forge that tells what it enforces."""

    def protection(self) -> Protection:
        """What is enforced on the main line and where secrets lie, for `doctor --forge`."""
