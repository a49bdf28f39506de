"""`make_plan`: every file on its own is right; here they are held against each other."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from mlassay.config import Config, People, Policy
from mlassay.config.criteria import DEFAULTS
from mlassay.errors import ConfigurationError, Problem
from mlassay.files import schema
from mlassay.manifest import Manifest
from mlassay.plan.floors import ALWAYS, criteria_in_force, looser
from mlassay.plan.grants import grant_problems
from mlassay.plan.measured import measurement_problems
from mlassay.plan.own import near, own_gates, own_problems
from mlassay.plan.places import Places
from mlassay.plan.types import Plan


def make_plan(
    config: Config,
    manifests: Mapping[str, Manifest],
    policy: Policy,
    people: People,
    *,
    known_gates: Collection[str] | None = None,
    path: str = "ml.yaml",
) -> Plan:
    """The plan in force; ConfigurationError with every problem between the files.

    ``manifests`` are by the names of ``config.data``; ``known_gates`` the gates that there are (by default those that
    the schema of ``ml.yaml`` describes).
    """
    plan = Plan(
        config=config,
        manifests=dict(manifests),
        policy=policy,
        gates=criteria_in_force(config, policy),
        inputs={
            "ml.yaml": config.digest,
            "policy": policy.digest,
            "people": people.digest,
            **{f"manifest/{name}": manifest.digest for name, manifest in manifests.items()},
        },
    )
    known = known_gates if known_gates is not None else schema("ml")["$defs"]["gates"]["properties"]
    ConfigurationError.raise_if_any(_problems(plan, people, frozenset(known), Places(path, config.lines)))
    return plan


def _problems(plan: Plan, people: People, known: Collection[str], places: Places) -> Iterator[Problem]:
    config, policy = plan.config, plan.policy
    yield from _owners(plan, people, places)
    if config.risk.level.rank < policy.minimum_risk.rank:
        yield places.problem(
            "risk",
            f"the level is {config.risk.level}; policy takes no model here for less than {policy.minimum_risk} "
            f"({policy.path}:{policy.lines.get('minimum_risk', 1)})",
            "a lower level asks fewer tests and fewer people",
            "state the risks as they are; the minimum changes with 'mlassay propose'",
        )
    own = own_gates(config.gates, known)
    yield from _gate_names(plan, {*known, *own}, places)
    evaluation = plan.manifests.get(config.evaluate.data.partition("/")[0])
    yield from own_problems(plan.gates, own, evaluation, places)
    yield from looser(config, policy, places.path)
    yield from _roles(policy, people)
    yield from _one_manifest_each(plan, places)
    yield from grant_problems(config, plan.manifests, plan.gates, places)
    if config.evaluate.data.partition("/")[0] in plan.manifests:
        yield from measurement_problems(config, plan.evaluation, plan.gates, places)


def _owners(plan: Plan, people: People, places: Places) -> Iterator[Problem]:
    known = ", ".join(people.people)
    if plan.config.owner not in people.people:
        yield places.problem(
            "owner",
            f"'{plan.config.owner}' is nobody in {people.path}",
            "somebody must answer for the model",
            f"people: {known}",
        )
    for manifest in plan.manifests.values():
        if manifest.owner not in people.people:
            yield Places(manifest.path, manifest.lines).problem(
                "owner",
                f"'{manifest.owner}' is nobody in {people.path}",
                "the owner of the data approves its changes",
                f"people: {known}",
            )


def _roles(policy: Policy, people: People) -> Iterator[Problem]:
    """Roles that policy asks for and nobody has: what needs them could never happen."""
    held = {role for person in people.people.values() for role in person.roles}
    demands = [("changes.governance", policy.governance.roles), ("changes.manifest", policy.manifest.roles)]
    demands += [
        (f"approvals.{environment}.{level}", demand.roles)
        for environment, levels in policy.approvals.items()
        for level, demand in levels.items()
    ]
    demands += [
        ("weakenings", policy.weakening_roles),
        *((f"waivers.{k}", v) for k, v in policy.waivable.items()),
    ]
    for place, roles in demands:
        for role in roles:
            if role not in held:
                near = get_close_matches(role, held, n=1)
                yield Places(policy.path, policy.lines).problem(
                    place,
                    f"nobody has the role '{role}'",
                    "what asks for it could never be approved",
                    f"did you mean '{near[0]}'?" if near else f"give it to somebody in {people.path}",
                )


def _gate_names(plan: Plan, known: Collection[str], places: Places) -> Iterator[Problem]:
    policy = Places(plan.policy.path, plan.policy.lines)
    named: list[tuple[Places, str, str]] = [(places, f"gates.{gate}", gate) for gate in plan.config.gates]
    named += [(policy, f"floors.{gate}", gate) for gate in plan.policy.floors]
    named += [(policy, f"exemptions.{gate}", gate) for gate in plan.policy.exemptions]
    named += [
        (policy, f"gates.{level}.{number}", gate)
        for level, gates in plan.policy.gates.items()
        for number, gate in enumerate(gates)
    ]
    for where, place, gate in named:
        if gate not in known:
            alike = near(gate, known) or next(iter(get_close_matches(gate, known, n=1)), "")
            hint = f"did you mean '{alike}'? " if alike else ""
            yield where.problem(
                place,
                f"there is no gate '{gate}'",
                "a test that does not exist would never fail",
                f"{hint}gates: {', '.join(sorted(known))}; a gate of your own needs 'run' in ml.yaml, and a name unlike these",
            )
    for gate in plan.policy.gates[plan.level]:
        if gate in known and gate not in plan.policy.exemptions and not _can_run(gate, plan.gates):
            yield places.problem(
                f"gates.{gate}",
                f"policy demands the gate '{gate}' at the level {plan.level}, and nothing says what it holds",
                "a gate without criteria can say nothing, and nothing is never a pass",
                f"add '{gate}: {{…}}' below 'gates' ('mlassay schema ml' says what it takes)",
            )


def _can_run(gate: str, criteria: Mapping[str, Mapping[str, Any]]) -> bool:
    return gate in (*ALWAYS, *DEFAULTS) or (
        bool(criteria.get(gate)) and (gate != "unit" or "run" in criteria[gate])
    )


def _one_manifest_each(plan: Plan, places: Places) -> Iterator[Problem]:
    names: dict[str, str] = {}
    for name, path in plan.config.data.items():
        if (other := names.setdefault(path, name)) != name:
            yield places.problem(
                f"data.{name}",
                f"'{name}' and '{other}' are one manifest",
                "under a second name training could read the rows that every verdict is measured on",
                "use one name",
            )
