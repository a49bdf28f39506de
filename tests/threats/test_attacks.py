"""Each story twice: the lie is told by the rule that names it and by no other, and without it nothing is told."""

import pytest

from mlassay.audit.rules import RULES
from mlassay.audit.verify import NOT_INTACT
from mlassay.errors import ConfigurationError
from tests.threats.corpus import STORIES
from tests.threats.play import audited, shown


def lies():
    for story in STORIES.values():
        marks = [pytest.mark.xfail(reason=story.open, strict=True)] if story.open else []
        yield pytest.param(story, id=story.name.replace(" ", "-"), marks=marks)


@pytest.mark.parametrize("story", list(lies()))
def test_the_lie_is_named_by_its_own_rule(liar, story):
    if story.refused:
        with pytest.raises(ConfigurationError, match=story.refused):
            audited(liar, story, lying=True)
        return
    report = audited(liar, story, lying=True)
    told = {problem.rule for problem in report.problems}
    assert story.rule in told, shown(report)
    assert told <= {story.rule, *story.also}, shown(report)
    assert told <= set(RULES)
    assert report.verdict == NOT_INTACT
    if story.path:
        paths = {problem.path for problem in report.problems if problem.rule == story.rule}
        assert story.path in paths, shown(report)


@pytest.mark.parametrize("story", [pytest.param(s, id=s.name.replace(" ", "-")) for s in STORIES.values()])
def test_without_the_lie_nothing_is_found(liar, story):
    report = audited(liar, story, lying=False)
    assert not report.problems, shown(report)
    assert report.verdict.startswith(("consistent since root", "intact since anchor"))
