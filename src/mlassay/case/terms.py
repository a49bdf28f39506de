"""What a release was judged by, read from its source commit: risk, criteria, columns, threshold, data and split."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from mlassay.case.common import needed
from mlassay.config import Config, Policy, load_config, load_policy
from mlassay.digest import canonical
from mlassay.errors import ConfigurationError, EvidenceError
from mlassay.evidence import layout
from mlassay.git import Repository
from mlassay.manifest import Manifest, load_manifest
from mlassay.plan.floors import criteria_in_force
from mlassay.policy import Terms

NOT_DECLARED = "not declared"


def terms_at(repo: Repository, commit: str) -> Terms:
    """The terms that the source commit of a release sets; EvidenceError when a file of them cannot be read."""
    try:
        ml, rules = needed(repo, commit, layout.CONFIG), needed(repo, commit, layout.POLICY)
        paths = load_config(layout.CONFIG, ml).data
        return _read(
            ml, rules, tuple((name, path, needed(repo, commit, path)) for name, path in paths.items())
        )
    except ConfigurationError as error:
        raise EvidenceError(*error.problems) from error


@lru_cache(maxsize=64)  # a history holds the same few of them hundreds of times
def _read(ml: bytes, rules: bytes, data: tuple[tuple[str, str, bytes], ...]) -> Terms:
    manifests = {name: load_manifest(path, manifest) for name, path, manifest in data}
    return _terms(load_config(layout.CONFIG, ml), load_policy(layout.POLICY, rules), manifests)


def _terms(config: Config, policy: Policy, manifests: Mapping[str, Manifest]) -> Terms:
    gates = criteria_in_force(config, policy)
    return Terms(
        risk=config.risk,
        sensitive=tuple(gates.get("bias", {}).get("sensitive", ())),
        favourable=_favourable(config, manifests),
        threshold=NOT_DECLARED if config.model.threshold is None else str(config.model.threshold),
        evaluation=config.evaluate.data,
        label=config.evaluate.label,
        gates=gates,
        manifests={name: manifest.digest for name, manifest in manifests.items()},
        splits={name: _split(manifest) for name, manifest in manifests.items()},
        withheld=tuple(config.train.withhold),
        task=config.model.task,
        select=NOT_DECLARED if config.model.select is None else str(config.model.select),
    )


def _favourable(config: Config, manifests: Mapping[str, Manifest]) -> str:
    """The favourable label's value, however ml.yaml names it: 0 and "no" are the same where no comes first."""
    declared = config.model.favourable
    if isinstance(declared, tuple):
        return ", ".join(sorted(declared))
    manifest = manifests.get(config.evaluate.data.partition("/")[0])
    if isinstance(declared, str) or manifest is None:
        return str(declared)
    try:
        return manifest.column(config.evaluate.label).values[declared]
    except (KeyError, IndexError):
        return str(declared)


def _split(manifest: Manifest) -> str:
    rule = manifest.split
    spelled = {
        "kind": rule.kind,
        "fractions": dict(rule.fractions),
        "seed": rule.seed,
        "by": list(rule.by),
        "files": {name: list(paths) for name, paths in rule.files.items()},
    }
    return " ".join(canonical(spelled).decode("utf-8").split())
