from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from mlassay.config import Config, Level, load_config
from mlassay.errors import ConfigurationError, Problem

TEMPLATE = Path(__file__).parents[2] / "template"
TEXT = (TEMPLATE / "ml.yaml").read_text()


def load(text: str) -> Config:
    return load_config("ml.yaml", text.encode())


def problems(old: str, new: str) -> list[Problem]:
    assert old in TEXT
    with pytest.raises(ConfigurationError) as caught:
        load(TEXT.replace(old, new))
    return list(caught.value.problems)


def test_the_templates_file_is_read_whole() -> None:
    config = load(TEXT)
    assert config.risk.level is Level.MAJOR
    assert config.risk.review_by == date(2027, 6, 1)
    assert config.train.withhold == ("afam",)
    assert config.train.weigh is not None
    assert config.train.weigh.by == ("afam",)
    assert config.train.limits.wall_seconds == 300.0
    assert config.train.limits.memory_bytes == 4 << 30
    assert config.model.favourable == "no"
    assert config.gates["bias"]["selection_rate_ratio"] == {"min": 0.8}
    line = config.lines["gates.bias.selection_rate_ratio.min"]
    assert "selection_rate_ratio" in TEXT.splitlines()[line - 1]


def test_the_digest_is_that_of_the_bytes() -> None:
    assert load(TEXT).digest != load(TEXT + "# one more comment\n").digest


def test_a_file_of_fifteen_lines_is_enough() -> None:
    text = """\
version: 1
name: loans
objective: Rank loan applications.
owner: kim
risk:
  unavailability: {probability: 1, impact: 1}
  bad_prediction: {probability: 2, impact: 2}
  decay: {probability: 1, impact: 1}
  lost_skills: {probability: 1, impact: 1}
  review_by: 2027-06-01
data: {loans: data/loans.manifest.yaml}
train: {run: sh train.sh, uses: [train.sh], data: [loans/train]}
model: {file: model.onnx, task: binary-classification, favourable: 1, threshold: 0.5}
evaluate: {data: loans/test, label: default}
"""
    assert len(text.splitlines()) <= 15
    config = load(text)
    assert config.store == "git"
    assert config.gates == {}


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("python a.py | tee log", "'|'"),
        ("a && b", "'&&'"),
        ("a > out", "'>'"),
        ("a; b", "';'"),
        ("echo $(id)", "'$'"),
        ("echo `id`", "'`'"),
        ("python $HOME/a.py", "'$'"),
        ("pytest tests/*.py", "'*'"),
        ("python ~/a.py", "'~'"),
        ("SEED=7 python a.py", "the variable SEED"),
        ("python 'a.py", "quotes"),
        ("python a.py # fast", "comment"),
    ],
)
def test_what_only_a_shell_knows_is_refused_with_the_way_out(command: str, words: str) -> None:
    quoted = '"' + command + '"'
    (problem,) = [p for p in problems("run: python train.py ", f"run: {quoted} ") if "train.run" in p.what]
    assert words in problem.what
    assert "no shell" in problem.why
    assert TEXT.splitlines()[(problem.line or 0) - 1].startswith("  run: ")


@pytest.mark.parametrize(
    "command", ["awk -f train.awk", "sh -c 'a | b > c'", "./train --x=1", "python train.py --a 'b c'"]
)
def test_an_ordinary_command_is_taken(command: str) -> None:
    assert load(TEXT.replace("run: python train.py ", f'run: "{command}" ')).train.run == command


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("wall: 5m", "wall: 5 minutes", "train.limits.wall"),
        ("memory: 4GiB", "memory: 0GiB", "train.limits.memory"),
        ('"2027-06-01"', '"2027-02-30"', "no day of the calendar"),
        ("[train.py,", "[../train.py,", "leaves its folder"),
        ("[train.py,", "[.git/config,", "git's own folder"),
        ("file: model.onnx", "file: /model.onnx", "absolute"),
        ("data: [applications/train]", "data: [applications/test]", "the rows of evaluate.data"),
        ("data: [applications/train]", "data: [aplications/train]", "no data named 'aplications'"),
        ("probability: 3, impact: 4", "probability: 3, impact: 6", "risk.bad_prediction.impact is 6"),
        ("  lost_skills:    {probability: 2, impact: 3}\n", "", "'risk.lost_skills' is missing"),
        ("threshold: 0.5", "threshold: 0,5", "model.threshold must be a number"),
        ("sensitive: [afam], selection", "sensitiv: [afam], selection", "unknown key 'gates.bias.sensitiv'"),
        ("store: git", "store: ftp://x", "store is"),
        ("{run: pytest -q tests, uses: [tests]}", "{}", "'gates.unit.run' is missing"),
        ("version: 1", "version: 2", "version is 2"),
    ],
)
def test_each_trap_is_named_with_its_line(old: str, new: str, words: str) -> None:
    (problem,) = [problem for problem in problems(old, new) if words in problem.what]
    assert problem.path == "ml.yaml"
    assert problem.line


def test_all_problems_come_at_once_those_of_meaning_too() -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(
            TEXT.replace("wall: 5m", "wall: 5x")
            .replace("store: git", "stor: git")
            .replace("[train.py,", "[/a,")
        )
    assert len(caught.value.problems) >= 3


def test_a_step_reads_only_what_was_named_before_it() -> None:
    steps = "prepare:\n  - {name: a, run: sh a.sh, reads: [later], writes: [x]}\n  - {name: b, run: sh b.sh, reads: [x], writes: [applications]}\ntrain:"
    found = [problem.what for problem in problems("train:", steps)]
    assert any("no data named 'later'" in what for what in found)
    assert any("'applications' is taken" in what for what in found)
    assert len(found) == 2
