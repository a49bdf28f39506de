"""Talk to remotes: clone, fetch, ask, and push by compare-and-swap."""

from __future__ import annotations

import os
import random
import re
import time
from pathlib import Path

from mlassay.errors import ConfigurationError, Problem, RemoteError
from mlassay.git import _command
from mlassay.git._command import Result
from mlassay.git._credentials import Credential
from mlassay.git._values import Declined, MovedOn, full_id, full_ref

# Another process holds the lock of the same ref for milliseconds; a lock that outlives these tries is a dead one's.
TRIES = 12
PAUSE = 0.05  # seconds, growing with each try, with jitter so that racers part
_LOCKED = re.compile(
    r"cannot lock ref|unable to lock|failed to lock|failed to update ref|incorrect old value"
    r"|reference already exists|unable to resolve reference|\.lock': File exists"
)
_LOCK = re.compile(r"\.lock': File exists")
_GONE = re.compile(
    r"does not appear to be a git repository|not found|does not exist|[Nn]o such file or directory|No such remote"
)
_UNKNOWN = re.compile(
    r"could not read (Username|Password)|Authentication failed|HTTP Basic: Access denied", re.IGNORECASE
)
_WHO_ASKS = (
    "it does not know who asks: the token is missing, has expired or was revoked; make a new one and put it where "
    "this run reads it: GITHUB_TOKEN, GH_TOKEN or GITEA_TOKEN"
)
_REFUSED = re.compile(
    r"[Pp]ermission denied|[Aa]uthentication failed|could not read (Username|Password)|Host key verification"
    r"|HTTP (401|403)|error: 40[13]|terminal prompts disabled|insufficient permission|Read-only file system"
)
_NO_ROUTE = re.compile(
    r"Could not resolve host|Connection (refused|timed out|reset|closed)|unable to connect|No route to host"
    r"|Network is unreachable|unable to look up|Temporary failure in name resolution|Failed to connect"
)
_DECLINED = re.compile(
    r"hook declined|[Pp]rotected branch|[Rr]epository rule violations|non-fast-forward|denyNonFastForwards|deny"
)
_RENAMED = re.compile(r"HTTP 30[178]|error: 30[178]|unable to update url base from redirection")


def checked(remote: str) -> str:
    """A remote's name, URL or path; ConfigurationError for what git would take as an option or a command."""
    if not remote or remote.startswith("-") or "::" in remote or any(not c.isprintable() for c in remote):
        raise ConfigurationError(Problem(f"{remote[:200]!a} is not a remote that mlassay talks to"))
    return remote


def clone(source: str | Path, path: Path, *, bare: bool, branch: str | None, depth: int | None) -> None:
    """Clone through git's own transport, also from a local path, so that every object is hashed on arrival."""
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise ConfigurationError(
            Problem("the folder to clone into is not empty", remedy="name a new folder", path=str(path))
        )
    make_folder(path.parent)
    # A relative path is the caller's, but git runs in the parent of the new folder.
    origin = str(source.absolute()) if isinstance(source, Path) else source
    if os.path.exists(origin):  # noqa: PTH110  a URL is no path
        origin = os.path.abspath(origin)  # noqa: PTH100  the same
    options = ["--quiet", "--no-local", "--origin=origin"]
    options += ["--bare"] if bare else []
    options += [f"--branch={branch}"] if branch else []
    options += [f"--depth={depth}"] if depth else []
    result = _command.run(
        ["clone", *options, "--end-of-options", checked(origin), str(path.absolute())],
        path.parent,
        network=True,
    )
    if result.code:
        raise refused(result, f"cannot clone {origin}")


def make_folder(path: Path) -> None:
    """Make a folder and its parents; ConfigurationError when this user may not."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            Problem(f"cannot make this folder: {error.strerror}", path=str(path))
        ) from error


def fetch(folder: Path, remote: str, credential: Credential | None = None) -> None:
    """Bring all branches of ``remote`` to ``refs/remotes/<remote>/``, whatever its configured refspec; no tags."""
    name = checked(remote)
    full_ref(f"refs/remotes/{name}")
    options = [
        "--quiet",
        "--prune",
        "--no-tags",
        "--no-recurse-submodules",
        "--no-write-fetch-head",
        "--refmap=",
    ]
    refspec = f"+refs/heads/*:refs/remotes/{name}/*"
    for attempt in range(TRIES):
        result = _ask(["fetch", *options, "--end-of-options", name, refspec], folder, credential)
        if not result.code:
            return
        if not _LOCKED.search(result.err):
            break
        _pause(attempt)  # another fetch of the same clone is at work on the same refs
    raise refused(result, f"cannot fetch from {name}")


def fetch_ref(folder: Path, remote: str, ref: str, credential: Credential | None = None) -> None:
    """Bring the objects of one ref, and no ref: whoever asks knows the commit that it wants among them."""
    full_ref(ref)
    options = ["--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head", "--refmap="]
    result = _ask(["fetch", *options, "--end-of-options", checked(remote), ref], folder, credential)
    if result.code:
        raise refused(result, f"cannot fetch {ref} from {remote}")


def remote_ref(folder: Path, remote: str, ref: str, credential: Credential | None = None) -> str | None:
    """The id that the remote itself gives for ``ref`` now; None when it has no such ref."""
    if ref != "HEAD":
        full_ref(ref)
    result = _ask(["ls-remote", "--quiet", "--end-of-options", checked(remote), ref], folder, credential)
    if result.code:
        raise refused(result, f"cannot ask {remote} where {ref} is")
    for line in result.text.splitlines():
        id_, _, name = line.partition("\t")
        if name == ref:  # the pattern also matches refs that merely end in the same words
            return full_id(id_)
    return None


def push(
    folder: Path,
    remote: str,
    commit: str | None,
    ref: str,
    expected: str | None,
    credential: Credential | None = None,
) -> None:
    """Move ``ref`` from ``expected`` to ``commit`` on the remote in one step, or not at all.

    ``expected`` None means that it must not exist yet; ``commit`` None deletes it. A ref that is already
    where it shall be counts as done, so a run that was killed after its push can be repeated. MovedOn when
    the ref is elsewhere; RemoteError with the remote's words when it refuses.
    """
    full_ref(ref)
    lease = f"--force-with-lease={ref}:{full_id(expected) if expected else ''}"
    refspec = f"{full_id(commit) if commit else ''}:{ref}"
    options = [
        "--porcelain",
        "--no-verify",
        "--no-follow-tags",
        "--recurse-submodules=no",
        "--no-signed",
        lease,
    ]
    for attempt in range(TRIES):
        result = _ask(["push", *options, "--end-of-options", checked(remote), refspec], folder, credential)
        if not result.code:
            return
        # git's words about a lost race differ by transport and version: the ref itself is asked.
        said = result.err + result.out.decode("utf-8", "replace")
        now = _now(folder, remote, ref, result, credential)
        if now == commit:
            return
        if now != expected:
            raise MovedOn(_moved(remote, ref, expected, now))
        if not (_LOCKED.search(said) or "stale info" in said):
            raise refused(result, f"{remote} did not take {ref}")
        _pause(attempt)
    raise RemoteError(
        Problem(
            f"{ref} stayed locked on {remote}: {_command.words(result.err)}",
            why="another process holds it, or was killed while it did",
            remedy=f"run the command again; if no git process is at work there, delete {ref}.lock in that repository",
        )
    )


def _ask(arguments: list[str], folder: Path, credential: Credential | None) -> Result:
    if credential is None:
        return _command.run(arguments, folder, network=True)
    result = _command.run(arguments, folder, network=True, extra=credential.environment())
    out = credential.redacted(result.out.decode("utf-8", "surrogateescape"))
    return Result(result.code, out.encode("utf-8", "surrogateescape"), credential.redacted(result.err))


def _now(
    folder: Path, remote: str, ref: str, result: Result, credential: Credential | None = None
) -> str | None:
    try:
        return remote_ref(folder, remote, ref, credential)
    except RemoteError as error:  # the remote is gone altogether: what the push itself said tells more
        raise refused(result, f"cannot push to {remote}") from error


def _moved(remote: str, ref: str, expected: str | None, now: str | None) -> Problem:
    return Problem(
        f"{ref} on {remote} has moved on: expected {_short(expected)}, found {_short(now)}",
        why="somebody else was quicker; nothing of theirs was overwritten, nothing of yours was written",
        remedy="fetch, look at what changed, and run the command again",
    )


def _short(id_: str | None) -> str:
    return id_[:12] if id_ else "no such ref"


def _pause(attempt: int) -> None:
    time.sleep(PAUSE * (1 + attempt) * random.uniform(0.5, 1.5))  # noqa: S311  no secret


def refused(result: Result, what: str) -> RemoteError:
    """A RemoteError with the remote's own words and what to do about them."""
    said = result.err + "\n" + _rejections(result.out)
    what = _command.words(what)
    if "No space left on device" in said or "Disk quota exceeded" in said:
        return RemoteError(_command.no_space(what, ""))
    kind = Declined if _DECLINED.search(said) else RemoteError
    return kind(Problem(f"{what}: {_command.words(said) or 'no reason given'}", remedy=_remedy(said)))


def _remedy(said: str) -> str:
    own = re.search(r"git config --global --add safe\.directory .*", said)
    if own:
        return f"the remote belongs to another user; if you trust it: {_command.words(own[0])}"
    for pattern, remedy in (
        (
            _LOCK,
            "wait until the other git process ends; if there is none, delete the lock file that is named",
        ),
        (_RENAMED, "the repository has another address now: git remote set-url origin <its new address>"),
        (_DECLINED, "the remote's own rules refused it: ask who runs it, or go through a pull request"),
        (
            _NO_ROUTE,
            "look at the network and the remote's address (git remote -v), then run the command again",
        ),
        (_UNKNOWN, _WHO_ASKS),
        (_REFUSED, "look at your credentials and at your rights on the remote"),
        (_GONE, "look at the remote's address: git remote -v"),
    ):
        if pattern.search(said):
            return remedy
    return "look at the remote's words above; nothing was changed there"


def _rejections(out: bytes) -> str:
    """The reasons in ``push --porcelain``: lines ``!<tab>from:to<tab>[remote rejected] (reason)``."""
    lines = out.decode("utf-8", "replace").splitlines()
    return "\n".join(line.split("\t")[-1] for line in lines if line.startswith("!"))
