"""``governance/people.yaml`` into frozen `People`: the only source of keys, each key one person's or one machine's."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from typing import Any

from mlassay.config.types import CiSigner, Key, Keyless, People, Person
from mlassay.config.units import TIME, a_time
from mlassay.digest import sha256
from mlassay.errors import ConfigurationError, Problem
from mlassay.files import Document, check, read_yaml
from mlassay.files.document import Pointer

SSH_TYPES = (
    "ssh-ed25519",
    "sk-ssh-ed25519@openssh.com",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "ssh-rsa",
)
# Where the wire encoding holds what a private key proves, and in how many bytes (0: any); RFC 4253, 5656, 8709, PROTOCOL.u2f.
_MATERIAL = {
    "ssh-ed25519": (1, 32),
    "sk-ssh-ed25519@openssh.com": (1, 32),
    "ecdsa-sha2-nistp256": (2, 65),
    "ecdsa-sha2-nistp384": (2, 97),
    "ecdsa-sha2-nistp521": (2, 133),
    "sk-ecdsa-sha2-nistp256@openssh.com": (2, 65),
    "ssh-rsa": (2, 0),
}
UNCOMPRESSED = 4
_PEM_FIRST, _PEM_LAST = "-----BEGIN PUBLIC KEY-----", "-----END PUBLIC KEY-----"
_P256 = bytes.fromhex(
    "3059301306072a8648ce3d020106082a8648ce3d03010703420004"
)  # DER up to the point, RFC 5480

_DESK = "urn:mlassay:predicate:"  # requests and records of reviews; evidence is of kinds that others defined


@lru_cache(maxsize=64)  # a history holds the same few of them hundreds of times
def load_people(path: str, data: bytes) -> People:
    """Read people and signers; ConfigurationError with every problem of the file. No key's text is ever printed."""
    if b"PRIVATE KEY" in data:
        line = data[: data.index(b"PRIVATE KEY")].count(b"\n") + 1
        raise ConfigurationError(
            Problem(
                "a private key stands in this file",
                why="everybody who reads the repository could sign in its owner's name",
                remedy="treat that key as lost: make a new one, and write only its public half here",
                path=path,
                line=line,
            )
        )
    document = read_yaml(path, data)
    ConfigurationError.raise_if_any([*check(document, "people"), *_beyond_schema(document)])
    return _build(document, sha256(data))


def _beyond_schema(document: Document) -> Iterator[Problem]:
    held: dict[str | bytes, str] = {}
    for at, holder in _keys(document):
        if isinstance(text := document.get(*at, "key"), str):
            fault = ssh_key_fault(text) if at[0] == "people" else pem_key_fault(text)
            if fault:
                yield document.problem((*at, "key"), f"the key of {holder}: {fault}", remedy=_remedy(at))
            elif (material := _material(text)) in held:
                yield document.problem(
                    (*at, "key"),
                    f"the key of {holder} is listed already, for {held[material]}",
                    "one key under two names would be counted as two people",
                    "give each their own key, and list each key once",
                )
            else:
                held[material] = holder
        elif isinstance(pins := document.get(*at, "keyless"), dict):
            yield from _keyless(document, at, holder, pins, held)
        yield from _times(document, at)
    yield from _one_each(document)


def _keyless(
    document: Document, at: Pointer, holder: str, pins: dict[str, Any], held: dict[str | bytes, str]
) -> Iterator[Problem]:
    wanted = str([pins.get(name) for name in ("identity", "issuer", "repository_id", "ref")])
    if (other := held.setdefault(wanted, holder)) != holder:
        yield document.problem(
            (*at, "keyless"),
            f"what {holder} is pinned to is listed already, for {other}",
            "one certificate would be two signers",
            "list it once",
        )
    signs = document.get(*at, "signs")
    for kind in signs if isinstance(signs, list) else []:
        if str(kind).startswith(_DESK):
            yield document.problem(
                (*at, "signs"),
                f"{holder} has no key, and may not sign {kind}",
                "requests and records of reviews are signed with a key in this version",
                "give the desk a key: 'mlassay keys new --ci --desk --id ID'",
            )


def _keys(document: Document) -> Iterator[tuple[Pointer, str]]:
    for person, _ in document.items("people"):
        keys = document.get("people", person, "keys")
        for number in range(len(keys) if isinstance(keys, list) else 0):
            yield ("people", person, "keys", number), person
    for signer, _ in document.items("signers"):
        yield ("signers", signer), signer


def _times(document: Document, at: Pointer) -> Iterator[Problem]:
    read: dict[str, datetime] = {}
    for name, place in (
        ("valid_from", (*at, "valid_from")),
        ("valid_until", (*at, "valid_until")),
        ("revoked.at", (*at, "revoked", "at")),
        ("compromised_since", (*at, "revoked", "compromised_since")),
    ):
        if isinstance(text := document.get(*place), str) and TIME.fullmatch(text):
            try:
                read[name] = a_time(text, end_of_day=name == "valid_until")
            except ValueError as error:
                yield document.problem(place, f"{'.'.join(map(str, place))}: {error}")
    if "valid_from" in read and "valid_until" in read and read["valid_until"] <= read["valid_from"]:
        yield document.problem(
            (*at, "valid_until"), "the key ends before it begins", remedy="correct one of the two"
        )


def _one_each(document: Document) -> Iterator[Problem]:
    accounts: dict[tuple[str, int], str] = {}
    for person, _ in document.items("people"):
        for forge, account in document.items("people", person, "accounts"):
            if (
                isinstance(account, int)
                and (other := accounts.setdefault((forge, account), person)) != person
            ):
                yield document.problem(
                    ("people", person, "accounts", forge),
                    f"the {forge} account {account} is listed already, for {other}",
                    "one account under two names would be counted as two people",
                    "give each their own account",
                )
    for signer, _ in document.items("signers"):
        if document.get("people", signer) is not None:
            yield document.problem(
                ("signers", signer),
                f"'{signer}' is a person already",
                "a machine is nobody's second name",
                "rename it",
            )


def ssh_key_fault(text: str) -> str | None:
    """Why ``text`` is no OpenSSH public key line that is taken here; None when it is one."""
    words = text.split()
    if len(words) < 2 or "\n" in text.strip():
        return "it is not one line 'type base64 comment'"
    if words[0] not in SSH_TYPES:
        return f"the type {words[0][:40]!r} is not taken (use one of {', '.join(SSH_TYPES)})"
    try:
        blob = base64.b64decode(words[1], validate=True)
    except (binascii.Error, ValueError):
        return "its base64 is damaged"
    fields = _ssh_fields(blob)
    if not fields or fields[0] != words[0].encode():
        return "what its base64 holds is another type, or cut off"
    if words[0] == "ssh-rsa" and (len(fields) != 3 or len(fields[2].lstrip(b"\0")) < 384):
        return "an RSA key of less than 3072 bits is not taken"
    at, size = _MATERIAL[words[0]]
    if len(fields) != at + (2 if words[0].startswith("sk-") else 1) or (size and len(fields[at]) != size):
        return "it is damaged"
    if "ecdsa" in words[0] and fields[at][0] != UNCOMPRESSED:
        return "its point is not written whole"
    return None


def pem_key_fault(text: str) -> str | None:
    """Why ``text`` is no ECDSA P-256 public key in PEM; None when it is one."""
    lines = text.strip().splitlines()
    if len(lines) < 3 or lines[0].strip() != _PEM_FIRST or lines[-1].strip() != _PEM_LAST:
        return f"it is not a PEM block from '{_PEM_FIRST}' to '{_PEM_LAST}'"
    try:
        der = base64.b64decode("".join(line.strip() for line in lines[1:-1]), validate=True)
    except (binascii.Error, ValueError):
        return "its base64 is damaged"
    if not der.startswith(_P256) or len(der) != len(_P256) + 64:
        return "it is not an ECDSA P-256 key with an uncompressed point"
    return None


def _remedy(at: Pointer) -> str:
    if at[0] == "people":
        return "paste the line of the .pub file beside the private key; 'ssh-keygen -t ed25519' makes a pair"
    return "paste what 'mlassay keys new --ci' printed, under 'key: |'"


def _material(text: str) -> bytes:
    """What a private key proves, however its public half is written: one key may be spelled as PEM, as OpenSSH or as ``sk-``.

    ``text`` is a key in which no fault was found.
    """
    if text.lstrip().startswith("-----"):
        return base64.b64decode("".join(text.strip().splitlines()[1:-1]))[len(_P256) - 1 :]
    kind, encoded = text.split()[:2]
    return _ssh_fields(base64.b64decode(encoded))[_MATERIAL[kind][0]].lstrip(b"\0")


def _ssh_fields(blob: bytes) -> list[bytes]:
    """The length-prefixed fields of an SSH wire encoding (RFC 4251, section 5); empty when they do not add up."""
    fields, at = [], 0
    while at < len(blob):
        size = int.from_bytes(blob[at : at + 4], "big")
        if at + 4 + size > len(blob):
            return []
        fields.append(blob[at + 4 : at + 4 + size])
        at += 4 + size
    return fields


def _build(document: Document, digest: str) -> People:
    value = document.value
    return People(
        people={
            name: Person(
                id=name,
                name=person["name"],
                team=person["team"],
                roles=tuple(person["roles"]),
                keys=tuple(_key(key) for key in person.get("keys", [])),
                emails=tuple(person.get("emails", [])),
                accounts=dict(person.get("accounts", {})),
            )
            for name, person in value["people"].items()
        },
        signers={
            name: CiSigner(
                id=name, key=_key(signer), predicates=tuple(signer["signs"]), keyless=_pins(signer)
            )
            for name, signer in value.get("signers", {}).items()
        },
        digest=digest,
        lines=document.dotted_lines(),
        path=document.path,
    )


def _key(key: dict[str, Any]) -> Key:
    revoked = key.get("revoked", {})
    pins = _pins(key)
    return Key(
        public=pins.public if pins else _text(key["key"]),
        valid_from=a_time(key["valid_from"]),
        valid_until=a_time(key["valid_until"], end_of_day=True) if "valid_until" in key else None,
        revoked_at=a_time(revoked["at"]) if revoked else None,
        revoked_because=revoked.get("because", ""),
        compromised_since=a_time(revoked["compromised_since"]) if "compromised_since" in revoked else None,
        demo=key.get("demo", False),
    )


def _text(key: str) -> str:
    return key.strip() + ("\n" if key.lstrip().startswith("-----") else "")


def _pins(signer: dict[str, Any]) -> Keyless | None:
    if "keyless" not in signer:
        return None
    pins = signer["keyless"]
    return Keyless(
        identity=pins["identity"],
        issuer=pins["issuer"],
        repository_id=str(pins["repository_id"]),
        ref=pins["ref"],
        events=tuple(pins.get("events", ())),
    )
