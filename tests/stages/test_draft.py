"""A repository drafted for a table: every task that its label can mean, down to a model that training leaves."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

import numpy as np
import pytest

from mlassay.config import load_config
from mlassay.errors import ConfigurationError
from mlassay.files import read_yaml
from mlassay.model import Input, Model
from mlassay.stages.draft import draft
from mlassay.tasks import BINARY, MULTICLASS, REGRESSION

TEMPLATE = Path(__file__).parents[2] / "template"
FILES = {
    path: (TEMPLATE / path).read_bytes()
    for path in ("ml.yaml", "governance/policy.yaml", "train.py", "README.md", ".gitignore")
}
WHAT = {
    BINARY: lambda y: np.where(y > 0, "yes", "no"),
    MULTICLASS: lambda y: np.array(["bad", "so so", "good"])[np.digitize(y, [-1, 1])],
    REGRESSION: lambda y: y.round(3),
}


def drafted(task, sensitive=("group",)):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 2)).round(3)
    labels = WHAT[task](x[:, 0] - x[:, 1] + 0.3 * rng.normal(size=300))
    groups, colours = rng.choice(["a", "b"], 300), rng.choice(["red", "blue", "green"], 300)
    rows = [f"{a},{b},{c},{g},{y}\n" for (a, b), c, g, y in zip(x, colours, groups, labels, strict=True)]
    table = ("a,b,colour,group,label\n" + "".join(rows)).encode()
    return draft(FILES, table, data="mine", label="label", sensitive=list(sensitive)), table


@pytest.mark.parametrize("task", [BINARY, MULTICLASS, REGRESSION])
def test_what_is_left_of_ml_yaml_is_for_people(task) -> None:
    made, _ = drafted(task)
    with pytest.raises(ConfigurationError) as caught:
        load_config("ml.yaml", made["ml.yaml"])
    assert all("is not written yet" in each.what for each in caught.value.problems), caught.value.problems
    text = made["ml.yaml"].decode()
    text = text.replace('"TODO: higher or lower?"', "higher").replace('"TODO: bad or good or so so?"', "good")
    text = "\n".join(
        line.partition('"TODO')[0] + ("0.5" if "threshold" in line else '"yes"') if "TODO" in line else line
        for line in text.split("\n")
    )
    assert load_config("ml.yaml", text.encode()).model.task == task


@pytest.mark.parametrize("task", [BINARY, MULTICLASS, REGRESSION])
def test_the_drafted_training_leaves_a_model_of_the_task(tmp_path, monkeypatch, task) -> None:
    made, table = drafted(task)
    columns = read_yaml("m", made["data/mine.manifest.yaml"]).value["columns"]
    given = [line.split(",") for line in table.decode().strip().split("\n")]
    (tmp_path / "data/mine").mkdir(parents=True)
    rows = "".join(",".join([*row[:3], row[4]]) + "\n" for row in given)
    (tmp_path / "data/mine/train.csv").write_text(rows)
    (tmp_path / "train.py").write_bytes(made["train.py"])
    (tmp_path / "parameters.json").write_text(json.dumps({"seed": 7}))
    monkeypatch.setenv("MLASSAY_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("MLASSAY_OUT", str(tmp_path))
    monkeypatch.setenv("MLASSAY_PARAMETERS", str(tmp_path / "parameters.json"))
    runpy.run_path(str(tmp_path / "train.py"), run_name="__main__")
    inputs = [
        Input(c["name"], tuple(c.get("values", ()))) for c in columns if c["name"] in ("a", "b", "colour")
    ]
    values = next(c for c in columns if c["name"] == "label").get("values", [])
    model = Model.load(tmp_path / "model.onnx", inputs, task=task, labels=values)
    answers = model.answers(
        model.encode({name: [row[at] for row in given[1:]] for at, name in enumerate(("a", "b", "colour"))})
    )
    truth = [row[4] for row in given[1:]]
    if task == REGRESSION:
        assert np.corrcoef(answers[:, 0], np.array(truth, float))[0, 1] > 0.9
    else:
        assert (
            np.mean(
                [values[each] == label for each, label in zip(answers.argmax(axis=1), truth, strict=True)]
            )
            > 0.8
        )


def test_a_number_is_split_by_groups_and_not_by_each_of_its_values() -> None:
    made, _ = drafted(REGRESSION)
    split = read_yaml("m", made["data/mine.manifest.yaml"]).value["split"]
    assert (split["kind"], split["by"]) == ("stratified", ["group"])
    made, _ = drafted(REGRESSION, sensitive=())
    assert read_yaml("m", made["data/mine.manifest.yaml"]).value["split"]["kind"] == "seeded"


@pytest.mark.parametrize(
    ("label", "said"), [("same", "has one value only"), ("text", "a value of its own for nearly every row")]
)
def test_a_column_that_can_be_no_label_is_refused(label, said) -> None:
    table = "x,same,text\n" + "".join(f"{n},one,word {n}\n" for n in range(60))
    with pytest.raises(ConfigurationError, match=said):
        draft(FILES, table.encode(), data="mine", label=label, sensitive=[])
