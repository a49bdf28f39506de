"""Problems as findings: each under the rule that names it, with what an innocent explanation could be and what to do."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mlassay.audit.rules import RULES
from mlassay.errors import Problem
from mlassay.evidence import layout


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that breaks ``rule``: at which main-line ``commit`` ("" where it is no single one's) and ``path``.

    ``why`` it matters, how it may have come about without ill will (``innocent``), and what to do (``remedy``).
    """

    rule: str
    commit: str
    path: str
    what: str
    why: str
    innocent: str
    remedy: str


def finding_of(problem: Problem) -> Finding:
    """The finding that a problem is."""
    rule = RULES[rule_of(problem)]
    what = problem.what if problem.line is None else f"line {problem.line}: {problem.what}"
    why = problem.why or f"it must hold that {rule.what}"
    return Finding(
        rule.id, problem.commit, problem.path, what, why, rule.innocent, problem.remedy or rule.remedy
    )


def named(problem: Problem, commit: str = "") -> Problem:
    """The same problem with its rule, and with ``commit`` where it names none."""
    return replace(problem, rule=rule_of(problem), commit=problem.commit or commit)


def rule_of(problem: Problem) -> str:
    """The rule that a problem breaks: the one that it names, else that of the place where its file lies.

    Readers of JSON and YAML do not know whose file they read; that a file cannot be read breaks the rule of its kind.
    """
    return problem.rule if problem.rule in RULES else _by_place(problem.path)


def _by_place(path: str) -> str:
    if layout.is_review_record(path):
        return "review-record"
    for prefix, rule in _PLACES:
        if path.startswith(prefix):
            return rule
    if layout.is_guarded(path):
        return "pushed-manifest"
    return "evidence-source" if path else "object"


_PLACES = (
    (layout.EVIDENCE, "evidence-bytes"),
    (layout.PROMOTIONS, "record-bytes"),
    (layout.CHANGES, "record-bytes"),
    (layout.WAIVERS, "waiver"),
    (layout.GOVERNANCE, "pushed-governance"),
    (layout.ENVIRONMENTS, "pushed-pointer"),
)
