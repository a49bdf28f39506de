"""Each story twice: the lie is told by the rule that names it and by no other, and without it nothing is told."""

import pytest

from mlassay.audit.verify import verify
from mlassay.errors import ConfigurationError
from mlassay.git import Repository
from mlassay.wiring import verifiers
from tests.threats.corpus import STORIES


def findings(liar, story, lying):
    """What `audit verify` finds after the story, or None where it refuses any answer."""
    folder = story.play(liar, lying)
    repo = Repository.open(folder or liar.folder)
    try:
        return verify(repo, repo.resolve("main"), None, verifiers()).problems
    finally:
        repo.close()


def lies():
    for story in STORIES.values():
        marks = [pytest.mark.xfail(reason=story.open, strict=True)] if story.open else []
        yield pytest.param(story, id=story.name.replace(" ", "-"), marks=marks)


@pytest.mark.parametrize("story", list(lies()))
def test_the_lie_is_named_by_its_own_rule(liar, story):
    if story.refused:
        with pytest.raises(ConfigurationError, match=story.refused):
            findings(liar, story, lying=True)
        return
    found = findings(liar, story, lying=True)
    told = {problem.rule for problem in found}
    said = "\n".join(f"{p.rule} | {p.path} | {p.what}" for p in found)
    assert story.rule in told, said
    assert told <= {story.rule, *story.also}, said
    if story.path:
        assert story.path in {problem.path for problem in found if problem.rule == story.rule}, said


@pytest.mark.parametrize("story", [pytest.param(s, id=s.name.replace(" ", "-")) for s in STORIES.values()])
def test_without_the_lie_nothing_is_found(liar, story):
    found = findings(liar, story, lying=False)
    assert not found, "\n".join(f"{p.rule} | {p.path} | {p.what}" for p in found)
