"""People's keys of every kind that git can sign with: ssh-keygen's own, and a hardware key that is none."""

from __future__ import annotations

import base64
import hashlib
import subprocess
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mlassay.signers.ssh import NAMESPACE, SshSigner, _armored
from tests.factory.histories import _string
from tests.threats.generated_signing import OTHERS

KINDS = {
    "rsa": ("rsa", "3072"),
    "ecdsa-256": ("ecdsa", "256"),
    "ecdsa-521": ("ecdsa", "521"),
    "ed25519-sk": ("", ""),
}
_SK = b"sk-ssh-ed25519@openssh.com"
_APPLICATION = b"ssh:"
_TOUCHED = 1


def bring(name: str, kind: str, folder: Path) -> None:
    """Let ``name`` be a fresh key of this kind, that everybody in `generated_team` can sign with."""
    type_, bits = KINDS[kind]
    if not type_:
        OTHERS[name] = _touched(name)
        return
    file = folder / name
    command = ["ssh-keygen", "-q", "-t", type_, "-b", bits, "-N", "", "-C", "", "-f", str(file)]
    subprocess.run(command, check=True, capture_output=True)
    signer = SshSigner.from_file(file)
    OTHERS[name] = (signer.public, signer.sign)


def _touched(name: str):
    """What a security key does when somebody touches it (OpenSSH, PROTOCOL.u2f), without one."""
    key = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest())
    raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    public = _string(_SK) + _string(raw) + _string(_APPLICATION)

    def sign(payload: bytes) -> bytes:
        digest = hashlib.sha512(payload).digest()
        fields = (NAMESPACE.encode(), b"", b"sha512")
        told = b"SSHSIG" + b"".join(map(_string, (*fields, digest)))
        state = bytes([_TOUCHED]) + (7).to_bytes(4)
        asked = hashlib.sha256(_APPLICATION).digest() + state + hashlib.sha256(told).digest()
        inner = _string(_SK) + _string(key.sign(asked)) + state
        return _armored(b"SSHSIG\0\0\0\1" + b"".join(map(_string, (public, *fields, inner))))

    return f"{_SK.decode()} {base64.b64encode(public).decode()}", sign
