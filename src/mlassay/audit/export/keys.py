"""The keys of every people.yaml of the line, as ``ssh-keygen`` and ``openssl`` read them."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator
from datetime import UTC, timedelta

from mlassay.audit.export.types import KeyVersion
from mlassay.case.compromised import known_by
from mlassay.case.requests import with_compromises
from mlassay.config import Key, People, load_people
from mlassay.errors import ConfigurationError, EvidenceError
from mlassay.evidence import layout
from mlassay.evidence.keys import key_id
from mlassay.git import Repository

FOR_EVER = "99991231235959"
_SHAPE = "%Y%m%d%H%M%S"


def key_versions(repo: Repository, head: str, say: Callable[[str], None]) -> tuple[KeyVersion, ...]:
    """Every people.yaml of the line, oldest first; one that cannot be read gives no key, as it gave none then."""
    later = _known(repo, head)
    found: dict[str, KeyVersion] = {}
    for commit in reversed(list(repo.first_parents(head, paths=[layout.PEOPLE]))):
        say(f"the keys of commit {commit.id[:12]}")
        entry = repo.entry(commit.id, layout.PEOPLE)
        people = _people(repo, commit.id)
        if entry is None or people is None or entry.id in found:
            continue
        files = dict(key_files(with_compromises(people, later)))
        keyless = any(signer.keyless for signer in people.signers.values())
        found[entry.id] = KeyVersion(entry.id, commit.id, commit.time, files, keyless)
    return tuple(found.values())


def key_files(people: People) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of each file: ``allowed_signers`` for people, ``signers.tsv`` and a PEM (or pins) for machines."""
    yield "allowed_signers", "".join(_allowed(people)).encode()
    rows = []
    for signer in people.signers.values():
        id_ = key_id(signer.key.public)
        first, last = _window(signer.key)
        rows.append(f"{id_}\t{signer.id}\t{first}\t{last}\t{' '.join(sorted(signer.predicates))}\n")
        if signer.keyless is None:
            yield f"{id_}.pem", _pem(signer.key.public)
        else:
            pins = signer.keyless
            yield f"{id_}.pins", f"{pins.identity}\n{pins.issuer}\n".encode()
    yield "signers.tsv", "".join(sorted(rows)).encode()


def _allowed(people: People) -> Iterator[str]:
    for person in people.people.values():
        for key in person.keys:
            first, last = _window(key)
            if last < first:
                continue  # it never counted, and ssh-keygen stumbles over such a line
            kind, text = key.public.split()[:2]
            until = f',valid-before="{last}"' if last != FOR_EVER else ""
            yield f'{person.id} namespaces="mlassay",valid-after="{first}"{until} {kind} {text}\n'


def _pem(public: str) -> bytes:
    """The PEM text that a key's id is the digest of: lines of 64, however people.yaml wraps it."""
    lines = public.split("\n")
    text = "".join(line.strip() for line in lines if line and "-----" not in line)
    return "\n".join([lines[0], *textwrap.wrap(text, 64), lines[-2], ""]).encode()


def _window(key: Key) -> tuple[str, str]:
    """From when until when, both inclusive as OpenSSH has it, a signature may rest on a key; UTC."""
    ends = [end for end in (key.valid_until, key.revoked_at, key.compromised_since) if end is not None]
    last = (min(ends) - timedelta(seconds=1)).astimezone(UTC).strftime(_SHAPE) if ends else FOR_EVER
    return key.valid_from.astimezone(UTC).strftime(_SHAPE), last


def _known(repo: Repository, head: str) -> People | None:
    try:
        return known_by(repo, head)
    except (ConfigurationError, EvidenceError):
        return None


def _people(repo: Repository, commit: str) -> People | None:
    try:
        data = repo.read(commit, layout.PEOPLE)
        return load_people(layout.PEOPLE, data) if data is not None else None
    except (ConfigurationError, EvidenceError):
        return None
