"""Whether a CI signer may have signed something, by the people.yaml that was in force before it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from mlassay.case import remembered
from mlassay.config import CiSigner, People
from mlassay.config.demo import is_demo_key
from mlassay.errors import EvidenceError, Problem
from mlassay.evidence.bundle import SigstoreBundle
from mlassay.evidence.dsse import Envelope
from mlassay.evidence.keys import key_id
from mlassay.ports import BundleVerifier, Certified, Verifier

SKEW = timedelta(hours=1)
"""How far a committer's clock may lie behind the log that a bundle's time comes from."""


@dataclass(frozen=True, slots=True)
class Trust:
    """Whose keys count, and when: ``people`` in force before the thing judged, ``when`` it is judged at, whether the
    repository is a demonstration, and ``later``, the newest people.yaml known, for keys found to be compromised.
    ``sigstore`` is the Sigstore of one's own that was in force, None for the public one.
    """

    people: People
    when: datetime
    demo: bool
    later: People | None = None
    sigstore: bytes | None = None


def check_envelope(
    envelope: Envelope, predicate_type: str, path: str, trust: Trust, verifier: Verifier
) -> CiSigner:
    """The CI signer of a valid envelope; EvidenceError that names ``path`` when nobody who may has signed it."""
    signer = _known(envelope.keyid, path, trust)
    if signer.keyless is not None:
        raise EvidenceError(
            Problem(
                f"'{signer.id}' signs with a run's certificate, and there is none with this",
                why="a keyless signer has no key: its bundle says which run signed",
                path=path,
                rule="evidence-signer",
            )
        )
    EvidenceError.raise_if_any(signer_problems(signer, [predicate_type], trust, path))
    try:
        remembered.verify(verifier, envelope.signed_bytes, envelope.signature, signer.key.public)
    except EvidenceError as error:
        wrong = (replace(p, path=path, line=None, rule="evidence-signature") for p in error.problems)
        raise EvidenceError(*wrong) from error
    return signer


def check_bundle(
    bundle: SigstoreBundle, keyid: str, predicate_type: str, path: str, trust: Trust, verifier: BundleVerifier
) -> tuple[CiSigner, Certified]:
    """The keyless signer ``keyid`` of a valid bundle, and what its certificate says; EvidenceError that names ``path`` otherwise.

    Held at the time that the log gives as well as at ``trust.when``, which whoever committed wrote.
    """
    signer = _known(keyid, path, trust)
    if signer.keyless is None:
        raise EvidenceError(
            Problem(
                f"it holds a certificate, and '{signer.id}' signs with a key",
                why="a certificate proves nothing about a key that people.yaml names",
                path=path,
                rule="evidence-signer",
            )
        )
    EvidenceError.raise_if_any(signer_problems(signer, [predicate_type], trust, path))
    certified = verifier.verify(bundle, signer.keyless, trust.sigstore, path)
    then = replace(trust, when=certified.time)
    EvidenceError.raise_if_any(signer_problems(signer, [predicate_type], then, path))
    if certified.time > trust.when + SKEW:
        raise EvidenceError(
            Problem(
                f"it was signed at {certified.time:%Y-%m-%d %H:%M} UTC, after the commit that brought it in says it was made",
                why="whoever committed wrote an older date, or their clock is wrong",
                remedy="correct the clock, and record again",
                path=path,
                rule="evidence-signer",
            )
        )
    return signer, certified


def _known(keyid: str, path: str, trust: Trust) -> CiSigner:
    signer = signer_of(trust.people, keyid)
    if signer is None:
        raise EvidenceError(
            Problem(
                f"it is signed with a key ({keyid[:16]}…) that was not in {trust.people.path}",
                why="only the people.yaml of the commit before it says whose keys count",
                remedy="if the key is yours, add it by 'mlassay propose' first, then sign and record again",
                path=path,
                rule="evidence-signer",
            )
        )
    return signer


def signer_of(people: People, keyid: str) -> CiSigner | None:
    """The CI signer whose key has this id; None when there is none."""
    return next((signer for signer in people.signers.values() if key_id(signer.key.public) == keyid), None)


def signer_problems(
    signer: CiSigner, predicate_types: Iterable[str], trust: Trust, path: str
) -> list[Problem]:
    """Why a signer in people.yaml may not sign these kinds of statement at this time; empty when it may."""
    key, found = signer.key, []
    compromised = _compromised(signer, trust)
    if compromised is not None and trust.when >= compromised:
        found.append(
            f"the key of '{signer.id}' has been in wrong hands since {compromised:%Y-%m-%d %H:%M} UTC"
        )
    elif not key.valid_at(trust.when):
        found.append(_not_valid(signer, trust.when))
    if forbidden := sorted(set(predicate_types) - set(signer.predicates)):
        found.append(f"'{signer.id}' may not sign statements of type {', '.join(forbidden)}")
    if (key.demo or is_demo_key(key.public)) and not trust.demo:
        found.append(f"the key of '{signer.id}' is a demonstration key, which everybody has")
    why = f"{trust.people.path} says who may sign what, and from when to when"
    return [Problem(what, why, _REMEDY, path, rule="evidence-signer") for what in found]


def _compromised(signer: CiSigner, trust: Trust) -> datetime | None:
    later = signer_of(trust.later, key_id(signer.key.public)) if trust.later else None
    told = [signer.key.compromised_since, later.key.compromised_since if later else None]
    return min((since for since in told if since is not None), default=None)


_REMEDY = "sign with a key that is valid, or change governance/people.yaml by 'mlassay propose' first"


def _not_valid(signer: CiSigner, when: datetime) -> str:
    key = signer.key
    if key.revoked_at is not None and when >= key.revoked_at:
        return f"the key of '{signer.id}' was revoked on {key.revoked_at:%Y-%m-%d}: {key.revoked_because}"
    if key.valid_until is not None and when >= key.valid_until:
        return f"the key of '{signer.id}' expired on {key.valid_until:%Y-%m-%d}"
    return f"the key of '{signer.id}' is not valid before {key.valid_from:%Y-%m-%d}"
