"""The rules of a change under ``governance/`` or of a manifest: judged by the policy and people before it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mlassay.evidence.layout import GOVERNANCE
from mlassay.policy.approvals import Standing, approve_command, count_demands
from mlassay.policy.types import ChangeCase, Demand

GOVERNANCE_TREE = GOVERNANCE.rstrip("/")


def bound(case: ChangeCase) -> Iterator[Demand]:
    """Each path is still what it was, and becomes exactly what was signed."""
    paths = case.request.record.paths
    moved = [p.path for p in paths if case.before.get(p.path) != p.old]
    yield Demand(
        "previous-state",
        not moved,
        f"changed since it was asked: {', '.join(moved)}"
        if moved
        else "what it changes is still what it was",
        "propose it anew on today's main line" if moved else "",
        final=bool(moved),
    )
    other = [p.path for p in paths if case.after.get(p.path) != p.new or p.old == p.new]
    yield Demand(
        "bound",
        bool(paths) and not other,
        f"not what was signed: {', '.join(other)}" if other else "it lands exactly what was signed",
        "propose it anew" if other or not paths else "",
    )


def approvals(case: ChangeCase, standing: Iterable[Standing]) -> Iterator[Demand]:
    """As many people as policy asks for governance and for manifests; the stricter where both are touched."""
    standing = list(standing)
    paths = [p.path for p in case.request.record.paths]
    if GOVERNANCE_TREE in paths:
        yield from count_demands(case, standing, case.policy.governance, "a change of governance")
    if any(path != GOVERNANCE_TREE for path in paths):
        yield from count_demands(case, standing, case.policy.manifest, "a change of a data manifest")


def owners(case: ChangeCase, standing: Iterable[Standing]) -> Iterator[Demand]:
    """The data's owner asked for the change of a manifest, or approved it."""
    agreed = {s.approval.record.person for s in standing if s.counts}
    agreed.add(case.request.record.requester)
    for path in sorted(p.path for p in case.request.record.paths if p.path != GOVERNANCE_TREE):
        owner = case.owners.get(path, "")
        met = bool(owner) and owner in agreed
        what = f"{path} belongs to {owner or 'nobody that people.yaml knows'}, who must agree"
        yield Demand(
            f"owner.{path}", met, what, "" if met else f"{owner or 'its owner'} runs: {approve_command(case)}"
        )
