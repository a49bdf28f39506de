"""Where each page lies: names that no repository can bend, and links that work from a folder on a disk."""

from __future__ import annotations

import hashlib
import re

FRONT = "index.html"

_PLAIN = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")
# What Windows takes for a device, whatever stands behind the dot.
_DEVICES = frozenset(
    {"con", "prn", "aux", "nul", *(f"{name}{n}" for name in ("com", "lpt") for n in range(10))}
)
_DIGESTED = "x-"


def slug(text: str) -> str:
    """``text`` itself where it is a plain lower-case name, else ``x-`` and hex digits of its SHA-256.

    Two texts never share a slug, not even on a file system that ignores case, and none is a path or an option.
    """
    if _PLAIN.fullmatch(text) and text not in _DEVICES and not text.startswith(_DIGESTED):
        return text
    return _DIGESTED + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:24]


def path(kind: str, *key: str, page: int = 1) -> str:
    """The page of one thing: ``release/20261121-8517172c.html``; ``page`` counts the further ones of a long list."""
    name = (
        slug(key[0]) if len(key) == 1 else "-".join(map(slug, key)) if _simple(key) else slug("\0".join(key))
    )
    return f"{kind}/{name}{_number(page)}.html"


def listing(name: str, page: int = 1) -> str:
    """A list's page: ``releases.html``, ``releases.p2.html``. A dot is in no slug."""
    return f"{name}{_number(page)}.html"


def href(origin: str, target: str) -> str:
    """The relative link from the page ``origin`` to ``target``; a fragment alone stays one."""
    if target.startswith("#") or not target:
        return target
    return f"{'../' * origin.count('/')}{target}"


def _simple(key: tuple[str, ...]) -> bool:
    """Whether joined slugs tell where each ends: the last must be an id of fixed length."""
    return (
        all(slug(part) == part for part in key) and re.fullmatch(r"[0-9]{8}-[0-9a-f]{8}", key[-1]) is not None
    )


def _number(page: int) -> str:
    return f".p{page}" if page > 1 else ""
