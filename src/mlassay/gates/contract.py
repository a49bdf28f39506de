"""The contract gate: is the model a safe, portable function?"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlassay.evidence.verdict import Finding, GateReport, Outcome
from mlassay.gates.common import CRITERIA_FILE, Criteria, report, shown
from mlassay.tasks import BINARY, MULTICLASS, RANKING, REGRESSION

if TYPE_CHECKING:
    from mlassay.ports import Subject

TOLERANCE = 1e-5  # ONNX Runtime itself moves by 1e-7 to 3e-7 between batch sizes
SAMPLED = 256  # rows asked again one at a time
MOST_FILES = 10_000
_EXECUTABLE = {
    ".pkl",
    ".pickle",
    ".joblib",
    ".pt",
    ".pth",
    ".ckpt",
    ".h5",
    ".hdf5",
    ".keras",
    ".dill",
    ".mar",
}

# The rules that `mlassay.model` holds while loading, in its order, as the report says them when they held.
_HELD = {
    "file": "the model is a regular file of its own",
    "size": "its size is within bounds",
    "format": "it is an ONNX model",
    "versions": "its IR version and opsets are within bounds",
    "operators": "it uses allowed operators of the standard domains only",
    "external_data": "it keeps no data in other files",
    "sizes": "its tensors are within bounds",
    "trees": "its trees, if any, are trees",
    "well_formed": "onnx.checker accepts it",
    "inputs": "its inputs are the columns that the plan offers",
    "outputs": "it answers with what its task asks for",
    "values": "it can be given every evaluation row",
    "runtime": "ONNX Runtime runs it within its memory",
}
_OUTPUTS = {
    BINARY: "it answers with probabilities of two classes",
    MULTICLASS: "it answers with a probability for each declared label",
    REGRESSION: "it answers with one number a row",
    RANKING: "it answers with one number a row to order them by",
}
_NOT_LOOKED_AT = (
    "whether the exported model says what training said (the parity gate)",
    "speed and memory in service",
    "pickles deeper than three archives in one another, or inside formats of their own",
)


class ContractGate:
    """Is the model a safe, portable function?

    Held to: formats and bounds before anything is loaded, allowed operators, finite answers on evaluation rows
    and edge rows, probabilities that are probabilities, the same answer alone and in a batch, the same answer with
    and without graph optimisations, and no pickle or link anywhere among the outputs.
    """

    id = "contract"

    def test(self, subject: Subject) -> GateReport:
        """Measure the model's form and answers; a model that cannot be used is a failed finding, not an error."""
        from mlassay.model import Unusable

        criteria = Criteria.of(subject, self.id)
        findings = list(_outputs(subject.outputs))
        held = _HELD | {"outputs": _OUTPUTS[subject.task]}
        measured: dict[str, Any] = {}
        try:
            measured |= _form(subject)
            answers, numbers = _answers(subject)
        except Unusable as error:
            findings += _unusable(error, held)
        else:
            findings += [_held(rule, what) for rule, what in held.items()] + answers
            measured["answers"] = numbers
        return report(criteria, measured=measured, findings=findings, not_looked_at=_NOT_LOOKED_AT)


def _held(rule: str, what: str) -> Finding:
    return Finding(f"contract.{rule}", Outcome.PASSED, what, "", "")


def _unusable(error: Any, held: Mapping[str, str]) -> Iterator[Finding]:
    rules = list(held)
    # Values and runtime are met in turns, so when one breaks, neither is known to hold.
    at = min(rules.index(error.rule), rules.index("values")) if error.rule in rules else 0
    yield from (_held(rule, held[rule]) for rule in rules[:at])
    for problem in error.problems:
        yield Finding(
            f"contract.{error.rule}",
            Outcome.FAILED,
            problem.what,
            problem.why,
            problem.remedy,
            path=problem.path,
            line=problem.line,
        )
    left = [held[rule] for rule in rules[at:] if rule != error.rule]
    yield Finding(
        "contract.not_tested",
        Outcome.INCONCLUSIVE,
        "the model could not be used, so this was not tested: " + "; ".join([*left, "its answers"]),
        "what was not tested is not held",
        "remove the reason above and test again",
    )


def _outputs(folder: Path) -> Iterator[Finding]:
    bad = list(_bad_files(folder))
    if not bad:
        yield _held("pickle", "no pickle and no link is among the outputs")
    for number, (name, what) in enumerate(bad[:20]):
        yield Finding(
            "contract.pickle" if number == 0 else f"contract.pickle.{number + 1}",
            Outcome.FAILED,
            f"output {name}: {what}"
            + (f" (and {len(bad) - 20} more)" if number == 19 and len(bad) > 20 else ""),
            "a pickle is a program that runs when it is loaded, and a link stands for other bytes at each reading",
            "let training leave ONNX, JSON, CSV or NumPy arrays of numbers, as regular files",
        )


def _bad_files(folder: Path) -> Iterator[tuple[str, str]]:
    from mlassay.model.pickles import find_pickle
    from mlassay.model.types import clean

    count = 0
    for place, folders, files in os.walk(folder, followlinks=False):
        folders.sort()
        for name in sorted([*files, *(f for f in folders if (Path(place) / f).is_symlink())]):
            count += 1
            path = Path(place) / name
            shown_name = clean(path.relative_to(folder).as_posix(), 120)
            if count > MOST_FILES:
                yield shown_name, f"there are more than {MOST_FILES} files, too many to look at"
                return
            mode = path.lstat().st_mode
            if stat.S_ISLNK(mode):
                yield shown_name, "it is a symbolic link"
            elif not stat.S_ISREG(mode):
                yield shown_name, "it is no regular file"
            elif found := find_pickle(path):
                yield shown_name, clean(found, 200)
            elif path.suffix.lower() in _EXECUTABLE:
                yield shown_name, f"its name says that it is a serialised program ({path.suffix.lower()})"


def _form(subject: Subject) -> dict[str, Any]:
    proto = subject.model.proto
    operators: dict[str, int] = {}
    for node in proto.graph.node:
        name = f"{node.domain or 'ai.onnx'}.{node.op_type}"
        operators[name] = operators.get(name, 0) + 1
    return {
        "size": subject.model.size,
        "ir_version": int(proto.ir_version),
        "opsets": {o.domain or "ai.onnx": int(o.version) for o in proto.opset_import},
        "operators": operators,
        "inputs": [i.name for i in subject.model.inputs],
    }


@dataclass(frozen=True, slots=True)
class _Asked:
    """One thing measured on answers: how many rows break it, of how many, the first one, and the largest gap."""

    rule: str
    bad: int
    rows: int
    first: int
    gap: float


def _answers(subject: Subject) -> tuple[list[Finding], dict[str, Any]]:
    """Findings and numbers on what the model answers, on the evaluation rows and on edge rows."""
    import numpy as np

    from mlassay.gates.contract_answers import edge_rows

    model = subject.model
    rows = model.encode(subject.table.as_mapping())
    edges = edge_rows(model, subject.plan)
    answers, on_edges = model.answers(rows), model.answers(edges)
    count = len(answers)
    sample = np.unique(np.linspace(0, count - 1, min(count, SAMPLED)).astype(int)) if count else np.arange(0)
    alone = model.answers({n: v[sample] for n, v in rows.items()}, batch=1)
    written = model.as_written().answers(rows)
    classes = subject.task in (BINARY, MULTICLASS)
    everywhere = np.concatenate([answers, on_edges]) if count else on_edges
    held = [
        _count("finite", ~np.isfinite(answers).all(axis=1)),
        _count("edges", ~np.isfinite(on_edges).all(axis=1)),
        *([_count("probabilities", *_improper(everywhere))] if classes else []),
        _count("batching", *_differs(alone, answers[sample], relative=not classes)),
        _count("optimisation", *_differs(written, answers, relative=not classes)),
        *(
            [_count("labels", _decides_otherwise(subject, written, answers))]
            if subject.task != RANKING
            else []
        ),
    ]
    findings = [_answer_finding(each) for each in held] if count else [_no_rows()]
    numbers = {h.rule: {"rows": h.rows, "bad": h.bad, "largest_gap": shown(h.gap, 6)} for h in held}
    return findings, numbers


def _improper(answers: Any) -> tuple[Any, Any]:
    import numpy as np

    with np.errstate(invalid="ignore"):
        outside = np.maximum(np.maximum(-answers, answers - 1).max(axis=1), 0)
        gap = outside if answers.shape[1] == 1 else np.maximum(outside, np.abs(answers.sum(axis=1) - 1))
    return ~(gap <= TOLERANCE), gap


def _decides_otherwise(subject: Subject, one: Any, other: Any) -> Any:
    """Rows whose decision differs. What a ranking selects rests on ties as well, so that it is not asked."""
    if subject.task == MULTICLASS:
        return one.argmax(axis=1) != other.argmax(axis=1)
    threshold = subject.threshold
    return (one[:, -1] >= threshold) != (other[:, -1] >= threshold)


def _differs(one: Any, other: Any, *, relative: bool) -> tuple[Any, Any]:
    """Rows that differ by more than the tolerance, and by how much; ``relative`` to the answer where that is over 1."""
    import numpy as np

    with np.errstate(invalid="ignore"):
        gap = np.abs(one - other)
        gap = (gap / np.maximum(np.abs(other), 1) if relative else gap).max(axis=1, initial=0.0)
    gap = np.where((np.isnan(one) & np.isnan(other)).any(axis=1), 0.0, gap)
    return ~(gap <= TOLERANCE), gap


def _count(rule: str, bad: Any, gap: Any = None) -> _Asked:
    import numpy as np

    finite = np.empty(0) if gap is None else gap[np.isfinite(gap)]
    # Gaps under the tolerance are noise of the runtime, so they are not told apart.
    worst = float(finite.max()) if finite.size else 0.0
    first = int(np.argmax(bad)) + 1 if bad.any() else 0
    return _Asked(rule, int(bad.sum()), len(bad), first, worst if worst > TOLERANCE else 0.0)


_ANSWERS = {
    "finite": ("answers with a finite number", "NaN is neither above nor below any threshold"),
    "edges": (
        "answers with a finite number at the declared minima and maxima, at zero and where missing is allowed",
        "such rows will come, and would be decided by accident",
    ),
    "probabilities": (
        "answers with numbers in [0, 1] that sum to 1",
        "a threshold on anything else means nothing",
    ),
    "batching": (
        "answers alone as in a batch, within 1e-5",
        "a decision must not depend on who else applies",
    ),
    "optimisation": (
        "answers alike with and without graph optimisations, within 1e-5",
        "other runtimes optimise otherwise",
    ),
    "labels": ("decides alike with and without graph optimisations", "other runtimes optimise otherwise"),
}
_REMEDIES = {
    "finite": "look at that row: a missing value, a division by zero, an overflow",
    "edges": "impute missing values and clip inputs in the model itself, or narrow the declared ranges",
    "probabilities": "end the graph with a softmax, sigmoid or normaliser",
    "batching": "remove operators that mix rows (reductions or reshapes over the first dimension)",
    "optimisation": "export in float32 throughout, without rounding or casts near the end",
    "labels": "export in float32 throughout, without rounding or casts near the end",
}


def _answer_finding(held: _Asked) -> Finding:
    does, why = _ANSWERS[held.rule]
    if not held.bad:
        return _held(held.rule, f"on {held.rows} of {held.rows} rows the model {does}")
    return Finding(
        f"contract.{held.rule}",
        Outcome.FAILED,
        f"on {held.bad} of {held.rows} rows it does not hold that the model {does} (first: row {held.first})",
        why,
        _REMEDIES[held.rule],
        numbers={"rows": held.rows, "bad": held.bad, "largest_gap": shown(held.gap, 6)},
    )


def _no_rows() -> Finding:
    return Finding(
        "contract.rows",
        Outcome.INCONCLUSIVE,
        "there are no evaluation rows to ask the model about",
        "what was not asked is not known",
        "give the evaluation split some rows",
        path=CRITERIA_FILE,
    )
