"""Questions to a chronicle that more than one verb asks. Times are those that the order proves (`Moment.time`)."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache

from mlassay.audit.chronicle.types import (
    ChangeEntry,
    Chronicle,
    Moment,
    PointerEntry,
    PromotionEntry,
    ReleaseEntry,
)


@dataclass(frozen=True, slots=True)
class Span:
    """How long a pointer stood: from ``entry.moment`` to ``until`` (None: it stands at the chronicle's head)."""

    entry: PointerEntry
    until: Moment | None


def live_at(chronicle: Chronicle, environment: str, when: datetime) -> PointerEntry | None:
    """The pointer that stood in an environment at a time (aware); None before the first. A taken-away one has no value."""
    values = chronicle.pointers.get(environment, ())
    at = bisect_right(values, when, key=lambda entry: entry.moment.time)
    return values[at - 1] if at else None


def live_now(chronicle: Chronicle, environment: str) -> PointerEntry | None:
    """The pointer that stands at the chronicle's head; None where there never was one."""
    values = chronicle.pointers.get(environment, ())
    return values[-1] if values else None


def spans(chronicle: Chronicle, environment: str) -> tuple[Span, ...]:
    """Every value of an environment's pointer with when it ended, oldest first."""
    return _index(chronicle).spans.get(environment, ())


def ran(chronicle: Chronicle, release: str) -> tuple[Span, ...]:
    """Where and when a release was live, neighbours of one environment joined, in the order of their beginning."""
    return tuple(_index(chronicle).ran.get(release, ()))


def live_release(entry: PointerEntry) -> str:
    """The id of the release that a pointer makes live; "" where it was taken away, cut out, or cannot be read."""
    pointer = entry.pointer
    return pointer.live.release if pointer is not None and pointer.state == "live" else ""


def first_time(chronicle: Chronicle, release: str, environment: str) -> Moment | None:
    """When a release first ran in an environment; None when it never did."""
    held = (span.entry.moment for span in ran(chronicle, release) if span.entry.environment == environment)
    return next(held, None)


def release_by_id(chronicle: Chronicle, release: str) -> ReleaseEntry | None:
    """The release of this id."""
    return _index(chronicle).releases.get(release)


def promotion_by_id(
    chronicle: Chronicle, promotion: str, environment: str | None = None
) -> PromotionEntry | None:
    """The promotion of this id; one id may be used in two environments, so name the one where it is known."""
    return next(
        (
            entry
            for entry in _index(chronicle).promotions.get(promotion, ())
            if environment in (None, entry.environment)
        ),
        None,
    )


def change_by_id(chronicle: Chronicle, change: str) -> ChangeEntry | None:
    """The change of this id."""
    return next((entry for entry in chronicle.changes if entry.id == change), None)


def promotions_of(chronicle: Chronicle, release: str) -> tuple[PromotionEntry, ...]:
    """Every promotion that asked for a release and landed."""
    return tuple(_index(chronicle).promoted.get(release, ()))


def made_with(chronicle: Chronicle, digest: str) -> tuple[ReleaseEntry, ...]:
    """Every release that a manifest of these bytes (``sha256:…``), or one declaring this root, went into."""
    return tuple(_index(chronicle).data.get(digest, ()))


def of_model(chronicle: Chronicle, digest: str) -> tuple[ReleaseEntry, ...]:
    """Every release whose model has this digest (``sha256:…``)."""
    return tuple(_index(chronicle).models.get(digest, ()))


@dataclass
class _Index:
    """One chronicle by what it is asked for, so that asking about each of many releases stays linear."""

    releases: dict[str, ReleaseEntry] = field(default_factory=dict)
    promotions: dict[str, list[PromotionEntry]] = field(default_factory=dict)
    promoted: dict[str, list[PromotionEntry]] = field(default_factory=dict)
    spans: dict[str, tuple[Span, ...]] = field(default_factory=dict)
    ran: dict[str, list[Span]] = field(default_factory=dict)
    data: dict[str, list[ReleaseEntry]] = field(default_factory=dict)
    models: dict[str, list[ReleaseEntry]] = field(default_factory=dict)


@lru_cache(maxsize=2)  # a chronicle is equal to itself alone, and never changes
def _index(chronicle: Chronicle) -> _Index:
    index = _Index()
    for release in chronicle.releases:
        index.releases.setdefault(release.id, release)
        if release.release is not None:
            index.models.setdefault(release.release.model.digest, []).append(release)
        for digest in dict.fromkeys(text for use in release.data for text in (use.digest, use.root) if text):
            index.data.setdefault(digest, []).append(release)
    for promotion in chronicle.promotions:
        index.promotions.setdefault(promotion.id, []).append(promotion)
        if promotion.request is not None:
            index.promoted.setdefault(promotion.request.release, []).append(promotion)
    for environment, values in chronicle.pointers.items():
        ends = [*(entry.moment for entry in values[1:]), None]
        index.spans[environment] = tuple(map(Span, values, ends))
        for span in index.spans[environment]:
            _note(index.ran, span)
    for found in index.ran.values():
        found.sort(key=lambda span: (span.entry.moment.number, span.entry.environment))
    return index


def _note(ran: dict[str, list[Span]], span: Span) -> None:
    """Add a span to those of its release, joined to the one that it goes on from in the same environment."""
    release = live_release(span.entry)
    if not release:
        return
    held = ran.setdefault(release, [])
    if held and held[-1].entry.environment == span.entry.environment and held[-1].until == span.entry.moment:
        held[-1] = Span(held[-1].entry, span.until)
    else:
        held.append(span)
