"""The only judge. Promotion asks it before a merge, audit asks it again ten years later."""

from __future__ import annotations

from collections.abc import Iterator

from mlassay.policy import change_rules, common_rules, line_rules, promotion_rules, requester, review_rules
from mlassay.policy.approvals import Standing, standings
from mlassay.policy.types import Case, ChangeCase, Decision, Demand, PromotionCase


def decide(case: Case) -> Decision:
    """Every demand that policy makes of ``case``, met or not; pure, and the same for ever."""
    standing = standings(case)
    rules = _promotion(case, standing) if isinstance(case, PromotionCase) else _change(case, standing)
    demands = (*rules, *_common(case, standing))
    return Decision((*demands, *review_rules.reviews(case, demands)))


def _promotion(case: PromotionCase, standing: tuple[Standing, ...]) -> Iterator[Demand]:
    yield from promotion_rules.order(case)
    yield from promotion_rules.unmoved(case)
    yield from promotion_rules.pointer(case)
    yield from common_rules.only_its_own_paths(case, frozenset({case.pointer_path}))
    yield from promotion_rules.evidence(case)
    yield from promotion_rules.gates(case)
    yield from promotion_rules.waiver_keys(case)
    yield from promotion_rules.floors(case)
    yield from promotion_rules.isolation(case)
    yield from promotion_rules.risk_review(case)
    yield from promotion_rules.weakened(case, standing)
    yield from promotion_rules.approvals(case, standing)


def _change(case: ChangeCase, standing: tuple[Standing, ...]) -> Iterator[Demand]:
    allowed = {
        t.path
        for t in case.touched
        if any(t.path == p.path or t.path.startswith(f"{p.path}/") for p in case.request.record.paths)
    }
    yield from change_rules.bound(case)
    yield from common_rules.only_its_own_paths(case, frozenset(allowed))
    yield from change_rules.owners(case, standing)
    yield from change_rules.approvals(case, standing)


def _common(case: Case, standing: tuple[Standing, ...]) -> Iterator[Demand]:
    yield from common_rules.base(case)
    yield from line_rules.signed_ground(case)
    yield from common_rules.readable(case)
    yield from requester.request_signature(case)
    yield from common_rules.refusals(case)
    yield from common_rules.self_approval(case, standing)
    yield from common_rules.texts(case, standing)
    yield from common_rules.keys(case, standing)
    yield from common_rules.clock(case)
