"""Whose signature an anchor carries; one by nobody who counts is told, for the pin holds without any."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence

from mlassay.case.signer import Trust, signer_of, signer_problems
from mlassay.config import Key, People
from mlassay.config.demo import is_demo_key
from mlassay.config.people import SSH_TYPES
from mlassay.errors import EvidenceError
from mlassay.evidence.anchors import PERSON, AnchorFile, AnchorSigner
from mlassay.evidence.keys import ssh_fingerprint
from mlassay.evidence.statement import ANCHOR
from mlassay.ports import Verifiers

STILL = "it pins the id all the same, as far as you know where this file was kept"


def signed_by(
    file: AnchorFile, trust: Trust, verifiers: Verifiers, *, proven: bool = False
) -> tuple[str, str]:
    """The id of who signed ``file``, "" where no signature counts, and then why not.

    ``trust`` holds the people of the anchored commit and those known today, at the anchor's date, or at that of its time
    stamp, when that is ``proven``: then it also counts where the key was lost later. EvidenceError for a signature that
    does not fit, that is another's than it says, or by a CI signer that may not.
    """
    who = file.anchor.signer
    if who is None:
        return "", f"nobody signed this anchor: {STILL}"
    id_, fault = (_by_person if who.kind == PERSON else _by_machine)(file, who, trust, verifiers, proven)
    if fault and id_:
        return "", f"{fault}, so the signature of '{id_}' vouches for nothing: {STILL}"
    return id_, f"{fault}: {STILL}" if fault else ""


def _by_person(
    file: AnchorFile, who: AnchorSigner, trust: Trust, verifiers: Verifiers, proven: bool
) -> tuple[str, str]:
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
        return "", f"the key that signed it ({who.key}) is not in the people.yaml of the anchored commit"
    keys = [key for key in _keys(trust.people) + _keys(trust.later) if _same_key(key.public, public)]
    fault = _lost(keys, trust, proven=proven)
    if not fault and not keys[0].valid_at(trust.when):
        fault = f"its key was not valid at {trust.when:%Y-%m-%d %H:%M} UTC"
    if not fault and (keys[0].demo or is_demo_key(public)) and not trust.demo:
        fault = "its key is a demonstration key, which everybody has"
    return person.id, fault


def _by_machine(
    file: AnchorFile, who: AnchorSigner, trust: Trust, verifiers: Verifiers, proven: bool
) -> tuple[str, str]:
    signer = signer_of(trust.people, who.key)
    if signer is None:
        return (
            "",
            "the CI key that it names is not in the people.yaml of the anchored commit, and was not checked",
        )
    if signer.id != who.id:
        raise EvidenceError(f"it is said to be signed by {who.id}, and the key is {signer.id}'s")
    verifiers.dsse.verify(file.anchor.signed_bytes(), file.signature or b"", signer.key.public)
    if ANCHOR not in signer.predicates:
        raise EvidenceError(f"'{signer.id}' may not sign anchors ({ANCHOR})")
    later = signer_of(trust.later, who.key) if trust.later else None
    fault = _lost([each.key for each in (signer, later) if each], trust, proven=proven)
    return signer.id, fault or next((p.what for p in signer_problems(signer, [ANCHOR], trust, file.path)), "")


def _lost(keys: Sequence[Key], trust: Trust, *, proven: bool) -> str:
    """Whether the key was in wrong hands by then; a date that nobody proves may be any, so then at any time."""
    since = min((key.compromised_since for key in keys if key.compromised_since), default=None)
    if since is None or (proven and trust.when < since):
        return ""
    before = "" if trust.when >= since else ", and only its own date says that it was signed before"
    return f"its key has been in wrong hands since {since:%Y-%m-%d %H:%M} UTC{before}"


def _keys(people: People | None) -> list[Key]:
    return [key for person in people.people.values() for key in person.keys] if people else []


def _same_key(one: str, other: str) -> bool:
    return one.split()[:2] == other.split()[:2]


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
