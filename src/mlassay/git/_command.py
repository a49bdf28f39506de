"""Runs git with lists, never a shell, in an environment that neither a hook nor a hostile repository has shaped."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

from mlassay.errors import ConfigurationError, MlassayError, Problem, RemoteError

# A surrounding hook or `git rebase --exec` exports GIT_DIR, GIT_INDEX_FILE and more, which would point us at
# another repository than the one that was asked for (https://github.com/pre-commit/pre-commit/issues/300).
# These stay: how to reach a remote, who the user is, and which configuration files are the user's own.
KEPT = frozenset(
    {
        *(
            "GIT_EXEC_PATH",
            "GIT_SSH",
            "GIT_SSH_COMMAND",
            "GIT_SSH_VARIANT",
            "GIT_ASKPASS",
            "GIT_PROXY_COMMAND",
        ),
        *("GIT_SSL_CAINFO", "GIT_SSL_CAPATH", "GIT_SSL_NO_VERIFY", "GIT_HTTP_PROXY_AUTHMETHOD"),
        *("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM", "GIT_CONFIG_COUNT"),
        *("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"),
    }
)
PINNED = {
    "LC_ALL": "C",
    "LANGUAGE": "C",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_PAGER": "cat",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_GRAFT_FILE": os.devnull,
    "GIT_NO_LAZY_FETCH": "1",
}
# Keys and tokens that mlassay itself uses: filters, helpers and drivers that some configuration names are git's children.
KEYS = frozenset(
    {"MLASSAY_SIGNING_KEY", "MLASSAY_DESK_KEY"}
    | {"ACTIONS_ID_TOKEN_REQUEST_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_RUNTIME_TOKEN"}
)
# A credential helper (gh's) may read these, and nothing else that git starts.
TOKENS = frozenset({"GITHUB_TOKEN", "GH_TOKEN", "GITEA_TOKEN"})
# Before git 2.44 a missing object of a partial clone is fetched behind the reader's back, by a command that the
# repository's own configuration may name. No transport is allowed while nothing remote was asked for.
NO_TRANSPORT = {"GIT_ALLOW_PROTOCOL": "none"}
SETTINGS = {
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "core.commitGraph": "false",
    "core.fsync": "committed,reference",
    "core.quotePath": "false",
    "protocol.ext.allow": "never",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "commit.gpgSign": "false",
    "push.gpgSign": "false",
    "merge.autoStash": "false",
    "log.showSignature": "false",
    "submodule.recurse": "false",
    "user.useConfigOnly": "true",
    "advice.graftFileDeprecated": "false",  # the empty graft file above is no one's mistake
    "http.lowSpeedLimit": "1000",
    "http.lowSpeedTime": "60",
}
OPTIONS = ["--no-pager", *(part for key, value in SETTINGS.items() for part in ("-c", f"{key}={value}"))]
REMOTE_TIMEOUT = 600.0  # seconds; a hung connection must not hold a CI job for hours
LONGEST = 600


@dataclass(frozen=True, slots=True)
class Result:
    """What a git process left: exit code, raw output, and its complaints (uncleaned)."""

    code: int
    out: bytes
    err: str

    @property
    def text(self) -> str:
        """The output as one stripped line or lines."""
        return self.out.decode("utf-8", "surrogateescape").rstrip("\n")


def environment(*, network: bool = False, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment for a git process; without ``network`` no transport at all can be opened, and it holds no token."""
    secret = KEYS if network else KEYS | TOKENS
    kept = {
        key: value
        for key, value in os.environ.items()
        if key not in secret
        and (
            not key.startswith("GIT_")
            or key in KEPT
            or key.startswith(("GIT_CONFIG_KEY_", "GIT_CONFIG_VALUE_"))
        )
    }
    return kept | PINNED | ({} if network else NO_TRANSPORT) | dict(extra or {})


@contextlib.contextmanager
def scrubbed() -> Iterator[None]:
    """`environment` as this process's own while the block runs: GitPython can add to it, and take nothing away."""
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(environment())
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


_held: ContextVar[tuple[int, ...]] = ContextVar("held", default=())


@contextlib.contextmanager
def held(handle: int) -> Iterator[None]:
    """Let every git process of the block, and whatever it starts, hold ``handle`` open too."""
    token = _held.set((*_held.get(), handle))
    try:
        yield
    finally:
        _held.reset(token)


def run(
    arguments: Sequence[str | bytes],
    folder: Path,
    *,
    data: bytes = b"",
    network: bool = False,
    settings: Sequence[str] = (),
    extra: Mapping[str, str] | None = None,
) -> Result:
    """Run ``git <arguments>`` in ``folder`` with ``data`` on its input and ``settings`` (``key=value``) on top.

    Any exit code is returned; ConfigurationError when git itself cannot be started.
    """
    own = [part for setting in settings for part in ("-c", setting)]
    command = ["git", *OPTIONS, *own, *arguments]
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment(network=network, extra=extra),
            input=data,
            capture_output=True,
            check=False,
            timeout=REMOTE_TIMEOUT if network else None,
            pass_fds=_held.get(),
        )
    except FileNotFoundError as error:
        raise ConfigurationError(_not_started(folder)) from error
    except (PermissionError, NotADirectoryError) as error:
        raise ConfigurationError(
            Problem(f"git cannot run here: {error.strerror}", path=str(folder))
        ) from error
    except subprocess.TimeoutExpired as error:
        raise RemoteError(
            Problem(
                f"the remote did not answer within {REMOTE_TIMEOUT:.0f} seconds",
                remedy="look at the connection, then run the command again: nothing was changed here",
            )
        ) from error
    return Result(done.returncode, done.stdout, done.stderr.decode("utf-8", "replace"))


def _not_started(folder: Path) -> Problem:
    if not folder.is_dir():
        return Problem("there is no such folder", remedy="look at the path", path=str(folder))
    return Problem(
        "git is not installed, or not on PATH",
        why="every record of mlassay is a git commit",
        remedy="install git 2.36 or later",
    )


_ESCAPES = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)|.)", re.DOTALL)
_SECRET = re.compile(r"://[^/@\s]+@")
_PREFIX = re.compile(r"^((remote|fatal|error|warning):\s*)+")


def words(err: str) -> str:
    """What git or a remote said, on one line: no control characters, no hints, no passwords, capped."""
    lines = []
    for line in _ESCAPES.sub("", err).replace("\r", "\n").split("\n"):
        plain = " ".join("".join(c if c.isprintable() else " " for c in line).split())
        plain = _PREFIX.sub("", _SECRET.sub("://…@", plain)).strip()
        if plain and not plain.startswith("hint:") and plain not in lines:
            lines.append(plain)
    text = "; ".join(lines)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def failure(result: Result, what: str, *, path: str = "", remedy: str = "") -> MlassayError:
    """The error to raise for a local git command that failed: the known faults by name, else git's own words."""
    said = words(result.err) or f"git ended with exit code {result.code}"
    if "No space left on device" in result.err or "Disk quota exceeded" in result.err:
        return ConfigurationError(no_space(what, path))
    if "dubious ownership" in result.err:
        return ConfigurationError(_dubious(result.err, path))
    if "index.lock" in result.err and "File exists" in result.err:
        remedy = (
            "wait until the other git process ends; if there is none, delete the index.lock that is named"
        )
    return ConfigurationError(Problem(f"{what}: {said}", remedy=remedy, path=path))


def no_space(what: str, path: str) -> Problem:
    """The one wording for a full disk."""
    return Problem(
        f"{what}: no space is left on this disk",
        why="nothing was recorded; what stood before is unchanged",
        remedy="free some space, then run the same command again",
        path=path,
    )


def _dubious(err: str, path: str) -> Problem:
    command = re.search(r"git config --global --add safe\.directory .*", err)
    return Problem(
        "this repository belongs to another user, so git will not read it",
        why="a repository of somebody else can hold configuration that runs commands as you",
        remedy=f"if you trust it: {words(command.group(0)) if command else 'add it to safe.directory'}",
        path=path,
    )
