"""The template made over for another table: what the bytes can tell is filled in, the rest is asked as ``TODO``."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from mlassay.errors import ConfigurationError, Problem
from mlassay.files import read_yaml
from mlassay.manifest import SplitRule
from mlassay.manifest.drafting import draft_manifest
from mlassay.stages.init import EXAMPLE_DATA

TESTS = '''"""What this team expects of its own model. mlassay runs these on the ONNX file that MLASSAY_MODEL names."""

import os

import onnxruntime
import pytest

COLUMNS = {columns}


@pytest.fixture(scope="module")
def session():
    """The model, loaded."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(os.environ["MLASSAY_MODEL"], options)


def test_the_model_takes_just_the_columns_that_it_may(session):
    assert sorted(column.name for column in session.get_inputs()) == sorted(COLUMNS)
'''


def draft(
    files: Mapping[str, bytes], table: bytes, *, data: str, label: str, sensitive: Sequence[str]
) -> dict[str, bytes]:
    """The template's ``files`` for ``table`` (CSV bytes): manifest, ml.yaml, policy floors, tests and train.py.

    ``data`` names the data set. ConfigurationError when the label or a sensitive column is not there, or when the
    label is no category.
    """
    path = f"data/{data}.csv"
    rule = SplitRule("stratified", {"train": "0.5", "test": "0.5"}, seed=0, by=(label, *sensitive))
    drafted = draft_manifest({path: table}, name=data, label=label, sensitive=sensitive, split=rule)
    columns: list[dict[str, Any]] = read_yaml(drafted.path, drafted.manifest).value["columns"]
    values = next(column.get("values") for column in columns if column["name"] == label)
    if not values or len(values) != 2:
        raise ConfigurationError(
            Problem(
                f"the label '{label}' has not two values",
                why="binary classification is the one task so far",
                remedy="choose a column with two values",
                path=path,
            )
        )
    inputs = [c for c in columns if c["name"] != label and c["name"] not in sensitive]
    numbers = [c["name"] for c in inputs if c["type"] in {"number", "integer"}]
    made = {name: content for name, content in files.items() if name not in EXAMPLE_DATA}
    made |= {path: table, drafted.path: drafted.manifest, drafted.missing_path: drafted.missing}
    made["ml.yaml"] = _ml_yaml(made["ml.yaml"].decode(), data, label, sensitive, numbers).encode()
    made["governance/policy.yaml"] = _policy(
        made["governance/policy.yaml"].decode(), sensitive, numbers
    ).encode()
    made["train.py"] = _train(made["train.py"].decode(), data, label, values[1]).encode()
    names = json.dumps([c["name"] for c in inputs], ensure_ascii=False)
    made["tests/test_model.py"] = TESTS.format(columns=names).encode()
    return made


def _ml_yaml(text: str, data: str, label: str, sensitive: Sequence[str], numbers: Sequence[str]) -> str:
    changes = {
        "objective: ": '"TODO: who decides what with this model, about whom?"',
        "  applications: ": f"data/{data}.manifest.yaml",
        "  data: [applications/train]": "",
        "  withhold: ": _flow(sensitive),
        "  weigh: ": f"{{by: {_flow(sensitive)}, method: reweighing}}" if sensitive else None,
        "  favourable: ": '"TODO: the label that people hope for"',
        "  label: ": json.dumps(label, ensure_ascii=False),
        "  performance: ": "{roc_auc: {min: 0.65}}",
        "  bias: ": f"       {{sensitive: {_flow(sensitive)}, selection_rate_ratio: {{min: 0.8}}}}"
        if sensitive
        else None,
        "  adversarial: ": f"{{perturb: {{columns: {_flow(numbers)}, radius: 0.05}}, robust_rate: {{min: 0.8}}}}"
        if numbers
        else None,
    }
    for start, value in changes.items():
        text = _set_line(text, start, value)
    return text.replace("  applications: ", f"  {data}: ").replace("applications/", f"{data}/")


def _policy(text: str, sensitive: Sequence[str], numbers: Sequence[str]) -> str:
    bias = f"{{sensitive: {_flow(sensitive)}, selection_rate_ratio: {{min: 0.8}}}}" if sensitive else None
    text = _set_line(text, "  bias: ", bias)
    text = _set_line(text, "  performance: ", "{roc_auc: {min: 0.6}}")
    return _set_line(
        text,
        "  adversarial: ",
        f"{{perturb: {{columns: {_flow(numbers[:2])}, radius: 0.02}}, robust_rate: {{min: 0.7}}}}"
        if numbers
        else None,
    )


def _train(text: str, data: str, label: str, positive: str) -> str:
    text = re.sub(r"(?m)^DATA = .*$", lambda _: f"DATA = {json.dumps(data)}", text, count=1)
    return re.sub(
        r"(?m)^LABEL, POSITIVE = .*$",
        lambda _: f"LABEL, POSITIVE = {json.dumps(label)}, {json.dumps(positive)}",
        text,
        count=1,
    )


def _set_line(text: str, start: str, value: str | None) -> str:
    """The one line that begins with ``start`` with its value replaced; None removes it, "" leaves it as it is."""
    if value == "":
        return text
    pattern = re.compile(rf"(?m)^{re.escape(start)}[^#\n]*(?P<comment>#.*)?\n")
    return pattern.sub(
        lambda found: "" if value is None else _line(start + value, found["comment"]), text, count=1
    )


def _line(text: str, comment: str | None) -> str:
    return f"{text.ljust(42)}  {comment}\n" if comment else f"{text}\n"


def _flow(names: Sequence[str]) -> str:
    return json.dumps(list(names), ensure_ascii=False)
