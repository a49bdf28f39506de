"""No verdict is called fair, unbiased, ethical or safe: not in any text of the package, nor in what it renders."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import mlassay
from mlassay.render.report import report
from tests.render.verdicts import FAILED, PASSED

PACKAGE = Path(mlassay.__file__).parent
# git's setting safe.directory is a name, and a question claims nothing.
CLAIMS = re.compile(r"\b(fair|unbiased|ethical|safe)(ly)?\b(?!\\?\.directory)(?![^.]*\?)", re.IGNORECASE)


def texts(tree):
    """String constants that may be shown: docstrings are for readers of the code."""
    docstrings = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.body:
            first = node.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                docstrings.add(id(first.value))
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node


def test_no_text_of_the_package_claims_it():
    claims = [
        f"{path.relative_to(PACKAGE)}:{node.lineno}: {node.value[:80]}"
        for path in sorted(PACKAGE.rglob("*.py"))
        for node in texts(ast.parse(path.read_text(encoding="utf-8")))
        if CLAIMS.search(node.value)
    ]
    assert claims == []


def test_no_schema_claims_it():
    claims = [
        f"{path.name}: {line.strip()[:100]}"
        for path in sorted((PACKAGE / "schemas").glob("*.json"))
        for line in path.read_text(encoding="utf-8").split("\n")
        if CLAIMS.search(line)
    ]
    assert claims == []


def test_no_rendered_report_claims_it():
    assert not CLAIMS.search(report(PASSED, weighed=["afam"], withheld=["afam"]))
    assert not CLAIMS.search(report(FAILED))


def test_the_scan_would_find_a_claim():
    tree = ast.parse('"""A fair docstring."""\nx = "this model is fair"\n')
    assert [node.lineno for node in texts(tree) if CLAIMS.search(node.value)] == [2]
