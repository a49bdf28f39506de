"""One page into bytes: templates in which everything is escaped, made visible and capped, and nothing may be undefined."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import DictLoader, Environment, StrictUndefined, Undefined
from markupsafe import Markup

from mlassay.render.site import text
from mlassay.render.site.facts import Lookup
from mlassay.render.site.names import href
from mlassay.render.site.names import path as page_of
from mlassay.render.site.sources import Bytes, File, Sources, unsafe
from mlassay.render.site.terms import Terms


@dataclass(frozen=True, slots=True)
class Page:
    """A page to be: where it lies, its template, its title, and what the template names."""

    path: str
    template: str
    title: str
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Nav:
    """An entry of the bar that every page has."""

    word: str
    path: str


class Engine:
    """Pages of one site into bytes; ``functions(sources)`` gives what templates may call."""

    def __init__(self, look: Lookup, title: str, nav: Sequence[Nav]) -> None:
        self._look, self._title, self._nav = look, title, nav
        self._environment, (self._style, self._hash) = environment(), style()

    def render(self, page: Page, functions: Mapping[str, Any], sources: Sources) -> bytes:
        """The page's bytes."""
        known = {
            "path": page.path,
            "title": page.title,
            "site_title": self._title,
            "nav": self._nav,
            "look": self._look,
            "style": self._style,
            "style_hash": self._hash,
            "sources": sources,
            "t": Terms(page.path),
            "to": lambda target: href(page.path, target),
            "page_of": page_of,
            "unsafe": unsafe,
            "bytes_check": Bytes,
            "show_line": _show_line,
        }
        template = self._environment.get_template(page.template)
        return (template.render({**known, **functions, **page.values}) + "\n").encode("utf-8")


def link(origin: str, target: str, words: str, kind: str = "") -> Markup:
    """A link from one page to another, around words that anybody may have written."""
    attribute = Markup(' class="{}"').format(kind) if kind else ""
    return Markup('<a{} href="{}"><bdi>{}</bdi></a>').format(
        attribute, href(origin, target), text.shown(words)
    )


def _show_line(file: File) -> str:
    return Bytes(file).lines[0].removesuffix(" | sha256sum")


@cache
def style(*more: str) -> tuple[Markup, str]:
    """The style sheet (and ``more`` of ours) with its digest as a Content-Security-Policy names it: no other style is obeyed.

    It stands in each page, since a file of its own would need ``'self'``, which some browsers match with no file on a disk.
    """
    folder = files("mlassay.render.site") / "templates"
    data = b"".join((folder / name).read_bytes() for name in ("style.css", *more))
    digest = base64.b64encode(hashlib.sha256(data).digest()).decode()
    return Markup(data.decode()), f"sha256-{digest}"  # noqa: S704 - our own file


@cache
def environment() -> Environment:
    """Every template of ours; what they print is escaped and made visible."""
    folder = files("mlassay.render.site") / "templates"
    templates = {
        each.name: each.read_text("utf-8") for each in folder.iterdir() if each.name.endswith(".html")
    }
    made = Environment(
        loader=DictLoader(templates),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_said,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "moment": text.moment,
        "day": text.day,
        "machine": text.machine,
        "sentence": text.sentence,
    }
    return made


def _said(value: object) -> object:
    """Every value that a template prints passes here: text becomes visible and bounded, and None is a mistake of ours."""
    if isinstance(value, Markup | Undefined | int):
        return value
    if isinstance(value, str):
        return text.shown(value)
    raise TypeError(f"a page would print {type(value).__name__}")
