"""Reads a JUnit XML report that hostile code may have written: bounded, and without entities."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree as ET

MAX_BYTES = 8 << 20
MOST_CASES = 100_000
MOST_DEPTH = 32
NAME = 160
_DECLARATION = re.compile(rb"<!\s*(DOCTYPE|ENTITY|ELEMENT|ATTLIST|NOTATION)", re.IGNORECASE)


class NotJUnitError(ValueError):
    """The bytes are no JUnit report that may be read; the message says why."""


@dataclass(frozen=True, slots=True)
class Cases:
    """Counts of test cases, and the names of those that failed, in the report's order."""

    total: int
    failed: tuple[str, ...]
    skipped: int

    @property
    def passed(self) -> int:
        """Cases that ran and did not fail."""
        return self.total - len(self.failed) - self.skipped

    @classmethod
    def together(cls, parts: Sequence[Cases]) -> Cases:
        """The cases of several reports."""
        failed = tuple(name for part in parts for name in part.failed)
        return cls(sum(part.total for part in parts), failed, sum(part.skipped for part in parts))


def read_junit(data: bytes) -> Cases:
    """Count what ``data`` reports, from its test cases and never from its own totals; NotJUnitError when it may not be read."""
    if fault := xml_fault(data, MAX_BYTES):
        raise NotJUnitError(fault)
    return _count(data)


def xml_fault(data: bytes, most: int) -> str:
    """Why bytes are no XML that may be parsed: size, encoding, a document type or entities; "" when they may be."""
    if len(data) > most:
        return f"it is larger than {most >> 20} MiB"
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        # In another encoding a declaration could hide from the search below.
        return "it is not UTF-8"
    if b"\0" in data or _DECLARATION.search(data):
        return "it declares a document type or entities"
    if re.search(rb"<\?xml[^>]*encoding\s*=\s*[\"'](?!utf-?8[\"'])", data[:200], re.IGNORECASE):
        return "it names another encoding than UTF-8"
    return ""


def _count(data: bytes) -> Cases:
    parser: Any = ET.XMLPullParser(events=("start", "end"))
    depth = total = skipped = 0
    failed: list[str] = []
    try:
        for start in range(0, len(data), 1 << 16):
            parser.feed(data[start : start + (1 << 16)])
            for event, element in parser.read_events():
                depth += 1 if event == "start" else -1
                if depth > MOST_DEPTH or total > MOST_CASES:
                    raise NotJUnitError("it is nested too deeply or names too many tests")
                if event == "start" and depth == 1 and element.tag not in {"testsuites", "testsuite"}:
                    raise NotJUnitError("its root is no test suite")
                if event == "end" and element.tag == "testcase":
                    total += 1
                    kinds = {child.tag for child in element}
                    if kinds & {"failure", "error"}:
                        failed.append(_name(element))
                    elif "skipped" in kinds:
                        skipped += 1
                    element.clear()
        parser.close()
    except ET.ParseError as error:
        raise NotJUnitError(f"it is no well-formed XML (line {error.position[0]})") from None
    return Cases(total, tuple(failed), skipped)


def _name(case: ET.Element) -> str:
    parts = [case.get("classname") or "", case.get("name") or "a test without a name"]
    text = ".".join(part for part in parts if part)
    flat = " ".join("".join(c if c.isprintable() else " " for c in text).split()).replace("::", ": ")
    return flat if len(flat) <= NAME else flat[: NAME - 1] + "…"
