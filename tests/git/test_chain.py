"""The index of a line says what a walk commit by commit says, and believes no list of git's."""

from __future__ import annotations

import random
import subprocess

import pytest

from mlassay.errors import EvidenceError
from mlassay.git import Repository, _chain, _history, _landings
from mlassay.git._chain import Chain, Places

PATHS = ["", "a", "b", "a/x", "a/x/deep", "b/y", "c", "none", "a/x/deep/er"]


@pytest.fixture(scope="module")
def wild(tmp_path_factory):
    """A line of 150 commits with merges, deletions, files that become folders, and commits that change nothing."""
    folder = tmp_path_factory.mktemp("wild")
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", folder], check=True)
    dice, parts = random.Random(7), []
    for mark in range(1, 151):
        who = f"W{mark % 3} <w@x> {mark} +0000"
        parts.append(f"commit refs/heads/main\nmark :{mark}\nauthor {who}\ncommitter {who}\ndata 1\nm\n")
        if mark > 1:
            parts.append(f"from :{mark - 1}\n")
        if mark > 5 and mark % 7 == 0:
            parts.append(f"merge :{mark - 4}\n")
        for _ in range(dice.randrange(3)):
            path = dice.choice(["a/x/deep", "a/x", "a/z", "b/y", "b", "c"])
            parts.append(
                f"D {path}\n" if dice.random() < 0.3 else f"M 100644 inline {path}\ndata 3\n{mark:03}\n"
            )
    subprocess.run(["git", "fast-import", "--quiet"], cwd=folder, input="".join(parts).encode(), check=True)
    return folder


@pytest.mark.parametrize("back", [0, 1, 40, 149])
@pytest.mark.parametrize("known", [True, False])
def test_what_touches_a_path_is_what_a_walk_finds(wild, back, known):
    repo = Repository.open(wild)
    head = repo.resolve(f"main~{back}")
    if known:
        list(repo.first_parents(repo.resolve("main"), paths=["a", "b"]))
    for path in PATHS:
        slow = [c.id for c in _history.first_parents(repo._objects, head, [path], None)]
        assert [c.id for c in repo.first_parents(head, paths=[path])] == slow, path
    until = repo.resolve("main~60")
    slow = [c.id for c in _history.first_parents(repo._objects, head, ["a", "b"], until)]
    assert [c.id for c in repo.first_parents(head, paths=["a", "b"], until=until)] == slow
    repo.close()


@pytest.mark.parametrize("base", [None, "main~90", "main~1", "main"])
@pytest.mark.parametrize("head", ["main", "main~30", "main~120"])
def test_what_landed_between_is_what_git_says(wild, base, head):
    repo = Repository.open(wild)
    start, end = base and repo.resolve(base), repo.resolve(head)
    slow = sorted(repo.landed_between(start, end), key=lambda one: one.id)
    assert [one.id for one in slow] == sorted(commit.id for commit in repo.commits_between(start, end))
    list(repo.first_parents(repo.resolve("main"), paths=["a"]))
    assert repo._lines.places(start, end) is not None
    assert sorted(repo.landed_between(start, end), key=lambda one: one.id) == slow
    repo.close()


@pytest.mark.parametrize("lie", ["another order", "one left out", "nothing", "strangers"])
def test_a_list_that_lies_changes_no_answer(wild, monkeypatch, lie):
    repo = Repository.open(wild)
    head = repo.resolve("main")
    true = [commit.id for commit in _history.first_parents(repo._objects, head, ["a"], None)]
    listed = [commit.id for commit in repo.first_parents(head)]
    told = {
        "another order": [listed[0], *listed[:0:-1]],
        "one left out": listed[:50] + listed[51:],
        "nothing": [],
        "strangers": [listed[0], "1" * 40, *listed[1:]],
    }[lie]
    monkeypatch.setattr(_chain, "_listed", lambda folder, head: iter([told]))
    chain = Chain(repo._objects, repo.folder, head)
    assert [chain.id(number) for number in chain.touching(("a",), 0)] == true
    repo.close()


def test_places_find_every_id_and_no_other():
    dice, ids = random.Random(3), bytearray()
    places, all_ = Places(ids), [dice.randbytes(20) for _ in range(5000)]
    for number, id_ in enumerate(all_):
        ids += id_
        places.add(number)
    assert [places.find(id_) for id_ in all_] == list(range(5000))
    assert places.find(dice.randbytes(20)) is None


@pytest.mark.parametrize("known", [True, False])
def test_ids_of_what_touches_paths_are_those_of_the_commits(wild, known):
    repo = Repository.open(wild)
    if known:
        list(repo.first_parents(repo.resolve("main"), paths=["a"]))
    head = repo.resolve("main~3")
    assert repo.touching(head, ["a", "b/y"]) == [c.id for c in repo.first_parents(head, paths=["a", "b/y"])]
    repo.close()


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("base", [None, "main~90", "main~1", "main"])
def test_of_commits_alike_one_is_enough_and_none_is_lost(wild, base, known):
    def kinds(landed):
        return {(one.author, one.committer, one.top_names, len(one.parents) > 1) for one in landed}

    repo = Repository.open(wild)
    start, end = base and repo.resolve(base), repo.resolve("main")
    if known:
        list(repo.first_parents(end, paths=["a"]))
    few, all_ = list(repo.makers_between(start, end)), list(repo.landed_between(start, end))
    assert kinds(few) == kinds(all_)
    assert {one.id for one in few} >= {one.id for one in all_ if len(one.parents) > 1}
    assert base != "main~90" or len(few) < len(all_)
    assert list(repo.makers_between(start, end)) == few
    repo.close()


def test_what_many_commits_changed_is_what_each_changed_by_itself(wild, monkeypatch):
    monkeypatch.setattr(_landings, "ROUND", 7)
    repo = Repository.open(wild)
    landed = list(repo.landed_between(None, repo.resolve("main")))
    assert len(landed) == 150
    for one in landed:
        paths = [change.path for change in repo.changes(one.parents[0] if one.parents else None, one.id)]
        assert {name.removesuffix("/") for name in one.top_names} == {path.split("/")[0] for path in paths}
        # A slash says that no file stood there, before or after.
        assert {name for name in one.top_names if not name.endswith("/")} == {
            p for p in paths if "/" not in p
        }
    repo.close()


def test_a_root_folder_that_cannot_be_read_is_told_of_whoever_asks(tmp_path):
    repo = Repository.init(tmp_path)
    (tmp_path / "a").write_text("a")
    subprocess.run(["git", "add", "a"], cwd=tmp_path, check=True)
    git = ["git", "-c", "user.name=W", "-c", "user.email=w@x", "commit", "-q", "-m", "m"]
    subprocess.run(git, cwd=tmp_path, check=True)
    head = repo.resolve("main")
    assert [one.top_names for one in repo.makers_between(None, head)] == [("a",)]
    tree = repo.commit(head).tree
    file = tmp_path / ".git" / "objects" / tree[:2] / tree[2:]
    file.chmod(0o600)
    file.write_bytes(b"damaged")
    with pytest.raises(EvidenceError, match=tree):
        list(Repository.open(tmp_path).makers_between(None, head))


def test_what_was_read_ahead_is_what_is_read_by_itself(wild):
    ahead, slow = Repository.open(wild), Repository.open(wild)
    ids = [commit.id for commit in slow.first_parents(slow.resolve("main"))]
    ahead.read_ahead([*ids, "0" * 40], ["a", "b", "c"])
    for id_ in ids:
        parents = slow.commit(id_).parents
        assert ahead.commit(id_) == slow.commit(id_)
        assert ahead.changes(parents[0] if parents else None, id_) == slow.changes(
            parents[0] if parents else None, id_
        )
        assert list(ahead.paths(id_)) == list(slow.tree(id_)) == sorted(slow.tree(id_))
    ahead.close()
    slow.close()
