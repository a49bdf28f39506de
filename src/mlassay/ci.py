"""The only room that reads a CI's environment: who runs us, for which commit, and the key it lends us."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

SIGNING_KEY = "MLASSAY_SIGNING_KEY"

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
    return Context(
        kind="jenkins",
        commit=env.get("GIT_COMMIT", ""),
        ref=f"refs/heads/{branch}" if branch else "",
        run_id=env.get("BUILD_URL") or env["BUILD_TAG"],
        actor=env.get("BUILD_USER_ID", ""),
        builder=env.get("JOB_URL") or env["JENKINS_URL"],
    )
