"""A promotion that a CI signer asks for: the signed statement beside the request, held against it member by member."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from mlassay.case.answers import SignedReader
from mlassay.case.requests import RequestName
from mlassay.case.signer import signer_of
from mlassay.errors import EvidenceError, Problem
from mlassay.evidence import layout, predicates
from mlassay.evidence.dsse import read_envelope
from mlassay.evidence.records import ChangeRequest, Request
from mlassay.evidence.statement import REQUEST, Statement, read_statement
from mlassay.policy import MachineRequest, Signed


@dataclass(frozen=True)
class Asked:
    """A request for a promotion: by a person, or by a ``machine``; and what of its signatures does not hold."""

    request: Signed[Request]
    machine: MachineRequest | None = None
    problems: Sequence[Problem] = field(default=())


def read_request(reader: SignedReader, name: RequestName) -> Signed[Request] | Signed[ChangeRequest]:
    """The signed request of a promotion or a change; EvidenceError as for `read_asked`, or for another environment."""
    if not name.environment:
        return reader.read(name.request, ChangeRequest)
    asked = read_asked(reader, name)
    EvidenceError.raise_if_any(asked.problems)
    if asked.request.record.environment != name.environment:
        raise EvidenceError(
            Problem(
                "this request is for another environment than its folder says",
                path=name.request,
                rule="request",
            )
        )
    return asked.request


def request_statement(request: Request, run: predicates.Run) -> Statement:
    """What a CI signer says when it asks: of which request and release, as whom, and in which run."""
    about = {layout.REQUEST: request.digest, "release": request.release_digest}
    return Statement(REQUEST, about, predicates.request(request.requester, run))


def read_asked(reader: SignedReader, name: RequestName) -> Asked:
    """The request of a promotion with whoever signed it; EvidenceError when there is no request to be read."""
    found = reader.read(name.request, Request)
    path = f"{name.folder}/{layout.MACHINE_REQUEST}"
    try:
        data = reader.bytes_at(path)
        if data is None:
            return Asked(found)
        machine = _machine(reader, found, data, path)
    except EvidenceError as error:
        return Asked(replace(found, key=None), problems=error.problems)
    return Asked(replace(found, key=machine.signer.key), machine)


def _machine(reader: SignedReader, found: Signed[Request], data: bytes, path: str) -> MachineRequest:
    """The signer and the run; whether that signer may ask, and its key is valid now, is policy's to say."""
    request = found.record
    if reader.bytes_at(f"{found.path}.sig") is not None:
        raise EvidenceError(
            Problem(
                "a request is signed by a person or by a CI signer, never by both",
                path=path,
                rule=_UNSIGNED,
            )
        )
    envelope = read_envelope(data, path)
    signer = signer_of(reader.people, envelope.keyid)
    if signer is None:
        what = f"it is signed with a key ({envelope.keyid[:16]}…) that was not in {reader.people.path}"
        raise EvidenceError(Problem(what, path=path, rule=_UNSIGNED))
    try:
        reader.verifiers.dsse.verify(envelope.signed_bytes, envelope.signature, signer.key.public)
    except EvidenceError as error:
        wrong = (replace(p, path=path, line=None, rule=_UNSIGNED) for p in error.problems)
        raise EvidenceError(*wrong) from error
    statement = read_statement(envelope.payload, path)
    try:
        run = predicates.run_of(statement.predicate["run"])
    except (KeyError, TypeError) as error:
        raise EvidenceError(Problem(f"it names no run ({error})", path=path, rule="record-bytes")) from error
    if statement != request_statement(request, run):
        what = "it is about another request than the one beside it"
        raise EvidenceError(Problem(what, path=path, rule=_UNSIGNED))
    if request.requester != signer.id:
        what = f"'{signer.id}' signed, and the request says that '{request.requester}' asks"
        raise EvidenceError(Problem(what, path=path, rule=_UNSIGNED))
    return MachineRequest(signer, run)


_UNSIGNED = "record-signature"
