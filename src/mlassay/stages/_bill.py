"""``bom.cdx.json``: what a release is made of, as a CycloneDX 1.6 bill of materials. No time but the commit's is in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

from mlassay import __version__
from mlassay.case.card import CardFacts
from mlassay.config.locks import NotALockError, Pin, lock_kind, read_lock
from mlassay.digest import canonical, sha256
from mlassay.evidence.bill import FORMAT, MODEL_REF, SPECIFICATION, hash_of, performance, serial_number
from mlassay.evidence.card import INTENDED_USE, LIMITS, RATIONALE
from mlassay.git import Repository
from mlassay.manifest import Column, Manifest

MOST_FILES = 5_000
"""Of one data set, and of packages of one lock; the rest is counted."""
_LOCK_BYTES = 16 << 20
_PURL = {
    "PyPI": "pypi",
    "conda": "conda",
    "CRAN": "cran",
    "crates.io": "cargo",
    "Go": "golang",
    "npm": "npm",
    "Maven": "maven",
}


def bill(repo: Repository, facts: CardFacts, runtime: Mapping[str, str]) -> bytes:
    """The bill of a release; ``runtime`` maps the packages that the test ran with to their versions."""
    data = [_data(name, manifest) for name, manifest in facts.manifests.items()]
    locks = list(_locks(repo, facts))
    packages = [package for lock in locks for package in lock["components"]]
    ran = [_ran(name, version) for name, version in sorted(runtime.items())]
    components = [*data, *locks, *ran]
    needs = [each["bom-ref"] for each in (*data, *locks)]
    dependencies = [{"ref": MODEL_REF, "dependsOn": needs}]
    dependencies += [
        {"ref": each["bom-ref"], "dependsOn": [p["bom-ref"] for p in each["components"]]} for each in locks
    ]
    value = {
        "bomFormat": FORMAT,
        "specVersion": SPECIFICATION,
        "serialNumber": serial_number(facts.release),
        "version": 1,
        "metadata": {
            "timestamp": facts.release.source.date,
            "tools": {"components": [{"type": "application", "name": "mlassay", "version": __version__}]},
            "component": _model(facts),
            "properties": _properties(
                {"packages_of_training": len(packages), "packages_of_the_test": len(ran)}
            ),
        },
        "components": components,
        "dependencies": dependencies,
        "compositions": [{"aggregate": "incomplete", "dependencies": [MODEL_REF]}],
    }
    return canonical(value)


def _model(facts: CardFacts) -> dict[str, Any]:
    release, config = facts.release, facts.config
    evaluated = facts.manifests[config.evaluate.data.partition("/")[0]]
    label = evaluated.column(config.evaluate.label)
    columns = [each for each in evaluated.features if each.name not in config.train.withhold]
    inputs = [each for each in columns if not config.model.inputs or each.name in config.model.inputs]
    parameters = {
        "approach": {"type": "supervised"},
        "task": config.model.task,
        "datasets": [{"ref": f"data/{name}"} for name in facts.manifests],
        "inputs": [{"format": _told(column)} for column in inputs],
        "outputs": [{"format": _told(label)}],
    }
    card = {
        "modelParameters": parameters,
        "quantitativeAnalysis": {"performanceMetrics": performance(facts.verdict)},
    }
    if considerations := _considerations(facts):
        card["considerations"] = considerations
    return {
        "type": "machine-learning-model",
        "bom-ref": MODEL_REF,
        "name": release.name,
        "version": release.id,
        "description": config.objective,
        "hashes": [hash_of(release.model.digest)],
        "modelCard": card,
        "properties": _properties(
            {
                "release": release.digest,
                "source": release.source.commit,
                "verdict": str(facts.verdict.outcome),
                "file": release.model.path,
                "bytes": release.model.size,
            }
        ),
    }


def _considerations(facts: CardFacts) -> dict[str, Any]:
    """What people wrote, whole; nothing where nobody wrote."""
    kinds = {INTENDED_USE: "useCases", LIMITS: "technicalLimitations", RATIONALE: "performanceTradeoffs"}
    return {kind: [facts.written[key].text] for key, kind in kinds.items() if facts.written[key].text}


def _data(name: str, manifest: Manifest) -> dict[str, Any]:
    ref = f"data/{name}"
    said = {
        "type": "dataset",
        "name": name,
        "description": manifest.description,
        "governance": {"owners": [{"contact": {"name": manifest.owner}}]},
    }
    told: dict[str, str | int] = {
        "root": manifest.root,
        "manifest": manifest.digest,
        "files": len(manifest.files),
        "origin": manifest.origin,
        "purpose": manifest.purpose,
        "collected": f"{manifest.collected_from} to {manifest.collected_to}",
        "jurisdiction": manifest.jurisdiction,
        "terms": manifest.terms,
    }
    return {
        "type": "data",
        "bom-ref": ref,
        "name": name,
        "licenses": [{"license": {"name": manifest.licence}}],
        "data": [said | ({"sensitiveData": [*manifest.sensitive]} if manifest.sensitive else {})],
        "properties": _properties(told),
        "components": [
            {
                "type": "file",
                "bom-ref": f"{ref}:{file.path}",
                "name": file.path,
                "hashes": [hash_of(file.digest)],
            }
            for file in manifest.files[:MOST_FILES]
        ],
    }


def _locks(repo: Repository, facts: CardFacts) -> Iterator[dict[str, Any]]:
    """Each lock file that training was granted, with what it pins; one that cannot be read says so."""
    config, commit = facts.config, facts.release.source.commit
    uses = [*config.train.uses, *(path for step in config.prepare for path in step.uses)]
    paths = {path for name in uses for path in repo.tree(commit, name.removesuffix("/")) if lock_kind(path)}
    for path in sorted(paths):
        data = repo.read(commit, path, most=_LOCK_BYTES) or b""
        told: dict[str, str | int] = {"digest": sha256(data)}
        try:
            lock = read_lock(path, data.decode("utf-8", "replace"))
        except NotALockError as error:
            pins: tuple[Pin, ...] = ()
            ecosystem = ""
            told["unread"] = str(error)
        else:
            pins, ecosystem = lock.pins, lock.ecosystem
        told["packages"] = len(pins)
        yield {
            "type": "file",
            "bom-ref": f"lock:{path}",
            "name": path,
            "properties": _properties(told),
            "components": list(_pinned(path, ecosystem, pins)),
        }


def _pinned(path: str, ecosystem: str, pins: Iterable[Pin]) -> Iterator[dict[str, Any]]:
    seen: set[str] = set()
    for pin in pins:
        ref = f"{path}:{pin.name}@{pin.version}"
        if ref in seen or len(seen) >= MOST_FILES:
            continue
        seen.add(ref)
        package: dict[str, Any] = {"type": "library", "bom-ref": ref, "name": pin.name}
        if pin.version:
            package["version"] = pin.version
            package["purl"] = _purl(ecosystem, pin.name, pin.version)
        if pin.digests:  # the lock allows any of these files; which one was installed it does not say
            package["hashes"] = [hash_of(digest) for digest in pin.digests]
        yield package


def _ran(name: str, version: str) -> dict[str, Any]:
    return {
        "type": "platform" if name == "python" else "library",
        "bom-ref": f"test:{name}@{version}",
        "name": name,
        "version": version,
        **({} if name == "python" else {"purl": _purl("PyPI", name, version)}),
        "scope": "excluded",  # it measured the model, and is no part of it
        "properties": _properties({"role": "tested with"}),
    }


def _purl(ecosystem: str, name: str, version: str) -> str:
    """A package URL; a Maven name is ``group:artifact``."""
    path = name.replace(":", "/") if ecosystem == "Maven" else name
    return f"pkg:{_PURL[ecosystem]}/{quote(path, safe='/')}@{quote(version, safe='')}"


def _told(column: Column) -> str:
    return f"{column.name}: {column.type}" + (f" ({', '.join(column.values[:50])})" if column.values else "")


def _properties(told: Mapping[str, str | int]) -> list[dict[str, str]]:
    return [{"name": f"mlassay:{name}", "value": str(value)} for name, value in told.items()]
