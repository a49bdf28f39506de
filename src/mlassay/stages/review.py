"""What a reviewer must see before signing: what changes, what was measured, who is worse off, what is accepted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import unified_diff
from typing import Any

from mlassay.case.main_line import MainLine
from mlassay.evidence import layout
from mlassay.evidence.codec import read_verdict
from mlassay.evidence.records import Question, Waiver, Weakening
from mlassay.evidence.verdict import GateReport, Verdict
from mlassay.git import Change, Entry, Repository
from mlassay.policy import Case, Decision, PromotionCase, decide
from mlassay.stages._landed import Landed, landed
from mlassay.stages.requests import Desk, Found, needed

ABSENT = "unknown"
DIFFED = 200_000  # bytes of one file


@dataclass(frozen=True, slots=True)
class GroupRow:
    """One group's rate of the favourable answer (decimal strings), and what it is compared with.

    ``against`` names the other rate: the same group's under the live release, or the best-off group's. ``ratio`` and
    its interval are the bias gate's own, against its reference group. ``selected`` of ``rows`` got the favourable
    answer (-1: nobody counted), ``live_selected`` of ``live_rows`` of the same group under the live release.
    """

    column: str
    group: str
    rows: int
    rate: str
    against: str
    against_rate: str
    worse: bool
    ratio: str
    lower: str
    upper: str
    selected: int = -1
    live_selected: int = -1
    live_rows: int = 0


@dataclass(frozen=True, slots=True)
class Review:
    """Everything that is shown before an approval is signed; ``earlier`` is the reader's own last approval that landed."""

    case: Case
    decision: Decision
    verdict: Verdict | None
    live_verdict: Verdict | None
    groups: tuple[GroupRow, ...]
    weakenings: tuple[Weakening, ...]
    waivers: tuple[Waiver, ...]
    questions: tuple[Question, ...]
    changed: tuple[Change, ...]
    diff: tuple[str, ...] = ()
    earlier: Landed | None = None
    earlier_verdict: Verdict | None = None

    @property
    def live(self) -> str | None:
        """The release that runs there now."""
        return self.case.live if isinstance(self.case, PromotionCase) else None


def review(desk: Desk, request: str, person: str = "") -> Review:
    """The review of an open request for one person, from git objects."""
    found = needed(desk, request)
    return review_at(desk, desk.line(), found, person)


def review_at(desk: Desk, line: MainLine, found: Found, person: str = "") -> Review:
    """The same of a request that stands at ``found``, whether or not a forge knows of it yet."""
    case = desk.case(line, found)
    verdict = live_verdict = None
    if isinstance(case, PromotionCase):
        verdict = verdict_of(desk.repository, line.tip, case.request.record.release)
        live_verdict = verdict_of(desk.repository, line.tip, case.live) if case.live else None
    earlier = _earlier(desk.repository, line.tip, person)
    changed = desk.repository.changes(desk.repository.merge_base(line.tip, found.pull.head), found.pull.head)
    return Review(
        case=case,
        decision=decide(case),
        verdict=verdict,
        live_verdict=live_verdict,
        groups=tuple(group_rows(verdict, live_verdict)) if verdict else (),
        weakenings=case.request.record.weakenings if isinstance(case, PromotionCase) else (),
        waivers=tuple(w.record for w in case.waivers) if isinstance(case, PromotionCase) else (),
        questions=case.request.record.questions,
        changed=tuple(change for change in changed if not change.path.startswith(found.name.folder)),
        diff=()
        if isinstance(case, PromotionCase)
        else tuple(_diff(desk.repository, changed, found.name.folder)),
        earlier=earlier,
        earlier_verdict=verdict_of(desk.repository, line.tip, earlier.request.release) if earlier else None,
    )


def _diff(repository: Repository, changed: list[Change], but: str) -> Iterator[str]:
    """What the rules said and will say, line by line."""
    for change in changed:
        if change.path.startswith(but):
            continue
        old, new = (_text(repository, entry, change.path) for entry in (change.old, change.new))
        yield from unified_diff(old, new, f"{change.path} now", f"{change.path} then", lineterm="")


def _text(repository: Repository, entry: Entry | None, path: str) -> list[str]:
    if entry is None or not entry.is_file:
        return []
    return repository.blob(entry.id, path)[:DIFFED].decode("utf-8", "replace").splitlines()


def _earlier(repository: Repository, tip: str, person: str) -> Landed | None:
    """The newest promotion on the main line that this person approved."""
    return next((one for one in landed(repository, tip) if person in {a.person for a in one.approvals}), None)


def verdict_of(repository: Repository, commit: str, release: str) -> Verdict | None:
    """The verdict in a release's evidence; None when it has none."""
    path = f"{layout.evidence_dir(release)}/{layout.VERDICT}"
    data = repository.read(commit, path)
    return read_verdict(data, path) if data is not None else None


def group_rows(verdict: Verdict, live: Verdict | None) -> Iterator[GroupRow]:
    """Each group that the bias gate counted, beside the same group under the live release or the best-off group."""
    report, before = _bias(verdict), _bias(live) if live else None
    if report is None:
        return
    for column, groups in _columns(report).items():
        old = {g["group"]: g for g in _columns(before).get(column, ())} if before else {}
        best = max(groups, key=lambda g: _number(_rate(g)), default=None)
        for group in groups:
            if group["group"] in old:
                against, other = "the live release", _rate(old[group["group"]])
            else:
                against, other = (str(best["group"]), _rate(best)) if best else (ABSENT, ABSENT)
            gap = _gap(report, str(group["group"]))
            live_group = old.get(group["group"], {})
            yield GroupRow(
                column=str(column),
                group=str(group["group"]),
                rows=int(group.get("rows", 0)),
                rate=_rate(group),
                against=against,
                against_rate=other,
                worse=_number(_rate(group)) < _number(other),
                ratio=str(gap.get("gap", "")),
                lower=str(gap.get("lower", "")),
                upper=str(gap.get("upper", "")),
                selected=_count(group, "selected"),
                live_selected=_count(live_group, "selected"),
                live_rows=max(0, _count(live_group, "rows")),
            )


def _bias(verdict: Verdict) -> GateReport | None:
    return next((report for report in verdict.gates if report.gate == "bias"), None)


def _columns(report: GateReport) -> Mapping[str, list[Mapping[str, Any]]]:
    """The groups of each sensitive column; what is not of the shape that the bias gate writes is left out."""
    columns = report.measured.get("columns", {})
    if not isinstance(columns, Mapping):
        return {}
    found = {}
    for name, table in columns.items():
        groups = table.get("groups", []) if isinstance(table, Mapping) else []
        found[str(name)] = [g for g in groups if isinstance(g, Mapping) and "group" in g]
    return found


def _rate(group: Mapping[str, Any]) -> str:
    rate = group.get("selection_rate", {})
    return str(rate.get("rate", ABSENT)) if isinstance(rate, Mapping) else ABSENT


def _gap(report: GateReport, group: str) -> Mapping[str, str | int]:
    wanted = f"bias.selection_rate_ratio.{group.replace(' & ', '&')}"
    return next((finding.numbers for finding in report.findings if finding.id == wanted), {})


def _count(group: Mapping[str, Any], name: str) -> int:
    value = group.get(name, -1)
    return value if isinstance(value, int) and not isinstance(value, bool) else -1


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")  # compares as not worse; the text itself is shown
