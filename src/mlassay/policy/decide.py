"""The only judge. Promotion asks it before a merge, audit asks it again ten years later."""

from __future__ import annotations

from collections.abc import Iterator

from mlassay.policy import change_rules, common_rules, line_rules, promotion_rules, requester, review_rules
from mlassay.policy.approvals import Standing, standings
from mlassay.policy.types import Case, ChangeCase, Decision, Demand, PromotionCase


def decide(case: Case) -> Decision:
    """Every demand that policy makes of ``case``, met or not; pure, and the same for ever."""
    demands = demands_of(case, standings(case))
    return Decision((*demands, *review_rules.reviews(case, demands)))


def demands_of(case: Case, standing: tuple[Standing, ...]) -> tuple[Demand, ...]:
    """Every demand but that for recorded reviews, were the approvals to stand as ``standing`` says."""
    rules = _promotion(case, standing) if isinstance(case, PromotionCase) else _change(case, standing)
    return (*rules, *_common(case, standing))


def _promotion(case: PromotionCase, standing: tuple[Standing, ...]) -> Iterator[Demand]:
    yield from promotion_rules.order(case)
    yield from promotion_rules.unmoved(case)
    yield from promotion_rules.pointer(case)
    yield from common_rules.only_its_own_paths(case, _allowed(case))
    yield from promotion_rules.evidence(case)
    yield from promotion_rules.gates(case)
    yield from promotion_rules.waiver_keys(case)
    yield from promotion_rules.floors(case)
    yield from promotion_rules.isolation(case)
    yield from promotion_rules.risk_review(case)
    yield from promotion_rules.weakened(case, standing)
    yield from promotion_rules.approvals(case, standing)


def _change(case: ChangeCase, standing: tuple[Standing, ...]) -> Iterator[Demand]:
    yield from change_rules.bound(case)
    yield from common_rules.only_its_own_paths(case, _allowed(case))
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


def strange_paths(case: Case) -> list[str]:
    """What a request touches beside its own paths, or not as a new, plain file."""
    return common_rules.beside(case, _allowed(case))


def _allowed(case: Case) -> frozenset[str]:
    """The paths that a request may change beside its own folder."""
    if isinstance(case, PromotionCase):
        return frozenset({case.pointer_path})
    asked = [path.path for path in case.request.record.paths]
    return frozenset(
        t.path for t in case.touched if any(t.path == path or t.path.startswith(f"{path}/") for path in asked)
    )
