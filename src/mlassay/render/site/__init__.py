"""The record as static pages: values in, `(path, bytes)` out; no clock, no network, no JavaScript, no disk."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from mlassay.render.site import lists, views
from mlassay.render.site.engine import Engine
from mlassay.render.site.facts import Facts, Intact, Lookup
from mlassay.render.site.sources import Sources
from mlassay.render.site.text import shown
from mlassay.render.site.tools import Tools


def pages(facts: Facts) -> Iterator[tuple[str, bytes]]:
    """Every page of the site, each with its path, relative and of plain characters: the same for the same facts."""
    look = Lookup(facts)
    title = _title(look)
    engine = Engine(look, title, lists.NAV)
    every = chain(
        [views.front(look, title)],
        views.releases(look),
        views.promotions(look),
        views.changes(look),
        views.refused(look),
        views.people(look),
        views.environments(look),
        views.data(look),
        lists.listings(look),
        lists.explanations(look),
    )
    for page in every:
        sources = Sources()
        yield page.path, engine.render(page, Tools(look, page.path, sources).functions(), sources)


def _title(look: Lookup) -> str:
    """What the caller named it, else the name of the newest model that runs, else of the newest on record."""
    if look.facts.title:
        return shown(look.facts.title, 200)
    running = [e.pointer.live.release for e in look.live.values() if e.pointer is not None]
    entries = [look.releases[one] for one in running[::-1] if one in look.releases]
    entries += list(look.releases.values())[::-1]
    named = (entry.release.name for entry in entries if entry.release is not None)
    return shown(next(named, "A model and its record"), 200)


__all__ = ["Facts", "Intact", "pages"]
