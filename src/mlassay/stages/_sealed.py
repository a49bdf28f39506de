"""What a CI signs: one envelope around one statement, and the run that it was signed in."""

from __future__ import annotations

from dataclasses import replace

from mlassay.ci import Context
from mlassay.evidence import layout
from mlassay.evidence.bundle import read_sigstore_bundle
from mlassay.evidence.dsse import PAYLOAD_TYPE, Envelope, pae
from mlassay.evidence.keys import key_id
from mlassay.evidence.model_signature import bundle_bytes
from mlassay.evidence.predicates import Dispatcher, Run
from mlassay.evidence.statement import Statement
from mlassay.git import Repository
from mlassay.ports import KeylessSigner, Signer


def sealed(signer: Signer, statement: Statement) -> Envelope:
    """``statement`` in an envelope with the signer's signature."""
    payload = statement.to_bytes()
    return Envelope(payload, key_id(signer.public), signer.sign(pae(PAYLOAD_TYPE, payload)))


def signed_files(signer: Signer | KeylessSigner, name: str, statement: Statement) -> dict[str, bytes]:
    """The evidence file ``name`` with its signed statement, and beside it the Sigstore bundle of a keyless signer."""
    if not isinstance(signer, KeylessSigner):
        return {name: sealed(signer, statement).to_bytes()}
    bundle = signer.attest(statement.to_bytes())
    envelope = read_sigstore_bundle(bundle, layout.sigstore_bundle(name)).envelope
    return {
        name: replace(envelope, keyid=key_id(signer.public)).to_bytes(),
        layout.sigstore_bundle(name): bundle,
    }


def signed_model(signer: Signer | KeylessSigner, statement: Statement) -> dict[str, bytes]:
    """``model.sig``: the bundle around ``statement``, with the name of a key or with a run's certificate."""
    if isinstance(signer, KeylessSigner):
        return {layout.MODEL_SIGNATURE: signer.attest(statement.to_bytes())}
    return {layout.MODEL_SIGNATURE: bundle_bytes(sealed(signer, statement))}


def run_now(repository: Repository, context: Context) -> Run:
    """The run as the CI tells it; on somebody's machine, with the address that git knows them by."""
    email = (repository.config("user.email") or "") if context.kind == "local" else ""
    dispatcher = Dispatcher(context.actor, context.actor_id, email)
    return Run(context.builder, context.run_id, context.ref, dispatcher)
