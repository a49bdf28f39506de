"""Everything that a verdict depends on, by digest: two commits with one digest get one verdict, and need one training.

Exact rather than clever: whatever might matter counts, and what cannot be told makes a digest of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from mlassay import __version__
from mlassay.case.common import needed
from mlassay.case.judged import criteria_at
from mlassay.case.release import inputs_at, live_at
from mlassay.config import Config, load_config
from mlassay.config.criteria import inner_commands
from mlassay.digest import canonical, sha256
from mlassay.errors import ConfigurationError, EvidenceError, Problem
from mlassay.evidence import layout
from mlassay.git import Repository
from mlassay.manifest import load_manifest

WHOLE = frozenset({"unit", "standards", "supply"})
"""Gates that see every file but the records, unless they name those that they use."""
KIND = "urn:mlassay:inputs:1"


def inputs_digest(repo: Repository, commit: str, version: str = __version__) -> str:
    """One digest of all that training and the gates would look at in ``commit``; ``version`` is that of mlassay.

    EvidenceError when one of the files that must be there is not, or cannot be read.
    """
    return sha256(canonical({"kind": KIND, "inputs": inputs_of(repo, commit, version)}))


def inputs_of(repo: Repository, commit: str, version: str = __version__) -> Mapping[str, str]:
    """Role -> digest of ml.yaml, policy (floors, gates, levels), people, manifests, data, every file that a command of
    the team's sees (with its mode), the model that runs now (``max_drop`` compares with it), and mlassay's version.
    """
    try:
        config = load_config(layout.CONFIG, needed(repo, commit, layout.CONFIG))
        data = dict(_data(repo, commit, config))
    except ConfigurationError as error:
        raise EvidenceError(*error.problems) from error
    uses = [*config.train.uses, *(path for step in config.prepare for path in step.uses)]
    return {
        "mlassay": version,
        "live": live_at(repo, commit),
        **inputs_at(repo, commit),
        **data,
        **{f"uses/{path}": told for path, told in _files(repo, commit, uses)},
        **{f"tests/{path}": told for path, told in _tests(repo, commit)},
    }


def _data(repo: Repository, commit: str, config: Config) -> Iterator[tuple[str, str]]:
    """The data files that git holds, by blob: a manifest only promises what they are."""
    for name, path in config.data.items():
        for file in load_manifest(path, needed(repo, commit, path)).files:
            entry = repo.entry(commit, file.path) if file.path else None
            yield f"data/{name}/{file.path}", entry.id if entry else file.digest


def _tests(repo: Repository, commit: str) -> Iterator[tuple[str, str]]:
    """What gates see of the checkout, if they are in force: the files that they name, or all but the records."""
    criteria = criteria_at(repo, commit)
    running = {
        gate: each.get("uses", ()) for gate, each in criteria.items() if "run" in each or gate in WHOLE
    }
    running |= {place: each.get("uses", ()) for place, each in inner_commands(criteria)}
    if all(uses for gate, uses in running.items() if gate in WHOLE):
        yield from _files(repo, commit, dict.fromkeys(path for uses in running.values() for path in uses))
        return
    for path, entry in repo.tree(commit).items():
        if not path.startswith(layout.RECORDS):
            yield path, f"{entry.mode} {entry.id}"


def _files(repo: Repository, commit: str, names: Iterable[str]) -> Iterator[tuple[str, str]]:
    for name in names:
        found = repo.tree(commit, name.rstrip("/"))
        if not found:
            raise EvidenceError(
                Problem(
                    f"git does not track {name!r}, which a command uses",
                    why="what it holds cannot be told from the history",
                    path=layout.CONFIG,
                )
            )
        for path, entry in found.items():
            yield path, f"{entry.mode} {entry.id}"
