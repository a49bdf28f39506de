"""The only room that reads a CI's environment: who runs us, for which commit, the key it lends us, and where it listens."""

from __future__ import annotations

import os
import re
import secrets
import sys
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from mlassay.errors import ConfigurationError, Problem

SIGNING_KEY = "MLASSAY_SIGNING_KEY"
SUMMARY_BYTES = 1 << 20
"""What GitHub takes for one step's summary; more than that and it shows none."""
TEXT = 4000  # characters of one output or annotation
DESK_KEY = "MLASSAY_DESK_KEY"

Kind = Literal["local", "github-actions", "jenkins"]


@dataclass(frozen=True, slots=True)
class Context:
    """What the CI says of this run; empty texts where it says nothing (always, on a person's machine).

    ``commit`` is a full id, ``ref`` a full ref name, ``actor`` who set the run off (``actor_id`` their number there, where it is told), ``builder`` a URI of the workflow
    or job, ``run_id`` one that its logs can be found by.
    """

    kind: Kind
    commit: str = ""
    ref: str = ""
    run_id: str = ""
    actor: str = ""
    actor_id: str = ""
    builder: str = "urn:mlassay:builder:local"


def context(environment: Mapping[str, str] | None = None) -> Context:
    """The context of this process; ``environment`` stands in for `os.environ` in tests."""
    env = os.environ if environment is None else environment
    if env.get("GITHUB_ACTIONS") == "true":
        return _github(env)
    if env.get("JENKINS_URL") and env.get("BUILD_TAG"):
        return _jenkins(env)
    return Context("local")


def signing_key(environment: Mapping[str, str] | None = None) -> str:
    """The PEM text that the CI keeps as a secret, or an empty text."""
    return (os.environ if environment is None else environment).get(SIGNING_KEY, "")


def desk_key(environment: Mapping[str, str] | None = None) -> str:
    """The PEM text of the key that asks for promotions and records reviews, never evidence; or an empty text."""
    return (os.environ if environment is None else environment).get(DESK_KEY, "")


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """Where a job may ask for a token that names its run, and with what."""

    url: str
    token: str = field(repr=False)


def token_request(environment: Mapping[str, str] | None = None) -> TokenRequest | None:
    """How this job asks for its OIDC token; None where it may not (GitHub Actions: ``id-token: write``)."""
    env = os.environ if environment is None else environment
    url, token = env.get("ACTIONS_ID_TOKEN_REQUEST_URL", ""), env.get("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "")
    return TokenRequest(url, token) if url and token else None


def _github(env: Mapping[str, str]) -> Context:
    """https://docs.github.com/en/actions/reference/variables-reference"""
    server = env.get("GITHUB_SERVER_URL", "https://github.com")
    repository = env.get("GITHUB_REPOSITORY", "")
    attempt = env.get("GITHUB_RUN_ATTEMPT", "1")
    # The one who pressed "re-run" set this run off, not the one whose push set off the first attempt.
    actor = env.get("GITHUB_TRIGGERING_ACTOR") or env.get("GITHUB_ACTOR", "")
    return Context(
        kind="github-actions",
        commit=env.get("GITHUB_SHA", ""),
        ref=env.get("GITHUB_REF", ""),
        run_id=f"{server}/{repository}/actions/runs/{env.get('GITHUB_RUN_ID', '')}/attempts/{attempt}",
        actor=actor,
        actor_id=env.get("GITHUB_ACTOR_ID", "") if actor == env.get("GITHUB_ACTOR") else "",
        builder=f"{server}/{env.get('GITHUB_WORKFLOW_REF', repository)}",
    )


def _jenkins(env: Mapping[str, str]) -> Context:
    """https://www.jenkins.io/doc/book/pipeline/jenkinsfile/#using-environment-variables"""
    branch = env.get("BRANCH_NAME") or env.get("GIT_BRANCH", "").removeprefix("origin/")
    ref = f"refs/heads/{branch}" if branch else ""
    # A pull request or a tag of a multibranch job has a BRANCH_NAME too, and may be called like the main line.
    if request := env.get("CHANGE_ID"):
        ref = f"refs/pull/{request}/head"
    elif tag := env.get("TAG_NAME"):
        ref = f"refs/tags/{tag}"
    return Context(
        kind="jenkins",
        commit=env.get("GIT_COMMIT", ""),
        ref=ref,
        run_id=env.get("BUILD_URL") or env["BUILD_TAG"],
        actor=env.get("BUILD_USER_ID", ""),
        builder=env.get("JOB_URL") or env["JENKINS_URL"],
    )


Level = Literal["error", "warning", "notice"]


def outputs(values: Mapping[str, str], environment: Mapping[str, str] | None = None) -> None:
    """Hand ``values`` to the CI's next stages: GitHub's step outputs, or ``name=value`` lines in the file $MLASSAY_OUTPUT.

    Nothing at all elsewhere. ConfigurationError when the file that the CI named cannot be written.
    """
    env = os.environ if environment is None else environment
    told = {name: _inert(value) for name, value in values.items()}
    if path := _github_file(env, "GITHUB_OUTPUT"):
        # Nobody who chose a value could know the delimiter.
        end = f"mlassay_{secrets.token_hex(16)}"
        _append(path, "".join(f"{name}<<{end}\n{value}\n{end}\n" for name, value in told.items()))
    if path := env.get("MLASSAY_OUTPUT", ""):
        _append(path, "".join(f"{name}={value}\n" for name, value in told.items()))


def summary(markdown: str, environment: Mapping[str, str] | None = None) -> None:
    """Add ``markdown``, whose outside text is escaped already, to the step's summary; what is too long is cut at a line."""
    env = os.environ if environment is None else environment
    path = _github_file(env, "GITHUB_STEP_SUMMARY")
    if not path:
        return
    room = SUMMARY_BYTES - (Path(path).stat().st_size if Path(path).exists() else 0)
    data = markdown.rstrip("\n").encode("utf-8", "replace") + b"\n\n"
    if len(data) > room:
        kept = data[: max(room - len(_CUT), 0)]
        data = kept[: kept.rfind(b"\n") + 1] + _CUT if room >= len(_CUT) else b""
    _append(path, data.decode("utf-8", "replace"))


_CUT = b"\n\n(The rest was cut: a summary holds one mebibyte. The run's artifact has all of it.)\n"


def annotate(
    level: Level,
    text: str,
    path: str = "",
    line: int | None = None,
    environment: Mapping[str, str] | None = None,
) -> None:
    """Mark a line of a file on GitHub's pages; nothing elsewhere. On standard error, so that ``--json`` stays clean."""
    if context(environment).kind != "github-actions":
        return
    place = [f"file={_property(path)}"] if path else []
    if path and line is not None:
        place.append(f"line={int(line)}")
    print(
        f"::{level} {','.join(place)}::{_data(text)}" if place else f"::{level}::{_data(text)}",
        file=sys.stderr,
    )


def _github_file(env: Mapping[str, str], name: str) -> str:
    return env.get(name, "") if env.get("GITHUB_ACTIONS") == "true" else ""


def _append(path: str, text: str) -> None:
    try:
        with Path(path).open("a", encoding="utf-8", errors="replace", newline="\n") as file:
            file.write(text)
    except OSError as error:
        raise ConfigurationError(
            Problem(
                f"the file that the CI named cannot be written: {error.strerror or error}",
                why="the stages after this one wait for what it says",
                remedy="name a file that this job may write, in a folder that is there",
                path=path,
            )
        ) from error


def _inert(text: str) -> str:
    """``text`` on one line, without characters that are not seen or that turn the direction of text; capped."""
    shown = "".join(
        " " if c in "\n\r\t" else "?" if unicodedata.category(c)[0] == "C" or c in "\u2028\u2029" else c
        for c in text[:TEXT]
    )
    return shown + "…" if len(text) > TEXT else shown


def _data(text: str) -> str:
    """https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions"""
    parted = re.sub(r":(?=:)", ": ", _inert(text)).replace("##[", "# #[")
    return parted.replace("%", "%25")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


@dataclass(frozen=True, slots=True)
class ForgeAccess:
    """What this process was given to talk to forges with; empty texts where nothing was.

    ``github_api``, ``github_server`` and ``github_repository`` (owner/name) are what a GitHub workflow is told.
    """

    github_token: str = field(default="", repr=False)
    gitea_token: str = field(default="", repr=False)
    github_api: str = ""
    github_server: str = ""
    github_repository: str = ""
    on_github: bool = False
    on_gitea: bool = False


def forge_access(environment: Mapping[str, str] | None = None) -> ForgeAccess:
    """Tokens and addresses of forges: GITHUB_TOKEN before GH_TOKEN, GITEA_TOKEN, and where GitHub is.

    Gitea's own runner plays GitHub's, down to the names of its variables: what it calls GITHUB_TOKEN is Gitea's.
    """
    env = os.environ if environment is None else environment
    on_gitea = env.get("GITEA_ACTIONS") == "true"
    github = (env.get("GITHUB_TOKEN") or env.get("GH_TOKEN") or "").strip()
    return ForgeAccess(
        github_token="" if on_gitea else github,
        gitea_token=env.get("GITEA_TOKEN", "").strip() or (github if on_gitea else ""),
        github_api=env.get("GITHUB_API_URL", "").rstrip("/"),
        github_server=env.get("GITHUB_SERVER_URL", "").rstrip("/"),
        github_repository=env.get("GITHUB_REPOSITORY", ""),
        on_github=env.get("GITHUB_ACTIONS") == "true" and not on_gitea,
        on_gitea=on_gitea,
    )
