"""``governance/policy.yaml`` into a frozen `Policy`; a policy that demands nothing is refused."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from functools import lru_cache
from itertools import pairwise
from typing import Any

from mlassay.config.types import NO_REVIEWS, Approvals, Level, Policy
from mlassay.digest import sha256
from mlassay.errors import ConfigurationError, Problem
from mlassay.files import Document, check, read_yaml
from mlassay.files.document import Pointer


@lru_cache(maxsize=64)  # a history holds the same few of them hundreds of times
def load_policy(path: str, data: bytes) -> Policy:
    """Read a policy; ConfigurationError with every problem of it."""
    document = read_yaml(path, data)
    ConfigurationError.raise_if_any([*check(document, "policy"), *_beyond_schema(document)])
    return _build(document, sha256(data))


def _beyond_schema(document: Document) -> Iterator[Problem]:
    yield from _environments(document)
    for environment, _ in document.items("approvals"):
        for level in Level:
            at: Pointer = ("approvals", environment, level.value)
            yield from _demand(document, at, least=0 if level is Level.MINOR else 1)
    yield from _grows(document)
    for kind in ("governance", "manifest"):
        yield from _demand(document, ("changes", kind), least=1)
    for gate, _ in document.items("exemptions"):
        if gate in ("data", "contract"):
            yield document.problem(
                ("exemptions", gate),
                f"the gate '{gate}' cannot be exempted",
                "without it no other number can be believed",
                "delete the exemption",
            )


def _environments(document: Document) -> Iterator[Problem]:
    named = [name for _, name in document.texts("environments")]
    demands = [name for name, _ in document.items("approvals")]
    for name in named:
        if demands and name not in demands:
            yield document.problem(
                ("approvals",),
                f"approvals says nothing about the environment '{name}'",
                "an environment without a demand would take any release",
                f"add '{name}: {{minor: {{count: 1}}, moderate: …, major: …, severe: …}}' below approvals",
            )
    for name in demands:
        if named and name not in named:
            near = get_close_matches(name, named, n=1)
            hint = f"did you mean '{near[0]}'? " if near else ""
            yield document.problem(
                ("approvals", name),
                f"there is no environment '{name}'",
                "a demand on an environment that does not exist holds nothing",
                f"{hint}environments: {', '.join(named)}",
            )


def _demand(document: Document, at: Pointer, least: int) -> Iterator[Problem]:
    count, outside = document.get(*at, "count"), document.get(*at, "outside")
    name = ".".join(map(str, at))
    if isinstance(count, int) and count < least:
        yield document.problem(
            (*at, "count"),
            f"{name} asks nobody",
            "from moderate upward, and for a change of the rules themselves, at least one other person must agree",
            f"write 'count: {least}' or more",
        )
    if isinstance(count, int) and isinstance(outside, int) and outside > count:
        yield document.problem(
            (*at, "outside"),
            f"{name} asks for {outside} from outside among {count} in all",
            remedy="raise count",
        )


def _grows(document: Document) -> Iterator[Problem]:
    """A higher level never demands less than a lower one."""
    for lower, higher in pairwise(Level):
        has = {gate for _, gate in document.texts("gates", higher.value)}
        wants = {gate for _, gate in document.texts("gates", lower.value)}
        if document.get("gates", higher.value) is not None and (fewer := sorted(wants - has)):
            yield document.problem(
                ("gates", higher.value),
                f"gates.{higher} lacks {', '.join(fewer)}, which gates.{lower} demands",
                "a model that can do more harm would be tested less",
                f"add {', '.join(fewer)} to gates.{higher}",
            )
        for environment, _ in document.items("approvals"):
            for part in ("count", "outside"):
                low = document.get("approvals", environment, lower.value, part) or 0
                high = document.get("approvals", environment, higher.value, part) or 0
                if isinstance(low, int) and isinstance(high, int) and high < low:
                    yield document.problem(
                        ("approvals", environment, higher.value),
                        f"approvals.{environment}.{higher} asks for fewer people ({part}) than {lower} does",
                        "a model that can do more harm would be looked at by fewer",
                        f"write '{part}: {low}' or more",
                    )


def _build(document: Document, digest: str) -> Policy:
    value = document.value
    waivers = value["waivers"]
    isolation = value["isolation_from"]
    floors = {gate: dict(criteria) for gate, criteria in value["floors"].items()}
    return Policy(
        environments=tuple(value["environments"]),
        approvals={
            environment: {Level(level): _approvals(demand) for level, demand in demands.items()}
            for environment, demands in value["approvals"].items()
        },
        gates={Level(level): tuple(gates) for level, gates in value["gates"].items()},
        exemptions=dict(value.get("exemptions", {})),
        minimum_risk=Level(value["minimum_risk"]),
        floors=floors,
        sensitive=tuple(floors.get("bias", {}).get("sensitive", [])),
        isolation_from=None if isolation == "never" else Level(isolation),
        waivable={kind: tuple(waivers[kind]) for kind in ("inconclusive", "failed")},
        waiver_days=int(waivers["days"]),
        weakening_roles=tuple(value["weakenings"]),
        governance=_approvals(value["changes"]["governance"]),
        manifest=_approvals(value["changes"]["manifest"]),
        demo=value.get("demo", False),
        reviews=value.get("reviews", NO_REVIEWS),
        digest=digest,
        lines=document.dotted_lines(),
        path=document.path,
    )


def _approvals(demand: dict[str, Any]) -> Approvals:
    return Approvals(int(demand["count"]), int(demand.get("outside", 0)), tuple(demand.get("roles", [])))
