"""What a Sigstore certificate says of the run that it was made out to: Fulcio's extensions, read strictly.

https://github.com/sigstore/fulcio/blob/main/docs/oid-info.md
"""

from __future__ import annotations

from dataclasses import dataclass

from mlassay.config import Keyless
from mlassay.errors import EvidenceError, Problem

_FULCIO = "1.3.6.1.4.1.57264.1"
_ISSUER, _COMMIT, _REF, _REPOSITORY, _EVENT, _RUN = (f"{_FULCIO}.{n}" for n in (8, 13, 14, 15, 20, 21))
_UTF8, _LONG = 0x0C, 0x80


@dataclass(frozen=True, slots=True)
class Claims:
    """Who signed, for what: each an empty text where the certificate does not say it."""

    identity: str
    issuer: str
    repository_id: str
    ref: str
    commit: str
    event: str
    run: str

    @property
    def pins(self) -> Keyless:
        """The pins that fit this certificate, and no other repository's or branch's."""
        return Keyless(self.identity, self.issuer, self.repository_id, self.ref)


def claims_of(certificate: bytes, path: str) -> Claims:
    """The claims in a DER certificate; EvidenceError that names ``path`` when it cannot be read."""
    from cryptography import x509

    try:
        read = x509.load_der_x509_certificate(certificate)
        names = read.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        told = {
            one.oid.dotted_string: one.value.value
            for one in read.extensions
            if isinstance(one.value, x509.UnrecognizedExtension)
        }
        uris = names.get_values_for_type(x509.UniformResourceIdentifier)
        issuer, ref, repository, commit, event, run = (
            _utf8(told.get(oid)) for oid in (_ISSUER, _REF, _REPOSITORY, _COMMIT, _EVENT, _RUN)
        )
    except (ValueError, x509.ExtensionNotFound, x509.UnsupportedGeneralNameType) as error:
        raise EvidenceError(
            Problem(
                f"its certificate cannot be read ({type(error).__name__})",
                path=path,
                rule="evidence-signature",
            )
        ) from error
    if len(list(names)) != 1 or len(uris) != 1:
        what = "its certificate does not name exactly one workflow"
        raise EvidenceError(Problem(what, path=path, rule="evidence-signature"))
    return Claims(uris[0], issuer, repository, ref, commit, event, run)


def pins_problems(claims: Claims, pins: Keyless, path: str) -> list[Problem]:
    """Every claim that is not as the signer in people.yaml is pinned; empty when all are."""
    held = [
        ("workflow", claims.identity, pins.identity),
        ("issuer", claims.issuer, pins.issuer),
        ("repository number", claims.repository_id, pins.repository_id),
        ("ref", claims.ref, pins.ref),
    ]
    wrong = [
        f"its certificate names the {what} {told[:300]!a}, not {wanted}"
        for what, told, wanted in held
        if told != wanted
    ]
    if pins.events and claims.event not in pins.events:
        wrong.append(f"its run was set off by {claims.event[:80]!a}, not by {' or '.join(pins.events)}")
    why = "anybody's run gets a certificate; only the one that people.yaml pins may sign here"
    return [Problem(what, why, path=path, rule="evidence-signer") for what in wrong]


def _utf8(value: bytes | None) -> str:
    """The text of a DER UTF8String of less than 64 KiB; empty for None, ValueError for anything else."""
    if value is None:
        return ""
    if len(value) < 2 or value[0] != _UTF8:
        raise ValueError("no UTF8String")
    size, start = value[1], 2
    if size >= _LONG:
        start += size - _LONG
        size = int.from_bytes(value[2:start], "big")
    if start > 4 or len(value) != start + size:
        raise ValueError("a UTF8String of another length than it says")
    return value[start:].decode("utf-8")
