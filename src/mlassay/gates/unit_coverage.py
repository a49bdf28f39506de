"""Reads a coverage report that hostile code may have written, Cobertura XML or lcov: lines counted, totals not believed."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import Any
from xml.etree import ElementTree as ET

from mlassay.digest import decimal_string
from mlassay.evidence.verdict import Finding, Outcome
from mlassay.gates.common import CRITERIA_FILE, Criteria
from mlassay.gates.unit_junit import MOST_DEPTH, xml_fault

MAX_BYTES = 32 << 20
MOST_LINES = 2_000_000
_WHY = "code that no test reaches can be anything"


class NotCoverageError(ValueError):
    """The bytes are no coverage report that may be read; the message says why."""


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines that a report names, and how many of them were reached; a line that is named twice counts once."""

    total: int
    reached: int


def read_coverage(data: bytes) -> Lines:
    """Count the lines of a Cobertura or lcov report; NotCoverageError when it may not be read."""
    hits = _cobertura(data) if data.lstrip()[:1] == b"<" else _lcov(data)
    return Lines(len(hits), sum(hits.values()))


def coverage_finding(criteria: Criteria, covered: Lines | str) -> list[Finding]:
    """The finding that holds the share of lines reached against ``coverage.min``; none where it is not declared."""
    least = criteria.values.get("coverage", {}).get("min")
    if least is None:
        return []
    line = criteria.line("coverage", "min")
    if isinstance(covered, str) or not covered.total:
        what = "the tests left no coverage report that can be read"
        what += f": {covered}" if isinstance(covered, str) and covered else ""
        remedy = "let the command write coverage.xml (pytest --cov --cov-report=xml) or lcov.info, or name it in 'report'"
        return [Finding("unit.coverage", Outcome.INCONCLUSIVE, what, _WHY, remedy, CRITERIA_FILE, line)]
    floor = Fraction(str(least))
    share = decimal_string(covered.reached / covered.total, 4)
    numbers: dict[str, str | int] = {"lines": covered.total, "reached": covered.reached, "share": share}
    told = f"{covered.reached} of {covered.total} lines are reached by the tests ({share}, self-reported)"
    if covered.reached >= floor * covered.total:
        return [Finding("unit.coverage", Outcome.PASSED, told, "", "", CRITERIA_FILE, line, numbers)]
    lacking = ceil(floor * covered.total) - covered.reached
    remedy = (
        f"test {lacking} lines more; as it is, a min of {share} would pass, which leaves as much untested"
    )
    numbers["lines_to_pass"] = lacking
    what = f"{told}, and {least} must be"
    return [Finding("unit.coverage", Outcome.FAILED, what, _WHY, remedy, CRITERIA_FILE, line, numbers)]


def _cobertura(data: bytes) -> dict[tuple[str, int], bool]:
    if fault := xml_fault(data, MAX_BYTES):
        raise NotCoverageError(fault)
    parser: Any = ET.XMLPullParser(events=("start", "end"))
    hits: dict[tuple[str, int], bool] = {}
    depth, file = 0, ""
    try:
        for start in range(0, len(data), 1 << 16):
            parser.feed(data[start : start + (1 << 16)])
            for event, element in parser.read_events():
                depth += 1 if event == "start" else -1
                if depth > MOST_DEPTH or len(hits) > MOST_LINES:
                    raise NotCoverageError("it is nested too deeply or names too many lines")
                if event == "start" and depth == 1 and element.tag != "coverage":
                    raise NotCoverageError("its root is not coverage")
                if event == "start" and element.tag == "class":
                    file = element.get("filename") or ""
                elif event == "end":
                    if element.tag == "line":
                        _hit(hits, file, element.get("number"), element.get("hits"))
                    element.clear()
        parser.close()
    except ET.ParseError as error:
        raise NotCoverageError(f"it is no well-formed XML (line {error.position[0]})") from None
    return hits


def _lcov(data: bytes) -> dict[tuple[str, int], bool]:
    if len(data) > MAX_BYTES:
        raise NotCoverageError(f"it is larger than {MAX_BYTES >> 20} MiB")
    hits: dict[tuple[str, int], bool] = {}
    file = ""
    for line in data.decode("utf-8", errors="replace").splitlines():
        kind, _, rest = line.strip().partition(":")
        if kind == "SF":
            file = rest
        elif kind == "DA":
            number, _, count = rest.partition(",")
            _hit(hits, file, number, count.partition(",")[0])
        if len(hits) > MOST_LINES:
            raise NotCoverageError("it names too many lines")
    if not hits:
        raise NotCoverageError("it is neither Cobertura XML nor lcov")
    return hits


def _hit(hits: dict[tuple[str, int], bool], file: str, number: str | None, count: str | None) -> None:
    try:
        at, times = int(number or ""), int(count or "")
    except ValueError:
        raise NotCoverageError("a line in it has no number, or no count") from None
    if times < 0 or at < 0:
        raise NotCoverageError("a line in it was reached less than never")
    hits[file, at] = hits.get((file, at), False) or times > 0
