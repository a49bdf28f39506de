"""A forge's no, as an error that people can act on: which permission lacks, what to wait for, where to look."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from mlassay.errors import Problem, RemoteError

LONGEST = 300
APP = "let a GitHub App's token or a deploy key open them: docs/forges.md says how"

# What a fine-grained token or an App must be granted for a call, where the forge's answer does not name it itself.
_PERMISSIONS = (
    (r"/check-runs", "checks: write"),
    (r"/statuses/", "commit statuses: write"),
    (r"/merge$", "contents: write and pull requests: write"),
    (r"/pulls", "pull requests: write"),
    (r"/issues/", "pull requests: write (or issues: write)"),
    (r"/(rulesets|rules|branches|branch_protections)", "administration: read"),
    (r"/environments|/actions", "actions, environments and secrets: read"),
    (r"/user", "a token of a person's own"),
)


class Refused(RemoteError):  # noqa: N818  says what happened
    """A forge did not do what was asked. ``status`` is HTTP's, 0 where no answer came.

    ``lost`` says that a write may have been done all the same: look before writing again.
    """

    def __init__(
        self,
        problem: Problem,
        *,
        status: int = 0,
        said: str = "",
        headers: Mapping[str, str] = MappingProxyType({}),
        lost: bool = False,
    ) -> None:
        self.status, self.said, self.headers, self.lost = status, said, headers, lost
        super().__init__(problem)


def refused(host: str, method: str, path: str, status: int, headers: Mapping[str, str], body: Any) -> Refused:
    """The error for an answer that is none of 200 to 299."""
    said = plain(told(body))
    what, why, remedy = _words(host, method, path, status, headers, said)
    problem = Problem(what, why=why, remedy=remedy)
    return Refused(problem, status=status, said=said, headers=headers, lost=status >= 500)


def unanswered(host: str, error: Exception, *, sent: bool) -> Refused:
    """The error for a call without an answer; ``sent`` when it may have arrived there all the same."""
    said = plain(str(error))
    if re.search(r"NameResolution|Name or service not known|getaddrinfo|nodename nor servname", said):
        what, remedy = f"there is no host called {host}", "look at the network, and at the forge's address"
    elif re.search(r"CERTIFICATE|SSL", said):
        what = f"the connection to {host} is not to be trusted: its certificate does not hold"
        remedy = "look at the forge's address, or give this machine the certificate authority of your house"
    else:
        what, remedy = f"{host} did not answer", "look at the network, then run the command again: it goes on"
    return Refused(Problem(what, remedy=remedy), said=said, lost=sent)


def told(body: Any) -> str:
    """What a forge's answer says in words: its message, and those of its single errors."""
    if not isinstance(body, dict):
        return str(body or "")
    parts = [str(body.get("message", ""))]
    errors = body.get("errors")
    for error in errors if isinstance(errors, list) else []:
        if isinstance(error, dict):
            parts.append(str(error.get("message") or f"{error.get('field', '')} {error.get('code', '')}"))
        else:
            parts.append(str(error))
    return "; ".join(part.strip() for part in parts if part.strip())


def plain(text: str) -> str:
    """``text`` on one line, without control characters, capped."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text[: 10 * LONGEST]).split())
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"


def _words(
    host: str, method: str, path: str, status: int, headers: Mapping[str, str], said: str
) -> tuple[str, str, str]:
    place = _place(path)
    if status == 401:
        what = f"{host} does not take the token: it has expired, was revoked, or is another host's"
        return (
            what,
            "",
            "make a new one and put it where this run reads it: GITHUB_TOKEN, GH_TOKEN or GITEA_TOKEN",
        )
    if status == 403 and "not permitted to create or approve" in said:
        what = f"this repository does not let workflows open pull requests with their own token: {said}"
        return what, "checks would not run on such a pull request either", APP
    if status == 403:
        needs = headers.get("x-accepted-github-permissions") or _permission(path)
        what = f"the token may not do this on {host}: {said or 'no reason given'}"
        return (
            what,
            f"{method} {path} takes the permission {needs}",
            "grant it to the token, the App or the job",
        )
    if status == 404:
        what = f"{host} shows this token nothing at {path}"
        why = f"{place} is not there, was renamed or deleted, or the token may not see it"
        return what, why, "look at git remote -v, and at which repositories the token is for"
    if status == 410 or status in (301, 302, 307, 308):
        what = f"{place} is not at this address any more"
        return what, "", "name its new address: git remote set-url origin …"
    if status == 429:
        return (
            f"{host} asks to be called less often: {said}",
            "",
            "run the command again in a quarter of an hour",
        )
    if status >= 500:
        what = f"{host} has trouble of its own ({status}{': ' + said if said else ''})"
        return what, "", "run the command again: it goes on where this one stopped"
    what = f"{host} refused {method} {path} ({status}): {said or 'no reason given'}"
    return what, "", "see to what it says, then run the command again"


def _permission(path: str) -> str:
    return next((needed for pattern, needed in _PERMISSIONS if re.search(pattern, path)), "that it lacks")


def _place(path: str) -> str:
    parts = path.strip("/").split("/")
    return "/".join(parts[1:3]) if parts[0] == "repos" and len(parts) > 2 else path
