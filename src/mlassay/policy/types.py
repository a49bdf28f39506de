"""All that a decision may look at, and what it answers. Nothing here reads, verifies or asks the time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from mlassay.config import CiSigner, Key, Level, People, Policy, Risk
from mlassay.errors import Problem
from mlassay.evidence.predicates import Run
from mlassay.evidence.records import (
    Approval,
    ChangeRequest,
    Record,
    Refusal,
    Request,
    Waiver,
    Weakening,
    Withdrawal,
)
from mlassay.evidence.reviews import ReviewWord
from mlassay.evidence.verdict import Outcome

AnyRecord_co = TypeVar("AnyRecord_co", bound=Record, covariant=True)


@dataclass(frozen=True, slots=True)
class Signed(Generic[AnyRecord_co]):
    """A record with the key that its signature was verified with.

    ``key`` is one of the keys that people.yaml gives to the record's own person before the change; None when the
    signature is missing or is of none of them. ``digest`` is over the file's bytes. ``review`` is the review on the
    forge that says this, where nobody signed: who it is of was read from the account's number.
    """

    record: AnyRecord_co
    path: str
    digest: str
    key: Key | None
    review: ReviewWord | None = None


@dataclass(frozen=True, slots=True)
class MachineRequest:
    """A CI signer whose signature over a request holds, and the run in which it asked."""

    signer: CiSigner
    run: Run


@dataclass(frozen=True, slots=True)
class ReviewFacts:
    """What is known of a request's reviews on the forge, beside the approvals and refusals that they are.

    ``recorded`` is None for an open request, whose reviews are read as they are now, else whether their record is on
    the main line. ``unheeded`` are reviews that do not count, each with the reason; ``problems`` are the record's.
    """

    recorded: bool | None
    unheeded: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Contributor:
    """A name and an address in a commit: claimed, never proven, so it can only exclude."""

    name: str
    email: str


@dataclass(frozen=True, slots=True)
class Touched:
    """A path that the change touches: whether it is new, whether it is a plain file (mode 100644), or taken away."""

    path: str
    added: bool
    plain: bool
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Terms:
    """What a release was judged by: from its source commit's ml.yaml, manifests and policy floors.

    ``favourable`` is the label's value, ``gates`` the criteria in force, ``manifests`` digests and ``splits`` the
    split rules in one spelling, both by data name, ``withheld`` the columns that training never saw, ``select`` how many
    rows a ranking chooses.
    """

    risk: Risk
    sensitive: tuple[str, ...]
    favourable: str
    threshold: str
    evaluation: str
    label: str
    gates: Mapping[str, Mapping[str, Any]]
    manifests: Mapping[str, str]
    splits: Mapping[str, str]
    withheld: tuple[str, ...] = ()
    task: str = "binary-classification"
    select: str = "not declared"


@dataclass(frozen=True, slots=True)
class ReleaseFacts:
    """What the verified evidence says of a release; ``problems`` is everything in it that does not hold.

    ``isolation`` is what provenance says held during training ("" when it says nothing), ``dispatcher`` the names,
    accounts and addresses of who set the run off.
    """

    id: str
    digest: str
    model_sha256: str
    gates: Mapping[str, Outcome]
    isolation: str
    dispatcher: tuple[str, ...]
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CommonCase:
    """What a promotion and a change under ``governance/`` have in common.

    ``policy`` and ``people`` are those of the first parent. ``now`` is the time of the judgement, ``parent_time``
    the first parent's. ``problems`` are records of this request that cannot be read. ``unsigned`` says what of the
    main line under an open request came by no request that holds; for a merged one that is audit's to say.
    """

    id: str
    folder: str
    approvals: tuple[Signed[Approval], ...]
    refusals: tuple[Signed[Refusal], ...]
    withdrawals: tuple[Signed[Withdrawal], ...]
    problems: tuple[Problem, ...]
    policy: Policy
    people: People
    now: datetime
    parent_time: datetime
    base_on_line: bool
    touched: tuple[Touched, ...]
    contributors: tuple[Contributor, ...] = ()
    unsigned: tuple[str, ...] = ()
    reviews: ReviewFacts | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PromotionCase(CommonCase):
    """A promotion. ``previous`` and ``evidence_tree`` are git ids at the first parent; ``pointer`` is what is written.

    ``held`` are the release digests that the environment before this one holds or held, the requested one among them if
    it ever did. ``live`` is the id of
    the release that runs here now; ``live_terms`` None although one does means that its terms cannot be read.
    ``machine`` is the CI signer that asked, None where a person did.
    """

    request: Signed[Request]
    pointer_path: str
    previous: str | None
    pointer: Mapping[str, Any] | None
    evidence_tree: str | None
    release: ReleaseFacts | None
    held: frozenset[str]
    terms: Terms | None
    live: str | None
    live_terms: Terms | None
    waivers: tuple[Signed[Waiver], ...]
    machine: MachineRequest | None = None

    @property
    def level(self) -> Level | None:
        """The level in force: the release's own, never under policy's minimum; None when it cannot be read."""
        if self.terms is None:
            return None
        return self.policy.in_force(self.terms.risk.level)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeCase(CommonCase):
    """A change under ``governance/`` or of manifests.

    ``before`` and ``after`` give the git id of each requested path at the first parent and in the change;
    ``owners`` the data owner of each changed manifest by path ("" when nobody is named).
    """

    request: Signed[ChangeRequest]
    before: Mapping[str, str | None]
    after: Mapping[str, str | None]
    owners: Mapping[str, str]


Case = PromotionCase | ChangeCase


@dataclass(frozen=True, slots=True)
class Demand:
    """One thing that policy demands: met or not, in plain words, and what to do where it is not.

    ``final``: not met, and nothing that anybody may still say or push meets it; it takes another request.
    """

    id: str
    met: bool
    what: str
    remedy: str = ""
    final: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """The policy's answer: yes only when something was demanded and every demand is met."""

    demands: tuple[Demand, ...]

    @property
    def allowed(self) -> bool:
        """Whether the change may land."""
        return bool(self.demands) and all(demand.met for demand in self.demands)

    @property
    def unmet(self) -> tuple[Demand, ...]:
        """The demands that stand in the way."""
        return tuple(demand for demand in self.demands if not demand.met)

    @property
    def lost(self) -> tuple[Demand, ...]:
        """The demands that this request can never meet any more."""
        return tuple(demand for demand in self.unmet if demand.final)


__all__ = [
    "Case",
    "ChangeCase",
    "CommonCase",
    "Contributor",
    "Decision",
    "Demand",
    "MachineRequest",
    "PromotionCase",
    "ReleaseFacts",
    "ReviewFacts",
    "Signed",
    "Terms",
    "Touched",
    "Weakening",
]
