"""Questions to a chronicle that more than one verb asks. Times are those that the order proves (`Moment.time`)."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

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
    values = chronicle.pointers.get(environment, ())
    ends = [entry.moment for entry in values[1:]]
    return tuple(Span(entry, until) for entry, until in zip(values, [*ends, None], strict=True))


def ran(chronicle: Chronicle, release: str) -> tuple[Span, ...]:
    """Where and when a release was live, neighbours of one environment joined, in the order of their beginning."""
    found: list[Span] = []
    for environment in chronicle.pointers:
        found += _joined(
            span for span in spans(chronicle, environment) if live_release(span.entry) == release
        )
    return tuple(sorted(found, key=lambda span: (span.entry.moment.number, span.entry.environment)))


def _joined(held: Iterator[Span]) -> Iterator[Span]:
    last: Span | None = None
    for span in held:
        if last is not None and last.until == span.entry.moment:
            last = Span(last.entry, span.until)
            continue
        if last is not None:
            yield last
        last = span
    if last is not None:
        yield last


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
    return next((entry for entry in chronicle.releases if entry.id == release), None)


def promotion_by_id(
    chronicle: Chronicle, promotion: str, environment: str | None = None
) -> PromotionEntry | None:
    """The promotion of this id; one id may be used in two environments, so name the one where it is known."""
    return next(
        (
            entry
            for entry in chronicle.promotions
            if entry.id == promotion and environment in (None, entry.environment)
        ),
        None,
    )


def change_by_id(chronicle: Chronicle, change: str) -> ChangeEntry | None:
    """The change of this id."""
    return next((entry for entry in chronicle.changes if entry.id == change), None)


def promotions_of(chronicle: Chronicle, release: str) -> tuple[PromotionEntry, ...]:
    """Every promotion that asked for a release and landed."""
    return tuple(
        entry for entry in chronicle.promotions if entry.request and entry.request.release == release
    )


def made_with(chronicle: Chronicle, digest: str) -> tuple[ReleaseEntry, ...]:
    """Every release that a manifest of these bytes (``sha256:…``), or one declaring this root, went into."""
    return tuple(
        entry
        for entry in chronicle.releases
        if any(digest in (data.digest, data.root) for data in entry.data)
    )


def of_model(chronicle: Chronicle, digest: str) -> tuple[ReleaseEntry, ...]:
    """Every release whose model has this digest (``sha256:…``)."""
    return tuple(
        entry for entry in chronicle.releases if entry.release and entry.release.model.digest == digest
    )
