"""``bom.cdx.json``: what of a CycloneDX 1.6 bill of materials is held against the release, and its fixed parts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID, uuid5

from mlassay.digest import bare, parse_canonical
from mlassay.errors import EvidenceError, Problem
from mlassay.evidence.card import numbers
from mlassay.evidence.release import Release
from mlassay.evidence.verdict import Verdict

FORMAT, SPECIFICATION = "CycloneDX", "1.6"
MODEL_REF = "model"
_NAMESPACE = UUID(
    "a0f4c9f2-6d0e-5b0b-9f5b-5b7f7f0a5d51"
)  # any constant: it makes ours differ from others' UUIDs


def serial_number(release: Release) -> str:
    """The serial number of a release's bill, the same whenever it is made."""
    return f"urn:uuid:{uuid5(_NAMESPACE, release.digest)}"


def hash_of(digest: str) -> dict[str, str]:
    """A digest as CycloneDX writes hashes."""
    algorithm = {"sha256": "SHA-256", "blake3": "BLAKE3"}[digest.partition(":")[0]]
    return {"alg": algorithm, "content": bare(digest)}


def performance(verdict: Verdict) -> list[dict[str, Any]]:
    """The numbers of the reports as CycloneDX's performance metrics; ``slice`` is what a finding is about."""
    return [
        {"type": number.metric, "value": number.value, "slice": number.finding}
        | (
            {"confidenceInterval": {"lowerBound": number.lower, "upperBound": number.upper}}
            if number.lower and number.upper
            else {}
        )
        for number in numbers(verdict)
        if not number.self_reported
    ]


def bill_faults(data: bytes, release: Release, verdict: Verdict, path: str) -> list[str]:
    """What a bill says otherwise than the release and its reports; EvidenceError that names ``path`` when it is none."""
    value = parse_canonical(data, path)
    try:
        return list(_faults(value, release, verdict))
    except (KeyError, TypeError, AttributeError) as error:
        what = f"this is no bill of materials as mlassay writes it ({type(error).__name__})"
        raise EvidenceError(Problem(what, path=path, rule="evidence-card")) from error


def _faults(value: Mapping[str, Any], release: Release, verdict: Verdict) -> Iterator[str]:
    if (value["bomFormat"], value["specVersion"], value["version"]) != (FORMAT, SPECIFICATION, 1):
        yield f"it is no bill of {FORMAT} {SPECIFICATION}"
    if value["serialNumber"] != serial_number(release):
        yield "its serial number is not this release's"
    model = value["metadata"]["component"]
    if (model["type"], model["bom-ref"]) != ("machine-learning-model", MODEL_REF):
        yield "it is about no model"
    if model["hashes"] != [hash_of(release.model.digest)] or model["version"] != release.id:
        yield "it is about another model than this release's"
    if model["modelCard"]["quantitativeAnalysis"]["performanceMetrics"] != performance(verdict):
        yield "its numbers are not those of the reports"
    manifests = {f"data/{r.partition('/')[2]}" for r in release.inputs if r.startswith("manifest/")}
    if {each["bom-ref"] for each in value["components"] if each["type"] == "data"} != manifests:
        yield "it names other data than this release was made of"
    refs = [MODEL_REF, *_refs(value["components"])]
    if len(set(refs)) != len(refs):
        yield "two of its components have one name"
    told = [each["ref"] for each in value["dependencies"]]
    told += [ref for each in value["dependencies"] for ref in each.get("dependsOn", ())]
    told += [each["ref"] for each in model["modelCard"]["modelParameters"]["datasets"]]
    if unknown := sorted(set(told) - set(refs)):
        yield f"it refers to components that it does not hold: {', '.join(unknown[:5])}"


def _refs(components: list[Mapping[str, Any]]) -> Iterator[str]:
    for component in components:
        yield component["bom-ref"]
        yield from _refs(component.get("components", []))
