"""What of the main line nothing explains: changes to guarded paths that no request, record or waiver accounts for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mlassay.audit.history import Group, Step, request_folder
from mlassay.config import load_environment
from mlassay.errors import ConfigurationError, Problem
from mlassay.evidence import layout
from mlassay.git import Change, Repository

DELIBERATIONS = f"{layout.GOVERNANCE}deliberations/"
_BY_REQUEST = "guarded paths change by a request that people signed, never by a bare push"
_ONLY_ADDED = "records are only ever added, so that nobody can be made to have said something else"
_SAID = "approvals/"


def unexplained(group: Group) -> Iterator[Problem]:
    """Changes to guarded paths that no promotion, change, record or waiver in the same step accounts for."""
    if late := next((step for step in group.steps if _backdated(group, step)), None):
        what = "this is dated before something that was on the main line already"
        why = "with its own date a key may count that no longer did, or not yet"
        yield _problem(late, late.changes[0].path, what, why, "backdated")
    final = {change.path: change.new for change in group.changes}
    born: set[str] = set()
    for step in group.steps:
        for change in step.changes:
            if change.old is None:
                born.add(change.path)
            yield from _of(group, step, change, born)
            settled = change.new == final[change.path] or layout.is_append_only(change.path)
            if not settled:
                what = "between two commits this was something else than what was signed"
                why = "whoever looked at that moment followed what nobody asked for"
                yield _problem(step, change.path, what, why, "between")


def _backdated(group: Group, step: Step) -> bool:
    """Whether a step is dated back, and nothing else says so: a request is itself held against its parent (clock)."""
    if group.requests:
        return step.behind_record and not step.behind_parent
    return step.behind_parent or step.behind_record


def _of(group: Group, step: Step, change: Change, born: set[str]) -> Iterator[Problem]:
    """What one change breaks: one rule, the first that applies."""
    path = change.path
    if change.new is not None and not change.new.is_file:
        what = f"this is no plain file (mode {change.new.mode}, {change.new.kind})"
        yield _problem(step, path, what, "a link or a submodule shows other bytes to each reader", "tree")
    elif change.old is not None and layout.is_append_only(path):
        if not (path in born and _may_be_said_again(path)):
            what = f"this was {'deleted' if change.new is None else 'changed'} after it was recorded"
            yield _problem(step, path, what, _ONLY_ADDED, "append-only")
    elif path.startswith(layout.ENVIRONMENTS):
        if path not in group.pointers:
            yield _problem(
                step, path, "no promotion explains this change of what runs", _BY_REQUEST, "pushed-pointer"
            )
    elif _is_stray(path) or _is_lonely(group, path):
        why = "a folder of records holds records alone, so that nobody takes one file for another"
        yield _problem(step, path, "this file is no record, and lies among them", why, "stray")
    elif path.startswith((layout.PROMOTIONS, layout.CHANGES)):
        if request_folder(path) not in group.folders and not layout.is_review_record(path):
            yield _problem(
                step, path, "this was added to a request after that had landed", _BY_REQUEST, "pushed-request"
            )
    elif path.startswith((layout.EVIDENCE, layout.WAIVERS, DELIBERATIONS)):
        return  # each is judged by itself
    elif not group.asks_for_change:
        rule = "pushed-governance" if f"{path}/".startswith(layout.GOVERNANCE) else "pushed-manifest"
        yield _problem(step, path, "no change request explains this change", _BY_REQUEST, rule)


def pointed_at_root(repo: Repository, root: str) -> Iterator[Problem]:
    """Pointers that came with the root of trust, or before it, by a promotion that is not in the record."""
    for path in repo.tree(root, layout.ENVIRONMENTS.rstrip("/")):
        try:
            pointer = load_environment(path, repo.read(root, path) or b"")
        except ConfigurationError:
            continue  # no pointer of ours: a repository may have had such a folder before
        if repo.entry(root, layout.promotion_dir(pointer.environment, pointer.promotion)) is None:
            yield Problem(
                "this runs by a promotion that was never recorded, since before anybody could decide",
                why=_BY_REQUEST,
                remedy=f"git show {root[:12]} -- {path}",
                path=path,
                rule="pushed-pointer",
                commit=root,
            )


def _is_stray(path: str) -> bool:
    """Whether a file in a folder of records has no name that a record could have."""
    if path.startswith(layout.EVIDENCE):
        return not release_of(path)
    if path.startswith((layout.PROMOTIONS, layout.CHANGES)):
        return not layout.is_release_id(request_folder(path).rpartition("/")[2])
    return path.startswith(layout.WAIVERS) and not path.removesuffix(".sig").endswith(".json")


def _is_lonely(group: Group, path: str) -> bool:
    """Whether a waiver's signature came without the waiver that it is over."""
    signed = path.removesuffix(".sig")
    alone = all(change.path != signed for change in group.changes)
    return path.startswith(layout.WAIVERS) and path != signed and alone


def _may_be_said_again(path: str) -> bool:
    """Whether a file of a request may change on its branch: who approves again, or takes it back, replaces what they said.

    A branch that is rebased onto the main line leaves both there, and what counts is the last.
    """
    folder = request_folder(path)
    return bool(folder) and path.removeprefix(f"{folder}/").startswith(_SAID)


def taken_back(group: Group) -> int | None:
    """The number of the first step that deletes what a step of the same group said; None when none does."""
    for number, step in enumerate(group.steps):
        if any(change.new is None and _may_be_said_again(change.path) for change in step.changes):
            return number
    return None


def added_later(repo: Repository, group: Group, records: Mapping[str, str]) -> Iterator[Problem]:
    """Files that came to a release after the commit that recorded it (``records``: release to commit)."""
    for step in group.steps:
        for change in step.changes:
            release = release_of(change.path)
            record = records.get(release, step.commit.id)
            if not release or change.old is not None or change.new is None or record == group.last.id:
                continue
            then = repo.entry(record, change.path)
            if then is None or (then.id, then.mode) != (change.new.id, change.new.mode):
                what = f"this was added to release {release} after it was recorded"
                why = "what a release rests on is recorded at once, in a list that is signed"
                yield _problem(step, change.path, what, why, "evidence-extra")


def release_of(path: str) -> str:
    """The release whose evidence ``path`` belongs to; "" for any other path."""
    release, slash, _ = path.removeprefix(layout.EVIDENCE).partition("/")
    return release if path.startswith(layout.EVIDENCE) and slash and layout.is_release_id(release) else ""


def _problem(step: Step, path: str, what: str, why: str, rule: str) -> Problem:
    commit = step.commit.id
    return Problem(what, why=why, path=path, rule=rule, commit=commit)
