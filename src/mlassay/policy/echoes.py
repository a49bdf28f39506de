"""Which unmet demands only repeat another: an approval that does not count is named once, not again as one too few."""

from __future__ import annotations

from dataclasses import replace

from mlassay.config.demo import is_demo_key
from mlassay.evidence.verdict import Outcome
from mlassay.policy.approvals import TOLERANCE, Standing, excluded, standings, text_fault
from mlassay.policy.decide import decide, demands_of
from mlassay.policy.review_rules import rests_on_approvals
from mlassay.policy.types import Case, Decision, PromotionCase


def echoes(case: Case, decision: Decision | None = None) -> frozenset[str]:
    """Ids of demands that are not met, and say nothing that another unmet one does not say better.

    Safe by making the judgement again: too few approvals are an echo only where they would be enough, had the
    approvals counted that the other demand names.
    """
    unmet = {demand.id for demand in (decision or decide(case)).unmet}
    found = {"records"}  # each record is told of by itself
    if case.request.key is None:
        found.add("request-signature")  # so is the request, as a record that nobody signed
    lacking = {id_ for id_ in unmet if id_ in {"approvals", "outside"} or id_.startswith(_ON_WORDS)}
    if lacking or "questions" in unmet:
        forgiven = tuple(_forgiven(case, unmet))
        still = {demand.id for demand in demands_of(case, forgiven) if not demand.met}
        found |= {id_ for id_ in unmet - still if id_ in lacking or id_ == "questions"}
    if isinstance(case, PromotionCase):
        found |= _of_gates(case, unmet)
    if "reviews" in unmet:
        # What reviews would have met is told by the demand for their record.
        found |= {demand.id for demand in (decision or decide(case)).unmet if rests_on_approvals(demand)}
    return frozenset(found & unmet)


_ON_WORDS = ("weakening.", "owner.")


def _forgiven(case: Case, unmet: set[str]) -> list[Standing]:
    """The standings, had every approval counted whose fault a demand of its own names."""
    taken, told = excluded(case), []
    for one in standings(case):
        approval = one.approval
        key, record = approval.key, approval.record
        demo = key is not None and (key.demo or is_demo_key(key.public))
        named = (
            (key is None and approval.review is None)
            or (record.person in taken and "own-approval" in unmet)
            or (demo and "demo-keys" in unmet)
            or (record.at > case.now + TOLERANCE and "clock" in unmet)
            or (bool(text_fault(case, record)) and "reasons" in unmet)
            or ("already signed another" in one.why_not and "keys" in unmet)
            or ("no answer to" in one.why_not and "questions" in unmet)
        )
        told.append(replace(one, why_not="") if named else one)
    return told


def _of_gates(case: PromotionCase, unmet: set[str]) -> set[str]:
    """Either that a gate did not pass, or that the waiver which was to carry it does not hold; never both."""
    leaned_on = {waiver.record.gate for waiver in case.waivers}
    waived = {f"waiver.{gate}" for gate in leaned_on} & unmet
    found = {id_ for id_ in unmet if id_.startswith("waiver.")} - waived
    outcomes = case.release.gates if case.release else {}
    listed = case.policy.gates.get(case.level, ()) if case.level is not None else ()
    ran = bool(listed) and all(gate in outcomes or gate in case.policy.exemptions for gate in listed)
    open_ = {gate for gate, outcome in outcomes.items() if outcome is not Outcome.PASSED}
    if ran and waived and open_ <= leaned_on:
        found.add("gates")
    if waived and "waivers" in unmet:
        found |= waived  # the waiver itself is not as it was named
    return found
