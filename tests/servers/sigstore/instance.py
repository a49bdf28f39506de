"""The whole of it: what clients trust, and bundles made without a network."""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from mlassay.evidence.dsse import PAYLOAD_TYPE, pae
from tests.servers.sigstore.authority import START, Authority, new_key, spki
from tests.servers.sigstore.log import Log

SINCE = {"start": f"{START:%Y-%m-%dT%H:%M:%SZ}"}


class Sigstore:
    """One authority and one log, with the files that clients of it are given."""

    def __init__(self) -> None:
        self.authority, self.log = Authority(), Log()

    def bundle(
        self,
        statement: bytes,
        claims: dict[str, str],
        when: datetime,
        *,
        logged_at: datetime | None = None,
        **options: Any,
    ) -> dict[str, Any]:
        """A bundle v0.3 around ``statement``, signed by a new key with a certificate of ``claims`` from ``when`` on."""
        key = new_key()
        certificate = self.authority.issue(key.public_key(), claims, when, **options)
        signature = b64encode(key.sign(pae(PAYLOAD_TYPE, statement), ec.ECDSA(SHA256()))).decode()
        envelope = {
            "payload": b64encode(statement).decode(),
            "payloadType": PAYLOAD_TYPE,
            "signatures": [{"sig": signature}],
        }
        entry = self.log.add(
            envelope, json.dumps(envelope), certificate.public_bytes(Encoding.PEM), logged_at or when
        )
        return {
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": {
                "certificate": {"rawBytes": b64encode(certificate.public_bytes(Encoding.DER)).decode()},
                "tlogEntries": [_entry(entry)],
            },
            "dsseEnvelope": envelope,
        }

    def trusted_root(self) -> dict[str, Any]:
        """Which authority and logs to believe."""
        chain = [self.authority.intermediate, self.authority.root]
        authority = {
            "subject": {"organization": "tests", "commonName": "authority"},
            "uri": "https://authority.test",
            "certChain": {
                "certificates": [{"rawBytes": _b64(one.public_bytes(Encoding.DER))} for one in chain]
            },
            "validFor": SINCE,
        }
        return {
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [_log("https://log.test", self.log.key)],
            "certificateAuthorities": [authority],
            "ctlogs": [_log("https://certificates.test", self.authority.ct)],
            "timestampAuthorities": [],
        }

    def trust_config(self, url: str = "https://sigstore.test") -> bytes:
        """The client trust config: the trusted root, and where the services are."""
        service = [{"url": url, "majorApiVersion": 1, "validFor": SINCE, "operator": "tests"}]
        config = {
            "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
            "caUrls": service,
            "oidcUrls": service,
            "rekorTlogUrls": service,
            "tsaUrls": [],
            "rekorTlogConfig": {"selector": "ANY"},
            "tsaConfig": {"selector": "ANY"},
        }
        whole = {
            "mediaType": "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json",
            "trustedRoot": self.trusted_root(),
            "signingConfig": config,
        }
        return json.dumps(whole, indent=2).encode() + b"\n"


def _entry(answer: dict[str, Any]) -> dict[str, Any]:
    """The log's answer as a bundle holds it."""
    proof = answer["verification"]["inclusionProof"]
    return {
        "logIndex": str(answer["logIndex"]),
        "logId": {"keyId": _b64(bytes.fromhex(answer["logID"]))},
        "kindVersion": {"kind": "dsse", "version": "0.0.1"},
        "integratedTime": str(answer["integratedTime"]),
        "inclusionPromise": {"signedEntryTimestamp": answer["verification"]["signedEntryTimestamp"]},
        "inclusionProof": {
            "logIndex": str(proof["logIndex"]),
            "rootHash": _b64(bytes.fromhex(proof["rootHash"])),
            "treeSize": str(proof["treeSize"]),
            "hashes": [_b64(bytes.fromhex(one)) for one in proof["hashes"]],
            "checkpoint": {"envelope": proof["checkpoint"]},
        },
        "canonicalizedBody": answer["body"],
    }


def _log(url: str, key: ec.EllipticCurvePrivateKey) -> dict[str, Any]:
    import hashlib

    public = spki(key.public_key())
    return {
        "baseUrl": url,
        "hashAlgorithm": "SHA2_256",
        "publicKey": {"rawBytes": _b64(public), "keyDetails": "PKIX_ECDSA_P256_SHA_256", "validFor": SINCE},
        "logId": {"keyId": _b64(hashlib.sha256(public).digest())},
    }


def _b64(data: bytes) -> str:
    return b64encode(data).decode()
