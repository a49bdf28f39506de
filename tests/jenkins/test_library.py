"""The shared library as text: which verbs it has, what its shell may hold, and its page in the docs."""

import re
import subprocess
import sys
from importlib import import_module

import click
import pytest

from mlassay.cli import VERBS
from tests.jenkins.tables import PAGE, ROOT, VARS, filled, steps

PEOPLE = {"approve", "refuse", "withdraw", "waive", "keys", "propose", "merge"}
GROOVY = {path.stem: path.read_text() for path in VARS.glob("*.groovy")}
TEMPLATE = (ROOT / "template/Jenkinsfile").read_text()


def _words(name: str) -> list[str]:
    return re.findall(r"'([^']+)'", re.search(r"words: \[(.*?)\]", GROOVY[name])[1])


def _verb(name: str) -> str:
    """The verb of a step, as its action is called: ``sign``, ``audit-site``."""
    words = _words(name)
    return "-".join(words[:2]) if words[0] == "audit" else words[0]


def _command(verb: str) -> click.Command:
    group, _, audit = verb.partition("-")
    command = getattr(import_module(f"mlassay.cli.{VERBS[group][0]}"), group)
    return command.get_command(click.Context(command), audit) if audit else command


def _verbs() -> set[str]:
    return {_verb(name) for name in steps()}


def test_every_verb_that_has_an_action_has_a_step():
    actions = {path.parent.name for path in (ROOT / "actions").glob("*/action.yml")}
    assert actions
    assert actions <= _verbs()


def test_no_verb_by_which_people_take_responsibility_has_a_step():
    assert not _verbs() & PEOPLE
    assert all(_command(verb) for verb in _verbs())


@pytest.mark.parametrize("name", steps())
def test_every_option_of_a_step_is_one_of_its_verb(name):
    command, fixed = _command(_verb(name)), _words(name)[1:]
    known = {option for p in command.params if isinstance(p, click.Option) for option in p.opts}
    used = set(re.findall(r"'(--[a-z-]+)'", GROOVY[name])) | {word for word in fixed if word.startswith("-")}
    assert used <= known


@pytest.mark.parametrize("name", sorted(GROOVY))
def test_nothing_that_jenkins_could_not_resume_or_would_fetch_is_used(name):
    found = re.findall(
        r"@Grab|JsonSlurper|\.(?:each|collect|find|sort)\w*\s*\{|(?<!=)=~|\bevaluate\b|\bThread\b",
        GROOVY[name],
    )
    assert found == []


def test_shell_is_started_in_two_files_and_every_value_in_it_is_quoted():
    holding = {name for name, text in GROOVY.items() if re.search(r"\bsh\(", text)}
    assert holding == {"mlassay", "mlassayStage"}
    for name in holding:
        for call in re.findall(r"script: (.*?)(?:, return\w+|\)\n)", GROOVY[name], flags=re.DOTALL):
            for value in re.findall(r"\$\{([^}]*)", call):
                assert value.startswith(("quoted(", "mlassay.quoted(")) or value == "script"


def test_credentials_are_bound_by_the_runner_alone():
    assert {name for name, text in GROOVY.items() if "withCredentials" in text} == {"mlassay"}
    assert {name for name, text in GROOVY.items() if "credentialsId" in text} == {"mlassay", "mlassayStage"}


def test_the_pipeline_names_each_key_in_one_stage():
    stages = re.split(r"stage\('", GROOVY["mlassayPipeline"])[1:]
    bodies = {stage.partition("'")[0]: stage.partition("steps {")[2].partition("/** ")[0] for stage in stages}
    named = {
        key: [name for name, body in bodies.items() if f"settings.{key}" in body]
        for key in ("signingKey", "deskKey")
    }
    assert named == {"signingKey": ["Sign"], "deskKey": ["Promote"]}
    assert [name for name, body in bodies.items() if "remote" in body] == ["Decide", "Record", "Promote"]
    for name in ("Sign", "Record", "Promote"):
        assert (
            "settings.signAgent" in GROOVY["mlassayPipeline"].split(f"stage('{name}')")[1].split("steps")[0]
        )
        assert not re.search(r"mlassay(Train|Unit|Test|Run)\b", bodies[name])


def test_the_templates_jenkinsfile_only_calls_the_library_and_names_no_credential():
    code = [line for line in TEMPLATE.splitlines() if line and not line.startswith("//")]
    assert code == ["@Library('mlassay') _", "mlassayPipeline()"]


def test_the_page_documents_every_step_and_parameter():
    text = PAGE.read_text()
    assert filled(text) == text, "write it anew: .venv/bin/python -m tests.jenkins.tables"


class TestDigest:
    """The digest that a folder has on one agent and must have on the next."""

    @staticmethod
    def _digest(folder):
        program = ROOT / "jenkins/resources/mlassay/digest.py"
        return subprocess.run(
            [sys.executable, "-I", program, folder], capture_output=True, text=True, check=False
        )

    @pytest.fixture
    def folder(self, tmp_path):
        (tmp_path / "run/sub").mkdir(parents=True)
        (tmp_path / "run/sub/a").write_text("1")
        (tmp_path / "run/b").write_text("2")
        return tmp_path / "run"

    def test_is_the_same_for_the_same_files(self, folder, tmp_path):
        before = self._digest(folder).stdout
        assert re.fullmatch(r"[0-9a-f]{64}\n", before)
        folder.rename(tmp_path / "elsewhere")
        assert self._digest(tmp_path / "elsewhere").stdout == before

    @pytest.mark.parametrize("how", ["bytes", "name", "added", "removed", "swapped"])
    def test_is_another_after_any_change(self, folder, how):
        before = self._digest(folder).stdout
        match how:
            case "bytes":
                (folder / "b").write_text("3")
            case "name":
                (folder / "b").rename(folder / "c")
            case "added":
                (folder / "c\n").write_text("")
            case "removed":
                (folder / "b").unlink()
            case "swapped":
                (folder / "b").write_text("1")
                (folder / "sub/a").write_text("2")
        after = self._digest(folder)
        assert after.returncode == 0
        assert after.stdout != before

    def test_links_are_refused(self, folder):
        (folder / "link").symlink_to("/etc/passwd")
        assert self._digest(folder).returncode != 0

    def test_an_empty_folder_is_refused(self, tmp_path):
        assert self._digest(tmp_path).returncode != 0
