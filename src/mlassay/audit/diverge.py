"""Where two releases part: the digests that went into each stage and came out of it, in the order of the pipeline."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mlassay.case.release import ReleaseEvidence
from mlassay.digest import canonical, sha256
from mlassay.errors import EvidenceError
from mlassay.evidence import layout
from mlassay.evidence.codec import plain, report_json, verdict_json
from mlassay.evidence.release import Release
from mlassay.git import Repository

MISSING = "not there"
_JUDGED = (("model", "model"), ("what ran then", "live"), ("policy", "policy"))


@dataclass(frozen=True, slots=True)
class Difference:
    """A named thing that is not the same on both sides."""

    name: str
    a: str
    b: str


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage: what differs among its inputs and its outputs, and how many of each were compared.

    ``self_reported``: training said these digests itself; the others were computed again when the release was signed.
    """

    name: str
    inputs: tuple[Difference, ...]
    outputs: tuple[Difference, ...]
    compared: int
    self_reported: bool = False

    @property
    def differs(self) -> bool:
        """Whether anything of it does."""
        return bool(self.inputs or self.outputs)

    @property
    def unstable(self) -> bool:
        """Whether the same inputs gave other outputs."""
        return bool(self.outputs and not self.inputs)


Digests = Mapping[str, str]


def stages_of(repo: Repository, a: ReleaseEvidence, b: ReleaseEvidence) -> tuple[Stage, ...]:
    """Every stage from the source to the verdict, compared."""
    one, other = dict(_stages(repo, a)), dict(_stages(repo, b))
    made = []
    for name in dict.fromkeys([*one, *other]):
        left, right = one.get(name, ({}, {})), other.get(name, ({}, {}))
        compared = len(left[0].keys() | right[0].keys()) + len(left[1].keys() | right[1].keys())
        inputs, outputs = (tuple(differences(left[at], right[at])) for at in (0, 1))
        made.append(Stage(name, inputs, outputs, compared, self_reported=name in ("prepare", "train")))
    return tuple(made)


def differences(a: Digests, b: Digests) -> Iterator[Difference]:
    """What differs between two mappings, sorted by name."""
    for name in sorted(a.keys() | b.keys()):
        if a.get(name) != b.get(name):
            yield Difference(name, a.get(name, MISSING), b.get(name, MISSING))


def flat(value: Any, key: str = "") -> dict[str, str]:
    """Nested mappings as dotted keys; a list of plain values is one text."""
    if isinstance(value, Mapping):
        found: dict[str, str] = {}
        for name, item in value.items():
            found |= flat(item, f"{key}.{name}" if key else str(name))
        return found
    if isinstance(value, list | tuple) and any(isinstance(item, Mapping | list | tuple) for item in value):
        return flat({str(number): item for number, item in enumerate(value)}, key)
    if isinstance(value, list | tuple):
        return {key: ", ".join(map(str, value))}
    return {key: "" if value is None else str(value)}


def _stages(repo: Repository, evidence: ReleaseEvidence) -> Iterator[tuple[str, tuple[Digests, Digests]]]:
    release, verdict = evidence.release, evidence.verdict
    dependencies, told = _provenance(evidence)
    if release is not None:
        yield "source", (_source(repo, release, dependencies), {})
    data = {name: digest for name, digest in dependencies.items() if name.startswith(("manifest/", "data/"))}
    if release is not None:
        data |= {name: d for name, d in release.inputs.items() if name.startswith("manifest/")}
    yield "data", (data, {})
    steps = [step for step in _list(told.get("steps")) if isinstance(step, Mapping)]
    yield "prepare", (_named(steps, "granted"), _named(steps, "outputs"))
    granted, made = _digests(told.get("granted")), _digests(told.get("outputs"))
    yield "train", (granted, made)
    if release is not None:
        yield "model", (made, {artifact.role: artifact.digest for artifact in release.artifacts})
    if verdict is not None:
        given = {name: verdict.inputs[role] for name, role in _JUDGED if role in verdict.inputs}
        criteria = {f"criteria of {g.gate}": sha256(canonical(plain(g.criteria))) for g in verdict.gates}
        reports = {f"report of {g.gate}": sha256(report_json(g)) for g in verdict.gates}
        yield "gates", (criteria | given, reports)
        outcome = {"outcome": str(verdict.outcome), layout.VERDICT: sha256(verdict_json(verdict))}
        yield "verdict", (reports, outcome)


def _source(repo: Repository, release: Release, dependencies: Digests) -> dict[str, str]:
    """The digest of ml.yaml, and the git id of every other file that is neither record, manifest nor data."""
    recipe = {layout.CONFIG: release.inputs[layout.CONFIG]}
    try:
        files = repo.tree(release.source.commit)
    except EvidenceError:
        return recipe
    data = {
        name.split("/", 2)[2] for name in dependencies if name.startswith("data/") and name.count("/") > 1
    }
    kept = (
        path for path in files if not layout.is_guarded(path) and path not in data and path != layout.CONFIG
    )
    return recipe | {path: f"git:{files[path].id}" for path in kept}


def _provenance(evidence: ReleaseEvidence) -> tuple[Digests, Mapping[str, Any]]:
    told = evidence.provenance or {}
    dependencies = {
        str(item.get("name", "")): "sha256:" + str(item.get("digest", {}).get("sha256", ""))
        for item in _list(told.get("buildDefinition", {}).get("resolvedDependencies"))[1:]
    }
    reported = told.get("runDetails", {}).get("mlassay_self_reported", {})
    return dependencies, reported if isinstance(reported, Mapping) else {}


def _named(steps: list[Mapping[str, Any]], member: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for step in steps:
        name = str(step.get("name", "step"))
        found |= {f"{name}: {path}": digest for path, digest in _digests(step.get(member)).items()}
    return found


def _digests(items: Any) -> dict[str, str]:
    return {
        str(item["path"]): str(item["digest"])
        for item in _list(items)
        if isinstance(item, Mapping) and "path" in item and "digest" in item
    }


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else []
