"""Licences of locked packages, from what is installed of them, held against the ones that are allowed."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from email.parser import HeaderParser
from pathlib import Path

from mlassay.config.locks import Pin, normal

METADATA_BYTES = 1 << 20
# Names of the classifiers that packages still use instead of an SPDX expression.
_CLASSIFIERS = {
    "MIT License": "MIT",
    "BSD License": "BSD",
    "Apache Software License": "Apache-2.0",
    "ISC License (ISCL)": "ISC",
    "Python Software Foundation License": "PSF-2.0",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "GNU General Public License v2 (GPLv2)": "GPL-2.0-only",
    "GNU General Public License v2 or later (GPLv2+)": "GPL-2.0-or-later",
    "GNU General Public License v3 (GPLv3)": "GPL-3.0-only",
    "GNU General Public License v3 or later (GPLv3+)": "GPL-3.0-or-later",
    "GNU Lesser General Public License v2 or later (LGPLv2+)": "LGPL-2.1-or-later",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only",
    "GNU Affero General Public License v3": "AGPL-3.0-only",
    "The Unlicense (Unlicense)": "Unlicense",
    "zlib/libpng License": "Zlib",
}
_NAMES = {
    "mit license": "MIT",
    "the mit license": "MIT",
    "apache 2.0": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "new bsd": "BSD-3-Clause",
    "bsd 3-clause": "BSD-3-Clause",
    "bsd-3": "BSD-3-Clause",
    "bsd": "BSD",
    "psf": "PSF-2.0",
}
_TOKEN = re.compile(r"\(|\)|[A-Za-z0-9.+:-]+")


def installed(prefix: Path, pins: Iterable[Pin]) -> dict[str, str]:
    """Package -> licence as its metadata tell it, of each pin that is installed below ``prefix`` in exactly that version.

    Only text files are read; nothing is imported.
    """
    wanted = {(pin.name, pin.version) for pin in pins}
    found: dict[str, str] = {}
    for site in sorted(prefix.glob("lib*/python3.*/site-packages")):
        for folder in site.glob("*.dist-info"):
            metadata = folder / "METADATA"
            if not metadata.is_file() or metadata.stat().st_size > METADATA_BYTES:
                continue
            name, _, version = folder.name.removesuffix(".dist-info").rpartition("-")
            if (normal(name), version) in wanted:
                text = metadata.read_text("utf-8", errors="replace")
                if licence := _told(text):
                    found.setdefault(normal(name), licence)
    return found


def _told(text: str) -> str:
    """The SPDX expression of a package's metadata, else what its classifiers or its free words mean; "" when unclear."""
    headers = HeaderParser().parsestr(text, headersonly=True)
    if expression := headers.get("License-Expression"):
        return " ".join(expression.split())
    named = [
        _CLASSIFIERS.get(line.rpartition(" :: ")[2], line.rpartition(" :: ")[2])
        for line in headers.get_all("Classifier", [])
        if line.startswith("License :: ") and line != "License :: OSI Approved"
    ]
    if named:
        return " AND ".join(sorted({name.replace(" ", "-") for name in named}))
    words = " ".join((headers.get("License") or "").split())
    if not words or len(words) > 60 or words.upper() == "UNKNOWN":
        return ""
    return _NAMES.get(
        words.lower(), words.replace(" ", "-") if " " in words and "OR" not in words.split() else words
    )


def allowed(licence: str, allow: Collection[str]) -> bool:
    """Whether an SPDX expression can be met with licences of ``allow`` alone: one side of OR, both sides of AND."""
    known = {name.lower() for name in allow}
    if licence.lower() in known:
        return True
    tokens = _TOKEN.findall(licence)
    value, rest = _either(tokens, known)
    return value and not rest


def _either(tokens: list[str], known: set[str]) -> tuple[bool, list[str]]:
    value, rest = _both(tokens, known)
    while rest and rest[0].upper() == "OR":
        more, rest = _both(rest[1:], known)
        value = value or more
    return value, rest


def _both(tokens: list[str], known: set[str]) -> tuple[bool, list[str]]:
    value, rest = _one(tokens, known)
    while rest and rest[0].upper() == "AND":
        more, rest = _one(rest[1:], known)
        value = value and more
    return value, rest


def _one(tokens: list[str], known: set[str]) -> tuple[bool, list[str]]:
    if not tokens:
        return False, []
    if tokens[0] == "(":
        value, rest = _either(tokens[1:], known)
        return (value, rest[1:]) if rest[:1] == [")"] else (False, rest)
    if tokens[1:2] and tokens[1].upper() == "WITH":
        # An exception only ever permits more.
        return f"{tokens[0]} with {' '.join(tokens[2:3])}".lower() in known or tokens[
            0
        ].lower() in known, tokens[3:]
    return tokens[0].lower() in known, tokens[1:]


def told_licences(pins: Iterable[Pin], prefix: Path, known: Mapping[str, str]) -> dict[str, str]:
    """Package -> licence ("" where nobody told): what people declared in ml.yaml goes before what is installed."""
    pins = [pin for pin in pins if not pin.local]
    there = installed(prefix, pins)
    declared = {normal(name): licence for name, licence in known.items()}
    return {pin.name: declared.get(pin.name) or there.get(pin.name, "") for pin in pins}
