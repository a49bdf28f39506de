"""What GitHub enforces: classic branch protection and rulesets together, environments, secrets, default permissions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from mlassay.case.main_line import BRANCH
from mlassay.forges._address import Address
from mlassay.forges._calls import Calls
from mlassay.forges._refused import Refused
from mlassay.ports import Place, Protection, RequiredCheck

Json = Mapping[str, Any]


class _Reader:
    """Reads one thing after another; what this token may not see is noted, and never taken for a yes."""

    def __init__(self, calls: Calls, at: str) -> None:
        self.calls, self.at = calls, at
        self.unknown: list[str] = []

    def get(self, path: str, what: str) -> Any:
        try:
            return self.calls.get(f"{self.at}{path}")
        except Refused as no:
            return self._hidden(no, what)

    def pages(self, path: str, what: str, key: str = "") -> list[Any] | None:
        try:
            return self.calls.pages(f"{self.at}{path}", key)
        except Refused as no:
            self._hidden(no, what)
            return None

    def _hidden(self, no: Refused, what: str) -> None:
        if no.status not in (403, 404):
            raise no
        self.unknown.append(what)


def read(calls: Calls, address: Address) -> Protection:
    """All of it, in about ten calls; RemoteError when the repository itself is not to be seen."""
    at = f"/repos/{address.name}"
    calls.get(at)
    reader = _Reader(calls, at)
    rules = reader.pages(f"/rules/branches/{BRANCH}", "rulesets")
    classic = _classic(reader)
    by_type = {str(rule["type"]): rule for rule in rules or []}
    bypass = _bypass(reader, rules or [], classic)
    known = not {"rulesets", "branch protection"} & set(reader.unknown)
    protected = bool(rules) or bool(classic)
    workflow = reader.get("/actions/permissions/workflow", "default workflow permissions")
    secrets = reader.pages("/actions/secrets", "names of repository secrets", "secrets")
    return Protection(
        forge="GitHub",
        repository=address.name,
        branch=BRANCH,
        page=f"{address.web}/{address.name}/settings",
        protected=protected if known or protected else None,
        force_push=_allowed(classic, by_type, "allow_force_pushes", "non_fast_forward", known=known),
        deletion=_allowed(classic, by_type, "allow_deletions", "deletion", known=known),
        pull_request=_wants_pull_request(classic, by_type, known=known),
        checks=_checks(classic, rules or []) if known or protected else None,
        bypass=bypass,
        places=_places(reader),
        secrets=None if secrets is None else frozenset(str(each["name"]) for each in secrets),
        token_writes=None if workflow is None else workflow.get("default_workflow_permissions") != "read",
        unknown=tuple(reader.unknown),
    )


def _classic(reader: _Reader) -> Json | None:
    """Classic protection; None both where there is none and where it is hidden (which is noted)."""
    try:
        found: Json = reader.calls.get(f"{reader.at}/branches/{BRANCH}/protection")
    except Refused as no:
        if no.status == 404 and "not protected" in no.said.lower():
            return None
        if no.status not in (403, 404):
            raise
        reader.unknown.append("branch protection")
        return None
    return found


def _allowed(
    classic: Json | None, rules: Mapping[str, Json], setting: str, rule: str, *, known: bool
) -> bool | None:
    if rule in rules:
        return False
    if classic is not None:
        return bool((classic.get(setting) or {}).get("enabled", False))
    return True if known else None


def _wants_pull_request(classic: Json | None, rules: Mapping[str, Json], *, known: bool) -> bool | None:
    if "pull_request" in rules or (classic is not None and classic.get("required_pull_request_reviews")):
        return True
    return False if known else None


def _checks(classic: Json | None, rules: list[Json]) -> tuple[RequiredCheck, ...]:
    found = [
        RequiredCheck(str(each["context"]), int(each.get("integration_id") or 0))
        for rule in rules
        if rule["type"] == "required_status_checks"
        for each in rule.get("parameters", {}).get("required_status_checks", [])
    ]
    wanted = (classic or {}).get("required_status_checks") or {}
    # -1 is GitHub's word for any App.
    found += [
        RequiredCheck(str(c["context"]), max(0, int(c.get("app_id") or 0))) for c in wanted.get("checks", [])
    ]
    return tuple(found)


def _bypass(reader: _Reader, rules: list[Json], classic: Json | None) -> tuple[str, ...] | None:
    """Who may go past the rules: a ruleset's bypass actors, and administrators where classic protection lets them."""
    found: list[str] = []
    for ruleset in sorted({int(rule["ruleset_id"]) for rule in rules if rule.get("ruleset_id")}):
        told = reader.get(f"/rulesets/{ruleset}", "who may bypass the rules")
        if told is None or "bypass_actors" not in told:
            return None  # GitHub shows them to administrators only
        found += [_actor(each) for each in told["bypass_actors"] or []]
    if classic is not None and not (classic.get("enforce_admins") or {}).get("enabled"):
        found.append("administrators (branch protection)")
    if not rules and classic is None:
        return None
    return tuple(found)


def _actor(actor: Json) -> str:
    kind, number, mode = actor.get("actor_type"), actor.get("actor_id"), actor.get("bypass_mode", "always")
    when = "" if mode == "always" else f" ({str(mode).replace('_', ' ')})"
    return f"{kind} {number}{when}" if number is not None else f"{kind}{when}"


def _places(reader: _Reader) -> tuple[Place, ...] | None:
    listed = reader.pages("/environments", "environments", "environments")
    if listed is None:
        return None
    return tuple(_place(reader, each) for each in listed if str(each["name"]).startswith("mlassay-"))


def _place(reader: _Reader, environment: Json) -> Place:
    name = str(environment["name"])
    path = f"/environments/{quote(name, safe='')}"
    policy = environment.get("deployment_branch_policy")
    branches: tuple[str, ...] | None = None
    if policy and policy.get("custom_branch_policies"):
        told = reader.pages(f"{path}/deployment-branch-policies", f"branches of {name}", "branch_policies")
        branches = None if told is None else tuple(str(each["name"]) for each in told)
    elif policy and policy.get("protected_branches"):
        branches = ("every protected branch",)
    secrets = reader.pages(f"{path}/secrets", f"names of secrets in {name}", "secrets")
    return Place(name, branches, frozenset(str(each["name"]) for each in secrets or []))
