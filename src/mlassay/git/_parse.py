"""Raw, already verified bytes of trees and commits into values; strict about what an honest git never writes."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import product

from mlassay.errors import EvidenceError, Problem
from mlassay.git._values import Commit, Identity, decoded, full_id

_NODE = re.compile(rb"([0-7]{5,6}) ([^\0/]+)\0(.{20})", re.DOTALL)
_MODES = {mode: mode.decode().zfill(6) for mode in (b"40000", b"100644", b"100755", b"120000", b"160000")}
_BAD = frozenset({"", ".", ".."} | {"".join(word) for word in product(".", "gG", "iI", "tT")})


def parse_nodes(data: bytes, tree: str) -> list[tuple[bytes, bytes, bytes]]:
    """Mode, name and raw id of each entry of a raw tree, in order; EvidenceError when it is malformed."""
    found: list[tuple[bytes, bytes, bytes]] = _NODE.findall(data)
    # Matches that do not overlap and fill all of it leave no gap.
    if sum([len(mode) + len(name) for mode, name, _ in found]) + 22 * len(found) != len(data):
        raise EvidenceError(Problem(f"git tree {tree} is malformed", rule="tree"))
    return found


_BAD_RAW = frozenset(name.encode() for name in _BAD)


def usual_nodes(data: bytes, tree: str) -> frozenset[tuple[bytes, bytes, bytes]] | None:
    """Mode, name and raw id of each entry; None for a tree that only `parse_tree` can tell of, or refuse."""
    try:
        found = parse_nodes(data, tree)
    except EvidenceError:
        return None
    names = {name for _, name, _ in found}
    plain = _MODES.keys() >= {mode for mode, _, _ in found}
    return frozenset(found) if plain and len(names) == len(found) and _BAD_RAW.isdisjoint(names) else None


def parse_tree(data: bytes, tree: str) -> dict[str, tuple[str, str]]:
    """``name -> (six-digit mode, id)`` of a raw tree; EvidenceError for names or shapes that git never writes."""
    found = parse_nodes(data, tree)
    nodes = {
        name.decode("utf-8", "surrogateescape"): (_MODES.get(mode) or mode.decode().zfill(6), id_.hex())
        for mode, name, id_ in found
    }
    if not _BAD.isdisjoint(nodes):
        bad = sorted(_BAD & nodes.keys())
        raise EvidenceError(Problem(f"git tree {tree} holds an entry named {bad[0]!a}", rule="tree"))
    if len(nodes) != len(found):
        counted = Counter(name for _, name, _ in found)
        twice = decoded(max(counted, key=counted.__getitem__))
        raise EvidenceError(
            Problem(f"git tree {tree} holds {twice!a} twice", why="readers would disagree", rule="tree")
        )
    return nodes


# Dates are added to when they are compared, so the last year that there is has no room.
ROOM = timedelta(days=366)
_PERSON = re.compile(rb"(.*?) ?<([^<>]*)> (-?\d{1,18}) ([+-]\d{4})", re.DOTALL)
_NAMED = rb"([^<>\n]*?) ?<([^<>\n]*)> (\d{1,10}) [+-]\d{4}\n"
_USUAL = re.compile(
    rb"tree ([0-9a-f]{40})\n((?:parent [0-9a-f]{40}\n)*)author %scommitter %s\n" % (_NAMED, _NAMED)
)


def parse_commit(id_: str, data: bytes) -> Commit:
    """The `Commit` of raw, already verified bytes; EvidenceError when they are not a well-formed commit."""
    if (usual := _USUAL.match(data)) is not None:
        return _usual(id_, data, usual)
    head, _, body = data.partition(b"\n\n")
    # A continuation line of a header begins with a space.
    headers = re.findall(rb"^([^ \n]+) (.*(?:\n .*)*)$", head, re.MULTILINE)
    values: dict[bytes, list[bytes]] = {}
    for key, value in headers:
        values.setdefault(key, []).append(value.replace(b"\n ", b"\n"))
    people = [_PERSON.fullmatch(values.get(key, [b""])[0]) for key in (b"author", b"committer")]
    parents = [value.decode("ascii", "replace") for value in values.get(b"parent", [])]
    # Only here does git look for a parent; one that stands further down is no parent to git log, and would be one to us.
    order = [b"tree", *[b"parent"] * len(parents), b"author", b"committer"]
    keys = [key for key, _ in headers]
    single = keys[: len(order)] == order and not set(order) & set(keys[len(order) :])
    author, committer = people
    if not single or author is None or committer is None:
        remedy = f"git fsck --strict {id_}"
        raise EvidenceError(Problem(f"commit {id_} is malformed", remedy=remedy, rule="object"))
    try:
        time = datetime.fromtimestamp(int(committer[3]), UTC) + ROOM - ROOM
    except (ValueError, OverflowError, OSError) as error:
        raise EvidenceError(Problem(f"commit {id_} has an impossible date", rule="object")) from error
    signatures = [part for key in (b"gpgsig", b"gpgsig-sha256") for part in values.get(key, [])]
    return Commit(
        id=id_,
        tree=full_id(values[b"tree"][0].decode("ascii", "replace")),
        parents=tuple(full_id(parent) for parent in parents),
        author=_identity(author),
        committer=_identity(committer),
        time=time,
        message=_text(body, values.get(b"encoding", [b"utf-8"])[0]),
        signature=signatures[0] if signatures else None,
        payload=re.sub(rb"\ngpgsig(-sha256)? .*(\n .*)*", b"", head) + data[len(head) :],
    )


def _usual(id_: str, data: bytes, found: re.Match[bytes]) -> Commit:
    """A commit that has no header but those that every commit has."""
    tree, parents, *author, _, name, email, seconds = found.groups()
    return Commit(
        id=id_,
        tree=tree.decode(),
        parents=tuple(parents.decode().split()[1::2]),
        author=Identity(author[0].decode("utf-8", "replace"), author[1].decode("utf-8", "replace")),
        committer=Identity(name.decode("utf-8", "replace"), email.decode("utf-8", "replace")),
        time=datetime.fromtimestamp(int(seconds), UTC),
        message=data[found.end() :].decode("utf-8", "replace"),
        signature=None,
        payload=data,
    )


_PARENTS = re.compile(rb"tree [0-9a-f]{40}\n((?:parent [0-9a-f]{40}\n)*)author ")


def parse_parents(id_: str, data: bytes) -> tuple[str, ...]:
    """The parents of a raw commit; EvidenceError when it is not well-formed."""
    found = _PARENTS.match(data)
    return tuple(found[1].decode().split()[1::2]) if found else parse_commit(id_, data).parents


def parse_person(raw: bytes) -> Identity:
    """The identity in ``name <address>``; EvidenceError when it is none."""
    match = _PERSON.fullmatch(raw + b" 0 +0000")
    if match is None:
        raise EvidenceError(Problem("a commit names nobody as its author or committer", rule="object"))
    return _identity(match)


def _identity(person: re.Match[bytes]) -> Identity:
    return Identity(person[1].decode("utf-8", "replace"), person[2].decode("utf-8", "replace"))


# What people wrote messages in. Python knows codecs beside these that take hours for a megabyte (punycode).
_CHARSET = re.compile(
    r"utf-?8|us-ascii|ascii|(iso-?8859|latin|windows|cp|ibm|mac|koi8|euc|gb|big5|shift|sjis|iso-2022|tis|viscii)[\w-]*"
)


def _text(body: bytes, encoding: bytes) -> str:
    name = encoding.decode("ascii", "replace")
    try:
        return body.decode(name if _CHARSET.fullmatch(name.casefold()) else "utf-8", "replace")
    except (LookupError, UnicodeError):  # no such encoding, or one that does not know "replace"
        return body.decode("utf-8", "replace")
