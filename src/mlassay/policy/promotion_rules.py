"""The rules of a promotion, each a small function from case to demands; unknown is never met."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mlassay.config import Level
from mlassay.evidence.verdict import Outcome
from mlassay.policy.approvals import Standing, approve_command, count_demands, key_fault
from mlassay.policy.types import Demand, PromotionCase
from mlassay.policy.waivers import waiver_demand
from mlassay.policy.weakenings import below_floors, weakenings

ASK_ANEW = "open a new request: this one was made for another state of the main line"
ISOLATING = frozenset({"bubblewrap"})
"""The kinds of isolation that there are but "none"; a word that nobody knows proves nothing."""
A_POLICY = "let governance/policy.yaml say it, then: mlassay propose --reason …"


def order(case: PromotionCase) -> Iterator[Demand]:
    """A release enters each environment only from the one before it."""
    environment, known = case.request.record.environment, case.policy.environments
    if environment not in known:
        remedy = f"environments in order are: {', '.join(known) or 'none'}"
        yield Demand("order", met=False, what=f"policy knows no environment {environment}", remedy=remedy)
        return
    at = known.index(environment)
    if at == 0:
        yield Demand("order", met=True, what=f"{environment} is the first environment")
        return
    before = known[at - 1]
    held = case.request.record.release_digest in case.held
    yield Demand(
        "order",
        held,
        f"{before} {'holds or held' if held else 'never held'} this release",
        "" if held else f"mlassay promote {before} {case.request.record.release}",
    )


def unmoved(case: PromotionCase) -> Iterator[Demand]:
    """The pointer, the evidence and the policy are what they were when the request was made."""
    request = case.request.record
    for id_, what, asked, now in (
        ("previous-pointer", "the pointer that it replaces", request.previous, case.previous),
        ("evidence-tree", "the release's evidence", request.evidence_tree, case.evidence_tree),
        ("policy-unchanged", "the policy", request.policy, case.policy.digest),
    ):
        met = asked == now
        yield Demand(
            id_,
            met,
            f"{what} is {'still' if met else 'no longer'} what it was when this was asked",
            "" if met else ASK_ANEW,
            final=not met,
        )


def pointer(case: PromotionCase) -> Iterator[Demand]:
    """The pointer that lands is the one in the request, and it names this release and this promotion."""
    request = case.request.record
    faults = []
    if case.pointer is None or case.pointer != request.pointer:
        faults.append("the pointer on the branch is not the one that was signed")
    faults += _pointer_faults(case, request.pointer)
    what = "; ".join(faults) or f"{request.environment} will point at {request.release}"
    yield Demand("pointer", not faults, what, "open a new request with mlassay promote" if faults else "")


def _pointer_faults(case: PromotionCase, pointer: Mapping[str, Any]) -> Iterator[str]:
    request = case.request.record
    if pointer.get("environment") != request.environment or pointer.get("promotion") != case.id:
        yield "it names another environment or another promotion"
    live = [r for r in pointer.get("releases", []) if r.get("role") == "live"]
    if pointer.get("state") != "live" or len(live) != 1 or len(pointer.get("releases", [])) != 1:
        yield "exactly one release must be live, and no other"
        return
    model = case.release.model_sha256 if case.release else None
    asked = (request.release, request.release_digest, model)
    if (live[0].get("release"), live[0].get("digest"), live[0].get("model", {}).get("sha256")) != asked:
        yield "it names another release, digest or model than the request and its evidence"


def evidence(case: PromotionCase) -> Iterator[Demand]:
    """Every signature and digest of the release's evidence holds, and it is the release that was asked for."""
    facts, request = case.release, case.request.record
    if facts is None:
        yield Demand(
            "evidence-valid",
            met=False,
            what=f"there is no evidence of {request.release}",
            remedy="mlassay record",
        )
        return
    faults = [str(problem) for problem in facts.problems]
    if facts.digest != request.release_digest or facts.id != request.release:
        faults.append("the request names another release digest than the evidence")
    what = "; ".join(faults) or "every signature and digest of its evidence holds"
    yield Demand("evidence-valid", not faults, what, f"mlassay verify {request.release}" if faults else "")


def gates(case: PromotionCase) -> Iterator[Demand]:
    """Every gate that policy lists for the level, and every other that ran, has passed or is waived."""
    level = case.level
    if level is None:
        yield Demand(
            "gates",
            met=False,
            what="the release's ml.yaml cannot be read, so its level is unknown",
            remedy="mlassay verify",
        )
        return
    listed = case.policy.gates.get(level, ())
    outcomes = case.release.gates if case.release else {}
    stuck = [gate for gate in listed if gate not in outcomes and gate not in case.policy.exemptions]
    if not listed:
        yield Demand(
            "gates",
            met=False,
            what=f"policy lists no gates for the level {level}",
            remedy=A_POLICY,
        )
        return
    passed = [gate for gate in outcomes if outcomes[gate] is Outcome.PASSED]
    open_ = sorted(gate for gate in outcomes if outcomes[gate] is not Outcome.PASSED)
    what = f"the level is {level}; passed: {', '.join(sorted(passed)) or 'none'}"
    what += f"; did not run: {', '.join(stuck)}" if stuck else ""
    what += "".join(f"; {gate} {outcomes[gate]}" for gate in open_)
    carried = [waiver_demand(case, gate, outcomes[gate]) for gate in open_]
    met = not stuck and all(demand.met for demand in carried)
    yield Demand("gates", met, what, "" if met else "see mlassay show " + case.request.record.release)
    yield from carried


def floors(case: PromotionCase) -> Iterator[Demand]:
    """The criteria that were tested are at least as strict as policy's floors of today."""
    loose = below_floors(case.terms.gates, case.policy) if case.terms else ()
    met = case.terms is not None and not loose
    what = (
        "; ".join(f"{w.what}: {w.before} to {w.after}" for w in loose)
        or "its criteria are not looser than policy's floors"
    )
    yield Demand("floors", met, what, "" if met else "train and test again under the policy of today")


def isolation(case: PromotionCase) -> Iterator[Demand]:
    """From the level that policy names upward, training ran in isolation, and provenance says so."""
    start, level = case.policy.isolation_from, case.level
    held = case.release.isolation if case.release else ""
    needed = start is not None and (level is None or level.rank >= start.rank)
    met = not needed or held in ISOLATING
    remedy = "" if met else "train where bubblewrap works (mlassay doctor says), then record again"
    yield Demand("isolation", met, f"training ran with isolation: {held or 'unknown'}", remedy)


def risk_review(case: PromotionCase) -> Iterator[Demand]:
    """The date by which the risk must be looked at again has not passed."""
    if case.terms is None:
        yield Demand(
            "risk-review", met=False, what="the risk of this release cannot be read", remedy="mlassay verify"
        )
        return
    until = case.terms.risk.review_by
    met = case.now.date() <= until
    remedy = "" if met else "look at the risk again, set risk.review_by in ml.yaml, and make a new release"
    yield Demand("risk-review", met, f"the risk is to be looked at again by {until}", remedy, final=not met)


def weakened(case: PromotionCase, standing: Iterable[Standing]) -> Iterator[Demand]:
    """Each weakening is named in the request and accepted by somebody who may."""
    if case.terms is None or (case.live is not None and case.live_terms is None):
        what = "the terms of this release or of the live one cannot be read, so they cannot be compared"
        yield Demand("weakenings", met=False, what=what, remedy="mlassay verify")
        return
    found = weakenings(case.terms, case.live_terms, case.policy)
    if found != tuple(sorted(case.request.record.weakenings)):
        what = "the request does not name exactly what was weakened"
        yield Demand("weakenings", met=False, what=what, remedy=ASK_ANEW, final=True)
    may = frozenset(case.policy.weakening_roles)
    standing = list(standing)
    for one in found:
        accepted = [
            s.approval.record.person
            for s in standing
            if s.counts and s.person and one.id in s.approval.record.accepts and may & set(s.person.roles)
        ]
        what = f"{one.what} (from {one.before} to {one.after})"
        what += f"; accepted by {', '.join(accepted)}" if accepted else ""
        who = " or ".join(sorted(may)) or "nobody: policy names no role in weakening_roles"
        remedy = f"a person with the role {who} runs: {approve_command(case, f' --accept {one.id}')}"
        yield Demand(f"weakening.{one.id}", bool(accepted), what, "" if accepted else remedy)


def approvals(case: PromotionCase, standing: Iterable[Standing]) -> Iterator[Demand]:
    """As many people as policy asks for this environment at this level."""
    environment, level = case.request.record.environment, case.level
    wanted = case.policy.approvals.get(environment, {}).get(level) if isinstance(level, Level) else None
    if wanted is None:
        what = f"policy says nothing of who approves {environment} at the level {level or 'unknown'}"
        yield Demand("approvals", met=False, what=what, remedy=A_POLICY)
        return
    yield from count_demands(case, standing, wanted, f"{environment} at the level {level}")


def waiver_keys(case: PromotionCase) -> Iterator[Demand]:
    """Every waiver that the request leans on was found as it was named, and its signature holds."""
    named = {(use.path, use.digest) for use in case.request.record.waivers}
    found = {(waiver.path, waiver.digest) for waiver in case.waivers}
    faults = [f"{path} is not there, or was changed" for path, _ in sorted(named - found)]
    faults += [f"{w.path}: {why}" for w in case.waivers if (why := key_fault(case, w.key))]
    if named:
        what = "; ".join(faults) or f"{len(named)} waiver(s) as named"
        yield Demand("waivers", not faults, what, ASK_ANEW if faults else "")
