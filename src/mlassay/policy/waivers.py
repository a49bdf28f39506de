"""Whether a gate that did not pass may be carried by somebody's signed, expiring word."""

from __future__ import annotations

from collections.abc import Iterator

from mlassay.evidence.records import Waiver
from mlassay.evidence.verdict import Outcome
from mlassay.policy.approvals import TOLERANCE, excluded, key_fault
from mlassay.policy.reasons import fault
from mlassay.policy.types import Demand, PromotionCase, Signed


def waiver_demand(case: PromotionCase, gate: str, outcome: Outcome) -> Demand:
    """The demand ``waiver.<gate>`` for a gate with this outcome."""
    roles = case.policy.waivable.get(str(outcome), ())
    id_ = f"waiver.{gate}"
    if not roles:
        what = f"the gate {gate} is {outcome}, and policy lets nobody waive that"
        return Demand(id_, met=False, what=what, remedy="make a release that passes")
    faults = []
    for waiver in (w for w in case.waivers if w.record.gate == gate):
        if not (why := "; ".join(waiver_faults(case, waiver, roles))):
            record = waiver.record
            what = f"{gate} is {outcome}, waived by {record.person} until {record.until}: {record.reason}"
            return Demand(id_, met=True, what=what)
        faults.append(f"the waiver of {waiver.record.person} does not hold: {why}")
    what = f"the gate {gate} is {outcome}, and the request leans on no waiver that holds"
    remedy = (
        f"a person with the role {' or '.join(roles)} runs: "
        f"mlassay waive {gate} {case.request.record.release} --reason … --until …; then ask for the promotion anew"
    )
    return Demand(id_, met=False, what="; ".join([what, *faults]), remedy=remedy)


def waiver_faults(case: PromotionCase, waiver: Signed[Waiver], roles: tuple[str, ...]) -> Iterator[str]:
    """Everything that keeps this waiver from holding now."""
    record, taken = waiver.record, excluded(case)
    person = case.people.people.get(record.person)
    if person is None or not set(roles) & set(person.roles):
        yield f"{record.person} has none of the roles that may ({', '.join(roles)})"
    if record.person in taken:
        yield f"{record.person} {taken[record.person]}"
    if why := key_fault(case, waiver.key):
        yield why
    if record.release_digest != case.request.record.release_digest:
        yield "it is for another release"
    if case.now.date() > record.until:
        yield f"it ended on {record.until}"
    if (record.until - record.at.date()).days > case.policy.waiver_days:
        yield f"it is longer than the {case.policy.waiver_days} days that policy allows"
    if record.at > case.now + TOLERANCE:
        yield "it is dated in the future"
    if why_not := fault(record.reason):
        yield f"its reason will not do: {why_not}"
