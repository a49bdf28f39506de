"""The docs against the code: every verb, option, gate, file and key has its place, and every link leads somewhere."""

import re
from importlib import import_module
from pathlib import Path

import click
import pytest

from mlassay.audit.rules import RULES
from mlassay.cli import VERBS
from mlassay.files import schema, schema_names
from mlassay.wiring import GATES
from tests.docs.tables import filled, keys

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.rglob("*.md"), *ROOT.glob("*.md"), *(ROOT / "template").rglob("*.md")])

# schema -> the page that explains its keys
FILES = {
    "ml": "ml-yaml.md",
    "policy": "policy.md",
    "people": "people.md",
    "manifest": "manifest.md",
    "environment": "environments.md",
    "request": "promotion-records.md",
    "approval": "promotion-records.md",
    "refusal": "promotion-records.md",
    "withdrawal": "promotion-records.md",
    "waiver": "promotion-records.md",
    "change": "promotion-records.md",
    "release": "evidence.md",
    "report": "evidence.md",
    "verdict": "evidence.md",
    "template": "verbs/upgrade.md",
    "anchor": "anchors.md",
    "export": "export.md",
    "gate-result": "gates/own.md",
}


def _commands():
    for verb, (module, _) in VERBS.items():
        command = getattr(import_module(f"mlassay.cli.{module}"), verb)
        if isinstance(command, click.Group):
            with click.Context(command) as context:
                for name in command.list_commands(context):
                    page = f"{verb}-{name}" if verb == "audit" else verb
                    yield page, f"{verb} {name}", command.get_command(context, name)
        else:
            yield verb, verb, command


COMMANDS = list(_commands())


@pytest.mark.parametrize(("verb", "name", "command"), COMMANDS, ids=[name for _, name, _ in COMMANDS])
def test_every_verb_has_a_page_that_names_each_of_its_options(verb, name, command):
    page = (DOCS / "verbs" / f"{verb}.md").read_text()
    assert f"mlassay {name}" in page
    missing = [
        option
        for parameter in command.params
        if isinstance(parameter, click.Option) and not parameter.hidden
        for option in parameter.opts
        if option.startswith("--") and f"`{option}" not in page
    ]
    assert not missing, f"docs/verbs/{verb}.md does not explain {', '.join(missing)}"


@pytest.mark.parametrize(("verb", "name", "command"), COMMANDS, ids=[name for _, name, _ in COMMANDS])
def test_every_verbs_help_says_what_it_does_and_gives_an_example(verb, name, command):
    with click.Context(command, info_name=name) as context:
        text = command.get_help(context)
    assert "Example" in text or "example" in text
    assert command.help


@pytest.mark.parametrize(
    "verb", sorted(path.stem for path in (DOCS / "verbs").glob("*.md") if path.stem != "README")
)
def test_no_page_explains_a_verb_that_is_not_there(verb):
    assert verb in {*VERBS, *(page for page, _, _ in COMMANDS)}


@pytest.mark.parametrize("verb", sorted({*VERBS, *(page for page, _, _ in COMMANDS)}))
def test_every_verb_stands_in_the_index(verb):
    assert f"({verb}.md)" in (DOCS / "verbs" / "README.md").read_text()


@pytest.mark.parametrize("gate", GATES)
def test_every_gate_has_a_page_and_stands_in_the_index(gate):
    assert (DOCS / "gates" / f"{gate}.md").is_file()
    assert f"({gate}.md)" in (DOCS / "gates" / "README.md").read_text()


@pytest.mark.parametrize("name", sorted(schema_names()))
def test_every_key_of_every_file_is_explained(name):
    page = (DOCS / FILES[name]).read_text()
    names = {key.rpartition("`")[0].rpartition("`")[2] for key, _, _ in keys(schema(name), schema(name))}
    missing = sorted(key for key in names if f"`{key}`" not in page)
    assert not missing, f"docs/{FILES[name]} does not explain {', '.join(missing)}"


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_every_table_of_keys_is_the_schemas(page):
    assert filled(page.read_text()) == page.read_text(), (
        "write it anew: .venv/bin/python -m tests.docs.tables"
    )


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_every_relative_link_leads_somewhere(page):
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in target or target.startswith("mailto:"):
            continue
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        assert found.exists(), f"{target} leads nowhere"
        if anchor:
            headings = {
                re.sub(r"[^\w\- ]", "", line.lstrip("# ").lower()).strip().replace(" ", "-")
                for line in found.read_text().splitlines()
                if line.startswith("#")
            }
            assert anchor in headings, f"{target}: no such heading"


def test_every_page_can_be_reached_from_the_readme():
    pages = {*PAGES, ROOT / "actions/README.md", ROOT / "jenkins/README.md"} - {
        page for page in PAGES if page.is_relative_to(ROOT / "template")
    }
    reached, ahead = set(), [ROOT / "README.md"]
    while ahead:
        page = ahead.pop()
        reached.add(page)
        for target in re.findall(r"\]\(([^)#\s:]+\.md)[^)]*\)", page.read_text()):
            found = (page.parent / target).resolve()
            if found in pages - reached:
                ahead.append(found)
    assert pages <= reached, sorted(str(page.relative_to(ROOT)) for page in pages - reached)


def test_the_audits_rules_stand_in_their_table_each_with_all_that_it_says():
    page = (DOCS / "audit-rules.md").read_text()
    assert all(f"| `{rule}` |" in page for rule in RULES)


def test_the_readmes_commands_are_the_makefiles():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    named = set(re.findall(r"^\$ make ([a-z]+)", (ROOT / "README.md").read_text(), flags=re.MULTILINE))
    assert named == {"demo", "test"}
    assert named <= targets


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_commands_in_the_docs_are_verbs_of_mlassay(page):
    for verb in re.findall(r"(?m)^\$ mlassay ([a-z]+)", page.read_text()):
        assert verb in VERBS


def test_the_files_of_the_project_name_no_registry_and_no_machine():
    for lock in [*ROOT.glob("requirements/*.lock"), ROOT / "template" / "requirements.lock"]:
        assert "://" not in lock.read_text()
