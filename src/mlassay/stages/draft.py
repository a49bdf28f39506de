"""The template made over for another table: what the bytes can tell is filled in, the rest is asked as ``TODO``."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from mlassay.files import read_yaml
from mlassay.manifest import SplitRule
from mlassay.manifest.drafting import draft_manifest
from mlassay.stages.draft_tasks import model_lines, performance, task_of, trained_for
from mlassay.stages.init import EXAMPLE_DATA
from mlassay.tasks import REGRESSION

TESTS = '''"""What this team expects of its own model. mlassay runs these on the ONNX file that MLASSAY_MODEL names."""

import os
import re

import onnxruntime
import pytest

COLUMNS = {columns}


@pytest.fixture(scope="module")
def session():
    """The model, loaded."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(os.environ["MLASSAY_MODEL"], options)


def test_the_model_takes_no_column_but_those_that_it_may(session):
    spelled = [re.sub(r"^(?=[0-9])", "_", re.sub(r"[^\\w+]", "_", name)) for name in COLUMNS]  # as skl2onnx does
    assert {{column.name for column in session.get_inputs()}} <= set(spelled)
'''

_IGNORE = """# people's sensitive columns, which no history may keep: everybody who runs this fetches the table from its origin
/{path}
"""


def draft(
    files: Mapping[str, bytes], table: bytes, *, data: str, label: str, sensitive: Sequence[str]
) -> dict[str, bytes]:
    """The template's ``files`` for ``table`` (CSV bytes): manifest, ml.yaml, policy floors, tests and train.py.

    ``data`` names the data set. ConfigurationError when the label or a sensitive column is not there, or when the
    label is neither a category nor a number.
    """
    path = f"data/{data}.csv"
    rule = SplitRule("stratified", {"train": "0.5", "test": "0.5"}, seed=0, by=(label, *sensitive))
    drafted = draft_manifest({path: table}, name=data, label=label, sensitive=sensitive, split=rule)
    columns: list[dict[str, Any]] = read_yaml(drafted.path, drafted.manifest).value["columns"]
    target = next(column for column in columns if column["name"] == label)
    task, values = task_of(target, path), target.get("values", [])
    if task == REGRESSION:  # each number would be a stratum of its own
        rule = replace(rule, kind="stratified" if sensitive else "seeded", by=tuple(sensitive))
        drafted = draft_manifest({path: table}, name=data, label=label, sensitive=sensitive, split=rule)
    ignored = [c["name"] for c in columns if c["role"] in {"ignored", "id"} and c["name"] not in sensitive]
    inputs = [c for c in columns if c["name"] not in {label, *sensitive, *ignored}]
    numbers = [c["name"] for c in inputs if c["type"] in {"number", "integer"}]
    made = {name: content for name, content in files.items() if name not in EXAMPLE_DATA}
    made |= {path: table, drafted.path: drafted.manifest, drafted.missing_path: drafted.missing}
    text = _ml_yaml(made["ml.yaml"].decode(), data, label, task, values, sensitive, numbers)
    made["ml.yaml"] = _withhold(text, [*sensitive, *ignored]).encode()
    made["governance/policy.yaml"] = _policy(
        made["governance/policy.yaml"].decode(), task, sensitive, numbers
    ).encode()
    names = [*([label] if values else []), *(c["name"] for c in inputs if c["type"] == "category")]
    text = _train(made["train.py"].decode(), data, label, values[1] if values else "", names)
    made["train.py"] = trained_for(text, task, label, values).encode()
    made["README.md"] = _readme(made["README.md"].decode(), data).encode()
    if sensitive:
        made[".gitignore"] += _IGNORE.format(path=path).encode()
    made["tests/test_model.py"] = TESTS.format(columns=_flow([c["name"] for c in inputs])).encode()
    return made


def _ml_yaml(
    text: str,
    data: str,
    label: str,
    task: str,
    values: Sequence[str],
    sensitive: Sequence[str],
    numbers: Sequence[str],
) -> str:
    changes = {
        "objective: ": '"TODO: who decides what with this model, about whom?"',
        "  applications: ": f"data/{data}.manifest.yaml",
        "  weigh: ": f"{{by: {_flow(sensitive)}, method: reweighing}}" if sensitive else None,
        **model_lines(task, values),
        "  label: ": json.dumps(label, ensure_ascii=False),
        "  performance: ": performance(task, 0.65),
        "  bias: ": f"       {{sensitive: {_flow(sensitive)}, selection_rate_ratio: {{min: 0.8}}}}"
        if sensitive
        else None,
        "  adversarial: ": f"{{perturb: {{columns: {_flow(numbers)}, radius: 0.05}}, robust_rate: {{min: 0.8}}}}"
        if numbers
        else None,
    }
    for start, value in changes.items():
        text = _set_line(text, start, value)
    text = text.replace("  applications: ", f"  {data}: ")
    split = re.compile(r"(?m)^(?P<key>  data: \[?)applications/(?P<split>\w+\]?) *(?P<comment>#.*)?\n")
    return split.sub(lambda found: _line(f"{found['key']}{data}/{found['split']}", found["comment"]), text)


def _withhold(text: str, columns: Sequence[str]) -> str:
    return _set_line(text, "  withhold: ", _flow(columns) if columns else None)


def _policy(text: str, task: str, sensitive: Sequence[str], numbers: Sequence[str]) -> str:
    bias = f"{{sensitive: {_flow(sensitive)}, selection_rate_ratio: {{min: 0.8}}}}" if sensitive else None
    text = _set_line(text, "  bias: ", bias)
    text = _set_line(text, "  performance: ", performance(task, 0.6))
    return _set_line(
        text,
        "  adversarial: ",
        f"{{perturb: {{columns: {_flow(numbers[:2])}, radius: 0.02}}, robust_rate: {{min: 0.7}}}}"
        if numbers
        else None,
    )


def _train(text: str, data: str, label: str, positive: str, names: Sequence[str]) -> str:
    """``train.py`` for these columns: pandas must not take ``names`` for numbers, so that 1 and 01 stay two."""
    quoted = [json.dumps(name, ensure_ascii=False) for name in (data, label, positive)]
    text = _assign(text, "DATA", quoted[0])
    text = _assign(text, "LABEL, POSITIVE", ", ".join(quoted[1:]))
    return _assign(text, "TEXT", _flow(names))


def _assign(text: str, name: str, value: str) -> str:
    """The line ``name = …`` of a Python file with another value; its comment goes to the line above."""
    pattern = re.compile(rf"(?m)^{re.escape(name)} = [^#\n]*(?P<comment>#.*)?$")
    return pattern.sub(
        lambda found: "\n".join(filter(None, [found["comment"], f"{name} = {value}"])), text, count=1
    )


def _readme(text: str, data: str) -> str:
    """The README without the example: what it says of mortgages and of drafting a manifest is done."""
    text = text.replace("A model of mortgage applications, tested,", "A model, tested,")
    draft = re.compile(r"(?ms)^2\. `mlassay data manifest.*?^3\. ")
    answer = (
        f"2. Answer each `TODO` in `ml.yaml`, `data/{data}.manifest.yaml` and `data/{data}.missing.md`.\n3. "
    )
    text = draft.sub(lambda _: answer, text, count=1)
    return re.sub(r"(?m)^4\. Delete `data/hmda.csv`.*\n", "", text, count=1)


def _set_line(text: str, start: str, value: str | None) -> str:
    """The one line that begins with ``start`` with its value replaced; None removes it."""
    pattern = re.compile(rf"(?m)^{re.escape(start)}[^#\n]*(?P<comment>#.*)?\n")
    return pattern.sub(
        lambda found: "" if value is None else _line(start + value, found["comment"]), text, count=1
    )


def _line(text: str, comment: str | None) -> str:
    return f"{text.ljust(42)}  {comment}\n" if comment else f"{text}\n"


def _flow(names: Sequence[str]) -> str:
    """A list as YAML and Python both read it."""
    return json.dumps(list(names), ensure_ascii=False)
