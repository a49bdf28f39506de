"""Who is asked for a review on the forge: whoever policy would count, and nobody whose approval never could."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mlassay.config import Approvals, Person
from mlassay.evidence.layout import GOVERNANCE
from mlassay.policy import Case, PromotionCase
from mlassay.policy.approvals import developing_teams, excluded
from mlassay.ports import Reviewing
from mlassay.stages.requests import Desk, Found

GOVERNANCE_TREE = GOVERNANCE.rstrip("/")


def ask_reviewers(desk: Desk, reviewing: Reviewing, found: Found, forge: str) -> tuple[str, ...]:
    """Ask on the forge whoever policy would count for an open request; answers with their ids in people.yaml."""
    # Who may be asked does not hang on what others have said, and each reading of it is a call.
    quiet = replace(desk, reviewing=None, reviews_on="")
    asked = reviewers(quiet.case(quiet.line(), found), forge)
    if asked:
        reviewing.ask(found.pull, [person.accounts[forge] for person in asked])
    return tuple(person.id for person in asked)


def reviewers(case: Case, forge: str) -> tuple[Person, ...]:
    """Who may approve this request and has an account on ``forge``; those from outside first where policy wants some.

    Whoever asked, set the run off or wrote what changed is never among them.
    """
    wanted, out = demanded(case), excluded(case)
    able = [
        person
        for id_, person in sorted(case.people.people.items())
        if id_ not in out
        and forge in person.accounts
        and any(not each.roles or set(each.roles) & set(person.roles) for each in wanted)
    ]
    if not any(each.outside for each in wanted):
        return tuple(able)
    inside = developing_teams(case)
    return tuple(sorted(able, key=lambda person: person.team in inside))


def demanded(case: Case) -> Sequence[Approvals]:
    """What policy asks of people for this request; nothing where the release's level cannot be read."""
    if isinstance(case, PromotionCase):
        level = case.level
        by_level = case.policy.approvals.get(case.request.record.environment, {})
        return [by_level[level]] if level is not None and level in by_level else []
    paths = {path.path for path in case.request.record.paths}
    found = [case.policy.governance] if GOVERNANCE_TREE in paths else []
    return [*found, case.policy.manifest] if paths - {GOVERNANCE_TREE} else found
