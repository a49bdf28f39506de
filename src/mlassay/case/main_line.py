"""The main line: branch ``main`` of the remote where there is one, else the local one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from mlassay.errors import ConfigurationError, Problem
from mlassay.git import MovedOn, Repository

BRANCH = "main"
REF = f"refs/heads/{BRANCH}"

AHEAD = timedelta(days=1)
"""How far the main line may be dated ahead of this machine: more than any clock or time zone is wrong by chance."""


@dataclass(frozen=True, slots=True)
class MainLine:
    """Where the main line stands: its tip, and the remote that holds it (None: this repository itself)."""

    remote: str | None
    tip: str


def main_line(repo: Repository, *, fetch: bool) -> MainLine:
    """The main line as last seen, or, with ``fetch``, as the remote has it now; ConfigurationError when there is none."""
    remote = repo.remote(BRANCH)
    tip = repo.branch(BRANCH) if remote is None else None
    if remote is not None:
        ref = f"refs/remotes/{remote}/{BRANCH}"
        tip = repo.refs(ref).get(ref)
        # A CI's checkout of one commit has not seen the main line at all.
        if fetch or tip is None:
            repo.fetch(remote)
            tip = repo.refs(ref).get(ref)
    if tip is None:
        raise ConfigurationError(
            Problem(
                f"there is no main line: {remote or 'this repository'} has no branch '{BRANCH}'",
                why="evidence and promotions are commits on it",
                remedy=f"git push {remote} HEAD:{BRANCH}" if remote else f"git branch -m {BRANCH}",
            )
        )
    return MainLine(remote, tip)


def land(repo: Repository, line: MainLine, commit: str) -> bool:
    """Move the main line from where it was seen to ``commit``; False when somebody else was quicker.

    ConfigurationError when it is this repository's own branch, and its work tree stands in the way.
    """
    if line.remote is not None:
        try:
            repo.push(line.remote, commit, REF, line.tip)
        except MovedOn:
            return False
        return True
    if repo.branch(BRANCH) != line.tip:
        return False
    if repo.fast_forward(BRANCH, commit):
        return True
    if repo.branch(BRANCH) != line.tip:
        return False
    raise ConfigurationError(
        Problem(
            f"the branch '{BRANCH}' cannot be brought forward here",
            why="git refuses where an uncommitted file or change in the work tree would be lost",
            remedy="look at git status: commit, stash or take back what stands there, then run the command again",
        )
    )


def time_upon(repo: Repository, tip: str, now: datetime) -> datetime:
    """The time of what is to stand upon ``tip``: ``now``, never earlier than the tip.

    ConfigurationError when the tip is dated more than a day ahead: everything that followed would carry its date.
    """
    dated = repo.commit(tip).time
    if dated - now > AHEAD:
        raise ConfigurationError(
            Problem(
                f"the main line ends in a commit dated {dated:%Y-%m-%d %H:%M} UTC, and it is {now:%Y-%m-%d %H:%M} UTC here",
                why="what is written now would have to be dated after it, and approvals and keys are judged by these dates",
                remedy="set this machine's clock right; if the commit is wrong, have the main line put back before it",
            )
        )
    return max(now.replace(microsecond=0), dated)
