"""What a verb tells the CI that it runs in: outputs for the next stage, a summary, marks on the lines that decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import MappingProxyType
from typing import TYPE_CHECKING

from mlassay import ci
from mlassay.errors import ConfigurationError, MlassayError

if TYPE_CHECKING:
    from mlassay.evidence import Verdict

MARKS = 10
"""GitHub shows so many errors and so many warnings of one step."""

OUTPUTS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "validate": {
            "level": "the risk level in force",
            "reuse": "a recorded release whose inputs of training and evaluation are all the same, or empty",
            "release": "`true` when a release is to be made of this commit: it touches something that is not only a record",
        },
        "train": {"model": "the model's digest"},
        "test": {
            "verdict": "`passed`, `inconclusive` or `failed`",
            "report": "path of `report.md`",
        },
        "run": {
            "verdict": "`passed`, `inconclusive` or `failed`",
            "report": "path of `report.md`",
        },
        "sign": {"release": "the release's id", "verdict": "`passed`, `inconclusive` or `failed`"},
        "record": {"release": "the release's id", "commit": "the commit that recorded it"},
        "promote": {
            "promotion": "the promotion's id",
            "number": "the pull request's number, or empty",
            "url": "the pull request's address, or empty",
        },
        "decide": {"decision": "`yes` or `no`", "promotion": "the promotion's id"},
        "report": {
            "verdict": "`passed`, `inconclusive`, `failed`, or `none` where there is no verdict",
            "number": "the pull request's number, or empty",
            "url": "the pull request's address, or empty",
        },
        "status": {"overdue": "how many things are overdue; with `--due` only"},
    }
)


def outputs(verb: str, **values: str) -> None:
    """Hand over the outputs of ``verb``: all that `OUTPUTS` promises, and nothing else (KeyError)."""
    if values.keys() != OUTPUTS[verb].keys():
        raise KeyError(verb, sorted(values.keys() ^ OUTPUTS[verb].keys()))
    ci.outputs(values)


def verdict(verb: str, found: Verdict, report: str, path: str) -> None:
    """A whole test: its outputs, ``report`` (Markdown) as the summary, and a mark for each finding that is not passed."""
    outputs(verb, verdict=str(found.outcome), report=path)
    ci.summary(report)
    marks(found)


def marks(found: Verdict) -> None:
    """Mark the line of ml.yaml (or policy.yaml) that set each criterion that is not held, the worst first."""
    from mlassay.evidence import Outcome

    open_ = [finding for gate in found.gates for finding in gate.findings]
    levels: dict[Outcome, ci.Level] = {Outcome.FAILED: "error", Outcome.INCONCLUSIVE: "warning"}
    for outcome, level in levels.items():
        for finding in [each for each in open_ if each.outcome is outcome][:MARKS]:
            text = f"{finding.id} {finding.outcome}: {finding.what} | {finding.remedy}"
            ci.annotate(level, text, finding.path, finding.line)


def summary(title: str, facts: Sequence[tuple[str, str]]) -> None:
    """A short summary: ``title`` and a table of names with what outside text says, escaped here."""
    from mlassay.render.markdown import escape, table

    rows = [[escape(name), escape(text)] for name, text in facts]
    ci.summary("\n".join([f"### {escape(title)}", "", *table(["", ""], rows)]))


def error(found: MlassayError) -> None:
    """Mark each problem of an error, and put them all into the summary."""
    for problem in found.problems[:MARKS]:
        text = " | ".join(part for part in (problem.what, problem.why, problem.remedy) if part)
        ci.annotate("error", text, problem.path, problem.line)
    # The error itself is what must be told: a summary that cannot be written is said by the next verb that tries.
    with suppress(ConfigurationError):
        summary(
            "mlassay could not go on", [(p.where or "-", f"{p.what}. {p.remedy}") for p in found.problems]
        )
