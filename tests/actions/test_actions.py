"""Each action against the launcher's table, mlassay's own verbs and options, and what `actions/README.md` says of it."""

import importlib
import sys

import click
import pytest

from mlassay.cli import VERBS
from mlassay.cli.audit import AUDITS
from mlassay.cli.told import OUTPUTS
from tests.actions.reading import ACTIONS, action

sys.path.insert(0, str(ACTIONS))
TABLE = importlib.import_module("launcher.inputs").ACTIONS
variable = importlib.import_module("launcher.inputs").variable

NAMES = sorted(path.parent.name for path in ACTIONS.glob("*/action.yml"))
FOR_PEOPLE = {"approve", "refuse", "withdraw", "waive", "keys", "merge", "propose"}
AUDIT = {f"audit-{verb}" for verb in AUDITS}
README = (ACTIONS / "README.md").read_text()


def _section(name):
    return README.split(f"\n## {name}\n", 1)[1].split("\n## ", 1)[0]


def _rows(name, heading):
    """``{first cell: whole row}`` of one table of a section."""
    table = _section(name).partition(f"| {heading} |")[2].split("\n\n")[0].splitlines()[2:]
    return {row.split("|")[1].strip(" `"): row for row in table}


def test_every_verb_that_a_ci_needs_has_its_action_and_no_other():
    assert set(NAMES) == set(TABLE)
    assert set(OUTPUTS) <= set(NAMES), "a verb that tells a CI something has an action"
    assert set(NAMES) <= {*VERBS, *AUDIT}


def test_what_a_person_decides_has_no_action():
    assert not FOR_PEOPLE & set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_an_action_only_hands_its_inputs_to_the_launcher(name):
    runs = action(name)["runs"]
    assert runs["using"] == "composite"
    (step,) = runs["steps"]
    assert step.keys() == {"id", "shell", "run", "env"}
    assert step["shell"] == "bash"
    assert step["run"] == f'python3 -I "$GITHUB_ACTION_PATH/../launch.py" {name}'
    expected = {
        TABLE[name].secrets.get(key) or variable(key): f"${{{{ inputs.{key} }}}}"
        for key in action(name)["inputs"]
    }
    assert step["env"] == expected


@pytest.mark.parametrize("name", NAMES)
def test_the_launcher_knows_the_inputs_that_an_action_names(name):
    assert set(action(name)["inputs"]) == {*TABLE[name].inputs, *TABLE[name].secrets}


@pytest.mark.parametrize("name", NAMES)
def test_each_option_that_the_launcher_gives_is_the_verbs(name):
    module, command_name = (
        (AUDITS[name.removeprefix("audit-")][0],) * 2 if name in AUDIT else (VERBS[name][0], name)
    )
    command = getattr(importlib.import_module(f"mlassay.cli.{module}"), command_name)
    options = {
        option: each for each in command.params if isinstance(each, click.Option) for option in each.opts
    }
    given = {"-C", *TABLE[name].options.values(), *TABLE[name].switches.values()}
    assert given <= set(options)
    assert all(options[switch].is_flag for switch in TABLE[name].switches.values())
    assert not any(options[option].is_flag for option in TABLE[name].options.values())
    words = [each for each in command.params if isinstance(each, click.Argument)]
    assert sum(each.required for each in words) <= len(TABLE[name].words) <= len(words)


@pytest.mark.parametrize("name", NAMES)
def test_an_action_hands_on_all_that_its_verb_tells(name):
    outputs = action(name).get("outputs", {})
    assert set(outputs) == set(OUTPUTS.get(name, ()))
    for key, output in outputs.items():
        assert output["value"] == f"${{{{ steps.mlassay.outputs.{key} }}}}"


@pytest.mark.parametrize("name", NAMES)
def test_the_readme_says_of_each_input_and_output_what_the_action_says(name):
    told = action(name)
    inputs = _rows(name, "input")
    assert set(inputs) == set(told["inputs"])
    for key, about in told["inputs"].items():
        default = "required" if about.get("required") else about["default"] and f"`{about['default']}`"
        assert inputs[key] == f"| `{key}` | {default} | {about['description']} |"
    outputs = _rows(name, "output")
    assert {
        key: f"| `{key}` | {about['description']} |" for key, about in told.get("outputs", {}).items()
    } == outputs
    assert "**Permissions:**" in _section(name)
    assert "**Limits:**" in _section(name)
