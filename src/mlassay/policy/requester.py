"""Who asks: a person who signed, or a CI signer whose statement names the run and who set it off."""

from __future__ import annotations

from collections.abc import Iterator

from mlassay.config import CiSigner
from mlassay.evidence.layout import MACHINE_REQUEST
from mlassay.evidence.statement import DESK_PREDICATES, EVIDENCE_PREDICATES, REQUEST
from mlassay.policy.approvals import key_fault, setters_off
from mlassay.policy.types import Case, Demand, MachineRequest, PromotionCase


def desk_fault(signer: CiSigner, kind: str) -> str:
    """Why a CI signer may not sign this kind of a desk's statement ("" when it may); validity is not looked at."""
    if kind not in signer.predicates:
        return f"'{signer.id}' may not sign statements of type {kind}"
    if both_kinds(signer):
        return f"'{signer.id}' signs evidence, and what is judged by evidence must be asked by another signer"
    return ""


def both_kinds(signer: CiSigner) -> bool:
    """Whether a signer may sign evidence and also requests or records of reviews: one key would vouch for itself."""
    return bool(
        set(signer.predicates) & set(DESK_PREDICATES) and set(signer.predicates) & set(EVIDENCE_PREDICATES)
    )


def request_signature(case: Case) -> Iterator[Demand]:
    """The request is signed by somebody, or by a CI signer who may, in people.yaml with a key that is valid now."""
    requester = case.request.record.requester
    machine = case.machine if isinstance(case, PromotionCase) else None
    signer = case.people.signers.get(requester)
    if requester in case.people.people:
        why = key_fault(case, case.request.key)
    elif signer is None:
        why = "people.yaml does not know them"
    elif machine is None or machine.signer.id != requester:
        why = f"no {MACHINE_REQUEST} that this CI signer signed holds"
    else:
        why = desk_fault(signer, REQUEST) or key_fault(case, case.request.key)
    said = f", but {why}" if why else " and signed the request"
    yield Demand(
        "request-signature",
        not why,
        f"{requester} asked for it{said}{_run(case, machine) if machine else ''}",
        "ask anew, signed with a key that people.yaml gives to whoever asks" if why else "",
    )


def _run(case: Case, machine: MachineRequest) -> str:
    """Who set off the run that asked, in words; somebody whom people.yaml does not know excludes nobody."""
    who = machine.run.dispatcher
    named = who.account or who.email
    account = f" (account {who.account_id})" if who.account_id else ""
    known = ", ".join(person.id for person in setters_off(case.people, machine.run))
    if not named and not account:
        told = "nobody is named who set that run off"
    else:
        told = f"set off by {named or 'somebody'}{account}, "
        told += f"who is {known} and may not approve" if known else "whom people.yaml does not know"
    return f"; a CI signer, in the run {machine.run.id or 'without an id'} of {machine.run.ref or 'no ref'}: {told}"
