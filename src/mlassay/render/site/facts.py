"""What the pages are made from: values that the caller read, and a look-up over them made once."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

from mlassay.audit.chronicle.types import (
    ChangeEntry,
    Chronicle,
    GovernanceEntry,
    Moment,
    PointerEntry,
    PromotionEntry,
    RefusedEntry,
    ReleaseEntry,
    WaiverEntry,
)
from mlassay.audit.findings import Finding
from mlassay.config import People
from mlassay.config.types import Person
from mlassay.manifest import Manifest
from mlassay.stages.due import Due


@dataclass(frozen=True, slots=True)
class Intact:
    """The audit's answer: ``word`` is its verdict as it says it, ``unknown`` what nobody can know from a clone."""

    word: str
    whole: bool
    findings: tuple[Finding, ...] = ()
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """All that a site tells.

    ``due`` is None where nobody can tell; ``as_of`` the day on which it was counted. ``manifests`` and ``owners``
    map the digest of a manifest or an ``ml.yaml`` to what it says; ``pointers`` a commit and a path to its digest.
    """

    chronicle: Chronicle
    intact: Intact
    due: tuple[Due, ...] | None
    as_of: date
    manifests: Mapping[str, Manifest] = field(default_factory=dict)
    owners: Mapping[str, str] = field(default_factory=dict)
    pointers: Mapping[tuple[str, str], str] = field(default_factory=dict)
    title: str = ""


@dataclass(frozen=True, slots=True)
class Period:
    """A time in which an environment held one thing: ``until`` is the next one's start, None while it lasts."""

    number: int
    entry: PointerEntry
    until: Moment | None
    promotion: PromotionEntry | None


@dataclass(frozen=True, slots=True)
class Act:
    """Something that a person did: ``did`` in words, on what, when it came onto the main line."""

    moment: Moment
    did: str
    entry: PromotionEntry | ChangeEntry | RefusedEntry | WaiverEntry
    holds: bool = True


class Lookup:
    """`Facts` by what pages ask for; every table is made once, in one pass."""

    def __init__(self, facts: Facts) -> None:
        self.facts, self.chronicle = facts, facts.chronicle

    @cached_property
    def releases(self) -> dict[str, ReleaseEntry]:
        """The releases by id; of two with one id the first, which is the one that counts."""
        found: dict[str, ReleaseEntry] = {}
        for entry in self.chronicle.releases:
            found.setdefault(entry.id, entry)
        return found

    @cached_property
    def promotions(self) -> dict[tuple[str, str], PromotionEntry]:
        """The promotions by environment and id."""
        found: dict[tuple[str, str], PromotionEntry] = {}
        for entry in self.chronicle.promotions:
            found.setdefault((entry.environment, entry.id), entry)
        return found

    @cached_property
    def promotions_of(self) -> dict[str, list[PromotionEntry]]:
        """A release's promotions, oldest first."""
        found = defaultdict(list)
        for entry in self.promotions.values():
            if entry.request is not None:
                found[entry.request.release].append(entry)
        return found

    @cached_property
    def waivers_of(self) -> dict[str, list[WaiverEntry]]:
        """A release's waivers, oldest first."""
        found = defaultdict(list)
        for entry in self.chronicle.waivers:
            if entry.waiver is not None:
                found[entry.waiver.release].append(entry)
        return found

    @cached_property
    def environments(self) -> tuple[str, ...]:
        """Policy's environments in its order, then every other that ever had a pointer, by name."""
        policy = next((g.policy for g in reversed(self.chronicle.governance) if g.policy is not None), None)
        known = policy.environments if policy is not None else ()
        return (*known, *sorted(self.chronicle.pointers.keys() - set(known)))

    def periods(self, environment: str) -> list[Period]:
        """What ran in an environment, oldest first."""
        entries = self.chronicle.pointers.get(environment, ())
        by_commit = self._promotions_by_commit
        return [
            Period(
                number,
                entry,
                entries[number].moment if number < len(entries) else None,
                by_commit.get((environment, entry.moment.commit)),
            )
            for number, entry in enumerate(entries, start=1)
        ]

    @cached_property
    def _promotions_by_commit(self) -> dict[tuple[str, str], PromotionEntry]:
        return {(entry.environment, entry.moment.commit): entry for entry in self.promotions.values()}

    @cached_property
    def people(self) -> dict[str, tuple[Person, Moment]]:
        """Everybody whom people.yaml ever named, as it last did, and where it last did, by id."""
        found: dict[str, tuple[Person, Moment]] = {}
        for entry in self.chronicle.governance:
            for person in entry.people.people.values() if entry.people is not None else ():
                found[person.id] = (person, entry.moment)
        return dict(sorted(found.items()))

    @cached_property
    def people_now(self) -> frozenset[str]:
        """The ids in people.yaml as it stands."""
        last = self.chronicle.governance[-1].people if self.chronicle.governance else None
        return frozenset(last.people) if last is not None else frozenset()

    def governance_at(self, when: Moment, *, before: bool = False) -> GovernanceEntry | None:
        """Policy and people as a commit left them, or ``before`` it, as its first parent had them."""
        index = bisect_right(self._numbers, when.number - before)
        return self.chronicle.governance[index - 1] if index else None

    def people_before(self, when: Moment) -> People | None:
        """The people whose keys judged a commit."""
        entry = self.governance_at(when, before=True)
        return entry.people if entry is not None else None

    @cached_property
    def _numbers(self) -> list[int]:
        return [entry.moment.number for entry in self.chronicle.governance]

    @cached_property
    def acts(self) -> dict[str, list[Act]]:
        """What each person did, newest first."""
        found = defaultdict(list)
        for who, act in self._acts():
            found[who].append(act)
        for acts in found.values():
            acts.sort(key=lambda act: act.moment.number, reverse=True)
        return found

    def _acts(self) -> Iterator[tuple[str, Act]]:
        said = self.chronicle
        requests: list[PromotionEntry | ChangeEntry | RefusedEntry]
        requests = [*said.promotions, *said.changes, *said.refused]
        for entry in requests:
            if entry.request is not None:
                yield entry.request.requester, Act(entry.moment, "asked for", entry)
            for word in entry.words:
                yield word.person, Act(entry.moment, _DID.get(word.kind, word.kind), entry, word.holds)
        for one in said.waivers:
            if one.waiver is not None:
                yield one.waiver.person, Act(one.moment, "signed", one, bool(one.key))

    @cached_property
    def data(self) -> dict[str, list[tuple[str, list[ReleaseEntry]]]]:
        """Each manifest's path with its digests, oldest first, and the releases that were made with each."""
        found: dict[str, dict[str, list[ReleaseEntry]]] = {}
        for entry in self.releases.values():
            for use in entry.data:
                found.setdefault(use.path, {}).setdefault(use.digest, []).append(entry)
        return {path: list(digests.items()) for path, digests in sorted(found.items())}

    @cached_property
    def live(self) -> dict[str, PointerEntry]:
        """The environments that hold something now, with what they hold."""
        return {
            environment: entries[-1]
            for environment in self.environments
            if (entries := self.chronicle.pointers.get(environment)) and entries[-1].pointer is not None
        }

    def owner(self, entry: ReleaseEntry) -> str:
        """Who answers for a release's model, by its ml.yaml; "" where that is not known."""
        return self.facts.owners.get(entry.release.inputs.get("ml.yaml", ""), "") if entry.release else ""


_DID = {"approval": "agreed to", "refusal": "said no to", "withdrawal": "took back a yes to"}


__all__ = ["Act", "Due", "Facts", "Intact", "Lookup", "Period"]
