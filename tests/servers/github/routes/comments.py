"""Comments on the page of a pull request."""

from __future__ import annotations

from tests.servers.github.history import note
from tests.servers.github.routing import Answer, Ask, RefusedError, route
from tests.servers.github.state import Comment, Pull

COMMENTS = "/repos/{owner}/{repo}/issues/{issue_number}/comments"
COMMENT = "/repos/{owner}/{repo}/issues/comments/{comment_id}"
LONGEST = 65536


def _held(body: str) -> str:
    if not body.strip():
        raise RefusedError(
            422, "Validation Failed", [{"resource": "IssueComment", "code": "missing_field", "field": "body"}]
        )
    if len(body) > LONGEST:
        error = {"resource": "IssueComment", "code": "unprocessable", "field": "data"}
        raise RefusedError(
            422, "Validation Failed", [{**error, "message": "Body is too long (maximum is 65536 characters)"}]
        )
    return body


def _one(ask: Ask) -> tuple[Pull, Comment]:
    for pull in ask.repository.pulls.values():
        for comment in pull.comments:
            if str(comment.id) == ask.parameters["comment_id"]:
                return pull, comment
    raise RefusedError(404, "Not Found")


@route("GET", COMMENTS, "issues:read")
def listed(ask: Ask) -> Answer:
    home, pull = ask.repository, ask.pull
    return Answer(items=[lambda one=one: ask.views.comment(home, pull, one) for one in pull.comments])  # type: ignore[misc]


@route("POST", COMMENTS, "issues:write")
def made(ask: Ask) -> Answer:
    now = ask.hub.now()
    comment = Comment(ask.hub.number(), ask.token.account, _held(ask.body["body"]), now, now)
    ask.pull.comments.append(comment)
    note(ask.repository, "issue_comment", "created", ask.token, ask.pull)
    url = f"{ask.views.url(ask.repository)}/issues/comments/{comment.id}"
    return Answer(ask.views.comment(ask.repository, ask.pull, comment), 201, headers={"Location": url})


@route("GET", COMMENT, "issues:read")
def shown(ask: Ask) -> Answer:
    return Answer(ask.views.comment(ask.repository, *_one(ask)))


@route("PATCH", COMMENT, "issues:write")
def changed(ask: Ask) -> Answer:
    pull, comment = _one(ask)
    comment.body, comment.changed = _held(ask.body["body"]), ask.hub.now()
    note(ask.repository, "issue_comment", "edited", ask.token, pull)
    return Answer(ask.views.comment(ask.repository, pull, comment))


@route("DELETE", COMMENT, "issues:write")
def deleted(ask: Ask) -> Answer:
    pull, comment = _one(ask)
    pull.comments.remove(comment)
    return Answer(status=204)
