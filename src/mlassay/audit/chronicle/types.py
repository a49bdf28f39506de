"""What the main line tells, as frozen values: what was recorded, in which order, and how far each thing is proven."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mlassay.config import Environment, People, Policy
from mlassay.errors import Problem
from mlassay.evidence.records import ChangeRequest, Request, Waiver
from mlassay.evidence.release import Release
from mlassay.evidence.verdict import Verdict
from mlassay.policy import Decision


@dataclass(frozen=True, slots=True)
class Moment:
    """Where something came onto the main line.

    ``number`` is the place on the first-parent line, counted from its first commit (0). ``claimed`` is the committer's
    date (UTC), which nobody proves; ``time`` is that, but never earlier than any commit's before it: the order is proven.
    """

    commit: str
    number: int
    claimed: datetime
    time: datetime


@dataclass(frozen=True, slots=True)
class DataUse:
    """A data manifest that a release was made with: its ``name`` in ml.yaml, its path, the digest of its bytes.

    ``root`` is the digest over the file list that it declares ("" where it cannot be read).
    """

    name: str
    path: str
    digest: str
    root: str


@dataclass(frozen=True, slots=True)
class Word:
    """One person's approval, refusal or withdrawal, with what they wrote.

    ``key`` is the fingerprint of the key whose signature held, "" where it was a review on a forge (``review``: its url
    or account) or where no signature held (``holds`` is False then). ``at`` is what the writer claims.
    ``uncounted``: why policy did not count an approval ("" where it did, or where nobody judged).
    """

    kind: str  # "approval", "refusal" or "withdrawal"
    person: str
    at: datetime
    reason: str
    risk: str
    answers: Mapping[str, str]
    accepts: tuple[str, ...]
    path: str
    digest: str
    holds: bool
    key: str = ""
    review: str = ""
    uncounted: str = ""


@dataclass(frozen=True, slots=True)
class ReleaseEntry:
    """A release as it was recorded, whatever its verdict; with ``problems`` nothing else here may be relied on.

    ``source`` is where its source commit stands on the main line; None where it does not.
    """

    id: str
    moment: Moment
    release: Release | None
    verdict: Verdict | None
    provenance: Mapping[str, Any] | None
    data: tuple[DataUse, ...]
    signers: tuple[str, ...]
    problems: tuple[Problem, ...]
    source: Moment | None = None


@dataclass(frozen=True, slots=True)
class PromotionEntry:
    """A promotion that landed. ``previous`` is the release that ran before it (None: none did).

    ``request_key`` is the fingerprint of the key that signed the request, "" where no signature of it holds.
    """

    environment: str
    id: str
    moment: Moment
    parent: str
    request: Request | None
    request_digest: str
    by_machine: str  # the CI signer that asked, "" where a person did
    words: tuple[Word, ...]
    decision: Decision | None
    previous: str | None
    problems: tuple[Problem, ...]
    request_key: str = ""


@dataclass(frozen=True, slots=True)
class RefusedEntry:
    """A request that was refused or withdrawn and recorded without landing what it asked for."""

    environment: str  # "" for a change
    id: str
    moment: Moment
    request: Request | ChangeRequest | None
    words: tuple[Word, ...]
    problems: tuple[Problem, ...]
    request_key: str = ""


@dataclass(frozen=True, slots=True)
class ChangeEntry:
    """A change of policy, people or a manifest that landed."""

    id: str
    moment: Moment
    parent: str
    request: ChangeRequest | None
    request_digest: str
    words: tuple[Word, ...]
    decision: Decision | None
    problems: tuple[Problem, ...]
    request_key: str = ""


@dataclass(frozen=True, slots=True)
class WaiverEntry:
    """A waiver, where it came in, and the fingerprint of the key that signed it ("" where none holds)."""

    path: str
    moment: Moment
    waiver: Waiver | None
    key: str
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class PointerEntry:
    """A value of an environment's pointer; None where it was taken away or cannot be read.

    ``explained``: the promotion of the same commit asked for exactly this, and policy said yes.
    """

    environment: str
    moment: Moment
    pointer: Environment | None
    explained: bool


@dataclass(frozen=True, slots=True)
class GovernanceEntry:
    """Policy and people as a main-line commit left them; None where a file is missing or cannot be read.

    ``change`` is the id of the change request that brought it ("" for the root of trust, or where none did).
    """

    moment: Moment
    people: People | None
    policy: Policy | None
    change: str


@dataclass(frozen=True, slots=True)
class ManifestEntry:
    """A data manifest as a main-line commit left it; ``digest`` is "" where it was taken away.

    ``name`` and ``root`` are what it says of itself, "" where it cannot be read; ``change`` is as in `GovernanceEntry`.
    """

    path: str
    moment: Moment
    digest: str
    name: str
    root: str
    change: str


@dataclass(frozen=True, slots=True, eq=False)
class Chronicle:
    """All that the main line up to ``head`` tells, everything oldest first; ``root`` is the root of trust.

    ``problems`` are those that belong to no single entry. ``pointers`` maps an environment to its values.
    Where it is not ``judged``, nothing was held against policy: decisions, provenance and most problems are missing.
    """

    head: Moment
    first: Moment
    root: Moment | None
    releases: tuple[ReleaseEntry, ...]
    promotions: tuple[PromotionEntry, ...]
    refused: tuple[RefusedEntry, ...]
    changes: tuple[ChangeEntry, ...]
    waivers: tuple[WaiverEntry, ...]
    pointers: Mapping[str, tuple[PointerEntry, ...]]
    governance: tuple[GovernanceEntry, ...]
    problems: tuple[Problem, ...]
    manifests: tuple[ManifestEntry, ...] = ()
    demo: bool = False
    judged: bool = True
