"""Public keys by what they are, and not by how they are written down."""

from __future__ import annotations

import base64
import binascii
import hashlib
import textwrap
from functools import lru_cache

from mlassay.errors import ConfigurationError, Problem

_BEGIN, _END = "-----BEGIN PUBLIC KEY-----", "-----END PUBLIC KEY-----"


@lru_cache(maxsize=1024)  # asked for each key at each signature
def key_id(public: str) -> str:
    """A public key's id: 64 hex digits, the same however its text is wrapped or commented.

    For a PEM key the SHA-256 of its PEM text with lines of 64 and a newline at the end, which is also the hint in an
    OpenSSF model signature; for an OpenSSH key line that of its decoded key; for a keyless signer that of its pins.
    """
    if public.startswith("{"):
        return hashlib.sha256(public.encode()).hexdigest()
    text = public.strip()
    try:
        if text.startswith(_BEGIN) and text.endswith(_END):
            inner = "".join(text[len(_BEGIN) : -len(_END)].split())
            der = base64.b64decode(inner, validate=True)
            return hashlib.sha256(_pem(der).encode("ascii")).hexdigest()
        return hashlib.sha256(base64.b64decode(text.split()[1], validate=True)).hexdigest()
    except (binascii.Error, ValueError, IndexError) as error:
        raise ConfigurationError(
            Problem(
                "this is no public key",
                why="a key is a PEM block 'PUBLIC KEY' or an OpenSSH public key line",
                remedy="paste the public half again; 'mlassay keys add' does it for you",
            )
        ) from error


def ssh_fingerprint(public: str) -> str:
    """An OpenSSH public key line's fingerprint as ``ssh-keygen -l`` prints it: ``SHA256:`` and unpadded base64."""
    blob = base64.b64decode(public.split()[1], validate=True)
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode("ascii").rstrip("=")


def _pem(der: bytes) -> str:
    lines = textwrap.wrap(base64.b64encode(der).decode("ascii"), 64)
    return "\n".join([_BEGIN, *lines, _END, ""])
