"""Whose signature an anchor carries; one by nobody who counts is told, for the pin holds without any."""

from __future__ import annotations

import base64
import binascii

from mlassay.case.signer import Trust, signer_of, signer_problems
from mlassay.config.demo import is_demo_key
from mlassay.config.people import SSH_TYPES
from mlassay.errors import EvidenceError
from mlassay.evidence.anchors import PERSON, AnchorFile, AnchorSigner
from mlassay.evidence.keys import ssh_fingerprint
from mlassay.evidence.statement import ANCHOR
from mlassay.ports import Verifiers

STILL = "it pins the id all the same, as far as you know where this file was kept"


def signed_by(file: AnchorFile, trust: Trust, verifiers: Verifiers) -> tuple[str, str]:
    """The id of who signed ``file``, "" where no signature counts, and then why not.

    ``trust`` holds the people of the anchored commit and those known today, at the anchor's date. EvidenceError for a
    signature that does not fit, that is another's than it says, or by a CI signer that may not.
    """
    who = file.anchor.signer
    if who is None:
        return "", f"nobody signed this anchor: {STILL}"
    return (_by_person if who.kind == PERSON else _by_machine)(file, who, trust, verifiers)


def _by_person(file: AnchorFile, who: AnchorSigner, trust: Trust, verifiers: Verifiers) -> tuple[str, str]:
    public = _public_of(file.signature or b"")
    if ssh_fingerprint(public) != who.key:
        raise EvidenceError("it is signed with another key than the one that it names")
    verifiers.ssh.verify(file.anchor.signed_bytes(), file.signature or b"", public)
    person = trust.people.by_public_key(public)
    holder = person.id if person else None
    if holder != who.id and trust.people.digest:
        raise EvidenceError(
            f"it is said to be signed by {who.id or 'nobody known'}, and in the people.yaml of the anchored commit "
            f"that key is {holder or 'nobody'}'s"
        )
    if person is None:
        return (
            "",
            f"the key that signed it ({who.key}) is not in the people.yaml of the anchored commit: {STILL}",
        )
    if fault := _key_fault(public, trust):
        return "", f"{fault}, so the signature of {person.id} vouches for nothing: {STILL}"
    return person.id, ""


def _by_machine(file: AnchorFile, who: AnchorSigner, trust: Trust, verifiers: Verifiers) -> tuple[str, str]:
    signer = signer_of(trust.people, who.key)
    if signer is None:
        return "", f"the CI key that it names is not in the people.yaml of the anchored commit: {STILL}"
    if signer.id != who.id:
        raise EvidenceError(f"it is said to be signed by {who.id}, and the key is {signer.id}'s")
    verifiers.dsse.verify(file.anchor.signed_bytes(), file.signature or b"", signer.key.public)
    if ANCHOR not in signer.predicates:
        raise EvidenceError(f"'{signer.id}' may not sign anchors ({ANCHOR})")
    if faults := signer_problems(signer, [ANCHOR], trust, file.path):
        return "", f"{faults[0].what}, so its signature vouches for nothing: {STILL}"
    return signer.id, ""


def _key_fault(public: str, trust: Trust) -> str:
    """Why a person's key does not count at the anchor's date; "" when it does."""
    holders = [people.by_public_key(public) for people in (trust.people, trust.later) if people]
    wanted = public.split()[:2]
    keys = [key for person in holders if person for key in person.keys if key.public.split()[:2] == wanted]
    since = min((key.compromised_since for key in keys if key.compromised_since), default=None)
    if since is not None and trust.when >= since:
        return f"its key has been in wrong hands since {since:%Y-%m-%d %H:%M} UTC"
    if not keys[0].valid_at(trust.when):
        return f"its key was not valid at {trust.when:%Y-%m-%d %H:%M} UTC, when it says it was made"
    if (keys[0].demo or is_demo_key(public)) and not trust.demo:
        return "its key is a demonstration key, which everybody has"
    return ""


def _public_of(signature: bytes) -> str:
    """The public key line inside an armored SSHSIG, where a signature brings its own key; not trusted for that."""
    try:
        raw = base64.b64decode(b"".join(signature.split(b"\n")[1:-2]), validate=True)
        blob = _field(raw[10:])
        kind = _field(blob).decode("ascii")
    except (binascii.Error, UnicodeDecodeError, IndexError) as error:
        raise EvidenceError("its signature is no SSH signature") from error
    if kind not in SSH_TYPES:
        raise EvidenceError(f"its signature is by a kind of key that nobody knows ({kind[:40]!a})")
    return f"{kind} {base64.b64encode(blob).decode('ascii')}"


def _field(raw: bytes) -> bytes:
    length = int.from_bytes(raw[:4])
    if len(raw) < 4 + length:
        raise IndexError("cut short")
    return raw[4 : 4 + length]
