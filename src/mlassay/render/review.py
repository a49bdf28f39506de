"""What a reviewer reads before signing, on any terminal; words of others are cleaned."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mlassay.config import RISKS
from mlassay.evidence.verdict import GateReport, Verdict
from mlassay.policy import ChangeCase, PromotionCase
from mlassay.render.decision import decision_json
from mlassay.render.text import MARKS, plain
from mlassay.stages.review import GroupRow, Review

LINES = 400  # of a diff


def review_lines(review: Review) -> Iterator[str]:
    """Everything that is being accepted, in the order in which it matters."""
    case = review.case
    record = case.request.record
    when = f"{record.requested_at:%Y-%m-%d %H:%M} UTC"
    if isinstance(case, PromotionCase):
        yield f"{case.id}: release {case.request.record.release} to {case.request.record.environment}"
    else:
        yield f"{case.id}: a change of {', '.join(plain(p.path) for p in case.request.record.paths)}"
    yield f"asked by {plain(record.requester)} on {when}" + (
        f": {plain(record.reason)}" if record.reason else ""
    )
    yield from _changes(review)
    if isinstance(case, PromotionCase):
        yield from _risk(case)
        yield from _gates(review.verdict, review.live_verdict)
        yield from _groups(review)
        yield from _earlier(review)
        yield from _accepted(review)
    yield from _questions(review)


def _changes(review: Review) -> Iterator[str]:
    yield ""
    yield "What changes"
    case = review.case
    if isinstance(case, PromotionCase):
        environment, release = case.request.record.environment, case.request.record.release
        now = f"runs {case.live} now" if case.live else "runs nothing yet"
        yield f"  {environment} {now}; it would run {release}"
        names = sorted({contributor.name for contributor in case.contributors})
        if names:
            yield f"  made since by: {plain(', '.join(names))}"
    for change in review.changed:
        what = "added" if change.old is None else "deleted" if change.new is None else "changed"
        yield f"  {what}: {plain(change.path)}"
    if review.diff:
        yield ""
        yield from (f"  {_kept(line)}" for line in review.diff[:LINES])
        if len(review.diff) > LINES:
            yield f"  … and {len(review.diff) - LINES} more lines: git diff shows them all"


def _risk(case: PromotionCase) -> Iterator[str]:
    yield ""
    yield f"Risk: {case.level or 'unknown'}"
    if case.terms is None:
        return
    for name in RISKS:
        probability, impact = case.terms.risk.probability_impact[name]
        yield f"  {name.replace('_', ' ')}: probability {probability} x impact {impact}"
    yield f"  to be looked at again by {case.terms.risk.review_by}"


def _gates(verdict: Verdict | None, live: Verdict | None) -> Iterator[str]:
    yield ""
    yield "Gates"
    if verdict is None:
        yield "  this release has no verdict"
        return
    before = {report.gate: report for report in live.gates} if live else {}
    for report in verdict.gates:
        yield f"  {MARKS[report.outcome]} {plain(report.gate)} {report.outcome}: {_summary(report)}"
        if old := before.get(report.gate):
            yield f"      live release: {old.outcome}: {_summary(old)}"
    for gate in sorted(before.keys() - {report.gate for report in verdict.gates}):
        yield f"  ! {plain(gate)} did not run; the live release had it"


def _summary(report: GateReport) -> str:
    told = " (self-reported)" if report.self_reported and "self-reported" not in report.summary else ""
    return plain(report.summary) + told


def _groups(review: Review) -> Iterator[str]:
    yield ""
    yield "Who is worse off"
    if not review.groups:
        yield "  unknown: no gate counted decisions by group"
        return
    worse = [row for row in review.groups if row.worse]
    for row in worse:
        yield f"  {_group(row)}"
    if not worse:
        yield "  no counted group gets the favourable answer less often than what it is compared with"
    for row in review.groups:
        if not row.worse:
            yield f"  not worse off: {_group(row)}"


def _group(row: GroupRow) -> str:
    told = f"{plain(row.group)} ({row.rows} rows): favourable rate {plain(row.rate)}"
    if row.against != row.group:
        told += f", {plain(row.against)} {plain(row.against_rate)}"
    if row.ratio:
        told += f"; ratio to the reference {plain(row.ratio)} (95% interval {plain(row.lower)} to {plain(row.upper)})"
    return told


def _earlier(review: Review) -> Iterator[str]:
    if review.earlier is None:
        return
    request = review.earlier.request
    yield ""
    yield f"You last approved {request.release} for {request.environment} on {review.earlier.when:%Y-%m-%d}"
    if review.verdict is None or review.earlier_verdict is None or request.release == review.live:
        return  # the live release stands beside each gate already
    before = {report.gate: report for report in review.earlier_verdict.gates}
    differing = [
        r for r in review.verdict.gates if r.gate not in before or before[r.gate].summary != r.summary
    ]
    for report in differing:
        was = f"was: {_summary(before[report.gate])}" if report.gate in before else "did not run then"
        yield f"  {plain(report.gate)}: {_summary(report)}; {was}"
    if not differing:
        yield "  every gate says what it said then"


def _accepted(review: Review) -> Iterator[str]:
    yield ""
    yield "What is being accepted"
    yield "  the risk that you describe with --risk stays, and your name stands for it"
    for weakening in review.weakenings:
        yield f"  weakened: {plain(weakening.what)}, from {plain(weakening.before)} to {plain(weakening.after)}"
        yield f"      accept it with: --accept {plain(weakening.id)}"
    for waiver in review.waivers:
        yield f"  waived: {plain(waiver.gate)} by {plain(waiver.person)} until {waiver.until}: {plain(waiver.reason)}"
    if not review.weakenings and not review.waivers:
        yield "  no weakening, no waiver"


def _questions(review: Review) -> Iterator[str]:
    for question in review.questions:
        yield ""
        yield f"Open question {plain(question.id)}: {plain(question.question)}"
        yield f"      answer it with: --answer {plain(question.id)}=…"


def review_json(review: Review) -> dict[str, Any]:
    """The same for machines."""
    case = review.case
    value: dict[str, Any] = {
        "id": case.id,
        "requester": case.request.record.requester,
        "reason": case.request.record.reason,
        "changed": [change.path for change in review.changed],
        "diff": list(review.diff),
        "questions": [{"id": q.id, "question": q.question} for q in review.questions],
        "decision": decision_json(case.id, review.decision),
    }
    if isinstance(case, ChangeCase):
        return value
    return value | {
        "environment": case.request.record.environment,
        "release": case.request.record.release,
        "live": case.live,
        "risk": case.level,
        "gates": {r.gate: r.outcome for r in review.verdict.gates} if review.verdict else {},
        "groups": [
            {
                "column": row.column,
                "group": row.group,
                "rows": row.rows,
                "rate": row.rate,
                "against": row.against,
                "against_rate": row.against_rate,
                "worse_off": row.worse,
                "ratio": row.ratio,
                "lower": row.lower,
                "upper": row.upper,
            }
            for row in review.groups
        ],
        "weakenings": [
            {"id": w.id, "what": w.what, "before": w.before, "after": w.after} for w in review.weakenings
        ],
        "waivers": [waiver.as_mapping() for waiver in review.waivers],
    }


def _kept(line: str) -> str:
    """A line of a diff with its indentation, which is what YAML is made of."""
    body = line[1:]
    return line[:1] + body[: len(body) - len(body.lstrip(" "))] + plain(body)
