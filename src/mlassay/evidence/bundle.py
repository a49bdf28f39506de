"""Sigstore bundles v0.3 around one DSSE envelope, in exactly one spelling, read without Sigstore's own client.

https://docs.sigstore.dev/about/bundle/. Members that a bundle may have but ours never need (a chain of certificates, a
second log entry, a second time stamp) are refused, so that no verifier can prefer one of two answers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mlassay.digest import canonical, parse_canonical
from mlassay.errors import EvidenceError, Problem
from mlassay.evidence.dsse import Envelope, decode, envelope_of

MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"

_BYTES, _NUMBER, _TEXT = "bytes", "number", "text"
_CHECKPOINT_BYTES = 1 << 16
# Names that end in "?" may be missing. A list holds its first item, from so many to so many times.
_SHAPE: Mapping[str, Any] = {
    "mediaType": _TEXT,
    "verificationMaterial": {
        "certificate": {"rawBytes": _BYTES},
        "tlogEntries": [
            {
                "logIndex": _NUMBER,
                "logId": {"keyId": _BYTES},
                "kindVersion": {"kind": _TEXT, "version": _TEXT},
                "integratedTime?": _NUMBER,
                "inclusionPromise?": {"signedEntryTimestamp": _BYTES},
                "inclusionProof": {
                    "logIndex": _NUMBER,
                    "rootHash": _BYTES,
                    "treeSize": _NUMBER,
                    "hashes": [_BYTES, 0, 64],
                    "checkpoint": {"envelope": _TEXT},
                },
                "canonicalizedBody": _BYTES,
            },
            1,
            1,
        ],
        "timestampVerificationData?": {"rfc3161Timestamps": [{"signedTimestamp": _BYTES}, 1, 1]},
    },
    # Without the id of a key: verifiers skip a signature whose id is not that of the certificate's key.
    "dsseEnvelope": {"payload": _BYTES, "payloadType": _TEXT, "signatures": [{"sig": _BYTES}, 1, 1]},
}
_MAY_BE_EMPTY = ("hashes",)  # a log with one entry proves it with no hash


@dataclass(frozen=True, slots=True)
class SigstoreBundle:
    """One bundle: its envelope (with an empty key id), its certificate (DER), and what its one time comes from.

    ``integrated`` are the log's seconds since 1970, None where the log gives no time; ``stamp`` is an RFC 3161 answer.
    """

    envelope: Envelope
    certificate: bytes
    integrated: int | None
    stamp: bytes | None
    data: bytes


def bundle_bytes(value: Mapping[str, Any]) -> bytes:
    """A client's bundle as canonical JSON, without empty members; EvidenceError for a bundle of another shape."""
    data = canonical(_without_empty(value))
    read_sigstore_bundle(data, "what Sigstore's client made")
    return data


def read_sigstore_bundle(data: bytes, path: str) -> SigstoreBundle:
    """The bundle in ``data``; EvidenceError that names ``path`` for any other spelling. Checks no signature."""
    value = parse_canonical(data, path)
    _hold(value, _SHAPE, path, "")
    if value["mediaType"] != MEDIA_TYPE:
        raise _malformed(path, f"its media type is not {MEDIA_TYPE}")
    material = value["verificationMaterial"]
    entry = material["tlogEntries"][0]
    if len(entry["inclusionProof"]["checkpoint"]["envelope"]) > _CHECKPOINT_BYTES:
        raise _malformed(path, "its checkpoint is absurdly long")
    if ("integratedTime" in entry) != ("inclusionPromise" in entry):
        raise _malformed(path, "the log's time comes with the log's promise, or not at all")
    stamps = material.get("timestampVerificationData", {}).get("rfc3161Timestamps", [])
    return SigstoreBundle(
        envelope=_envelope(value["dsseEnvelope"], path),
        certificate=decode(material["certificate"]["rawBytes"], path),
        integrated=int(entry["integratedTime"]) if "integratedTime" in entry else None,
        stamp=decode(stamps[0]["signedTimestamp"], path) if stamps else None,
        data=data,
    )


def _envelope(value: Mapping[str, Any], path: str) -> Envelope:
    (signature,) = value["signatures"]
    return envelope_of({**value, "signatures": [{"keyid": "", **signature}]}, path)


def _hold(value: Any, shape: Any, path: str, at: str) -> None:
    if isinstance(shape, Mapping):
        names = {name.removesuffix("?"): name.endswith("?") for name in shape}
        if not isinstance(value, dict) or not value.keys() <= names.keys():
            raise _malformed(path, f"{at or 'it'} has members that it must not have")
        for name, optional in names.items():
            if name in value:
                _hold(value[name], shape[f"{name}?" if optional else name], path, f"{at}/{name}")
            elif not optional:
                raise _malformed(path, f"{at}/{name} is missing")
    elif isinstance(shape, list):
        item, least, most = shape
        if not isinstance(value, list) or not least <= len(value) <= most:
            raise _malformed(path, f"{at} does not hold {least} to {most} of them")
        for one in value:
            _hold(one, item, path, at)
    elif shape == _BYTES:
        if not decode(value, path):
            raise _malformed(path, f"{at} is empty")
    elif shape == _NUMBER:
        if not isinstance(value, str) or not re.fullmatch(r"0|[1-9][0-9]{0,18}", value, re.ASCII):
            raise _malformed(path, f"{at} is no number as bundles write them")
    elif shape == _TEXT and not isinstance(value, str):
        raise _malformed(path, f"{at} is no text")


def _without_empty(value: Any) -> Any:
    """``value`` without members that are empty, as protobuf's JSON leaves them out."""
    if isinstance(value, Mapping):
        slim = {name: _without_empty(item) for name, item in value.items()}
        return {
            name: item for name, item in slim.items() if item not in (None, [], {}) or name in _MAY_BE_EMPTY
        }
    return [_without_empty(item) for item in value] if isinstance(value, list) else value


def _malformed(path: str, detail: str) -> EvidenceError:
    return EvidenceError(
        Problem(
            f"this is not a Sigstore bundle as mlassay writes them: {detail}",
            why="what a verifier overlooks could be changed without breaking the signature",
            remedy="take the file back from the commit that brought it in",
            path=path,
        )
    )
