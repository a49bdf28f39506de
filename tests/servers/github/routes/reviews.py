"""Reviews: who said what of which commit."""

from __future__ import annotations

from tests.servers.github.history import note
from tests.servers.github.routing import RANK, Answer, Ask, RefusedError, route
from tests.servers.github.state import Account, Hub, Pull, Review

from .pulls import CLOSED_TO_ACTIONS, PULL

STATES = {"APPROVE": "APPROVED", "REQUEST_CHANGES": "CHANGES_REQUESTED", "COMMENT": "COMMENTED"}


def add(hub: Hub, pull: Pull, account: Account, state: str, body: str, head: str | None) -> Review:
    """One more review; on the present head when no other commit is named."""
    at = None if state == "PENDING" else hub.now()
    review = Review(hub.number(), account, head or pull.head, state, body, at)
    pull.reviews.append(review)
    pull.asked = [one for one in pull.asked if one.id != account.id]
    return review


def _one(ask: Ask) -> Review:
    wanted = ask.parameters["review_id"]
    review = next((one for one in ask.pull.reviews if str(one.id) == wanted), None)
    if review is None:
        raise RefusedError(404, "Not Found")
    return review


@route("GET", PULL + "/reviews", "pull_requests:read")
def listed(ask: Ask) -> Answer:
    home, pull = ask.repository, ask.pull
    return Answer(items=[lambda one=one: ask.views.review(home, pull, one) for one in pull.reviews])  # type: ignore[misc]


@route("GET", PULL + "/reviews/{review_id}", "pull_requests:read")
def shown(ask: Ask) -> Answer:
    return Answer(ask.views.review(ask.repository, ask.pull, _one(ask)))


@route("POST", PULL + "/reviews", "pull_requests:write")
def made(ask: Ask) -> Answer:
    home, pull, account = ask.repository, ask.pull, ask.token.account
    event = ask.body.get("event")
    verdict = event in {"APPROVE", "REQUEST_CHANGES"}
    if verdict and account.id == pull.account.id:
        word = "approve" if event == "APPROVE" else "request changes on"
        raise RefusedError(422, "Unprocessable Entity", [f"Can not {word} your own pull request"])
    if verdict and ask.token.default and not home.workflow["can_approve_pull_request_reviews"]:
        raise RefusedError(422, "Unprocessable Entity", [CLOSED_TO_ACTIONS])
    if event in {"REQUEST_CHANGES", "COMMENT"} and not ask.body.get("body"):
        raise RefusedError(422, "Unprocessable Entity", ["Body can't be blank"])
    state = STATES.get(event or "", "PENDING")
    review = add(ask.hub, pull, account, state, ask.body.get("body", ""), ask.body.get("commit_id"))
    note(home, "pull_request_review", "submitted", ask.token, pull)
    return Answer(ask.views.review(home, pull, review))


@route("PUT", PULL + "/reviews/{review_id}/dismissals", "pull_requests:write")
def dismissed(ask: Ask) -> Answer:
    review = _one(ask)
    if ask.token.permissions is None and RANK[ask.repository.role(ask.token.account)] < RANK["write"]:
        raise RefusedError(403, "Resource not accessible by personal access token")
    if review.state not in {"APPROVED", "CHANGES_REQUESTED"}:
        raise RefusedError(422, "Unprocessable Entity", ["Can not dismiss a commented pull request review"])
    review.state = "DISMISSED"
    note(ask.repository, "pull_request_review", "dismissed", ask.token, ask.pull)
    return Answer(ask.views.review(ask.repository, ask.pull, review))
