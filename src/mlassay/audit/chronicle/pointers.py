"""Pointers as the main line left them, and whether a promotion of the same commit asked for exactly that."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mlassay.audit.chronicle.types import Moment, PointerEntry, PromotionEntry
from mlassay.config import Environment, load_environment
from mlassay.errors import ConfigurationError, EvidenceError
from mlassay.evidence import layout
from mlassay.evidence.times import time_string
from mlassay.git import Repository


def environment_of(path: str) -> str:
    """The environment whose pointer lies at ``path``; "" for any other path."""
    if not path.startswith(layout.ENVIRONMENTS) or not path.endswith(".yaml"):
        return ""
    return path.removeprefix(layout.ENVIRONMENTS).removesuffix(".yaml")


def pointer_entry(
    repo: Repository, moment: Moment, environment: str, brought: Iterable[object]
) -> PointerEntry:
    """The pointer of ``environment`` as a commit left it; ``brought`` is what else came with that commit."""
    path, pointer = layout.pointer_path(environment), None
    try:
        data = repo.read(moment.commit, path)
        pointer = load_environment(path, data) if data is not None else None
    except (EvidenceError, ConfigurationError):
        pass  # the walk says that nobody can read it; here it has no value
    asked = (each for each in brought if isinstance(each, PromotionEntry) and each.environment == environment)
    explained = pointer is not None and any(_explains(each, pointer) for each in asked)
    return PointerEntry(environment, moment, pointer, explained)


def _explains(promotion: PromotionEntry, pointer: Environment) -> bool:
    if promotion.problems or promotion.request is None:
        return False
    if promotion.decision is not None:  # one of its demands is that what lands is what was signed
        return promotion.decision.allowed
    return _value(pointer) == promotion.request.pointer


def _value(pointer: Environment) -> dict[str, Any]:
    """A pointer as a request holds it."""
    return {
        "version": pointer.version,
        "environment": pointer.environment,
        "state": pointer.state,
        "since": time_string(pointer.since),
        "promotion": pointer.promotion,
        "releases": [
            {
                "release": each.release,
                "digest": each.digest,
                "model": {"sha256": each.model_sha256, "url": each.model_url},
                "role": each.role,
                "share": each.share,
            }
            for each in pointer.releases
        ],
    }
