"""Anchors: small files that pin a history, to be kept where whoever can rewrite it cannot reach them.

One file: the anchor as canonical JSON (its last line is the only one that is ``}`` alone), then at most one signature
over exactly these bytes, then at most one RFC 3161 response over all the bytes before it; both in armour, so that
``sed`` takes the three apart for ssh-keygen and openssl. Checks no signature.
"""

from __future__ import annotations

import hashlib
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Self

from mlassay.digest import sha256
from mlassay.errors import ConfigurationError, EvidenceError, Problem
from mlassay.evidence import dsse, layout
from mlassay.evidence.records import Record
from mlassay.evidence.times import parse_time, time_string
from mlassay.files import read_file

LIMIT = 1 << 18
"""Bytes that a file may have: the JSON has under one thousand, a time stamp with its certificates some ten."""

PAYLOAD_TYPE = "application/vnd.mlassay.anchor+json"
"""What a CI signer's DSSE signature says it is over; people.yaml allows it by `statement.ANCHOR`."""

SSH, CI, STAMP = "SSH SIGNATURE", "CI SIGNATURE", "TIME STAMP"
PERSON, MACHINE = "person", "ci"

_END_OF_JSON = b"\n}\n"
_WIDTH = 70  # of ssh-keygen's own armour


@dataclass(frozen=True, slots=True)
class AnchorSigner:
    """Who is said to sign: a person or a CI signer, the id in people.yaml at the head (None: not in it), the key.

    ``key`` is what ``ssh-keygen -l`` prints (``SHA256:…``), or for a CI signer the SHA-256 of its PEM file in hex.
    """

    kind: str
    id: str | None
    key: str


@dataclass(frozen=True, slots=True)
class Anchor(Record):
    """A history pinned: ``head``, its ``tree``, how many ``commits`` its first-parent line has, its ``root`` of trust.

    ``evidence`` is the tree id of ``evidence/``, ``guarded`` the digest that `guarded_digest` makes, ``findings`` how
    many the whole audit had, ``previous`` the digest of the anchor file before this one. ``date`` (UTC) is claimed.
    """

    head: str
    tree: str
    commits: int
    root: str | None
    evidence: str | None
    guarded: str
    findings: int
    date: datetime
    previous: str | None = None
    signer: AnchorSigner | None = None

    schema: ClassVar[str] = "anchor"
    kind: ClassVar[str] = "anchor"

    def as_mapping(self) -> dict[str, Any]:
        """The anchor as JSON values."""
        who = self.signer
        return {
            "head": self.head,
            "tree": self.tree,
            "commits": self.commits,
            "root": self.root,
            "evidence": self.evidence,
            "guarded": self.guarded,
            "findings": self.findings,
            "date": time_string(self.date),
            "previous": self.previous,
            "signer": {"kind": who.kind, "id": who.id, "key": who.key} if who else None,
        }

    @classmethod
    def from_mapping(cls, value: Mapping[str, Any], path: str) -> Self:
        """The anchor that `as_mapping` wrote."""
        plain = ("head", "tree", "commits", "root", "evidence", "guarded", "findings", "previous")
        who = value["signer"]
        return cls(
            **{name: value[name] for name in plain},
            date=parse_time(value["date"], path),
            signer=AnchorSigner(who["kind"], who["id"], who["key"]) if who else None,
        )

    def signed_bytes(self) -> bytes:
        """What the signature is over: the JSON itself for a person, DSSE's encoding of it for a CI signer."""
        data = self.to_bytes()
        return dsse.pae(PAYLOAD_TYPE, data) if self.signer and self.signer.kind == MACHINE else data


@dataclass(frozen=True)
class AnchorFile:
    """An anchor with what vouches for it: ``signature`` (armored SSHSIG, or DER of a CI signer), ``stamp`` (DER of an
    RFC 3161 response over `stamped_bytes`). ``path`` is for messages only.
    """

    anchor: Anchor
    signature: bytes | None = None
    stamp: bytes | None = None
    path: str = ""

    @property
    def stamped_bytes(self) -> bytes:
        """What a time stamp is over: everything before it, the signature too."""
        return self.anchor.to_bytes() + self._signature_block()

    def to_bytes(self) -> bytes:
        """The file, in its one spelling."""
        return self.stamped_bytes + (_armoured(STAMP, self.stamp) if self.stamp is not None else b"")

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the whole file, as ``sha256sum`` prints it: what the next anchor of a chain names."""
        return sha256(self.to_bytes())

    def _signature_block(self) -> bytes:
        if self.signature is None or self.anchor.signer is None:
            return b""
        person = self.anchor.signer.kind == PERSON
        return self.signature if person else _armoured(CI, self.signature)


def load_anchor(path: Path) -> AnchorFile:
    """The anchor in a file; ConfigurationError when it cannot be read, EvidenceError when it is no anchor."""
    try:
        return read_anchor(read_file(path.parent, path.name, LIMIT), str(path))
    except ConfigurationError as error:
        remedy = "name an anchor that 'mlassay audit anchor --out' wrote"
        raise ConfigurationError(
            *(Problem(p.what, p.why, remedy, str(path)) for p in error.problems)
        ) from error


def read_anchor(data: bytes, path: str) -> AnchorFile:
    """The anchor file in ``data``; EvidenceError that names ``path`` for anything but what `to_bytes` writes."""
    if len(data) > LIMIT:
        raise _no_anchor(path, f"it has {len(data)} bytes, and an anchor has some thousands")
    if b"\r" in data and data.startswith(b"{"):
        raise _no_anchor(
            path,
            "its line ends were changed on the way",
            "tr -d '\\r' < FILE > ANCHOR; send it as an attachment",
        )
    end = data.find(_END_OF_JSON)
    if end < 0:
        raise _no_anchor(path, "it does not begin with an anchor's JSON, or ends within it")
    end += len(_END_OF_JSON)
    anchor, rest = Anchor.parse(data[:end], path), data[end:]
    signature, rest = _signature(anchor, rest, path)
    stamp, rest = _unarmoured(STAMP, rest, path)
    found = AnchorFile(anchor, signature, stamp, path)
    if rest or found.to_bytes() != data:
        raise _no_anchor(path, "it holds bytes that an anchor does not have, or another spelling of its own")
    return found


def guarded_digest(listing: Mapping[str, tuple[str, str]]) -> str:
    """SHA-256 over every guarded file as ``git ls-tree -r`` lists it; ``listing`` maps a path to its mode and id.

    Paths are quoted as git's ``core.quotePath=true`` has them and sorted by their bytes; others are left out.
    """
    hasher = hashlib.sha256()
    guarded = (
        (path.encode("utf-8", "surrogateescape"), node)
        for path, node in listing.items()
        if layout.is_guarded(path)
    )
    for name, (mode, id_) in sorted(guarded):
        kind = "commit" if mode == "160000" else "blob"
        hasher.update(f"{mode} {kind} {id_}\t{_quoted(name)}\n".encode("ascii"))
    return "sha256:" + hasher.hexdigest()


def _signature(anchor: Anchor, rest: bytes, path: str) -> tuple[bytes | None, bytes]:
    if anchor.signer is None:
        return None, rest
    if anchor.signer.kind == MACHINE:
        signature, rest = _unarmoured(CI, rest, path)
    else:
        end = f"-----END {SSH}-----\n".encode()
        at = rest.find(end) + len(end) if rest.startswith(f"-----BEGIN {SSH}-----\n".encode()) else 0
        signature, rest = (rest[:at], rest[at:]) if at >= len(end) else (None, rest)
    if signature is None:
        raise _no_anchor(
            path, f"it says that {anchor.signer.id or 'somebody'} signs it, and holds no such signature"
        )
    return signature, rest


def _armoured(label: str, data: bytes) -> bytes:
    lines = textwrap.wrap(dsse.encode(data), _WIDTH)
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""]).encode("ascii")


def _unarmoured(label: str, data: bytes, path: str) -> tuple[bytes | None, bytes]:
    """What the block ``label`` at the very beginning holds (None: there is none), and what follows it."""
    begin, end = (f"-----{word} {label}-----\n".encode() for word in ("BEGIN", "END"))
    if not data.startswith(begin):
        return None, data
    inner, found, rest = data[len(begin) :].partition(end)
    if not found:
        raise _no_anchor(path, f"its {label.lower()} is cut short")
    return dsse.decode(inner.replace(b"\n", b"").decode("ascii", "replace"), path), rest


_ESCAPES = {7: "a", 8: "b", 9: "t", 10: "n", 11: "v", 12: "f", 13: "r", 34: '"', 92: "\\"}


def _quoted(name: bytes) -> str:
    """A path as git prints it for people (quote.c): in quotes, with escapes, when it holds more than plain ASCII."""
    parts = [
        "\\" + _ESCAPES[byte] if byte in _ESCAPES else chr(byte) if 32 <= byte < 127 else f"\\{byte:03o}"
        for byte in name
    ]
    text = "".join(parts)
    return text if len(text) == len(name) else f'"{text}"'


def _no_anchor(path: str, detail: str, remedy: str = "") -> EvidenceError:
    return EvidenceError(
        Problem(
            f"this is no anchor as 'mlassay audit anchor' writes them: {detail}",
            why="an anchor has one spelling, so that nothing in it can change unnoticed",
            remedy=remedy or "take the file as it was first kept",
            path=path,
            rule="anchor",
        )
    )
