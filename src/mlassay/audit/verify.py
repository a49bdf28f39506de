"""Everything that mlassay recorded, checked from a clone alone: each digest, each signature, each decision again."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from mlassay.audit.history import Group, groups, root_of_trust, unexplained
from mlassay.audit.requests import Confirmed, judge_request, judge_waiver
from mlassay.case.loaded import people_of
from mlassay.case.release import find_record, is_demo, read_release
from mlassay.config import People
from mlassay.errors import ConfigurationError, EvidenceError, Problem
from mlassay.evidence import layout
from mlassay.git import Repository
from mlassay.ports import Verifiers

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Report:
    """What was confirmed at ``head``, every problem found, and what nobody looked at.

    ``root`` is the commit that first brought policy and people in; None when only one release was looked at.
    """

    head: str
    root: str | None
    confirmed: tuple[Confirmed, ...]
    problems: tuple[Problem, ...]
    not_checked: tuple[str, ...]


def verify(
    repo: Repository,
    at: str,
    release: str | None,
    verifiers: Verifiers,
    *,
    worktree: bool = True,
    progress: Progress = lambda _: None,
) -> Report:
    """Check one release, or everything on the main line up to ``at``, from git objects alone.

    ``worktree`` also holds the files on the disk against the commit. ConfigurationError for a clone that is shallow or
    partial: no answer is given over half of a history.
    """
    _refuse_incomplete(repo)
    if release is not None:
        _refuse_unknown(repo, at, release)
    prefixes = [layout.evidence_dir(release)] if release else _guarded(repo, at)
    problems = list(_overlays(repo))
    if worktree and repo.worktree is not None:
        progress("files on the disk")
        problems += _on_disk(repo, at, prefixes)
    if release is not None:
        found: tuple[Confirmed, ...] = (_release(repo, at, release, verifiers, None),)
        root, left_out = None, ["anything but this release: run 'mlassay verify' without its id"]
    else:
        root, found, more = _everything(repo, at, verifiers, progress)
        problems += more
        left_out = [*_unprovable(repo, at, root)]
    if repo.worktree is None or not worktree:
        left_out.append("the files of a work tree: only git objects were read")
    problems += [problem for item in found for problem in item.problems]
    return Report(at, root, found, tuple(dict.fromkeys(problems)), tuple(left_out))


def _everything(
    repo: Repository, at: str, verifiers: Verifiers, progress: Progress
) -> tuple[str | None, tuple[Confirmed, ...], list[Problem]]:
    progress("every object of this clone (git fsck)")
    problems = repo.fsck()
    try:
        history = groups(repo, at)
        later = _people(repo, at)
    except EvidenceError as error:
        return None, (), [*problems, *error.problems]
    root = root_of_trust(repo, history)
    found: list[Confirmed] = []
    trusted = False
    recorded: set[str] = set()
    for number, group in enumerate(history, 1):
        progress(f"commit {number} of {len(history)} that touch guarded paths")
        if trusted:
            problems += unexplained(group)
        trusted = trusted or group.last.id == root
        found += _of_group(repo, at, group, verifiers, later, recorded)
    problems += _strays(repo, at, recorded)
    return root, tuple(found), problems


def _of_group(
    repo: Repository,
    at: str,
    group: Group,
    verifiers: Verifiers,
    later: People | None,
    recorded: set[str],
) -> Iterable[Confirmed]:
    """What one group of commits brought in, each judged; ids of releases are noted in ``recorded``."""
    for name in group.requests[:1]:
        yield judge_request(repo, group, name, verifiers, later)
    for change in group.changes:
        if change.old is not None:
            continue
        if change.path.startswith(layout.WAIVERS) and change.path.endswith(".json"):
            yield judge_waiver(repo, group, change.path, verifiers, later)
        release = change.path.removeprefix(layout.EVIDENCE).partition("/")[0]
        if (
            change.path.startswith(layout.EVIDENCE)
            and release not in recorded
            and layout.is_release_id(release)
        ):
            recorded.add(release)
            yield _release(repo, at, release, verifiers, group.last.id)


def _release(repo: Repository, at: str, release: str, verifiers: Verifiers, record: str | None) -> Confirmed:
    found = read_release(repo, at, release, verifiers, record=record)
    return Confirmed(
        kind="release",
        name=release,
        commit=found.record_commit,
        says=str(found.verdict.outcome) if found.verdict else "",
        by=found.signers,
        signatures=found.signatures,
        checks=found.digests,
        problems=found.problems,
    )


def _strays(repo: Repository, at: str, recorded: set[str]) -> Iterable[Problem]:
    for path in repo.tree(at, layout.EVIDENCE):
        if path.removeprefix(layout.EVIDENCE).partition("/")[0] not in recorded:
            yield Problem("this file belongs to no release", why="nobody signed for it", path=path)
    waivers = repo.tree(at, layout.WAIVERS)
    for path in waivers:
        signature = path.endswith(".json.sig") and path.removesuffix(".sig") in waivers
        if not (signature or path.endswith(".json")):
            yield Problem("this file is no waiver", why="nobody signed for it", path=path)


def _on_disk(repo: Repository, at: str, prefixes: list[str]) -> Iterable[Problem]:
    for change in repo.worktree_differences(at, prefixes):
        what = "this file on the disk is not what was committed"
        if change.new is None:
            what = "this file was committed and is missing on the disk"
        elif change.old is None:
            what = "this file lies on the disk and was never committed"
        yield Problem(
            what,
            why="whoever reads the file reads something that nobody signed",
            remedy=f"git checkout {at[:12]} -- {change.path}" if change.old else "remove it",
            path=change.path,
        )


def _guarded(repo: Repository, at: str) -> list[str]:
    manifests = [path for path in repo.tree(at, "data") if layout.is_guarded(path)]
    return [*(prefix.rstrip("/") for prefix in layout.GUARDED), *manifests]


def _overlays(repo: Repository) -> Iterable[Problem]:
    """What makes other git commands show another history than the objects tell; nothing here believes it."""
    why = "git log and git show would show you something else than what was checked here"
    for id_ in repo.replaced():
        yield Problem(
            f"object {id_[:12]} is replaced by another one", why, f"git replace -d {id_}", "refs/replace"
        )
    for id_ in repo.grafts():
        yield Problem(f"commit {id_[:12]} is given other parents", why, "remove the file", ".git/info/grafts")


def _people(repo: Repository, at: str) -> People | None:
    data = repo.read(at, layout.PEOPLE)
    try:
        return people_of(data) if data is not None else None
    except ConfigurationError as error:
        raise EvidenceError(*error.problems) from error


def _unprovable(repo: Repository, at: str, root: str | None) -> Iterable[str]:
    if root is None:
        yield "who may decide: no commit brings governance/policy.yaml and governance/people.yaml in"
    else:
        since = repo.commit(root)
        yield (
            f"whether the history was replaced whole: it is consistent since root commit {root[:12]} "
            f"({since.time:%Y-%m-%d}), and nobody can tell more from a clone alone; compare with an id kept elsewhere"
        )
    if is_demo(repo, at):
        yield "who really signed: this is a demonstration, and everybody has its keys"
    yield "when things really happened: dates are those that committers wrote"
    yield "texts under governance/deliberations/, and commits that touch no guarded path"


def _refuse_unknown(repo: Repository, at: str, release: str) -> None:
    if not layout.is_release_id(release) or find_record(repo, at, release) is None:
        raise ConfigurationError(
            Problem(
                f"no release {release!r} was ever recorded up to {at[:12]}",
                remedy="'mlassay status' lists the releases; git fetch and --at origin/main may know more",
            )
        )


def _refuse_incomplete(repo: Repository) -> None:
    for cut, word, remedy in (
        (repo.is_shallow, "shallow", "git fetch --unshallow"),
        (repo.is_partial, "partial", "git fetch --refetch --no-filter, or clone again without --filter"),
    ):
        if cut:
            raise ConfigurationError(
                Problem(
                    f"this clone is {word}",
                    why="what is missing cannot be checked, and no answer is given over half of a history",
                    remedy=remedy,
                )
            )
