r"""Which row belongs to which split: from the bytes alone, so that any language can find the same splits.

A row is its fields, as text, in the columns' order. Its digest is SHA-256 over each field written as a netstring:
the length of its UTF-8 bytes in decimal, ``:``, the bytes, ``,``. Its *draw* is the first 8 bytes, read as a
big-endian number, of SHA-256 over ``mlassay split v1\n<seed>\n`` followed by a digest:

- ``seeded``: the row's digest. The row goes to the first split, in declared order, for which
  ``draw / 2^64 < f1 + ... + fi``. New rows move no other row.
- ``key``: the same with the digest over the key columns only, so that all rows of a key stay together.
- ``stratified``: rows that share the values of the ``by`` columns are a stratum. In it, the distinct rows are ordered
  by draw (then digest); a row before which ``p`` of the stratum's ``n`` rows stand goes to the first split for which
  ``p < n (f1 + ... + fi)``. Each stratum is divided almost exactly; a new row can move rows near the borders.
- ``files``: whole files, as listed.

Identical rows have one digest and one place, so under a rule they never land in two splits.
"""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from collections.abc import Sequence
from fractions import Fraction

from mlassay.manifest.types import SplitRule


def fields_digest(fields: Sequence[str]) -> bytes:
    """SHA-256 over the fields as netstrings: no two different rows are written alike."""
    parts = []
    for field in fields:
        raw = field.encode("utf-8")
        parts.append(b"%d:%s," % (len(raw), raw))
    return hashlib.sha256(b"".join(parts)).digest()


def assign(rule: SplitRule, columns: Sequence[str], rows: Sequence[tuple[str, ...]]) -> dict[str, list[int]]:
    """Row numbers (from 0) of each split under a rule other than ``files``, in ascending order."""
    splits: dict[str, list[int]] = {name: [] for name in rule.names}
    choose = _stratified if rule.kind == "stratified" else _drawn
    for number, name in enumerate(choose(rule, columns, rows)):
        splits[name].append(number)
    return splits


def _drawn(rule: SplitRule, columns: Sequence[str], rows: Sequence[tuple[str, ...]]) -> list[str]:
    tops = limits(rule, 2**64)
    key = [columns.index(name) for name in rule.by]
    chosen = []
    for row in rows:
        fields = [row[at] for at in key] if rule.kind == "key" else row
        chosen.append(_first(tops, draw(rule.seed, fields_digest(fields))))
    return chosen


def _stratified(rule: SplitRule, columns: Sequence[str], rows: Sequence[tuple[str, ...]]) -> list[str]:
    by = [columns.index(name) for name in rule.by]
    strata: dict[tuple[str, ...], dict[bytes, list[int]]] = defaultdict(lambda: defaultdict(list))
    for number, row in enumerate(rows):
        strata[tuple(row[at] for at in by)][fields_digest(row)].append(number)
    chosen = [""] * len(rows)
    for same in strata.values():
        size = sum(len(numbers) for numbers in same.values())
        tops = limits(rule, size)
        before = 0
        for digest in sorted(same, key=lambda digest: (draw(rule.seed, digest), digest)):
            name = _first(tops, before)
            for number in same[digest]:
                chosen[number] = name
            before += len(same[digest])
    return chosen


def draw(seed: int, digest: bytes) -> int:
    """A number from 0 to 2^64 - 1 that depends on ``seed`` and ``digest`` alone."""
    return int.from_bytes(hashlib.sha256(b"mlassay split v1\n%d\n" % seed + digest).digest()[:8], "big")


def limits(rule: SplitRule, size: int) -> list[tuple[str, int]]:
    """Each split with the first whole number that is not below ``size (f1 + ... + fi)``."""
    total, found = Fraction(0), []
    for name, share in rule.fractions.items():
        total += Fraction(share)
        found.append((name, math.ceil(total * size)))
    return found


def _first(tops: list[tuple[str, int]], at: int) -> str:
    for name, limit in tops:
        if at < limit:
            return name
    return tops[-1][0]
