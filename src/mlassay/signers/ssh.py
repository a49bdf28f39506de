"""People's SSH keys: the ones they use for git, in files, agents or hardware. Signatures are SSHSIG, namespace mlassay.

https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.sshsig
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import subprocess
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from mlassay.errors import ConfigurationError, EvidenceError, Problem

NAMESPACE = "mlassay"

_BEGIN, _END = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"
_WIDTH = 70  # of ssh-keygen's own armour
_HASHES = {b"sha256": hashlib.sha256, b"sha512": hashlib.sha512}
# Kinds of key that are checked in this process, and the algorithms that each may sign with (no SHA-1: RFC 8332).
_ALGORITHMS = {"ssh-ed25519": (b"ssh-ed25519",), "ssh-rsa": (b"rsa-sha2-512", b"rsa-sha2-256")}


class SshSigner:
    """A key that ``ssh-keygen -Y sign`` can use: a private key file, or a public line whose private half an agent has."""

    def __init__(self, public: str, key: Path | None = None) -> None:
        self.public = public.strip()
        self._key = key

    @classmethod
    def from_file(cls, key: Path) -> SshSigner:
        """The key in file ``key`` (the public half of a pair may be named too)."""
        private = key.with_suffix("") if key.suffix == ".pub" else key
        public = private.with_name(private.name + ".pub")
        if public.is_file():
            return cls(public.read_text("utf-8"), private if private.is_file() else public)
        if not private.is_file():
            raise ConfigurationError(
                Problem(
                    "there is no such key", remedy="name the file of your SSH key with --key", path=str(key)
                )
            )
        return cls(
            _keygen(["-y", "-f", str(private)], b"", "the public half cannot be read").decode(), private
        )

    def sign(self, payload: bytes) -> bytes:
        """An armored SSHSIG over ``payload``; ConfigurationError with ssh-keygen's words when it cannot."""
        if self._key is not None:
            return self._sign_with(self._key, payload)
        with tempfile.TemporaryDirectory(prefix="mlassay-") as folder:
            public = Path(folder) / "key.pub"
            public.write_text(self.public + "\n", "utf-8")
            return self._sign_with(public, payload)

    def _sign_with(self, key: Path, payload: bytes) -> bytes:
        return _keygen(["-Y", "sign", "-n", NAMESPACE, "-f", str(key)], payload, "your SSH key cannot sign")


class SshVerifier:
    """Checks an armored SSHSIG against an OpenSSH public key line."""

    def verify(self, payload: bytes, signature: bytes, public: str) -> None:
        """Return when the signature is ``public``'s over ``payload`` in the namespace mlassay; EvidenceError otherwise.

        Ed25519 and RSA are checked in this process, all other kinds (ECDSA, hardware keys) by ``ssh-keygen``.
        """
        parts = _read(signature)
        kind, key = _public_parts(public)
        if parts.public_key != key:
            raise _no("it was made with another key")
        if parts.namespace != NAMESPACE.encode():
            raise _no(f"it was made for another purpose ({parts.namespace[:40]!r}, not {NAMESPACE!r})")
        if kind in _ALGORITHMS:
            _verify_here(payload, parts, kind, public)
        else:
            _verify_outside(payload, signature, public)


@dataclass(frozen=True, slots=True)
class _Parts:
    public_key: bytes
    namespace: bytes
    hash_name: bytes
    signature: bytes


def find_signer(key: Path | None, configured: str | None) -> SshSigner:
    """The signer for ``key``, else for git's ``user.signingkey``, else for the one key that the agent holds."""
    if key is not None:
        return SshSigner.from_file(key)
    if configured:
        line = configured.removeprefix("key::")
        if line.startswith(("ssh-", "ecdsa-", "sk-")):
            return SshSigner(line)
        return SshSigner.from_file(Path(configured).expanduser())
    held = _agent_keys()
    if len(held) == 1:
        return SshSigner(held[0])
    raise ConfigurationError(
        Problem(
            "it is not clear which SSH key is yours" if held else "there is no SSH key to sign with",
            why="people sign with the SSH key that stands beside their name in governance/people.yaml",
            remedy="name it with --key, or once and for all: git config user.signingkey ~/.ssh/id_ed25519.pub",
        )
    )


def _agent_keys() -> list[str]:
    if not os.environ.get("SSH_AUTH_SOCK"):
        return []
    try:
        done = subprocess.run(["ssh-add", "-L"], capture_output=True, check=False, timeout=10)
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return []
    return done.stdout.decode("utf-8", "replace").splitlines() if done.returncode == 0 else []


def _keygen(arguments: list[str], data: bytes, what: str) -> bytes:
    try:
        done = subprocess.run(["ssh-keygen", *arguments], input=data, capture_output=True, check=False)
    except FileNotFoundError as error:
        raise ConfigurationError(
            Problem("ssh-keygen is not installed", remedy="install OpenSSH 8.2 or newer")
        ) from error
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise ConfigurationError(
            Problem(
                f"{what}: {said[-1] if said else 'ssh-keygen gave no reason'}",
                remedy="see that the key is yours, that its agent or token is there, and that its file has mode 600",
            )
        )
    return done.stdout


def _verify_here(payload: bytes, parts: _Parts, kind: str, public: str) -> None:
    """Check an Ed25519 or RSA signature. The sshsig library would do, but holds the algorithm by ``assert`` alone."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.hashes import SHA256, SHA512

    (algorithm, raw), rest = _fields(parts.signature, 2)
    signed = b"SSHSIG" + b"".join(
        len(field).to_bytes(4) + field
        for field in (parts.namespace, b"", parts.hash_name, _HASHES[parts.hash_name](payload).digest())
    )
    try:
        key = _loaded(public)
        if rest or algorithm not in _ALGORITHMS[kind]:
            raise _no("it is of another kind than its key")
        if isinstance(key, Ed25519PublicKey):
            key.verify(raw, signed)
        elif isinstance(key, RSAPublicKey):
            key.verify(raw, signed, PKCS1v15(), SHA512() if algorithm == b"rsa-sha2-512" else SHA256())
        else:
            raise _no("it is of another kind than its key")
    except (InvalidSignature, ValueError) as error:
        raise _no("it does not fit these bytes under that key") from error


@lru_cache(maxsize=64)
def _loaded(public: str) -> object:
    """The key of an OpenSSH line; ValueError when it is none."""
    from cryptography.hazmat.primitives.serialization import load_ssh_public_key

    return load_ssh_public_key(" ".join(public.split()[:2]).encode("ascii"))


def _verify_outside(payload: bytes, signature: bytes, public: str) -> None:
    kind, key = public.split()[:2]
    with tempfile.TemporaryDirectory(prefix="mlassay-") as folder:
        allowed, sig = Path(folder) / "allowed", Path(folder) / "sig"
        allowed.write_text(f'* namespaces="{NAMESPACE}" {kind} {key}\n', "ascii")
        sig.write_bytes(signature)
        arguments = ["-Y", "verify", "-f", str(allowed), "-I", "anybody", "-n", NAMESPACE, "-s", str(sig)]
        try:
            done = subprocess.run(["ssh-keygen", *arguments], input=payload, capture_output=True, check=False)
        except FileNotFoundError as error:
            raise ConfigurationError(
                Problem(
                    f"keys of kind {kind} are checked by ssh-keygen, which is not installed",
                    remedy="install OpenSSH 8.2 or newer",
                )
            ) from error
    if done.returncode:
        raise _no("it does not fit these bytes under that key")


def _read(signature: bytes) -> _Parts:
    """The parts of an armored SSHSIG in the one spelling that ssh-keygen writes; EvidenceError for any other."""
    try:
        lines = signature.decode("ascii").split("\n")
        raw = base64.b64decode("".join(lines[1:-2]), validate=True)
    except (UnicodeDecodeError, binascii.Error) as error:
        raise _no("it is not text as ssh-keygen writes it") from error
    if _armored(raw) != signature:
        raise _no("its bytes are another spelling of the same signature")
    if raw[:10] != b"SSHSIG\0\0\0\1":
        raise _no("it is no SSH signature of version 1")
    (public_key, namespace, reserved, hash_name, inner), rest = _fields(raw[10:], 5)
    if rest or reserved or hash_name not in _HASHES:
        raise _no("it holds bytes that a signature does not have")
    return _Parts(public_key, namespace, hash_name, inner)


def _fields(raw: bytes, count: int) -> tuple[list[bytes], bytes]:
    """``count`` length-prefixed fields, and whatever follows them."""
    rest, fields = raw, []
    for _ in range(count):
        length = int.from_bytes(rest[:4])
        if len(rest) < 4 + length:
            raise _no("it is cut short")
        fields.append(rest[4 : 4 + length])
        rest = rest[4 + length :]
    return fields, rest


def _armored(raw: bytes) -> bytes:
    text = base64.b64encode(raw).decode("ascii")
    lines = [text[at : at + _WIDTH] for at in range(0, len(text), _WIDTH)]
    return "\n".join([_BEGIN, *lines, _END, ""]).encode("ascii")


def _public_parts(public: str) -> tuple[str, bytes]:
    try:
        kind, text = public.split()[:2]
        return kind, base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error) as error:
        raise EvidenceError(
            Problem("a public key in people.yaml is no OpenSSH key line", path="governance/people.yaml")
        ) from error


def _no(detail: str) -> EvidenceError:
    return EvidenceError(
        Problem(
            f"this SSH signature is not valid: {detail}",
            why="only a signature over exactly these bytes, by a key in people.yaml, counts",
            remedy="ask the person to sign again",
        )
    )
