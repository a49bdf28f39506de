"""A notebook taken apart: a script of its code cells and a skeleton of tests, because no release is made by a notebook."""

from __future__ import annotations

import ast
import keyword
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlassay.errors import ConfigurationError, Problem
from mlassay.files import read_json, write_atomic

NOTEBOOK_BYTES = 64 << 20
"""Most of a notebook is outputs, which are left out."""
CELLS = 10_000
_WHY = "a script is made of its code cells; what is no notebook has none"
# Lines that only IPython understands, wherever they stand in a cell.
_MAGIC = re.compile(r"^(?P<indent>\s*)(?P<text>(?:%%?|!{1,2}|\?{1,2})\S.*|[\w.]+\s*\?{1,2}\s*)$")
_ASSIGNED = re.compile(r"^(?P<indent>\s*)(?P<names>[\w., ]+=\s*)(?P<text>[%!]\S.*)$")


@dataclass(frozen=True, slots=True)
class Extracted:
    """What was written: the two files, and what a person must look at by hand."""

    script: Path
    tests: Path
    cells: int
    magics: tuple[int, ...]
    functions: tuple[str, ...]
    unread: str


def extract(notebook: Path, out: Path) -> Extracted:
    """Write ``<name>.py`` and ``tests/test_<name>.py`` below ``out``; ConfigurationError when one is there already.

    Code cells in their order, outputs left out, Markdown as comments, lines that only IPython knows as comments.
    Nothing of the notebook is run.
    """
    cells = list(_cells(notebook))
    name = _module(notebook.stem)
    script, tests = out / f"{name}.py", out / "tests" / f"test_{name}.py"
    there = [path for path in (script, tests) if path.exists() or path.is_symlink()]
    ConfigurationError.raise_if_any(
        Problem(
            "there is such a file already",
            why="what people wrote is never overwritten",
            remedy="move it away, or name another folder with --out",
            path=str(path),
        )
        for path in there
    )
    text, magics = _script(notebook.name, cells)
    functions, unread = _functions(text)
    tests.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(script, text.encode())
    write_atomic(tests, _tests(name, notebook.name, functions).encode())
    code = sum(kind == "code" for kind, _ in cells)
    return Extracted(script, tests, code, tuple(magics), tuple(functions), unread)


def _cells(path: Path) -> Iterator[tuple[str, str]]:
    """``(kind, source)`` of each cell, of notebook format 4 or 3."""
    if path.stat().st_size > NOTEBOOK_BYTES:
        raise _refused(path, f"it is larger than {NOTEBOOK_BYTES >> 20} MiB")
    value = read_json(str(path), path.read_bytes()).value
    language = _language(value)
    if language not in ("", "python", "python3", "ipython"):
        raise _refused(path, f"it is written in {language[:40]!r}; only Python is taken apart")
    cells = value.get("cells") if isinstance(value, dict) else None
    if cells is None and isinstance(value, dict) and isinstance(value.get("worksheets"), list):
        cells = [
            cell
            for sheet in value["worksheets"]
            if isinstance(sheet, dict)
            for cell in sheet.get("cells", [])
        ]
    if not isinstance(cells, list) or len(cells) > CELLS:
        raise _refused(path, "it has no list of cells, or too many")
    for cell in cells:
        if not isinstance(cell, dict):
            raise _refused(path, "one of its cells is none")
        source = cell.get("source", cell.get("input", ""))
        lines = source if isinstance(source, list) else [source]
        texts = [line for line in lines if isinstance(line, str)]
        if len(texts) != len(lines):
            raise _refused(path, "the source of a cell is no text")
        yield str(cell.get("cell_type", "")), "".join(texts)


def _language(value: Any) -> str:
    metadata = value.get("metadata") if isinstance(value, dict) else None
    for key, name in (("kernelspec", "language"), ("language_info", "name")):
        part = metadata.get(key) if isinstance(metadata, dict) else None
        if isinstance(part, dict) and isinstance(part.get(name), str):
            return str(part[name]).lower()
    return ""


def _script(title: str, cells: list[tuple[str, str]]) -> tuple[str, list[int]]:
    """``(the script, numbers of the cells whose magics became comments)``; cells are numbered from 1."""
    parts = [
        f'"""Taken from {_plain(title)} by mlassay: its code cells in their order. Make functions of them, and test those."""\n'
    ]
    magics = []
    for number, (kind, source) in enumerate(cells, start=1):
        if kind == "code":
            text, changed = _code(source)
            magics += [number] if changed else []
            if text.strip():
                parts.append(f"# Cell {number}\n{text.rstrip()}\n")
        elif kind in ("markdown", "heading") and source.strip():
            parts.append("".join(f"# {_plain(line)}".rstrip() + "\n" for line in source.splitlines()))
    return "\n\n".join(parts), magics


def _code(source: str) -> tuple[str, bool]:
    """A cell's source with every line that only IPython knows as a comment; a cell magic takes its whole cell along."""
    lines = [_plain(line, tabs=True) for line in source.splitlines()]
    first = next((line for line in lines if line.strip()), "")
    if first.startswith("%%"):
        return "".join(f"# {line}".rstrip() + "\n" for line in lines), True
    made, changed, inside = [], False, _in_strings(source)
    for number, line in enumerate(lines):
        found = _MAGIC.match(line) or _ASSIGNED.match(line)
        if found is None or number in inside:
            made.append(line)
            continue
        changed = True
        # Where a block would be left empty, the comment alone would be no Python.
        made.append(f"{found['indent']}pass  # {line.strip()}" if found["indent"] else f"# {line.strip()}")
    return "\n".join(made) + "\n", changed


def _in_strings(source: str) -> set[int]:
    """Numbers (from 0) of the lines that lie inside of a string of several lines."""
    inside: set[int] = set()
    quote = ""
    for number, line in enumerate(source.splitlines()):
        if quote:
            inside.add(number)
        at = 0
        while at < len(line):
            triple = line[at : at + 3]
            if quote:
                if triple == quote:
                    quote, at = "", at + 3
                    continue
            elif triple in ('"""', "'''"):
                quote, at = triple, at + 3
                continue
            elif line[at] == "#":
                break
            at += 2 if line[at] == "\\" else 1
    return inside


def _functions(text: str) -> tuple[list[str], str]:
    """``(names of top-level functions, why the script cannot be parsed or "")``."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None)
        return [], f"the script is no valid Python yet{f' (line {line})' if line else ''}"
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    names = [each.name for each in tree.body if isinstance(each, kinds) and not each.name.startswith("_")]
    return sorted(set(names), key=names.index), ""


def _tests(name: str, title: str, functions: list[str]) -> str:
    """A test for each function that fails until somebody writes it: a skeleton that passes would look like a test."""
    parts = [
        f'"""Tests of {name}.py, which was taken from {_plain(title)}. Each fails until you write it."""\n'
    ]
    for function in functions or ["the_script"]:
        what = f"{name}.{function}" if functions else f"{name}.py"
        parts.append(
            f"def test_{function}() -> None:\n"
            f'    raise NotImplementedError("say what {what} must do: an input, and what must come of it")\n'
        )
    return "\n\n".join(parts)


def _module(stem: str) -> str:
    name = re.sub(r"\W+", "_", stem).strip("_").lower() or "notebook"
    return f"notebook_{name}" if name[0].isdigit() or keyword.iskeyword(name) else name


def _plain(text: str, *, tabs: bool = False) -> str:
    """One line without control characters; a title cannot end the docstring that it stands in."""
    shown = "".join(c if c.isprintable() or (tabs and c == "\t") else " " for c in text)
    return shown if tabs else shown.replace("\\", "/").replace('"', "'")


def _refused(path: Path, what: str) -> ConfigurationError:
    return ConfigurationError(Problem(f"this is no notebook that is read: {what}", why=_WHY, path=str(path)))
