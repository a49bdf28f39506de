"""Key pairs that everybody has: derived from published phrases, for demonstrations only.

`mlassay.config.demo` holds their public halves, so that no edit of a file can make one of them look real.
"""

from __future__ import annotations

import hashlib

from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    derive_private_key,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

PEOPLE = ("dana", "robin", "lee")
SIGNERS = ("ci",)

# Order of the group of P-256 (SEC 2, section 2.4.2): a private key lies between 1 and this, exclusive.
_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def person_key(id_: str) -> Ed25519PrivateKey:
    """The demonstration's Ed25519 key of one of `PEOPLE`."""
    return Ed25519PrivateKey.from_private_bytes(_seed("person", id_))


def ci_key(id_: str) -> EllipticCurvePrivateKey:
    """The demonstration's P-256 key of one of `SIGNERS`."""
    return derive_private_key(
        int.from_bytes(_seed("signer", id_), "big") % (_P256_ORDER - 1) + 1, SECP256R1()
    )


def _seed(kind: str, id_: str) -> bytes:
    return hashlib.sha256(f"mlassay demonstration key, known to everybody: {kind} {id_}".encode()).digest()
