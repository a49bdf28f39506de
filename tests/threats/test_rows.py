"""The table that users read is the table that is played: each row has its stories or its tests, and each story its row."""

import ast
from pathlib import Path

import pytest

from mlassay.audit.rules import RULES
from tests.threats.corpus import STORIES
from tests.threats.rows import ROWS

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/threats.md"
NOTHING = "nothing to see afterwards"


def rules(row):
    """What an audit says of the row, each rule once, in the order of the stories."""
    told = [story.rule for story in STORIES.values() if story.row == row.id and story.rule]
    return list(dict.fromkeys(told))


def line(row):
    """The row as a line of the page's table."""
    names = ", ".join(f"`{rule}`" for rule in rules(row))
    told = names or (NOTHING if row.held else "refused, with no answer at all")
    return f"| {row.tries} | {row.caught} | {told} |"


def test_every_story_belongs_to_a_row_and_names_rules_that_there_are():
    assert {story.row for story in STORIES.values()} <= {row.id for row in ROWS}
    for story in STORIES.values():
        assert {story.rule, *story.also} - {""} <= set(RULES), story.name
        assert story.rule or story.refused


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_every_row_is_played_or_held_by_a_test_that_exists(row):
    assert row.held or any(story.row == row.id for story in STORIES.values())
    for node in row.held:
        file, *names = node.split("::")
        body = ast.parse((ROOT / file).read_text()).body
        for name in names:
            (found,) = (each for each in body if getattr(each, "name", "") == name)
            body = found.body


def test_the_page_tells_the_same_table():
    rows = [text for text in PAGE.read_text().splitlines() if text.startswith("| ")][1:]
    assert rows == [line(row) for row in ROWS]


def test_every_rule_of_an_audit_is_broken_by_some_story():
    """But for those that no liar can break alone, since whatever breaks them breaks another first."""
    unplayed = set(RULES) - {rule for story in STORIES.values() for rule in (story.rule, *story.also)}
    assert unplayed <= {"policy.main-line", "policy.keys"}, sorted(unplayed)
