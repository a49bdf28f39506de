"""What people sign: requests, approvals, refusals, withdrawals and waivers, as frozen values in one spelling."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, ClassVar, Self

from mlassay.digest import canonical, parse_canonical, same_json, sha256
from mlassay.errors import EvidenceError, Problem
from mlassay.evidence.times import parse_time, time_string
from mlassay.files import Document, check

VERSION = 1


@dataclass(frozen=True, slots=True, order=True)
class Weakening:
    """One way in which a release was judged less strictly than the one before it; ``id`` is stable."""

    id: str
    what: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, order=True)
class Question:
    """Something that every approval must answer in words."""

    id: str
    question: str


@dataclass(frozen=True, slots=True, order=True)
class WaiverUse:
    """A waiver that a promotion leans on: the file and the digest of its bytes."""

    path: str
    digest: str


@dataclass(frozen=True, slots=True, order=True)
class PathChange:
    """A path of a change request with the git id (blob or tree) that it had and gets; None: not there."""

    path: str
    old: str | None
    new: str | None


class Record:
    """Base of all records: canonical bytes, strict parsing, a digest over the bytes."""

    __slots__ = ()
    schema: ClassVar[str]
    kind: ClassVar[str]

    def as_mapping(self) -> dict[str, Any]:
        """The record as JSON values."""
        raise NotImplementedError

    @classmethod
    def from_mapping(cls, value: Mapping[str, Any], path: str) -> Self:
        """The record that `as_mapping` wrote; its shape was already held by the schema."""
        raise NotImplementedError

    def to_bytes(self) -> bytes:
        """The record as canonical JSON: what a signature is over."""
        return canonical(self.as_written())

    def as_written(self) -> dict[str, Any]:
        """All that `to_bytes` writes, as JSON values."""
        return {"version": VERSION, "kind": self.kind, **self.as_mapping()}

    @property
    def digest(self) -> str:
        """SHA-256 over the canonical bytes."""
        return sha256(self.to_bytes())

    @classmethod
    def parse(cls, data: bytes, path: str) -> Self:
        """The record in ``data``; EvidenceError that names ``path`` for anything that is not exactly one."""
        if (usual := cls._usual(data, path)) is not None:
            return usual
        value = parse_canonical(data, path)
        EvidenceError.raise_if_any(check(Document(path, value, {(): 1}), cls.schema))
        record = cls.from_mapping(value, path)
        if not same_json(record.as_written(), value):
            raise EvidenceError(Problem(f"this is not a {cls.kind} as mlassay writes them", path=path))
        return record

    @classmethod
    def _usual(cls, data: bytes, path: str) -> Self | None:
        """The record that `to_bytes` writes as these very bytes, which says all at once; None where `parse` must say more."""
        try:
            value = json.loads(data.decode("utf-8"))
            if check(Document(path, value, {(): 1}), cls.schema):
                return None
            record = cls.from_mapping(value, path)
            return record if record.to_bytes() == data else None
        except (EvidenceError, ValueError, TypeError, RecursionError):
            return None


@dataclass(frozen=True, slots=True)
class Request(Record):
    """A promotion that somebody asks for: one environment, one release, the complete new pointer.

    ``previous`` is the blob id of the pointer that it replaces, ``evidence_tree`` the git tree of the release's
    evidence, ``policy`` the digest of the policy in force, ``base`` the commit that it was made on.
    """

    environment: str
    release: str
    release_digest: str
    pointer: Mapping[str, Any]
    previous: str | None
    base: str
    evidence_tree: str
    policy: str
    requester: str
    requested_at: datetime
    reason: str = ""
    weakenings: tuple[Weakening, ...] = ()
    waivers: tuple[WaiverUse, ...] = ()
    questions: tuple[Question, ...] = ()

    schema: ClassVar[str] = "request"
    kind: ClassVar[str] = "promotion"

    def as_mapping(self) -> dict[str, Any]:
        """The request as JSON values."""
        return {
            "environment": self.environment,
            "release": self.release,
            "release_digest": self.release_digest,
            "pointer": dict(self.pointer),
            "previous": self.previous,
            "base": self.base,
            "evidence_tree": self.evidence_tree,
            "policy": self.policy,
            "requester": self.requester,
            "requested_at": time_string(self.requested_at),
            "reason": self.reason,
            "weakenings": [
                {"id": w.id, "what": w.what, "before": w.before, "after": w.after} for w in self.weakenings
            ],
            "waivers": [{"path": w.path, "digest": w.digest} for w in self.waivers],
            "questions": _questions(self.questions),
        }

    @classmethod
    def from_mapping(cls, value: Mapping[str, Any], path: str) -> Self:
        """The request that `as_mapping` wrote."""
        plain = ("environment", "release", "release_digest", "pointer", "previous", "base", "evidence_tree")
        return cls(
            **{name: value[name] for name in (*plain, "policy", "requester", "reason")},
            requested_at=parse_time(value["requested_at"], path),
            weakenings=tuple(Weakening(**w) for w in value["weakenings"]),
            waivers=tuple(WaiverUse(**w) for w in value["waivers"]),
            questions=tuple(Question(**q) for q in value["questions"]),
        )


@dataclass(frozen=True, slots=True)
class ChangeRequest(Record):
    """A change under ``governance/`` or of a data manifest; binds what each path was and becomes."""

    base: str
    paths: tuple[PathChange, ...]
    requester: str
    requested_at: datetime
    reason: str
    questions: tuple[Question, ...] = ()

    schema: ClassVar[str] = "change"
    kind: ClassVar[str] = "change"

    def as_mapping(self) -> dict[str, Any]:
        """The request as JSON values."""
        return {
            "base": self.base,
            "paths": [{"path": p.path, "old": p.old, "new": p.new} for p in self.paths],
            "requester": self.requester,
            "requested_at": time_string(self.requested_at),
            "reason": self.reason,
            "questions": _questions(self.questions),
        }

    @classmethod
    def from_mapping(cls, value: Mapping[str, Any], path: str) -> Self:
        """The request that `as_mapping` wrote."""
        return cls(
            base=value["base"],
            paths=tuple(PathChange(**p) for p in value["paths"]),
            requester=value["requester"],
            requested_at=parse_time(value["requested_at"], path),
            reason=value["reason"],
            questions=tuple(Question(**q) for q in value["questions"]),
        )


@dataclass(frozen=True, slots=True)
class Approval(Record):
    """One person's agreement to exactly one request (``request`` is the digest of its bytes).

    ``risk`` is the residual risk that the person accepts, ``answers`` maps open questions to words, ``accepts``
    lists the weakenings that the person agrees to by id.
    """

    request: str
    person: str
    reason: str
    risk: str
    at: datetime
    answers: Mapping[str, str] = field(default_factory=dict)
    accepts: tuple[str, ...] = ()

    schema: ClassVar[str] = "approval"
    kind: ClassVar[str] = "approval"

    def as_mapping(self) -> dict[str, Any]:
        """The approval as JSON values."""
        return {
            "request": self.request,
            "person": self.person,
            "reason": self.reason,
            "risk": self.risk,
            "answers": dict(self.answers),
            "accepts": list(self.accepts),
            "at": time_string(self.at),
        }

    @classmethod
    def from_mapping(cls, value: Mapping[str, Any], path: str) -> Self:
        """The approval that `as_mapping` wrote."""
        return cls(
            **{name: value[name] for name in ("request", "person", "reason", "risk", "answers")},
            accepts=tuple(value["accepts"]),
            at=parse_time(value["at"], path),
        )


@dataclass(frozen=True, slots=True)
class _Objection(Record):
    request: str
    person: str
    reason: str
    at: datetime

    def as_mapping(self) -> dict[str, Any]:
        """The record as JSON values."""
        return {
            "request": self.request,
            "person": self.person,
            "reason": self.reason,
            "at": time_string(self.at),
        }

    @classmethod
    def from_mapping(cls, value: Mapping[str, Any], path: str) -> Self:
        """The record that `as_mapping` wrote."""
        return cls(value["request"], value["person"], value["reason"], parse_time(value["at"], path))


@dataclass(frozen=True, slots=True)
class Refusal(_Objection):
    """One person's signed no to one request, with the reason."""

    schema: ClassVar[str] = "refusal"
    kind: ClassVar[str] = "refusal"


@dataclass(frozen=True, slots=True)
class Withdrawal(_Objection):
    """One person's approval taken back, with the reason."""

    schema: ClassVar[str] = "withdrawal"
    kind: ClassVar[str] = "withdrawal"


@dataclass(frozen=True, slots=True)
class Waiver(Record):
    """A signed exception for one gate of one release digest, until the end of a day (UTC)."""

    gate: str
    release: str
    release_digest: str
    person: str
    reason: str
    until: date
    at: datetime

    schema: ClassVar[str] = "waiver"
    kind: ClassVar[str] = "waiver"

    def as_mapping(self) -> dict[str, Any]:
        """The waiver as JSON values."""
        return {
            "gate": self.gate,
            "release": self.release,
            "release_digest": self.release_digest,
            "person": self.person,
            "reason": self.reason,
            "until": self.until.isoformat(),
            "at": time_string(self.at),
        }

    @classmethod
    def from_mapping(cls, value: Mapping[str, Any], path: str) -> Self:
        """The waiver that `as_mapping` wrote."""
        try:
            until = date.fromisoformat(value["until"])
        except ValueError as error:
            raise EvidenceError(Problem(f"{value['until']!r} is not a day", path=path)) from error
        plain = ("gate", "release", "release_digest", "person", "reason")
        return cls(**{name: value[name] for name in plain}, until=until, at=parse_time(value["at"], path))


def _questions(questions: tuple[Question, ...]) -> list[dict[str, str]]:
    return [{"id": q.id, "question": q.question} for q in questions]
