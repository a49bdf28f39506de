"""The page of a pull request, where people decide: a model's own, and that of a promotion or a change.

The answer comes first, then what must not be overlooked, the numbers, who is worse off, and what to do. Each page is
one value, written as Markdown (a forge, a step summary, Jenkins) and as lines for a terminal.
"""

from __future__ import annotations

from collections.abc import Iterator

from mlassay.render.page_lines import lines
from mlassay.render.page_markdown import markdown
from mlassay.render.page_release import pull_page
from mlassay.render.page_request import request_page
from mlassay.stages.page_facts import PullFacts, RequestFacts


def release_page(facts: PullFacts) -> str:
    """The comment on a model's pull request, as Markdown."""
    return markdown(pull_page(facts))


def release_lines(facts: PullFacts) -> Iterator[str]:
    """The same for a terminal."""
    return lines(pull_page(facts))


def promotion_page(facts: RequestFacts) -> str:
    """The body of a promotion or a change, as Markdown: what is true at this moment."""
    return markdown(request_page(facts))


def promotion_lines(facts: RequestFacts) -> Iterator[str]:
    """The same for a terminal."""
    return lines(request_page(facts))
