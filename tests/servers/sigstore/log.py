"""The signature log: a Merkle tree (RFC 6962), a signed checkpoint and a signed promise for each entry, as Rekor v1 gives."""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from tests.servers.sigstore.authority import new_key, spki

ORIGIN = "log.test - 1"


class Log:
    """An append-only list of entries."""

    def __init__(self) -> None:
        self.key = new_key()
        self.id = hashlib.sha256(spki(self.key.public_key())).digest()
        self._leaves: list[bytes] = []

    def add(
        self, envelope: dict[str, Any], text: str, certificate_pem: bytes, when: datetime
    ) -> dict[str, Any]:
        """Enter a DSSE envelope (``text`` is how it was sent); the log's answer, as Rekor's API gives it."""
        body = _body(envelope, text, certificate_pem)
        self._leaves.append(hashlib.sha256(b"\0" + body).digest())
        index, size, root = len(self._leaves) - 1, len(self._leaves), _root(self._leaves)
        seconds = int(when.timestamp())
        promised = {
            "body": b64encode(body).decode(),
            "integratedTime": seconds,
            "logID": self.id.hex(),
            "logIndex": index,
        }
        proof = {
            "checkpoint": self._checkpoint(size, root),
            "hashes": [one.hex() for one in _path(index, self._leaves)],
            "logIndex": index,
            "rootHash": root.hex(),
            "treeSize": size,
        }
        promise = self._sign(json.dumps(promised, sort_keys=True, separators=(",", ":")).encode())
        return promised | {
            "verification": {"inclusionProof": proof, "signedEntryTimestamp": b64encode(promise).decode()}
        }

    def _checkpoint(self, size: int, root: bytes) -> str:
        note = f"{ORIGIN}\n{size}\n{b64encode(root).decode()}\n"
        signature = b64encode(self.id[:4] + self._sign(note.encode())).decode()
        return f"{note}\n\u2014 {ORIGIN.split(maxsplit=1)[0]} {signature}\n"

    def _sign(self, data: bytes) -> bytes:
        return self.key.sign(data, ec.ECDSA(SHA256()))


def _body(envelope: dict[str, Any], text: str, certificate_pem: bytes) -> bytes:
    from base64 import b64decode

    (signature,) = envelope["signatures"]
    spec = {
        "envelopeHash": _hash(text.encode()),
        "payloadHash": _hash(b64decode(envelope["payload"])),
        "signatures": [{"signature": signature["sig"], "verifier": b64encode(certificate_pem).decode()}],
    }
    entry = {"apiVersion": "0.0.1", "kind": "dsse", "spec": spec}
    return json.dumps(entry, sort_keys=True, separators=(",", ":")).encode()


def _hash(data: bytes) -> dict[str, str]:
    return {"algorithm": "sha256", "value": hashlib.sha256(data).hexdigest()}


def _root(leaves: list[bytes]) -> bytes:
    if len(leaves) == 1:
        return leaves[0]
    split = _split(len(leaves))
    return hashlib.sha256(b"\1" + _root(leaves[:split]) + _root(leaves[split:])).digest()


def _path(index: int, leaves: list[bytes]) -> list[bytes]:
    if len(leaves) == 1:
        return []
    split = _split(len(leaves))
    if index < split:
        return [*_path(index, leaves[:split]), _root(leaves[split:])]
    return [*_path(index - split, leaves[split:]), _root(leaves[:split])]


def _split(size: int) -> int:
    """The largest power of two smaller than ``size``."""
    return 1 << ((size - 1).bit_length() - 1)
