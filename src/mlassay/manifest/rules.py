"""What can be wrong with one manifest beyond its schema: dates, columns, splits, files, and the root over them."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal
from typing import Any

from mlassay.errors import Problem
from mlassay.files import Document, path_fault
from mlassay.files.document import Pointer, dotted
from mlassay.manifest.types import DataFile

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")  # other spellings are the schema's to refuse


def root_digest(files: Iterable[DataFile]) -> str:
    """SHA-256 over the lines ``<digest> <size> <path>``, sorted by path: it names the data, whole."""
    lines = sorted((file.path, f"{file.digest} {file.size} {file.path}\n") for file in files)
    return "sha256:" + hashlib.sha256("".join(line for _, line in lines).encode("utf-8")).hexdigest()


def rule_problems(document: Document) -> Iterator[Problem]:
    """Every problem that the schema cannot see; tolerant of what the schema refuses, so that all come at once."""
    for at in (
        ("collected", "from"),
        ("collected", "to"),
        ("personal_data", "delete_by"),
        ("special_categories", "delete_by"),
    ):
        if isinstance(text := document.get(*at), str) and _DAY.fullmatch(text):
            try:
                date.fromisoformat(text)
            except ValueError:
                yield document.problem(
                    at,
                    f"{dotted(at)} is {text[:20]!r}, no day of the calendar",
                    remedy="write it like 2027-06-01",
                )
    if document.get("public") is True and not document.get("public_why"):
        yield document.problem(
            ("public",),
            "the data is said to be public, but not why",
            "public data may stand in git for ever, where nobody can take it back",
            "add 'public_why: …': who published it, and under which terms",
        )
    yield from _columns(document)
    yield from _split(document)
    yield from _files(document)


def _columns(document: Document) -> Iterator[Problem]:
    columns = document.get("columns")
    number_of = len(columns) if isinstance(columns, list) else 0
    names = [document.get("columns", number, "name") for number in range(number_of)]
    for name, times in Counter(name for name in names if isinstance(name, str)).items():
        if times > 1:
            yield document.problem(
                ("columns", names.index(name)),
                f"the column '{name}' is declared {times} times",
                remedy="declare it once",
            )
    for number in range(number_of):
        yield from _column(document, ("columns", number))
    labels = [name for number, name in enumerate(names) if document.get("columns", number, "role") == "label"]
    if labels and document.get("label") is None:
        yield document.problem(
            (),
            f"the column '{labels[0]}' is a label, but 'label' says nothing of where labels come from",
            "a model repeats what its labels hold, their errors too",
            "add 'label: {source: …, labeller: …, delay: …, known_errors: …}'",
        )
    for at, name in _named_columns(document):
        if name not in names:
            yield document.problem(
                at, f"{dotted(at)}: there is no column '{name}'", remedy=f"columns: {_list(names)}"
            )


def _named_columns(document: Document) -> list[tuple[Pointer, str]]:
    return (
        document.texts("special_categories", "columns")
        + document.texts("personal_data", "quasi_identifiers")
        + document.texts("split", "by")
    )


def _column(document: Document, at: Pointer) -> Iterator[Problem]:
    def get(key: str) -> Any:
        return document.get(*at, key)

    name, kind = get("name"), get("type")
    if kind == "category" and not get("values"):
        yield document.problem(
            at,
            f"the category '{name}' declares no values",
            "their order gives the codes that a model sees",
            'add \'values: ["no", "yes"]\', or whichever there are',
        )
    if kind != "category" and get("values"):
        yield document.problem(
            (*at, "values"),
            f"'{name}' has values, but is no category",
            remedy="write 'type: category', or delete the values",
        )
    if kind in ("category", "text") and (get("min") is not None or get("max") is not None):
        yield document.problem(at, f"'{name}' has a range, but is no number", remedy="delete min and max")
    least, most = get("min"), get("max")
    if isinstance(least, int | float) and isinstance(most, int | float) and least > most:
        yield document.problem(
            (*at, "min"), f"the range of '{name}' is empty ({least} to {most})", remedy="exchange min and max"
        )
    if get("role") == "feature" and get("available_at") == "after":
        yield document.problem(
            (*at, "available_at"),
            f"'{name}' is an input, but known only after the decision",
            "the model would look good here and have nothing to go by in production",
            "give it 'role: ignored', or correct available_at",
        )
    if get("role") == "feature" and kind == "text":
        yield document.problem(
            (*at, "type"),
            f"'{name}' is free text, and cannot be an input",
            remedy="declare it as a category, or give it 'role: ignored'",
        )


def _split(document: Document) -> Iterator[Problem]:
    rule, given = document.get("split"), document.get("splits")
    if (rule is None) == (given is None):
        what = (
            "neither 'split' nor 'splits' is there" if rule is None else "'split' and 'splits' are both there"
        )
        yield document.problem(
            ("split",),
            what,
            "each row belongs to exactly one split",
            "write a rule under 'split', or name each split's files under 'splits'",
        )
    if rule is not None:
        if document.get("split", "kind") in ("stratified", "key") and not document.get("split", "by"):
            yield document.problem(
                ("split",),
                "the split rule needs 'by'",
                "it says which columns make the strata, or the key",
                "add 'by: [column]'",
            )
        if document.get("split", "kind") == "seeded" and document.get("split", "by"):
            yield document.problem(
                ("split", "by"),
                "a seeded split has no 'by'",
                remedy="write 'kind: stratified' or 'kind: key', or delete 'by'",
            )
        shares = [share for _, share in document.items("split", "fractions")]
        if shares and all(isinstance(share, int | float) for share in shares):
            total = sum(Decimal(str(share)) for share in shares)
            if total != 1:
                yield document.problem(
                    ("split", "fractions"),
                    f"the fractions sum to {total}, not to 1",
                    "each row belongs to exactly one split",
                    "correct them",
                )


def _files(document: Document) -> Iterator[Problem]:
    entries = document.get("files")
    listed: dict[str, str] = {}  # as a machine that ignores case would see them
    for number in range(len(entries) if isinstance(entries, list) else 0):
        at: Pointer = ("files", number, "path")
        if not isinstance(path := document.get(*at), str):
            continue
        if fault := path_fault(path):
            yield document.problem(
                at,
                f"{path[:80]!r}: {fault}",
                "data is looked for inside the repository only",
                "write the path from the repository's folder",
            )
        if (other := listed.get(path.casefold())) is not None:
            what = (
                f"{path!r} is listed twice"
                if other == path
                else f"{path!r} and {other!r} are one file on some machines"
            )
            yield document.problem(
                at, what, remedy="list each file once, under names that differ in more than case"
            )
        listed[path.casefold()] = path
    yield from _given_files(document, set(listed.values()))
    yield from _root(document)


def _given_files(document: Document, listed: set[str]) -> Iterator[Problem]:
    """Under ``splits``, each listed file is in exactly one split."""
    assigned: dict[str, str] = {}
    for split, _ in document.items("splits"):
        for at, path in document.texts("splits", split):
            if path not in listed:
                yield document.problem(
                    at,
                    f"the file {path!r} is not listed under 'files'",
                    remedy="list it, with size and digest",
                )
            if path in assigned:
                yield document.problem(
                    at,
                    f"the file {path!r} is in two splits, {assigned[path]} and {split}",
                    "a row in two splits tests what was learned by heart",
                    "keep it in one",
                )
            assigned[path] = split
    if document.get("splits") is not None:
        for path in sorted(listed - set(assigned)):
            yield document.problem(
                ("splits",),
                f"the file {path!r} is in no split",
                remedy="name it in one, or delete it from 'files'",
            )


def _root(document: Document) -> Iterator[Problem]:
    try:
        files = [file_of(entry) for entry in document.get("files") or []]
    except (KeyError, TypeError, ValueError, AttributeError):
        return  # the schema's check has said what is wrong with the list
    written = document.get("root")
    if isinstance(written, str) and written != root_digest(files):
        yield document.problem(
            ("root",),
            "the root digest is not that of the file list",
            "it names the data as a whole, in every record of a model trained on it",
            f"if the list is right, write 'root: {root_digest(files)}'",
        )


def _list(names: Iterable[Any]) -> str:
    shown = [str(name) for name in names]
    return ", ".join(shown[:20]) + (", …" if len(shown) > 20 else "")


def file_of(entry: dict[str, Any]) -> DataFile:
    """One entry of ``files``; KeyError and the like where it has another shape."""
    return DataFile(
        path=entry["path"],
        size=int(entry["size"]),
        digest=entry["digest"],
        url=entry.get("url", ""),
        format=entry.get("format"),
    )
