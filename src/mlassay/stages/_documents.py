"""What people and scanners read in place of the reports, made at ``sign``: the model card and the bill of materials."""

from __future__ import annotations

import platform
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from mlassay.case.card import CardFacts, card_facts
from mlassay.digest import canonical, parse_canonical
from mlassay.errors import EvidenceError, Problem
from mlassay.evidence import layout
from mlassay.evidence.bill import bill_faults
from mlassay.evidence.card import card_faults, read_card
from mlassay.evidence.release import Release
from mlassay.evidence.verdict import Verdict
from mlassay.files import find_file
from mlassay.git import Repository
from mlassay.stages._bill import bill
from mlassay.stages._run_folder import RUNTIME

_PACKAGES = (
    "adversarial-robustness-toolbox",
    "dtai-veritas",
    "fairlearn",
    "mlassay",
    "numpy",
    "onnx",
    "onnxruntime",
    "polars",
    "scikit-learn",
    "scipy",
)
_RUNTIME_BYTES = 1 << 16


def runtime_json() -> bytes:
    """The interpreter and the packages of this process, by name and version."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return canonical({"version": 1, "packages": found})


def documents(
    repo: Repository,
    release: Release,
    verdict: Verdict,
    run_folder: Path,
    card: Callable[[CardFacts], str],
) -> dict[str, bytes]:
    """The model card, as ``card`` renders it, and the bill of materials; each is held to the release before it is signed."""
    facts = card_facts(repo, release, verdict)
    told = card(facts).encode()
    EvidenceError.raise_if_any(
        Problem(fault, "what is signed must say what was measured", "report this: it is a bug", layout.CARD)
        for fault in card_faults(read_card(told, layout.CARD), verdict, facts.written)
    )
    made = bill(repo, facts, _runtime(run_folder))
    EvidenceError.raise_if_any(
        Problem(fault, "what is signed must say what was measured", "report this: it is a bug", layout.BILL)
        for fault in bill_faults(made, release, verdict, layout.BILL)
    )
    return {layout.CARD: told, layout.BILL: made}


def _runtime(run_folder: Path) -> dict[str, str]:
    """What the test ran with; nothing where it left no word of it."""
    data = find_file(run_folder, f"test/{RUNTIME}", _RUNTIME_BYTES)
    if data is None:
        return {}
    value = parse_canonical(data, f"test/{RUNTIME}")
    packages = value.get("packages") if isinstance(value, dict) and value.get("version") == 1 else None
    known = {*_PACKAGES, "python"}
    if (
        not isinstance(packages, dict)
        or not packages.keys() <= known
        or not all(map(_is_version, packages.values()))
    ):
        raise EvidenceError(
            Problem(
                "it is not as the test stage writes it",
                why="a run folder may come from a machine that ran the team's code, and is taken at no word",
                remedy="mlassay test",
                path=f"test/{RUNTIME}",
            )
        )
    return dict(packages)


def _is_version(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 100 and value.isascii() and value.isprintable()
