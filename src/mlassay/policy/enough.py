"""Whether the people that there are could ever meet what policy demands, whoever asked; pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from mlassay.config import Approvals, Level, People, Person, Policy
from mlassay.evidence.statement import REQUEST
from mlassay.policy.approvals import DEVELOPER


def never_met(policy: Policy, people: People, now: datetime) -> Iterator[tuple[str, str]]:
    """Each demand that the present people can never meet: what for, and what lacks.

    The kindest case is taken: whoever leaves most others free asks, and nobody but developers' teams is inside.
    """
    machine = any(REQUEST in signer.predicates for signer in people.signers.values())
    able = tuple(person for person in people.people.values() if _can_answer(person, policy, now))
    for environment in policy.environments:
        for level, wanted in policy.approvals[environment].items():
            if Level(level).rank >= policy.minimum_risk.rank and (
                why := _lack(wanted, people, able, machine=machine)
            ):
                yield f"a promotion to {environment} at {level}", why
    for what, wanted in (("governance", policy.governance), ("a data manifest", policy.manifest)):
        if why := _lack(wanted, people, able, machine=False):
            yield f"a change of {what}", why


def _can_answer(person: Person, policy: Policy, now: datetime) -> bool:
    keys = [key for key in person.keys if key.valid_at(now) and (policy.demo or not key.demo)]
    return bool(keys) or policy.reviews in person.accounts


def _lack(wanted: Approvals, people: People, able: tuple[Person, ...], *, machine: bool) -> str:
    """What lacks in the kindest case (``machine``: a CI signer may be the one who asks); "" when it can be met."""
    inside = {p.team for p in people.people.values() if DEVELOPER in p.roles}
    if wanted.outside and not inside:
        return "nobody in people.yaml has the role developer, so it cannot be told who is outside"
    askers: list[Person | None] = [*people.people.values()]
    askers += [None] if machine else []  # it is in no team
    best = (-1, -1)
    for asker in askers:
        free = [p for p in able if p is not asker and (not wanted.roles or set(wanted.roles) & set(p.roles))]
        teams = inside | ({asker.team} if asker else set())
        outside = sum(p.team not in teams for p in free)
        if len(free) >= wanted.count and outside >= wanted.outside:
            return ""
        best = max(best, (min(len(free), wanted.count), outside))
    roles = f" with the role {' or '.join(sorted(wanted.roles))}" if wanted.roles else ""
    who = f"it takes {wanted.count} to approve{roles}"
    if wanted.outside:
        who += f", {wanted.outside} of them from outside the developing teams ({', '.join(sorted(inside)) or 'nobody'})"
    count, outside = max(best[0], 0), max(best[1], 0)
    told = f", {outside} of them from outside" if wanted.outside else ""
    return f"{who}; beside whoever asks there are {count} with a key that holds{told}"
