"""A verdict as one page for a person: a single HTML file without script, server or network; the same bytes for the same verdict."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mlassay.evidence import Finding, Verdict
from mlassay.render.meaning import for_whom, how_much, in_one_sentence, rows_wanted
from mlassay.render.measures import mapping
from mlassay.render.site.engine import environment, style
from mlassay.render.site.terms import GATES, GLOSSARY, NUMBERS
from mlassay.render.text import MEANING, criteria_text, ordered, where
from mlassay.render.unshown import ALWAYS, TITLE, unseen
from mlassay.render.verdict.bars import drift, importance
from mlassay.render.verdict.curves import dependence, flips, ordering
from mlassay.render.verdict.limits import limits
from mlassay.render.verdict.picture import Figure
from mlassay.render.verdict.rates import groups
from mlassay.render.verdict.trade import trade_off

FINDINGS = 60
_WORDS = (
    "finding",
    "gate",
    "criteria",
    "group",
    "margin",
    "release",
    "digest",
    "self-reported",
    "verdict",
    "waiver",
)


@dataclass(frozen=True, slots=True)
class Part:
    """A chapter of pictures, with its place in the page and the word for it in the list at the top."""

    id: str
    word: str
    figures: tuple[Figure, ...]


@dataclass(frozen=True, slots=True)
class Wrong:
    """A finding that does not hold, with what a reader asks next."""

    gate: str
    finding: Finding
    whom: str
    much: str
    rows: str
    where: str
    self_reported: bool


def verdict_page(verdict: Verdict, live: Verdict | None = None) -> bytes:
    """The page of ``verdict``, beside that of the release that ran when it was tested, where that is known."""
    sheet, digest = style("verdict.css")
    wrong, parts = list(_wrong(verdict)), list(_parts(verdict, live))
    contents = [
        *([("wrong", "What is wrong or open")] if wrong else []),
        ("gates", "Gates"),
        *((part.id, part.word) for part in parts),
        ("unshown", TITLE),
        ("inputs", "What was tested"),
    ]
    measured = sorted({name for gate in verdict.gates for name in NUMBERS if _names(gate.criteria, name)})
    values = {
        "style": sheet,
        "style_hash": digest,
        "verdict": verdict,
        "sentence": in_one_sentence(verdict),
        "meaning": MEANING[verdict.outcome],
        "risk": str(verdict.risk.get("level", "unknown")),
        "contents": contents,
        "wrong": wrong[:FINDINGS],
        "more": max(0, len(wrong) - FINDINGS),
        "parts": parts,
        "gate_words": GATES,
        "criteria": criteria_text,
        "unshown_title": TITLE,
        "always": ALWAYS,
        "unseen": unseen(verdict.gates)[:60],
        "words": [
            *((word, GLOSSARY[word]) for word in _WORDS),
            *((name.replace("_", " "), NUMBERS[name]) for name in measured),
        ],
        "inputs": sorted(verdict.inputs.items()),
        "live_words": ", beside the verdict of the release that ran then" if live else "",
    }
    return (environment().get_template("verdict.html").render(values).lstrip() + "\n").encode()


def _names(criteria: object, name: str) -> bool:
    return name in mapping(criteria)


def _wrong(verdict: Verdict) -> Iterator[Wrong]:
    told = [(gate, finding) for gate in verdict.gates for finding in ordered(gate.findings)]
    for gate, finding in sorted(told, key=lambda pair: pair[1].outcome != "failed"):
        yield Wrong(
            gate.gate,
            finding,
            for_whom(verdict, gate, finding),
            how_much(gate, finding),
            rows_wanted(finding),
            where(finding),
            gate.self_reported,
        )


def _parts(verdict: Verdict, live: Verdict | None) -> Iterator[Part]:
    turned, leaning = flips(verdict), (importance(verdict), dependence(verdict))
    chapters = [
        ("limits", "Numbers against their limits", (limits(verdict),)),
        ("trade", "Beside the live release", (trade_off(verdict, live),)),
        ("groups", "Groups side by side", tuple(groups(verdict))),
        ("scores", "Scores", tuple(ordering(verdict))),
        ("flips", "Small changes", (turned,)),
        ("leaning", "What it leans on", leaning),
        ("drift", "Drift", tuple(drift(verdict))),
    ]
    for id_, word, figures in chapters:
        known = tuple(figure for figure in figures if figure is not None)
        if known:
            yield Part(id_, word, known)
