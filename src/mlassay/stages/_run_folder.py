"""Reads what the stages before left in the run folder, digests first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mlassay.digest import parse_canonical
from mlassay.errors import ConfigurationError, EvidenceError, MlassayError, Problem
from mlassay.evidence import Verdict, read_verdict
from mlassay.files import find_file, read_file
from mlassay.stages._outputs import Output, check_outputs

RECORD_BYTES = 64 << 20
PAGE = "report.html"
"""What people read beside ``report.md`` in ``test/``: made from verdicts, and neither signed nor recorded."""
RUNTIME = "runtime.json"
"""What the test stage leaves in ``test/`` beside its verdict: the packages that it ran with."""


def read_training(run_folder: Path) -> tuple[dict[str, Any], list[Output]]:
    """``(provenance, outputs)`` of a training that left a model, every output held against its digest.

    ConfigurationError when there was no training or it failed; EvidenceError when an output is not as it was left, or
    what was written down is of another shape than training gives it.
    """
    data = find_file(run_folder, "train/provenance.json", RECORD_BYTES) if run_folder.is_dir() else None
    if data is None:
        raise ConfigurationError(
            Problem(
                f"there is no training in {run_folder}",
                why="there is no model to test",
                remedy="mlassay train",
            )
        )
    try:
        provenance = parse_canonical(data, "train/provenance.json")
    except MlassayError as error:
        raise ConfigurationError(
            *error.problems, Problem("the run folder cannot be used", remedy="mlassay train")
        ) from error
    if not isinstance(provenance, dict) or not provenance.get("outputs"):
        raise ConfigurationError(
            Problem(
                f"the training in {run_folder} failed",
                why="there is no model to test",
                remedy="read train/log.txt there, correct the command, then: mlassay train",
            )
        )
    EvidenceError.raise_if_any(
        Problem(
            f"{what} is not as training writes it",
            why="a run folder may come from a machine that ran the team's code, and is taken at no word",
            remedy="mlassay train",
            path="train/provenance.json",
        )
        for what in _odd(provenance)
    )
    return provenance, check_outputs(run_folder / "train/outputs", provenance["outputs"])


def _odd(provenance: Mapping[str, Any]) -> Iterator[str]:
    """The members that stages look into and that are of another shape than they have."""
    source, inputs, outputs = (provenance.get(name) for name in ("source", "inputs", "outputs"))
    dirty = source.get("dirty") if isinstance(source, dict) else None
    if not isinstance(source, dict) or not _texts([source.get("commit")]) or not _texts(dirty):
        yield "source"
    if not isinstance(inputs, dict) or not _texts(list(inputs.values())):
        yield "inputs"
    shaped = isinstance(outputs, list) and all(map(_is_output, outputs))
    if not shaped or len({output["path"] for output in outputs or ()}) != len(outputs or ()):
        yield "outputs"


def _is_output(value: object) -> bool:
    return (
        isinstance(value, dict)
        and value.keys() == {"path", "size", "digest"}
        and _texts([value["path"], value["digest"]])
        and type(value["size"]) is int
    )


def _texts(values: object) -> bool:
    return isinstance(values, list) and all(isinstance(value, str) for value in values)


def read_test(run_folder: Path) -> Verdict:
    """The verdict that the test stage left; ConfigurationError when nothing was tested."""
    data = find_file(run_folder, "test/verdict.json", RECORD_BYTES) if run_folder.is_dir() else None
    if data is None:
        raise ConfigurationError(
            Problem(
                f"there is no verdict in {run_folder}",
                why="only a whole test leaves one; a test of named gates prints and leaves nothing",
                remedy="mlassay test",
            )
        )
    return read_verdict(data, "test/verdict.json")


def read_report(run_folder: Path) -> str:
    """``report.md`` as the test stage left it; ConfigurationError when nothing was tested."""
    return read_file(run_folder, "test/report.md", RECORD_BYTES).decode("utf-8", "replace")
