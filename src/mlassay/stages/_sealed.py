"""What a CI's key signs: one envelope around one statement, and the run that it was signed in."""

from __future__ import annotations

from mlassay.ci import Context
from mlassay.evidence.dsse import PAYLOAD_TYPE, Envelope, pae
from mlassay.evidence.keys import key_id
from mlassay.evidence.predicates import Dispatcher, Run
from mlassay.evidence.statement import Statement
from mlassay.git import Repository
from mlassay.ports import Signer


def sealed(signer: Signer, statement: Statement) -> Envelope:
    """``statement`` in an envelope with the signer's signature."""
    payload = statement.to_bytes()
    return Envelope(payload, key_id(signer.public), signer.sign(pae(PAYLOAD_TYPE, payload)))


def run_now(repository: Repository, context: Context) -> Run:
    """The run as the CI tells it; on somebody's machine, with the address that git knows them by."""
    email = (repository.config("user.email") or "") if context.kind == "local" else ""
    dispatcher = Dispatcher(context.actor, context.actor_id, email)
    return Run(context.builder, context.run_id, context.ref, dispatcher)
