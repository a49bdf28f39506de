"""The signed files of a release: each made again from what it is about, and compared member by member."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeVar

from mlassay.case.reading import Reading
from mlassay.case.signer import Trust, check_bundle, check_envelope, signer_of
from mlassay.digest import sha256
from mlassay.errors import EvidenceError, Problem
from mlassay.evidence import layout, predicates
from mlassay.evidence.bundle import SigstoreBundle, read_sigstore_bundle
from mlassay.evidence.dsse import Envelope, read_envelope
from mlassay.evidence.model_signature import model_statement, read_bundle, sigstore_of
from mlassay.evidence.release import Release
from mlassay.evidence.statement import (
    MODEL_SIGNATURE,
    PROVENANCE,
    SUMMARY,
    TEST_RESULT,
    Statement,
    digests_of,
    read_statement,
    subjects,
)
from mlassay.evidence.times import parse_time
from mlassay.evidence.verdict import Verdict
from mlassay.ports import Certified, Verifiers

T = TypeVar("T")


@dataclass
class Checker:
    """Checks each signed file of one release; counts what held, keeps what did not in ``reading``."""

    reading: Reading
    trust: Trust
    verifiers: Verifiers
    signers: set[str] = field(default_factory=set)
    certified: dict[str, Certified] = field(default_factory=dict)
    signatures: int = 0
    digests: int = 0
    _envelopes: dict[str, Envelope] = field(default_factory=dict)
    _statements: dict[str, Statement] = field(default_factory=dict)

    def files_are_those_listed(self) -> None:
        """Hold every file against the signed list in the summary: who altered what is told by this alone."""
        self._on(layout.SUMMARY, self._listing)

    def provenance(self, release: Release) -> Mapping[str, Any] | None:
        """The predicate of a provenance that holds and is about this release's source; None otherwise."""
        return self._on(layout.PROVENANCE, partial(self._provenance, release))

    def model_signature(self, release: Release) -> None:
        """Hold the model's signature against the model that release.json names."""
        self._on(layout.MODEL_SIGNATURE, partial(self._model_signature, release))

    def gates(self, release: Release, verdict: Verdict, written: Mapping[str, bytes]) -> None:
        """Hold each gate's statement against what the verdict says of that gate (``written``: its report's bytes)."""
        for report in verdict.gates:
            expected = predicates.test_result(report, release, written[report.gate])
            self._on(layout.gate_statement(report.gate), partial(self._test_result, release, expected))

    def summary(self, release: Release, verdict: Verdict) -> None:
        """Hold what the summary says, beside its list, against the verdict."""
        self._on(layout.SUMMARY, partial(self._summary, release, verdict))

    def bundles(self, names: Iterable[str]) -> set[str]:
        """The Sigstore bundles that must lie beside these statements, because a keyless signer signed them."""
        return {layout.sigstore_bundle(name) for name in names if self._is_keyless(name)}

    def certificates(self, release: Release, provenance: Mapping[str, Any]) -> None:
        """Hold each certificate against the release's source commit and the run that its provenance names."""
        run = provenance["runDetails"]["metadata"]["invocationId"]
        for path, told in self.certified.items():
            if told.commit != release.source.commit:
                self._wrong_run(path, f"commit {told.commit[:12]!a}", f"commit {release.source.commit[:12]}")
            if told.run != run:
                self._wrong_run(path, f"run {told.run[:300]!a}", run)

    def _wrong_run(self, path: str, told: str, wanted: str) -> None:
        what = f"its certificate was made out to {told}, not to {wanted}"
        why = "the run that signs a release is the run that it was made in"
        self.reading.problems.append(Problem(what, why, path=path, rule="evidence-source"))

    def _is_keyless(self, name: str) -> bool:
        """Whether a file is a statement under the id of a keyless signer; one that cannot be read is told of elsewhere."""
        data = self.reading.files.get(name)
        if data is None or not name.endswith(".dsse.json"):
            return False
        try:
            signer = signer_of(self.trust.people, self._envelope(data, self.reading.path(name)).keyid)
        except EvidenceError:
            return False
        return signer is not None and signer.keyless is not None

    def _envelope(self, data: bytes, path: str) -> Envelope:
        """The envelope of a file of this release, read once."""
        if path not in self._envelopes:
            self._envelopes[path] = read_envelope(data, path)
        return self._envelopes[path]

    def _on(self, name: str, check: Callable[[bytes, str], T]) -> T | None:
        data = self.reading.files.get(name)
        return None if data is None else self.reading.attempt(partial(check, data, self.reading.path(name)))

    def _provenance(self, release: Release, data: bytes, path: str) -> Mapping[str, Any]:
        predicate = _about(release, self._statement(data, path, PROVENANCE), path)
        try:
            expected = predicates.provenance_again(predicate, release, path)
        except (KeyError, TypeError) as error:
            raise _wrong(path, f"it is not provenance as mlassay writes it ({error!r})") from error
        if predicate != expected:
            raise _wrong(
                path, "it tells of another source, or of other inputs, than release.json", "evidence-source"
            )
        self.digests += len(expected["buildDefinition"]["resolvedDependencies"])
        return predicate

    def _model_signature(self, release: Release, data: bytes, path: str) -> None:
        envelope, statement = read_bundle(data, path)
        bundle = sigstore_of(data, path)
        if bundle is None:
            self._signed(envelope, MODEL_SIGNATURE, path)
        else:
            self._certified(bundle, self.verifiers.keyless.keyid(bundle, path), MODEL_SIGNATURE, path)
        if statement != model_statement(layout.MODEL, release.model.digest, release.digest):
            raise _wrong(
                path,
                "it signs another model, or another release, than release.json names",
                "evidence-subject",
            )

    def _test_result(self, release: Release, expected: Mapping[str, Any], data: bytes, path: str) -> None:
        envelope = self._told(data, path, TEST_RESULT)
        about = subjects(release.digest, release.model.digest)
        if envelope.payload == Statement(TEST_RESULT, about, expected).to_bytes():
            return  # the very bytes: nothing is left to be read out of them
        if _about(release, self._read(envelope, path, TEST_RESULT), path) != expected:
            raise _wrong(path, "it does not say what the verdict says", "evidence-verdict")

    def _listing(self, data: bytes, path: str) -> None:
        listed = _listed(self._statement(data, path, SUMMARY).predicate, path)
        self.signatures -= 1  # it is checked once more, and counted, with what it says
        # What cannot stand in the list: the list itself, and the bundle that must hold exactly its envelope.
        unlisted = {layout.SUMMARY, *self.bundles([layout.SUMMARY])}
        files = {name: data for name, data in self.reading.files.items() if name not in unlisted}
        for name, content in files.items():
            if name not in listed:
                what = "the signed verdict does not list this file"
                self.reading.wrong(name, what, "nobody signed for it", rule="evidence-extra")
            elif sha256(content) != listed[name]:
                self.reading.wrong(name, "its bytes are not those that the signed verdict lists", _ALTERED)
        for name in sorted(listed.keys() - files.keys()):
            if not any(problem.path == self.reading.path(name) for problem in self.reading.problems):
                what = "the signed verdict lists this file, and it is not there"
                self.reading.wrong(name, what, _ALTERED, rule="evidence-missing")
        self.digests += len(listed)

    def _summary(self, release: Release, verdict: Verdict, data: bytes, path: str) -> None:
        predicate = _about(release, self._statement(data, path, SUMMARY), path)
        try:
            when = parse_time(predicate["timeVerified"], path)
            version = str(predicate["verifier"]["version"]["mlassay"])
            expected = predicates.summary(release, verdict, _listed(predicate, path), when, version)
        except (KeyError, TypeError) as error:
            raise _wrong(path, f"it is not a summary as mlassay writes it ({error!r})") from error
        if predicate != expected:
            raise _wrong(path, "it does not say what the verdict and the release say", "evidence-verdict")

    def _statement(self, data: bytes, path: str, kind: str) -> Statement:
        return self._read(self._told(data, path, kind), path, kind)

    def _read(self, envelope: Envelope, path: str, kind: str) -> Statement:
        """What an envelope says, read once."""
        statement = self._statements.get(path)
        if statement is None:
            statement = self._statements[path] = read_statement(envelope.payload, path)
        if statement.predicate_type != kind:
            what = f"it is a statement of type {statement.predicate_type}, not {kind}"
            raise _wrong(path, what, "evidence-subject")
        return statement

    def _told(self, data: bytes, path: str, kind: str) -> Envelope:
        """The envelope of a file, whose signature holds."""
        envelope = self._envelope(data, path)
        if self._is_keyless(path.removeprefix(self.reading.path(""))):
            beside = layout.sigstore_bundle(path)
            self._certified(self._bundle(envelope, path), envelope.keyid, kind, beside)
        else:
            self._signed(envelope, kind, path)
        return envelope

    def _signed(self, envelope: Envelope, kind: str, path: str) -> None:
        signer = check_envelope(envelope, kind, path, self.trust, self.verifiers.dsse)
        self.signers.add(signer.id)
        self.signatures += 1

    def _bundle(self, envelope: Envelope, path: str) -> SigstoreBundle:
        beside = layout.sigstore_bundle(path)
        data = self.reading.files.get(beside.removeprefix(self.reading.path("")))
        if data is None:
            raise _wrong(beside, f"the Sigstore bundle of {path} is missing", "evidence-missing")
        bundle = read_sigstore_bundle(data, beside)
        if replace(bundle.envelope, keyid=envelope.keyid) != envelope:
            what = f"it holds another statement, or another signature, than {path}"
            raise _wrong(beside, what, "evidence-signature")
        return bundle

    def _certified(self, bundle: SigstoreBundle, keyid: str, kind: str, path: str) -> None:
        signer, told = check_bundle(bundle, keyid, kind, path, self.trust, self.verifiers.keyless)
        self.certified[path] = told
        self.signers.add(signer.id)
        self.signatures += 1


def _about(release: Release, statement: Statement, path: str) -> dict[str, Any]:
    if statement.subjects != subjects(release.digest, release.model.digest):
        raise _wrong(path, "it is about another release", "evidence-subject")
    return dict(statement.predicate)


def _listed(predicate: Mapping[str, Any], path: str) -> dict[str, str]:
    try:
        attestations, others = predicate["inputAttestations"], predicate["mlassay_files"]
    except KeyError as error:
        raise _wrong(path, "it lists no files") from error
    return digests_of(attestations, path) | digests_of(others, path)


_ALTERED = "it was altered, removed or swapped after it was signed"


def _wrong(path: str, what: str, rule: str = "evidence-bytes") -> EvidenceError:
    why = "evidence holds together whole or not at all"
    return EvidenceError(Problem(what, why, path=path, rule=rule))
