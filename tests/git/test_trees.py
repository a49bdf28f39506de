"""A large folder told by what differs is what a parser of the whole says, and what a parser refuses is refused."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlassay.errors import EvidenceError
from mlassay.git._parse import parse_tree
from mlassay.git._trees import LARGE, Trees


def entry(name: str, seed: int, mode: str = "100644") -> bytes:
    return f"{mode} {name}\0".encode() + hashlib.sha1(str(seed).encode(), usedforsecurity=False).digest()


BASE = [entry(f"file{number:04}", number) for number in range(2 * LARGE)]


def trees(*versions: bytes) -> Trees:
    return Trees(dict(zip(map(str, range(len(versions))), versions, strict=True)).__getitem__)


EDITS = st.lists(
    st.tuples(
        st.sampled_from(["add", "drop", "swap", "same name"]),
        st.integers(0, 2 * LARGE - 1),
        st.integers(0, 10**6),
    ),
    max_size=4,
)


@settings(max_examples=200, deadline=None)
@given(st.lists(EDITS, min_size=1, max_size=4))
def test_every_version_is_what_a_parser_of_the_whole_says(rounds):
    versions = [BASE]
    for edits in rounds:
        entries = list(versions[-1])
        for how, place, seed in edits:
            at = place % len(entries)
            if how == "add":
                entries.insert(at, entry(f"new{seed}", seed))
            elif how == "drop":
                del entries[at]
            elif how == "swap":
                entries[at] = entry(f"other{seed}", seed, "40000")
            else:
                entries[at] = entries[at][:-20] + entry("", seed)[-20:]
        versions.append(entries)
    raw = [b"".join(entries) for entries in versions]
    kept = trees(*raw)
    before = {}
    for number, data in enumerate(raw):
        try:
            whole = parse_tree(data, str(number))
        except EvidenceError:
            with pytest.raises(EvidenceError):
                kept.nodes(str(number), "folder")
            return
        assert kept.nodes(str(number), "folder") == whole
        if number:
            told = {
                name: (was, now) for name, was, now in kept.differing(str(number - 1), str(number), "folder")
            }
            names = {name for name, _ in before.items() ^ whole.items()}
            assert told == {name: (before.get(name), whole.get(name)) for name in names}
        before = whole


@pytest.mark.parametrize(
    "extra",
    [
        entry("file0007", 1),
        entry("file0007", 1, "40000"),
        entry("..", 1),
        entry(".gIt", 1),
        b"100644 x\0short",
    ],
)
@pytest.mark.parametrize("at", [0, 5, LARGE, 2 * LARGE])
def test_a_twice_named_or_malformed_entry_is_refused_wherever_it_comes_in(extra, at):
    altered = [*BASE[:at], extra, *BASE[at:]]
    kept = trees(b"".join(BASE), b"".join(altered))
    assert len(kept.nodes("0", "folder")) == 2 * LARGE
    with pytest.raises(EvidenceError):
        kept.nodes("1", "folder")


def test_differences_are_told_both_ways_round():
    kept = trees(b"".join(BASE), b"".join([*BASE, entry("new", 1)]))
    kept.nodes("0", ""), kept.nodes("1", "")
    ((name, was, now),) = kept.differing("0", "1", "")
    assert (name, was) == ("new", None)
    assert kept.differing("1", "0", "") == ((name, now, was),)
    assert kept.differing("0", "0", "") == ()
