"""Whose words a review on GitHub holds: whoever may write to a repository may edit everybody's, and REST does not tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mlassay.errors import Problem, RemoteError
from mlassay.forges._calls import Calls
from mlassay.forges._transports import GRAPHQL
from mlassay.ports import Review

LAST = 100  # an older one whose editor is not told counts as edited
QUERY = (
    "query($owner:String!,$name:String!,$number:Int!){repository(owner:$owner,name:$name){pullRequest(number:$number)"
    f"{{reviews(last:{LAST}){{nodes{{fullDatabaseId lastEditedAt author{{login}} editor{{login}}}}}}}}}}}}"
)
EDITED = "(Somebody else edited this review, so its words are not those of whoever gave it.)"


def own_words(calls: Calls, name: str, number: int, reviews: list[Review]) -> list[Review]:
    """``reviews`` of pull request ``number`` of ``name`` (owner/name): without its words where another edited one.

    RemoteError when GitHub does not tell: an approval in words that may be another's is none.
    """
    owner, _, repository = name.partition("/")
    wish = {"query": QUERY, "variables": {"owner": owner, "name": repository, "number": number}}
    told = calls.ask(GRAPHQL, wish)
    try:
        nodes = told["data"]["repository"]["pullRequest"]["reviews"]["nodes"]
        own = {int(node["fullDatabaseId"]) for node in nodes if _is_own(node)}
    except (KeyError, TypeError, ValueError) as error:
        raise RemoteError(
            Problem(
                f"{calls.host} does not tell who edited the reviews of pull request {number}",
                why="whoever may write to a repository may edit everybody's reviews there",
                remedy="let the token read pull requests through GraphQL, too",
            )
        ) from error
    return [each if each.id in own else replace(each, body=EDITED) for each in reviews]


def _is_own(node: Mapping[str, Any]) -> bool:
    """Whether a review was never edited, or last by its author; an account that is gone is nobody."""
    author, editor = (node[role]["login"] if node[role] else None for role in ("author", "editor"))
    return node["lastEditedAt"] is None or (author is not None and author == editor)
