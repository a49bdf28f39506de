"""Frozen values of the files that people write: ``ml.yaml``, policy and people. No reading happens here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from mlassay.digest import canonical


class Level(StrEnum):
    """Severity of a risk: probability x impact in bands 1-3, 4-9, 10-16, 20-25."""

    MINOR = "minor"
    MODERATE = "moderate"
    MAJOR = "major"
    SEVERE = "severe"

    @property
    def rank(self) -> int:
        """0 for minor to 3 for severe, to compare levels."""
        return _RANKS[self]


_RANKS = {level: rank for rank, level in enumerate(Level)}


RISKS = ("unavailability", "bad_prediction", "decay", "lost_skills")


@dataclass(frozen=True, slots=True)
class Risk:
    """Each of the four named risks as (probability, impact), 1..5 each; the worst sets the level."""

    probability_impact: Mapping[str, tuple[int, int]]
    review_by: date

    @property
    def level(self) -> Level:
        """The band of the worst of the four products."""
        worst = max(p * i for p, i in self.probability_impact.values())
        return level_of(worst)


def level_of(product: int) -> Level:
    """The band of one probability x impact product (1..25)."""
    if product <= 3:
        return Level.MINOR
    if product <= 9:
        return Level.MODERATE
    return Level.MAJOR if product <= 16 else Level.SEVERE


@dataclass(frozen=True, slots=True)
class Step:
    """One ``prepare`` step: a command, the tracked files it uses, what it reads and what it writes (names)."""

    name: str
    run: str
    uses: tuple[str, ...]
    reads: tuple[str, ...]
    writes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RunLimits:
    """Wall time in seconds and memory in bytes that a team's command may use."""

    wall_seconds: float = 600.0
    memory_bytes: int = 4 << 30


@dataclass(frozen=True, slots=True)
class Weigh:
    """Ask mlassay to compute ``sample_weight`` (Kamiran and Calders 2012) over the groups of ``by``."""

    by: tuple[str, ...]
    method: str = "reweighing"


@dataclass(frozen=True, slots=True)
class Train:
    """The training command and exactly what it is granted."""

    run: str
    uses: tuple[str, ...]
    data: tuple[str, ...]  # "<data name>/<split>" or the name that a prepare step writes
    withhold: tuple[str, ...] = ()
    weigh: Weigh | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    limits: RunLimits = field(default_factory=RunLimits)


@dataclass(frozen=True, slots=True)
class Select:
    """How many of the rows a ranking chooses: a share of them, or a count; exactly one of the two is given."""

    share: float | None = None
    count: int | None = None

    def of(self, rows: int) -> int:
        """How many of ``rows`` rows are chosen: a share is rounded down, and chooses one at least."""
        if self.count is not None:
            return min(self.count, rows)
        # In decimals, because 0.29 * 100 is 28.999999999999996.
        return min(max(1, int(Decimal(str(self.share)) * rows)), rows)

    def __str__(self) -> str:
        return f"count {self.count}" if self.count is not None else f"share {self.share}"


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """The model file that training must leave, and how its answer is read.

    ``favourable`` is a value of the label column or its index among the declared values (several values for classes),
    ``higher`` or ``lower`` (regression), ``selected`` (ranking). ``threshold``: the label is 1 where the probability of
    class 1 is at least this; for a regression the value at and above which an answer is on the higher side, if any.
    """

    file: str
    task: str  # one of `mlassay.tasks.TASKS`
    favourable: str | int | tuple[str, ...]
    threshold: float | None
    inputs: tuple[str, ...] = ()  # column order of a single-tensor model; empty means the manifest's order
    select: Select | None = None  # of a ranking


@dataclass(frozen=True, slots=True)
class Evaluate:
    """The rows that gates measure on (``<data name>/<split>``) and their label column."""

    data: str
    label: str


@dataclass(frozen=True, slots=True)
class Config:
    """``ml.yaml``, whole. ``gates`` maps a gate's id to its criteria as written (already held by the schema)."""

    name: str
    objective: str
    owner: str
    risk: Risk
    data: Mapping[str, str]  # name -> manifest path
    prepare: tuple[Step, ...]
    train: Train
    model: ModelSpec
    evaluate: Evaluate
    gates: Mapping[str, Mapping[str, Any]]
    store: str
    lines: Mapping[str, int]  # dotted path ("gates.bias.selection_rate_ratio.min") -> 1-based line in ml.yaml
    digest: str  # of the file's bytes


@dataclass(frozen=True, slots=True)
class Approvals:
    """How many people must approve: ``count`` in all, ``outside`` of them from outside the developing team.

    ``roles`` limits who counts; empty means anybody in ``people.yaml``.
    """

    count: int = 1
    outside: int = 0
    roles: tuple[str, ...] = ()


NO_REVIEWS = "none"


@dataclass(frozen=True, slots=True)
class Policy:
    """What each environment and each kind of change demands, by risk level. Judged from the first parent only."""

    environments: tuple[str, ...]  # in order: a release enters each only from the one before it
    approvals: Mapping[str, Mapping[Level, Approvals]]  # environment -> level -> demand
    gates: Mapping[Level, tuple[str, ...]]  # gates that must have passed
    exemptions: Mapping[str, str]  # gate -> reason why it may be missing for the models of this repository
    minimum_risk: Level
    floors: Mapping[str, Mapping[str, Any]]  # gate -> criteria that ml.yaml may tighten, never loosen
    sensitive: tuple[str, ...]  # columns that the bias gate must always look at
    isolation_from: Level | None  # training without isolation is refused from this level upward; None: never
    waivable: Mapping[
        str, tuple[str, ...]
    ]  # "inconclusive" | "failed" -> roles that may waive; empty: nobody
    waiver_days: int
    weakening_roles: tuple[str, ...]  # who may accept a named weakening
    governance: Approvals  # for a change under governance/
    manifest: Approvals  # for a change of a data manifest, on top of its data owner
    demo: bool
    digest: str
    lines: Mapping[str, int] = field(default_factory=dict)  # dotted path -> 1-based line
    path: str = "governance/policy.yaml"
    reviews: str = NO_REVIEWS  # the forge whose reviews count as approvals; NO_REVIEWS: none does

    def in_force(self, declared: Level) -> Level:
        """The level that counts for a model of this declared one: never under ``minimum_risk``."""
        return max(declared, self.minimum_risk, key=lambda level: level.rank)


@dataclass(frozen=True, slots=True)
class Key:
    """A public key with its validity; ``compromised_since`` refuses what it signed from that time on, for ever."""

    public: str  # an OpenSSH public key line (people) or a PEM SubjectPublicKeyInfo (CI signers)
    valid_from: datetime
    valid_until: datetime | None = None
    revoked_at: datetime | None = None
    revoked_because: str = ""
    compromised_since: datetime | None = None
    demo: bool = False

    def valid_at(self, when: datetime) -> bool:
        """Whether a signature judged at ``when`` may rest on this key."""
        if self.compromised_since is not None and when >= self.compromised_since:
            return False
        if self.revoked_at is not None and when >= self.revoked_at:
            return False
        return self.valid_from <= when and (self.valid_until is None or when < self.valid_until)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who can answer for something. ``emails`` are git identities: never believed, only ever excluding."""

    id: str
    name: str
    team: str
    roles: tuple[str, ...]
    keys: tuple[Key, ...]
    emails: tuple[str, ...] = ()
    accounts: Mapping[str, int] = field(default_factory=dict)  # forge -> account id


@dataclass(frozen=True, slots=True)
class Keyless:
    """Who a Sigstore certificate must name. ``identity`` is the workflow that signs, the same for everybody who calls it;
    so the number of the repository that called, and the ref that it ran for, are pinned too.

    ``events``: what may have set the run off; empty means anything.
    """

    identity: str
    issuer: str
    repository_id: str
    ref: str
    events: tuple[str, ...] = ()

    @property
    def public(self) -> str:
        """What stands in the place of a public key: the pins (events apart), in one spelling."""
        pins = {
            "identity": self.identity,
            "issuer": self.issuer,
            "repository_id": self.repository_id,
            "ref": self.ref,
        }
        return canonical(pins).decode()


@dataclass(frozen=True, slots=True)
class CiSigner:
    """A machine's key and the predicate types that it may sign; with ``keyless``, ``key.public`` is its pins."""

    id: str
    key: Key
    predicates: tuple[str, ...]
    keyless: Keyless | None = None


@dataclass(frozen=True, slots=True)
class People:
    """``governance/people.yaml``: the only source of keys."""

    people: Mapping[str, Person]
    signers: Mapping[str, CiSigner]
    digest: str
    lines: Mapping[str, int] = field(default_factory=dict)  # dotted path -> 1-based line
    path: str = "governance/people.yaml"

    def by_public_key(self, public: str) -> Person | None:
        """The person who holds an OpenSSH public key (type and base64 compared, comments ignored)."""
        wanted = public.split()[:2]
        for person in self.people.values():
            if any(key.public.split()[:2] == wanted for key in person.keys):
                return person
        return None
