"""``release.json``: what a release is made of. Its SHA-256 is the release digest, and names the release."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from mlassay.digest import canonical, parse_canonical, sha256
from mlassay.errors import EvidenceError, Problem
from mlassay.evidence.layout import CONFIG, release_id
from mlassay.evidence.times import parse_time

VERSION = 1
NEEDED_INPUTS = frozenset({CONFIG, "policy", "people"})

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_OBJECT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class Source:
    """The commit that a release was trained from: full ids of commit and tree, the committer's time in UTC."""

    commit: str
    tree: str
    date: str


@dataclass(frozen=True, slots=True)
class Artifact:
    """Bytes that belong to a release: ``role`` (``model``), ``path`` as training named it, size in bytes, digest."""

    role: str
    path: str
    size: int
    digest: str


@dataclass(frozen=True)
class Release:
    """All that makes a release this release. ``inputs`` maps ``ml.yaml``, ``policy``, ``people`` and
    ``manifest/<name>`` to the digest of the file that was in force at the source commit.
    """

    name: str
    source: Source
    artifacts: tuple[Artifact, ...]
    inputs: Mapping[str, str]

    def to_bytes(self) -> bytes:
        """``release.json`` as canonical JSON."""
        return canonical(
            {
                "version": VERSION,
                "name": self.name,
                "source": {"commit": self.source.commit, "tree": self.source.tree, "date": self.source.date},
                "artifacts": [
                    {"role": a.role, "path": a.path, "size": a.size, "digest": a.digest}
                    for a in self.artifacts
                ],
                "inputs": dict(self.inputs),
            }
        )

    @cached_property
    def digest(self) -> str:
        """The release digest."""
        return sha256(self.to_bytes())

    @property
    def id(self) -> str:
        """UTC date of the source commit, and the first eight hex digits of the digest."""
        return release_id(parse_time(self.source.date, "release.json"), self.digest)

    @property
    def model(self) -> Artifact:
        """The model's artifact."""
        (model,) = (artifact for artifact in self.artifacts if artifact.role == "model")
        return model


@lru_cache(maxsize=256)  # what runs is read again for each promotion that is to follow it
def read_release_json(data: bytes, path: str) -> Release:
    """The release that ``data`` describes; EvidenceError that names ``path`` for any other shape or spelling."""
    if (usual := _usual(data)) is not None:
        return usual
    value = parse_canonical(data, path)
    try:
        release = _release_of(value)
        parse_time(release.source.date, path)
        same = release.to_bytes() == data
    except (KeyError, TypeError, ValueError) as error:
        raise EvidenceError(_malformed(path, f"{type(error).__name__}: {error}")) from error
    if not same:
        raise EvidenceError(_malformed(path, "it has members that a release does not have"))
    return release


def _usual(data: bytes) -> Release | None:
    """The release that `Release.to_bytes` writes as these very bytes; None where `read_release_json` must say what is amiss."""
    try:
        release = _release_of(json.loads(data.decode("utf-8")))
        parse_time(release.source.date, "")
        same = release.to_bytes() == data
    except (EvidenceError, LookupError, TypeError, ValueError, AttributeError, RecursionError):
        return None
    if not same:
        return None
    vars(release)["digest"] = sha256(data)  # as the property would, without writing it again
    return release


def _release_of(value: Mapping[str, Any]) -> Release:
    source = value["source"]
    release = Release(
        name=value["name"],
        source=Source(source["commit"], source["tree"], source["date"]),
        artifacts=tuple(Artifact(a["role"], a["path"], a["size"], a["digest"]) for a in value["artifacts"]),
        inputs=dict(value["inputs"]),
    )
    texts = [release.name, release.source.commit, release.source.tree, *release.inputs.values()]
    texts += [text for a in release.artifacts for text in (a.role, a.path, a.digest)]
    if not all(isinstance(text, str) for text in texts):
        raise TypeError("a name, id or digest is not text")
    if not all(map(_DIGEST.fullmatch, [*release.inputs.values(), *(a.digest for a in release.artifacts)])):
        raise ValueError("a digest is no 'sha256:' with 64 hex digits")
    if not (_OBJECT.fullmatch(release.source.commit) and _OBJECT.fullmatch(release.source.tree)):
        raise ValueError("its source is not named by full git ids")
    if missing := sorted(NEEDED_INPUTS - release.inputs.keys()):
        raise ValueError(f"no digest of {', '.join(missing)}")
    if any(type(a.size) is not int or a.size < 0 for a in release.artifacts):
        raise TypeError("a size is not a whole number of bytes")
    if [a.role for a in release.artifacts].count("model") != 1:
        raise ValueError("a release has exactly one model")
    return release


def _malformed(path: str, detail: str) -> Problem:
    return Problem(
        f"this is not a release as mlassay writes it ({detail})",
        remedy="take the file back from the commit that brought it in",
        path=path,
    )
