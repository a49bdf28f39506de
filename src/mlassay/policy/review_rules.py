"""The rule about reviews on a forge: which of them count is said, and audit believes only what was recorded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mlassay.config.types import NO_REVIEWS
from mlassay.policy.types import Case, Demand, ReviewFacts

ON_APPROVALS = ("approvals", "outside", "questions")
ON_APPROVALS_OF = ("owner.", "weakening.")


GO_BACK = "it has landed all the same: ask for what ran before, or for this anew, by a request of its own"


def reviews(case: Case, others: Iterable[Demand]) -> Iterator[Demand]:
    """Reviews that count, and those that do not with the reason; ``others`` are the demands made so far.

    A merged request that lacks approvals while its reviews were never recorded says so: recording them may be all
    that is missing.
    """
    forge = case.policy.reviews
    if forge == NO_REVIEWS:
        return
    facts = case.reviews or ReviewFacts(None, (f"the reviews on {forge} cannot be read from here",))
    if facts.problems:
        what = "; ".join(str(problem) for problem in facts.problems)
        remedy = next((problem.remedy for problem in facts.problems if problem.remedy), "")
        yield Demand("reviews", met=False, what=what, remedy=remedy)
        return
    lacking = [demand.id for demand in others if not demand.met and rests_on_approvals(demand)]
    if facts.recorded is False and lacking:
        what = f"its signed records alone do not meet {', '.join(lacking)}, and no record of its reviews on {forge} is on the main line"
        yield Demand("reviews", met=False, what=what, remedy=record_command(case.id))
        return
    if facts.recorded and lacking:
        what = f"its signed records and the reviews that were recorded do not meet {', '.join(lacking)}"
        yield Demand("reviews", met=False, what=what, remedy=GO_BACK)
        return
    counted = [signed for signed in case.approvals if signed.review is not None]
    told = ", ".join(f"{signed.record.person} ({signed.path})" for signed in counted) or "nobody"
    what = f"approving on {forge}: {told}" + "".join(f"; {one}" for one in facts.unheeded)
    yield Demand("reviews", met=True, what=what)


def rests_on_approvals(demand: Demand) -> bool:
    """Whether people meet this demand by approving."""
    return demand.id in ON_APPROVALS or demand.id.startswith(ON_APPROVALS_OF)


def record_command(request: str) -> str:
    """The command that records the reviews of a request."""
    return f"mlassay record --reviews {request}"
