"""What a protected branch refuses: to a push, and to the button that merges."""

from __future__ import annotations

from . import bare
from .state import Account, Protection, Pull, Repository, Token

GREEN = ("success", "neutral", "skipped")


def passed(repository: Repository, head: str, context: str, app_id: int | None) -> bool | None:
    """Whether a required check is green on ``head``; None when nobody posted it (or not the App it must be from)."""
    runs = [
        run.conclusion in GREEN if run.status == "completed" else None
        for run in repository.checks
        if run.head == head and run.name == context and app_id in {None, run.app.id}
    ]
    posted = [
        {"success": True, "pending": None}.get(one.state, False)
        for one in repository.statuses
        if one.head == head
        and one.context == context
        and (app_id is None or (one.account.app is not None and one.account.app.id == app_id))
    ]
    newest = [answers[-1] for answers in (runs, posted) if answers]
    if not newest or None in newest:
        return None
    return all(newest)


def approving(repository: Repository, pull: Pull) -> tuple[int, list[Account]]:
    """How many who may write approve now, and who asks for changes: the last word of each counts."""
    last: dict[int, tuple[str, Account]] = {}
    for review in pull.reviews:
        if review.state != "COMMENTED" and review.account.id != pull.account.id:
            last[review.account.id] = (review.state, review.account)
    may = [
        (state, account)
        for state, account in last.values()
        if account.app is not None or repository.role(account) in {"write", "maintain", "admin"}
    ]
    against = [account for state, account in may if state == "CHANGES_REQUESTED"]
    return sum(state == "APPROVED" for state, _ in may), against


def missing(repository: Repository, pull: Pull, rule: Protection) -> list[str]:
    """Why ``rule`` does not let ``pull`` in yet, in GitHub's words; empty when it does."""
    reasons = []
    count, against = approving(repository, pull)
    if rule.reviews:
        if against:
            reasons.append("Changes have been requested.")
        if count < rule.reviews:
            plural = "s are" if rule.reviews > 1 else " is"
            reasons.append(
                f"At least {rule.reviews} approving review{plural} required by reviewers with write access."
            )
    for context, app_id in rule.checks:
        state = passed(repository, pull.head, context, app_id)
        if not state:
            reasons.append(
                f'Required status check "{context}" is {"expected" if state is None else "failing"}.'
            )
    base = repository.seen.get(f"refs/heads/{pull.base}", "")
    if rule.strict and not bare.contains(repository.bare, pull.head, base):
        reasons.append("This branch must not be out-of-date with the base branch before merging.")
    return reasons


def past(repository: Repository, rule: Protection, token: Token) -> bool:
    """Whether ``token``'s holder is let past the whole rule."""
    if rule.style == "ruleset":
        return any(one.id == token.account.id for one in rule.past)
    admin = token.permissions is None and repository.role(token.account) == "admin"
    return admin and not rule.enforce_admins


def blockers(repository: Repository, pull: Pull, token: Token) -> list[str]:
    """Why the button refuses; with a ruleset GitHub opens with a headline of its own."""
    reasons: list[str] = []
    for rule in repository.protection(pull.base):
        if past(repository, rule, token):
            continue
        found = missing(repository, pull, rule)
        if found and rule.style == "ruleset":
            found = ["Repository rule violations found\n\n" + "\n\n".join(found)]
        reasons.extend(found)
    return reasons


def push_rules(repository: Repository, token: Token) -> dict[str, str]:
    """The rules for one push, as the hook reads them: "ref commits reason" and the refs that only go forward.

    The commits are those that the rule takes all the same: GitHub lets the head of a pull request that has all
    it needs be pushed, and, where only checks are wanted, a commit whose checks passed.
    """
    guarded, forward = [], []
    for rule in repository.protections:
        if past(repository, rule, token):
            continue
        ref = f"refs/heads/{rule.branch}"
        if not (rule.force and rule.deletion):
            forward.append(ref)
        reason, commits = _push_rule(repository, token, rule)
        if reason:
            guarded.append(f"{ref} {','.join(sorted(commits)) or '-'} {_told(repository, rule, reason)}")
    return {"STANDIN_GUARDED": "\n".join(guarded), "STANDIN_FORWARD": " ".join(forward)}


def _push_rule(repository: Repository, token: Token, rule: Protection) -> tuple[str, set[str]]:
    named = any(one.id == token.account.id for one in rule.past)
    if rule.style == "branch" and rule.past and not named:
        return "You're not authorized to push to this branch.", set()
    ready = {
        pull.head
        for pull in repository.pulls.values()
        if (pull.state, pull.base) == ("open", rule.branch) and not missing(repository, pull, rule)
    }
    if rule.reviews and not named:
        return "Changes must be made through a pull request.", ready
    if rule.checks:
        heads = {run.head for run in repository.checks} | {one.head for one in repository.statuses}
        green = {head for head in heads if all(passed(repository, head, *one) for one in rule.checks)}
        return f'Required status check "{rule.checks[0][0]}" is expected.', ready | green
    return "", set()


def _told(repository: Repository, rule: Protection, reason: str) -> str:
    # "|" ends a line in the hook.
    if rule.style == "branch":
        return f"GH006: Protected branch update failed for refs/heads/{rule.branch}.|{reason}"
    page = f"{repository.clone_url.removesuffix('.git')}/rules?ref=refs%2Fheads%2F{rule.branch}"
    found = f"GH013: Repository rule violations found for refs/heads/{rule.branch}."
    return f"{found}|Review all repository rules at {page}||- {reason}|"
