"""``environments/<env>.yaml``: the pointer that a GitOps agent follows, with one spelling for each value."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Literal

from mlassay.errors import ConfigurationError, Problem
from mlassay.files import Document, check, read_yaml


@dataclass(frozen=True, slots=True)
class EnvironmentRelease:
    """One release in an environment: ``model_sha256`` is hex, ``share`` percent of the answers."""

    release: str
    digest: str
    model_sha256: str
    model_url: str
    role: Literal["live", "shadow", "canary"] = "live"
    share: int = 100


@dataclass(frozen=True, slots=True)
class Environment:
    """What runs in an environment, since when (UTC, whole seconds) and by which promotion."""

    environment: str
    state: Literal["live", "cut-out"]
    since: datetime
    promotion: str
    releases: tuple[EnvironmentRelease, ...]
    version: int = 1

    @property
    def live(self) -> EnvironmentRelease:
        """The one release whose role is live."""
        return next(release for release in self.releases if release.role == "live")


@lru_cache(maxsize=256)
def load_environment(path: str, data: bytes) -> Environment:
    """Read a pointer; ConfigurationError with every problem of it."""
    return _usual(data) or _read(path, data)


def _usual(data: bytes) -> Environment | None:
    """A pointer in mlassay's own spelling, with one release; None for any other, which is read as YAML.

    An audit reads thousands, each once. What matches holds to the schema, and is the one spelling of what comes out.
    """
    found = _SPELLED.fullmatch(data)
    if found is None:
        return None
    told = {name: text.decode("ascii") for name, text in found.groupdict().items()}
    try:
        since = datetime.fromisoformat(told["since"])
    except ValueError:
        return None
    release = EnvironmentRelease(told["release"], told["digest"], told["sha256"], told["url"])
    made = Environment(told["environment"], "live", since, told["promotion"], (release,))
    return made if dump_environment(made) == data else None


_SPELLED = re.compile(
    rb"version: 1\nenvironment: (?P<environment>[a-z][a-z0-9-]*(?:/[a-z0-9][a-z0-9-]*)?)\nstate: live\n"
    rb'since: "(?P<since>[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z)"\n'
    rb"promotion: (?P<promotion>[0-9]{8}-[0-9a-f]{8})\nreleases:\n  - release: (?P<release>[0-9]{8}-[0-9a-f]{8})\n"
    rb"    digest: (?P<digest>sha256:[0-9a-f]{64})\n    model:\n"
    rb'      sha256: "?(?P<sha256>[0-9a-f]{64})"?\n      url: (?P<url>[a-z][a-z0-9/._-]{1,1999})\n'
    rb"    role: live\n    share: 100\n"
)


def _read(path: str, data: bytes) -> Environment:
    document = read_yaml(path, data)
    ConfigurationError.raise_if_any([*check(document, "environment"), *_beyond_schema(document)])
    value = document.value
    return Environment(
        environment=value["environment"],
        state=value["state"],
        since=datetime.fromisoformat(value["since"]),
        promotion=value["promotion"],
        releases=tuple(
            EnvironmentRelease(
                release=release["release"],
                digest=release["digest"],
                model_sha256=release["model"]["sha256"],
                model_url=release["model"]["url"],
                role=release["role"],
                share=int(release["share"]),
            )
            for release in value["releases"]
        ),
    )


def environment_mapping(environment: Environment) -> dict[str, Any]:
    """A pointer as the values that a reader of its YAML gets."""
    return {
        "version": environment.version,
        "environment": environment.environment,
        "state": environment.state,
        "since": environment.since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "promotion": environment.promotion,
        "releases": [
            {
                "release": release.release,
                "digest": release.digest,
                "model": {"sha256": release.model_sha256, "url": release.model_url},
                "role": release.role,
                "share": release.share,
            }
            for release in environment.releases
        ],
    }


def dump_environment(environment: Environment) -> bytes:
    """The one spelling of a pointer: the same value is always the same bytes, and a promotion a short diff."""
    lines = [
        "version: 1",
        f"environment: {_text(environment.environment)}",
        f"state: {environment.state}",
        f"since: {_text(environment.since.astimezone(UTC).strftime('%Y-%m-%dT%H:%M:%SZ'))}",
        f"promotion: {_text(environment.promotion)}",
        "releases:",
    ]
    for release in environment.releases:
        lines += [
            f"  - release: {_text(release.release)}",
            f"    digest: {_text(release.digest)}",
            "    model:",
            f"      sha256: {_text(release.model_sha256)}",
            f"      url: {_text(release.model_url)}",
            f"    role: {release.role}",
            f"    share: {release.share}",
        ]
    return ("\n".join(lines) + "\n").encode("utf-8")


def _beyond_schema(document: Document) -> Iterator[Problem]:
    releases = document.get("releases")
    roles = [
        document.get("releases", n, "role") for n in range(len(releases) if isinstance(releases, list) else 0)
    ]
    if roles and roles.count("live") != 1:
        yield document.problem(
            ("releases",),
            f"{roles.count('live')} releases are live; it must be exactly one",
            "a request must have one answer",
            "take the file back from git: mlassay writes it",
        )
    if isinstance(since := document.get("since"), str):
        try:
            datetime.fromisoformat(since)
        except ValueError:
            yield document.problem(("since",), f"since: {since[:40]!r} is no time")


# Plain where every YAML program reads the same text; quoted (as JSON, which YAML takes) otherwise: "2026-01-01T…"
# is a time in some, and 64 digits are a number in all.
_PLAIN = re.compile(r"(?:sha256:[0-9a-f]{64}|[a-z][a-z0-9/._-]*|[0-9]{8}-[0-9a-f]{8}(?:-[a-z0-9-]+)?)")
_WORDS = ("true", "false", "null", "yes", "no", "on", "off", "y", "n")


def _text(text: str) -> str:
    if _PLAIN.fullmatch(text) and text not in _WORDS:
        return text
    return json.dumps(text, ensure_ascii=False)
