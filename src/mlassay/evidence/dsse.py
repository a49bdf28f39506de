"""DSSE envelopes, in exactly one spelling: canonical JSON, canonical base64, one signature with its key id.

https://github.com/secure-systems-lab/dsse/blob/v1.0.2/protocol.md
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Any

from mlassay.digest import canonical, parse_canonical
from mlassay.errors import EvidenceError, Problem

PAYLOAD_TYPE = "application/vnd.in-toto+json"


@dataclass(frozen=True, slots=True)
class Envelope:
    """One signed payload. ``keyid`` is a hint that must be right: keys come from ``people.yaml`` only."""

    payload: bytes
    keyid: str
    signature: bytes
    payload_type: str = PAYLOAD_TYPE

    @property
    def signed_bytes(self) -> bytes:
        """The bytes that the signature is over."""
        return pae(self.payload_type, self.payload)

    def as_mapping(self) -> dict[str, Any]:
        """The envelope as JSON values."""
        return {
            "payload": encode(self.payload),
            "payloadType": self.payload_type,
            "signatures": [{"keyid": self.keyid, "sig": encode(self.signature)}],
        }

    def to_bytes(self) -> bytes:
        """The envelope as canonical JSON."""
        return canonical(self.as_mapping())


def pae(payload_type: str, payload: bytes) -> bytes:
    """DSSE's pre-authentication encoding."""
    kind = payload_type.encode("utf-8")
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def read_envelope(data: bytes, path: str) -> Envelope:
    """The envelope in ``data``; EvidenceError that names ``path`` for any other spelling. Checks no signature."""
    return _usual(data, path) or envelope_of(parse_canonical(data, path), path)


def _usual(data: bytes, path: str) -> Envelope | None:
    """An envelope with nothing in it that JSON must escape, as all that hold are; None for any other, which is parsed.

    What matches is canonical JSON as it stands: a reader of thousands need not write each again to see it.
    """
    found = _SPELLED.fullmatch(data)
    if found is None:
        return None
    payload, keyid, signature = (text.decode("ascii") for text in found.groups())
    return Envelope(decode(payload, path), keyid, decode(signature, path))


_SPELLED = re.compile(
    rb'\{\n  "payload": "([A-Za-z0-9+/=]*)",\n  "payloadType": "%s",\n  "signatures": \[\n    \{\n'
    rb'      "keyid": "([A-Za-z0-9+/=:._-]*)",\n      "sig": "([A-Za-z0-9+/=]*)"\n    \}\n  \]\n\}\n'
    % re.escape(PAYLOAD_TYPE).encode()
)


def envelope_of(value: Any, path: str) -> Envelope:
    """As `read_envelope`, from JSON values (a Sigstore bundle holds an envelope inside)."""
    try:
        (signature,) = value["signatures"]
        envelope = Envelope(
            payload=decode(value["payload"], path),
            keyid=signature["keyid"],
            signature=decode(signature["sig"], path),
            payload_type=value["payloadType"],
        )
        whole = envelope.as_mapping() == value
    except (KeyError, TypeError, ValueError) as error:
        raise EvidenceError(_malformed(path, f"{type(error).__name__}: {error}")) from error
    if not whole or not isinstance(envelope.keyid, str):
        raise EvidenceError(_malformed(path, "it has members that an envelope does not have"))
    if envelope.payload_type != PAYLOAD_TYPE:
        raise EvidenceError(
            _malformed(path, f"its payload type is {envelope.payload_type!r}, not {PAYLOAD_TYPE}")
        )
    return envelope


def encode(data: bytes) -> str:
    """Standard base64 with padding."""
    return base64.b64encode(data).decode("ascii")


def decode(text: Any, path: str) -> bytes:
    """Bytes of standard base64; EvidenceError when another spelling (spare bits, missing padding) says the same."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError, TypeError) as error:
        raise EvidenceError(_malformed(path, f"it holds no base64 ({error})")) from error
    if encode(data) != text:
        raise EvidenceError(_malformed(path, "its base64 is another spelling of the same bytes"))
    return data


def _malformed(path: str, detail: str) -> Problem:
    return Problem(
        f"this is not a signed statement as mlassay writes them: {detail}",
        why="what a decoder overlooks could be changed without breaking the signature",
        remedy="take the file back from the commit that brought it in",
        path=path,
    )
