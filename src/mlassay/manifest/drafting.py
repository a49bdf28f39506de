"""A manifest drafted from files: what bytes can tell is filled in, what only people know is marked ``TODO``."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from mlassay.digest import sha256
from mlassay.errors import ConfigurationError, Problem
from mlassay.manifest.checks import INTEGER, NUMBER
from mlassay.manifest.formats import format_of_name
from mlassay.manifest.rules import root_digest
from mlassay.manifest.table import parse_rows
from mlassay.manifest.types import DataFile, SplitRule

MOST_VALUES = 20  # a text column with more distinct values is no category


@dataclass(frozen=True, slots=True)
class Drafted:
    """The bytes of a new manifest and of its ``missing.md``, with the paths where both belong."""

    path: str
    manifest: bytes
    missing_path: str
    missing: bytes


def draft_manifest(
    files: Mapping[str, bytes],
    *,
    name: str,
    label: str = "",
    sensitive: Sequence[str] = (),
    split: SplitRule,
    folder: str = "data",
) -> Drafted:
    """Draft ``<folder>/<name>.manifest.yaml`` for files of one header (CSV, Parquet or Arrow IPC, by the end of the name); ConfigurationError when they are not.

    Types and ranges are those seen; a column's first guess is a category when it has at most 20 distinct texts, or
    two distinct values in all, and an id when it numbers the rows one by one.
    """
    columns, values, rows = _read(files)
    for asked in (label, *sensitive, *split.by):
        if asked and asked not in columns:
            raise ConfigurationError(
                Problem(
                    f"there is no column '{asked}' in {next(iter(files))}",
                    remedy=f"columns: {', '.join(columns)}",
                )
            )
    listed = [DataFile(path, len(data), sha256(data)) for path, data in files.items()]
    missing = f"{folder}/{name}.missing.md"
    text = _HEAD.format(name=name)
    if sensitive:
        text += _SENSITIVE.format(columns=_flow(sensitive))
    if label:
        text += _LABEL
    text += f"missing: {_quoted(missing)}\n\ncolumns:  # in the files' order; correct what the data of today got wrong\n"
    for column in columns:
        text += f"  - {_column(column, values[column], label, rows)}\n"
    text += f"\n{_split(split)}\nfiles:\n"
    for file in listed:
        text += f"  - path: {_quoted(file.path)}\n    size: {file.size}\n    digest: {file.digest}\n"
    text += f"root: {root_digest(listed)}\n"
    return Drafted(
        f"{folder}/{name}.manifest.yaml",
        text.encode("utf-8"),
        missing,
        _MISSING.format(name=name).encode("utf-8"),
    )


def _read(files: Mapping[str, bytes]) -> tuple[tuple[str, ...], dict[str, dict[str, None]], int]:
    """The common header, each column's distinct values in order of appearance, and the number of rows."""
    columns: tuple[str, ...] = ()
    count = 0
    seen: list[dict[str, None]] = []
    for path, data in files.items():
        rows = parse_rows(path, format_of_name(path), data)
        header = next(rows, ())
        if not header or len(set(header)) != len(header) or "" in header:
            what = "the header is empty, or names a column twice or not at all"
            raise ConfigurationError(
                Problem(what, remedy="give each column a name of its own", path=path, line=1)
            )
        if columns and header != columns:
            what = f"the header is another than that of {next(iter(files))}"
            raise ConfigurationError(
                Problem(what, remedy="write a manifest for each kind of table", path=path, line=1)
            )
        columns = header
        seen = seen or [{} for _ in columns]
        for row in rows:
            count += 1
            for distinct, value in zip(seen, row, strict=True):
                distinct[value] = None
    return columns, dict(zip(columns, seen, strict=True)), count


def _column(name: str, seen: Mapping[str, None], label: str, rows: int) -> str:
    present = [value for value in seen if value]
    is_label = name == label
    role, known = ("label", "after") if is_label else ("feature", "before")
    whole, number = _all(present, INTEGER.fullmatch), _all(present, NUMBER.fullmatch)
    if len(present) == 2 or (is_label and len(present) <= MOST_VALUES):
        values = sorted(present, key=lambda value: (Decimal(value), value)) if number else sorted(present)
        kind = f"type: category, values: {_flow(values, always=True)}"
    elif number:
        numbers = [Decimal(value) for value in present]
        kind = f"type: {'integer' if whole else 'number'}, min: {_number(min(numbers))}, max: {_number(max(numbers))}"
        # A number of its own for each row, and none left out: it names the row, and says nothing of it.
        if whole and not is_label and len(seen) == rows == max(numbers) - min(numbers) + 1:
            role = "id"
    elif present and len(present) <= MOST_VALUES:
        kind = f"type: category, values: {_flow(sorted(present), always=True)}"
    else:
        kind, role = "type: text", "ignored" if not is_label else "label"
    missing = ", missing_allowed: true" if "" in seen else ""
    return f"{{name: {_quoted(name)}, {kind}, role: {role}, available_at: {known}{missing}}}"


def _all(values: Sequence[str], holds: Callable[[str], object]) -> bool:
    return bool(values) and all(holds(value) for value in values)


def _number(value: Decimal) -> str:
    text = format(value.normalize(), "f")
    return text if len(text) <= 18 else repr(float(value))


def _split(rule: SplitRule) -> str:
    if rule.kind == "files":
        return "splits:\n" + "".join(f"  {name}: {_flow(paths)}\n" for name, paths in rule.files.items())
    fractions = ", ".join(f"{name}: {share}" for name, share in rule.fractions.items())
    by = f"  by: {_flow(rule.by)}\n" if rule.by else ""
    return f"split:  # from each row's bytes: identical rows stay together\n  kind: {rule.kind}\n  fractions: {{{fractions}}}\n  seed: {rule.seed}\n{by}"


_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*")
# What some YAML program takes for something else than text.
_AMBIGUOUS = {"y", "n", "yes", "no", "on", "off", "true", "false", "null", "none"}


def _quoted(text: str, *, always: bool = False) -> str:
    if _PLAIN.fullmatch(text) and text.lower() not in _AMBIGUOUS and not always:
        return text
    return json.dumps(text, ensure_ascii=False)


def _flow(texts: Sequence[str], *, always: bool = False) -> str:
    return f"[{', '.join(_quoted(text, always=always) for text in texts)}]"


_HEAD = """\
# What this data is, where it lies and who answers for it. Each TODO is a question that only a person can answer;
# 'mlassay validate' refuses the file until all are. 'mlassay schema manifest' explains every key.
version: 1
name: {name}
description: "TODO: what is a row?"
owner: "TODO: who answers for the data? An id in governance/people.yaml"
licence: "TODO: under which licence may it be used? An SPDX id where there is one"
terms: "TODO: on what terms was it collected or handed over?"
purpose: "TODO: what may it be used for?"
collected: {{from: "TODO: the first day, like 2025-01-01", to: "TODO: the last day"}}
jurisdiction: "TODO: whose law is it bound to?"
origin: "TODO: where does it come from, so that somebody could fetch it again?"
contains_model_outputs: false  # true when a model decided or shaped some of it
public: false  # true only when everybody may have it: then add 'public_why: …'
"""
_SENSITIVE = """\
special_categories:
  columns: {columns}
  basis: "TODO: on what basis are these held?"
  use: [weigh, test]  # train would let a model take them as input
  delete_by: "TODO: a day, like 2030-12-31"
"""
_LABEL = """\
label:
  source: "TODO: where do the labels come from?"
  labeller: "TODO: who or what gave them?"
  delay: "TODO: how long after the decision are they known?"
  known_errors: "TODO: what is known to be wrong with them?"
"""
_MISSING = """\
# Who and what {name} leaves out

A model cannot tell what it was never shown, and no test on these rows can see it. Answer in your own words; delete
the questions that do not apply, and say why.

## Who never got into this data, and why?

TODO: answer

## Which groups are not named in it, or are too few to measure?

TODO: answer

## What came after the decision, and is it known for everybody?

TODO: answer

## What has changed since it was collected: place, time, law, customers?

TODO: answer

## Which fields were removed, or never asked for, that would have mattered?

TODO: answer
"""
