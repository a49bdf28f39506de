"""What each statement about a release says. Pure, so that a reader can make it again and compare, member by member."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from mlassay import __version__
from mlassay.digest import bare, sha256
from mlassay.evidence.codec import plain, report_json
from mlassay.evidence.layout import CONFIG, EVIDENCE, MODEL_SIGNATURE, POLICY, SUMMARY, VERDICT, gate_report
from mlassay.evidence.release import Release
from mlassay.evidence.statement import digests_of, resource, resources
from mlassay.evidence.times import time_string
from mlassay.evidence.verdict import GateReport, Outcome, Verdict

BUILD_TYPE = "urn:mlassay:build:train:1"
VERIFIER = "urn:mlassay:verifier"
VERSIONS = frozenset({"mlassay", "python", "platform"})
"""What a builder's version may name; the oldest evidence names mlassay alone."""

_RESULTS = {Outcome.PASSED: "PASSED", Outcome.INCONCLUSIVE: "WARNED", Outcome.FAILED: "FAILED"}


@dataclass(frozen=True, slots=True)
class Dispatcher:
    """Who set a run off: the forge's account (name and number), or a git address where there is no forge."""

    account: str = ""
    account_id: str = ""
    email: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """What the signing stage itself knows of the run, from its own CI context and clock."""

    builder: str
    id: str
    ref: str
    dispatcher: Dispatcher


def provenance(
    release: Release,
    run: Run,
    dependencies: Mapping[str, str],
    self_reported: Mapping[str, Any],
    versions: Mapping[str, str] = MappingProxyType({"mlassay": __version__}),
) -> dict[str, Any]:
    """SLSA provenance v1; ``versions`` are the signing builder's own. What training said of itself is kept apart."""
    source = release.source
    commit = {"name": "source", "digest": {"gitCommit": source.commit, "gitTree": source.tree}}
    return {
        "buildDefinition": {
            "buildType": BUILD_TYPE,
            "externalParameters": {"config": CONFIG, "ref": run.ref, "source": source.commit},
            "internalParameters": {
                "dispatcher": {
                    "account": run.dispatcher.account,
                    "account_id": run.dispatcher.account_id,
                    "email": run.dispatcher.email,
                }
            },
            "resolvedDependencies": [commit, *resources({**release.inputs, **dependencies})],
        },
        "runDetails": {
            "builder": {"id": run.builder, "version": dict(versions)},
            "metadata": {"invocationId": run.id},
            "mlassay_self_reported": plain(self_reported),
        },
    }


def request(requester: str, run: Run) -> dict[str, Any]:
    """What a CI signs beside the digests of the request and of the release: as whom it asks, and in which run."""
    return {"requester": requester, "run": run_mapping(run)}


def run_mapping(run: Run) -> dict[str, Any]:
    """A run as JSON values."""
    who = run.dispatcher
    return {
        "builder": run.builder,
        "id": run.id,
        "ref": run.ref,
        "dispatcher": {"account": who.account, "account_id": who.account_id, "email": who.email},
    }


def run_of(value: Mapping[str, Any]) -> Run:
    """The run that `run_mapping` wrote; KeyError or TypeError when ``value`` is none."""
    run = Run(value["builder"], value["id"], value["ref"], Dispatcher(**value["dispatcher"]))
    texts = [run.builder, run.id, run.ref, *run_mapping(run)["dispatcher"].values()]
    if not all(isinstance(text, str) for text in texts) or run_mapping(run) != value:
        raise TypeError("it tells of no run")
    return run


def dispatcher_of(predicate: Mapping[str, Any]) -> Dispatcher:
    """Who set the run off, by a verified provenance predicate."""
    return Dispatcher(**predicate["buildDefinition"]["internalParameters"]["dispatcher"])


def self_reported_of(predicate: Mapping[str, Any]) -> Mapping[str, Any]:
    """What training said of itself, by a verified provenance predicate."""
    reported: Mapping[str, Any] = predicate["runDetails"]["mlassay_self_reported"]
    return reported


def provenance_again(predicate: Mapping[str, Any], release: Release, path: str) -> dict[str, Any]:
    """The provenance of ``release`` with the run and the dependencies of ``predicate``: equal to it, or it is none.

    KeyError, TypeError or EvidenceError when ``predicate`` does not even have the members to make it from.
    """
    definition, details = predicate["buildDefinition"], predicate["runDetails"]
    dispatcher = dispatcher_of(predicate)
    run = Run(
        builder=details["builder"]["id"],
        id=details["metadata"]["invocationId"],
        ref=definition["externalParameters"]["ref"],
        dispatcher=dispatcher,
    )
    versions, reported = details["builder"]["version"], self_reported_of(predicate)
    texts = [run.builder, run.id, run.ref, dispatcher.account, dispatcher.account_id, dispatcher.email]
    if not isinstance(versions, dict) or not {"mlassay"} <= versions.keys() <= VERSIONS:
        raise TypeError("it names other versions of the builder than those that a builder has")
    if not all(isinstance(text, str) for text in [*texts, *versions.values()]) or not isinstance(
        reported, dict
    ):
        raise TypeError("a name or an id is not text, or what training reported is no mapping")
    told = digests_of(definition["resolvedDependencies"][1:], path)
    others = {name: digest for name, digest in told.items() if name not in release.inputs}
    return provenance(release, run, others, reported, versions)


def test_result(report: GateReport, release: Release, written: bytes = b"") -> dict[str, Any]:  # noqa: PT028  in-toto's name
    """in-toto test result v0.1 of one gate: its criteria, the digest of its report, and its findings by outcome.

    ``written`` is what `report_json` says of the report, where that is known.
    """
    ids = {
        outcome: sorted(finding.id for finding in report.findings if finding.outcome is outcome)
        for outcome in Outcome
    }
    return {
        "result": _RESULTS[report.outcome],
        "configuration": [
            resource(CONFIG, release.inputs[CONFIG]),
            resource("policy", release.inputs["policy"]),
        ],
        "passedTests": ids[Outcome.PASSED],
        "warnedTests": ids[Outcome.INCONCLUSIVE],
        "failedTests": ids[Outcome.FAILED],
        "mlassay_criteria": plain(report.criteria),
        "mlassay_gate": report.gate,
        "mlassay_outcome": str(report.outcome),
        "mlassay_report": resource(gate_report(report.gate), sha256(written or report_json(report))),
        "mlassay_self_reported": report.self_reported,
    }


def summary(
    release: Release, verdict: Verdict, digests: Mapping[str, str], when: datetime, version: str = __version__
) -> dict[str, Any]:
    """SLSA verification summary v1 over every other file of the release; ``digests`` maps their names to digests.

    Anything but a passed verdict is FAILED to a stock reader; the verdict itself is named beside it.
    """
    attestations = {name: d for name, d in digests.items() if is_attestation(name)}
    others = {name: d for name, d in digests.items() if not is_attestation(name)}
    return {
        "verifier": {"id": VERIFIER, "version": {"mlassay": version}},
        "timeVerified": time_string(when),
        "resourceUri": f"{EVIDENCE}{release.id}",
        "policy": {"uri": POLICY, "digest": {"sha256": bare(release.inputs["policy"])}},
        "inputAttestations": resources(attestations),
        "verificationResult": "PASSED" if verdict.outcome is Outcome.PASSED else "FAILED",
        "verifiedLevels": [],
        "slsaVersion": "1.0",
        "mlassay_verdict": resource(VERDICT, digests[VERDICT]) | {"outcome": str(verdict.outcome)},
        "mlassay_files": resources(others),
    }


def is_attestation(name: str) -> bool:
    """Whether a file of a release's evidence is itself signed."""
    return name.endswith(".dsse.json") or name in (MODEL_SIGNATURE, SUMMARY)
