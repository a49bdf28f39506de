"""What a moved branch does to pull requests, and how the API lags behind a push."""

from __future__ import annotations

from . import bare
from .state import Event, Hub, Pull, Repository, Token


def observe(hub: Hub, repository: Repository, cause: Token | None = None, *, pushed: bool = False) -> None:
    """Take note of what git has now; after a push the API may show the old for some calls more."""
    now = bare.refs(repository.bare)
    known = repository.waiting[-1][1] if repository.waiting else repository.seen
    if now == known:
        return
    if repository.lag and pushed:
        repository.waiting.append((repository.lag, now))
    else:
        repository.waiting.clear()
        _apply(hub, repository, now, cause)


def tick(hub: Hub, repository: Repository) -> None:
    """One call of the API has gone by."""
    repository.waiting = [(left - 1, refs) for left, refs in repository.waiting]
    while repository.waiting and repository.waiting[0][0] < 0:
        _apply(hub, repository, repository.waiting.pop(0)[1], None)


def _apply(hub: Hub, repository: Repository, refs: dict[str, str], cause: Token | None) -> None:
    before, repository.seen = repository.seen, refs
    for ref in sorted(set(before) | set(refs)):
        if before.get(ref) != refs.get(ref):
            note(repository, "push", ref, cause, head=refs.get(ref, bare.ZERO))
    for home in hub.repositories.values():
        for pull in home.pulls.values():
            if pull.state == "open":
                _follow(hub, home, pull, cause)


def _follow(hub: Hub, home: Repository, pull: Pull, cause: Token | None) -> None:
    head = pull.source.seen.get(f"refs/heads/{pull.branch}")
    if head is not None and head != pull.head:
        pull.head, pull.changed = head, hub.now()
        keep_head(home, pull)
        _dismiss_stale(home, pull)
        pull.runs_checks = cause is None or not cause.default
        note(home, "pull_request", "synchronize", cause, pull)
    base = home.seen.get(f"refs/heads/{pull.base}")
    if base is None:
        close(hub, home, pull, cause)
    elif base != pull.base_commit and bare.contains(home.bare, base, pull.head):
        merged(hub, home, pull, pull.head, cause)
    elif head is None:
        close(hub, home, pull, cause)


def keep_head(home: Repository, pull: Pull) -> None:
    """Hold the head under ``refs/pull``, with its objects when it lies in a fork."""
    if pull.source is not home:
        bare.run(home.bare, "fetch", "--quiet", str(pull.source.bare), pull.head)
    bare.move(home.bare, f"refs/pull/{pull.number}/head", pull.head)


def _dismiss_stale(home: Repository, pull: Pull) -> None:
    if any(rule.dismiss_stale for rule in home.protection(pull.base)):
        for review in pull.reviews:
            if review.state == "APPROVED":
                review.state = "DISMISSED"


def close(hub: Hub, home: Repository, pull: Pull, cause: Token | None) -> None:
    pull.state, pull.closed, pull.changed = "closed", hub.now(), hub.now()
    pull.base_commit = home.seen.get(f"refs/heads/{pull.base}", pull.base_commit)
    note(home, "pull_request", "closed", cause, pull)


def merged(hub: Hub, home: Repository, pull: Pull, commit: str, cause: Token | None) -> None:
    """The base holds the request now, by the button or by a push; ``base_commit`` stays what it was before."""
    pull.state, pull.closed, pull.changed = "closed", hub.now(), hub.now()
    pull.merged, pull.merge_commit = hub.now(), commit
    pull.merged_by = cause.account if cause else pull.account
    note(home, "pull_request", "closed", cause, pull)


def note(
    home: Repository, name: str, action: str, cause: Token | None, pull: Pull | None = None, head: str = ""
) -> None:
    """Remember what happened, and whether it would set off workflows: the default token's deeds do not."""
    actor = cause.account.login if cause else ""
    triggers = cause is None or not cause.default
    home.events.append(
        Event(name, action, actor, pull.number if pull else 0, pull.head if pull else head, triggers)
    )
