"""ECDSA P-256 keys of CI signers. Signatures are deterministic (RFC 6979) and have one spelling (low S, strict DER)."""

from __future__ import annotations

import stat
from functools import lru_cache
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from mlassay import ci
from mlassay.errors import ConfigurationError, EvidenceError, Problem

# Order of the curve's group (FIPS 186-4, D.1.2.3): s and ORDER - s are both valid, so only the smaller is taken.
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


_HASHED = ec.ECDSA(SHA256())


class P256Signer:
    """A CI's private key. ``public`` is its public half as PEM; ``sign`` gives DER over SHA-256 of the payload."""

    def __init__(self, private: ec.EllipticCurvePrivateKey) -> None:
        self._private = private
        self.public = (
            private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
        )

    @classmethod
    def from_pem(cls, pem: bytes, where: str) -> P256Signer:
        """The key in PEM text; ConfigurationError that names ``where`` it came from, never what it holds."""
        try:
            key = load_pem_private_key(pem, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise ConfigurationError(_not_a_key(where, "no unencrypted PEM private key")) from error
        if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
            raise ConfigurationError(_not_a_key(where, "a key of another kind than ECDSA P-256"))
        return cls(key)

    def __repr__(self) -> str:
        return "P256Signer(…)"

    def sign(self, payload: bytes) -> bytes:
        """The signature over ``payload``, the same each time where OpenSSL offers RFC 6979."""
        r, s = decode_dss_signature(self._private.sign(payload, _algorithm()))
        return encode_dss_signature(r, min(s, ORDER - s))


class P256Verifier:
    """Checks a signature of `P256Signer` against a PEM public key."""

    def verify(self, payload: bytes, signature: bytes, public: str) -> None:
        """Return when the signature is ``public``'s over ``payload``; EvidenceError otherwise."""
        try:
            r, s = decode_dss_signature(signature)
            if encode_dss_signature(r, s) != signature or s > ORDER // 2:
                raise EvidenceError(
                    Problem(
                        "the signature is another spelling of a valid one, or none",
                        why="only one spelling is taken, so that no byte of evidence can change unnoticed",
                    )
                )
            _public_key(public).verify(signature, payload, _HASHED)
        except (InvalidSignature, ValueError) as error:
            raise EvidenceError(
                Problem(
                    "the signature does not fit the bytes that it is said to sign, under the key it is said to be by",
                    why="the bytes, the signature or the key are not those of whoever signed",
                )
            ) from error


def find_desk_signer(key: Path | None) -> P256Signer:
    """The desk's key in file ``key``, or in ``MLASSAY_DESK_KEY``; ConfigurationError without one."""
    if key is not None:
        return P256Signer.from_pem(_read_private(key), str(key))
    if text := ci.desk_key():
        return P256Signer.from_pem(text.encode(), f"the environment variable {ci.DESK_KEY}")
    raise ConfigurationError(
        Problem(
            "there is no desk's key to sign with",
            why="a machine's request and a record of reviews count only when a CI signer for them signed",
            remedy=f"name a key file with --ci-key, or put its PEM text into {ci.DESK_KEY}; "
            "'mlassay keys new --ci --desk --id ID' makes one",
        )
    )


def find_signer(key: Path | None) -> P256Signer:
    """The key in file ``key``, or in the environment variable ``MLASSAY_SIGNING_KEY``; ConfigurationError without one."""
    if key is not None:
        return P256Signer.from_pem(_read_private(key), str(key))
    if text := ci.signing_key():
        return P256Signer.from_pem(text.encode(), f"the environment variable {ci.SIGNING_KEY}")
    raise ConfigurationError(
        Problem(
            "there is no key to sign with",
            why="evidence counts only when a CI signer named in governance/people.yaml signed it",
            remedy=f"name a key file with --key, or put its PEM text into {ci.SIGNING_KEY}; "
            "'mlassay keys new --ci --id ID' makes one",
        )
    )


def refuse_inside(key: Path, folder: Path) -> None:
    """ConfigurationError when a private key's file lies in a repository's folder, one ``git add`` from everybody."""
    if key.resolve().is_relative_to(folder.resolve()):
        raise ConfigurationError(
            Problem(
                "this private key lies inside the repository",
                why="one 'git add' would publish it, and the team's own code can read it",
                remedy="keep it in another folder, or in the CI's secrets; if it was ever committed, revoke it",
                path=str(key),
            )
        )


def _read_private(path: Path) -> bytes:
    try:
        mode = path.stat().st_mode
        data = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(
            Problem(
                f"the key cannot be read: {error.strerror}",
                remedy="name a key file that is there",
                path=str(path),
            )
        ) from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConfigurationError(
            Problem(
                "others than you may read this private key",
                why="whoever can read it can sign evidence in your CI's name",
                remedy=f"chmod 600 {path}; if others may have read it, make a new one and revoke this one",
                path=str(path),
            )
        )
    return data


@lru_cache(maxsize=64)
def _public_key(public: str) -> ec.EllipticCurvePublicKey:
    try:
        key = load_pem_public_key(public.encode("ascii"))
    except (ValueError, UnicodeEncodeError, UnsupportedAlgorithm) as error:
        raise EvidenceError(
            Problem("the public key in people.yaml cannot be read", path="governance/people.yaml")
        ) from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise EvidenceError(
            Problem("the public key in people.yaml is no ECDSA P-256 key", path="governance/people.yaml")
        )
    return key


@lru_cache(maxsize=1)
def _algorithm() -> ec.ECDSA:
    try:
        return ec.ECDSA(SHA256(), deterministic_signing=True)
    except (TypeError, UnsupportedAlgorithm):  # cryptography before 43, or OpenSSL before 3.2
        return ec.ECDSA(SHA256())


def _not_a_key(where: str, detail: str) -> Problem:
    return Problem(
        f"what was given as the signing key is {detail}",
        remedy="'mlassay keys new --ci --id ID' makes a key of the right kind",
        path=where,
    )
