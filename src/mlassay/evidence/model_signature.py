"""``model.sig``: an OpenSSF Model Signing bundle over one model file, which stock ``model_signing verify key`` accepts.

https://github.com/ossf/model-signing-spec. The bundle is written here, and not by the model_signing library,
because the library takes its private key only as a file in the clear, signs with a random nonce, and spells its
JSON in more than one way; the tests hold every bundle against the library's own verifier.
"""

from __future__ import annotations

import hashlib
from typing import Any

from mlassay.digest import bare, canonical, parse_canonical
from mlassay.errors import EvidenceError, Problem
from mlassay.evidence.bundle import MEDIA_TYPE, SigstoreBundle, read_sigstore_bundle
from mlassay.evidence.dsse import Envelope, envelope_of
from mlassay.evidence.statement import MODEL_SIGNATURE, Statement, read_statement


def model_statement(name: str, model_digest: str, release_digest: str) -> Statement:
    """What is signed of a model file called ``name``.

    The format allows one subject, the digest over all resources' digests; the release digest stands in the
    predicate, where verifiers are told to overlook what they do not know.
    """
    root = "sha256:" + hashlib.sha256(bytes.fromhex(bare(model_digest))).hexdigest()
    predicate = {
        "serialization": {
            "method": "files",
            "hash_type": "sha256",
            "allow_symlinks": False,
            "ignore_paths": [],
        },
        "resources": [{"name": ".", "algorithm": "sha256", "digest": bare(model_digest)}],
        "mlassay_release": release_digest,
    }
    return Statement(MODEL_SIGNATURE, {name: root}, predicate)


def bundle_bytes(envelope: Envelope) -> bytes:
    """The bundle around a signed `model_statement`, as canonical JSON."""
    return canonical(_bundle(envelope))


def read_bundle(data: bytes, path: str) -> tuple[Envelope, Statement]:
    """Envelope (without a key's id where it holds a certificate) and statement of a bundle; EvidenceError that names ``path`` for any other spelling. Checks no signature."""
    value = parse_canonical(data, path)
    if _is_keyless(value):
        envelope = read_sigstore_bundle(data, path).envelope
        return envelope, read_statement(envelope.payload, path)
    if not isinstance(value, dict) or "dsseEnvelope" not in value:
        raise EvidenceError(Problem("this is no model signature", path=path))
    envelope = envelope_of(value["dsseEnvelope"], path)
    if _bundle(envelope) != value:
        raise EvidenceError(
            Problem(
                "this model signature says more than, or something else than, its envelope",
                why="what a verifier overlooks could be changed without breaking the signature",
                path=path,
            )
        )
    return envelope, read_statement(envelope.payload, path)


def sigstore_of(data: bytes, path: str) -> SigstoreBundle | None:
    """A model signature as a Sigstore bundle; None when it names a key and holds no certificate."""
    return read_sigstore_bundle(data, path) if _is_keyless(parse_canonical(data, path)) else None


def _is_keyless(value: Any) -> bool:
    material = value.get("verificationMaterial") if isinstance(value, dict) else None
    return isinstance(material, dict) and "certificate" in material


def _bundle(envelope: Envelope) -> dict[str, Any]:
    return {
        "mediaType": MEDIA_TYPE,
        "verificationMaterial": {"publicKey": {"hint": envelope.keyid}, "tlogEntries": []},
        "dsseEnvelope": envelope.as_mapping(),
    }
