"""Walks along first parents and comparisons of trees, held against what stock git says."""

from __future__ import annotations

import time

import pytest

from mlassay.git import Identity, Repository

PEN = Identity("Pen", "pen@example.org")


@pytest.fixture
def merged(team, git, commit):
    """main with two merged branches: one that changed evidence, one whose change was undone before the merge."""
    folder = team.folder
    git(folder, "checkout", "--quiet", "-b", "side")
    commit(folder, "Side evidence", {"evidence/r3/model": b"3"})
    commit(folder, "Side readme", {"readme": b"side\n"})
    git(folder, "checkout", "--quiet", "main")
    commit(folder, "Main code", {"code": b"1"})
    git(folder, "merge", "--quiet", "--no-ff", "-m", "Merge side", "side")
    git(folder, "checkout", "--quiet", "-b", "undone")
    commit(folder, "Change evidence", {"evidence/r3/model": b"other"})
    commit(folder, "Undo it", {"evidence/r3/model": b"3"})
    git(folder, "checkout", "--quiet", "main")
    git(folder, "merge", "--quiet", "--no-ff", "-m", "Merge undone", "undone")
    return team


def test_first_parents_are_the_main_line_newest_first(merged, git):
    subjects = [commit.subject for commit in merged.first_parents(merged.head())]
    assert subjects == ["Merge undone", "Merge side", "Main code", "Second", "First"]
    assert subjects == git(merged.folder, "log", "--first-parent", "--format=%s").splitlines()


@pytest.mark.parametrize(
    ("paths", "subjects"),
    [
        (["evidence"], ["Merge side", "Second", "First"]),
        (["evidence/"], ["Merge side", "Second", "First"]),
        (["evidence/r3/model"], ["Merge side"]),
        (["evidence/r3"], ["Merge side"]),
        (["readme"], ["Merge side", "First"]),
        (["readme", "code"], ["Merge side", "Main code", "First"]),
        (["nothing", "readme/below", "evidence/r3/model/below"], []),
        ([""], ["Merge side", "Main code", "Second", "First"]),
    ],
)
def test_a_path_filter_keeps_commits_that_differ_from_their_first_parent(merged, paths, subjects):
    assert [commit.subject for commit in merged.first_parents(merged.head(), paths=paths)] == subjects


def test_deletions_and_changes_of_kind_and_mode_are_changes(team, git, commit):
    folder = team.folder
    git(folder, "rm", "--quiet", "-r", "evidence/r1")
    commit(folder, "Delete", {})
    git(folder, "rm", "--quiet", "-r", "evidence")
    commit(folder, "To a file", {"evidence": b"file"})
    (folder / "evidence").chmod(0o755)
    commit(folder, "Mode", {})
    walk = {
        path: [c.subject for c in team.first_parents(team.head(), paths=[path])]
        for path in ("evidence", "evidence/r1")
    }
    assert walk["evidence"] == ["Mode", "To a file", "Delete", "Second", "First"]
    assert walk["evidence/r1"] == ["Delete", "First"]


def test_until_ends_the_walk_before_that_commit(merged):
    line = [commit.id for commit in merged.first_parents(merged.head())]
    assert [commit.id for commit in merged.first_parents(line[0], until=line[2])] == line[:2]
    assert list(merged.first_parents(line[0], until=line[0])) == []


def test_commits_between_takes_all_parents(merged, git):
    base = merged.resolve("main~2")
    subjects = {commit.subject for commit in merged.commits_between(base, merged.head())}
    assert subjects == {
        "Merge undone",
        "Merge side",
        "Side evidence",
        "Side readme",
        "Change evidence",
        "Undo it",
    }
    assert len(list(merged.commits_between(None, merged.head()))) == 9


def test_ancestors_and_the_first_parent_line_are_two_questions(merged):
    head, side, first = merged.head(), merged.resolve("side"), merged.resolve("main~4")
    assert merged.is_ancestor(side, head)
    assert not merged.on_first_parent_line(side, head)
    assert merged.is_ancestor(first, head)
    assert merged.on_first_parent_line(first, head)
    assert merged.on_first_parent_line(head, head)
    assert not merged.is_ancestor(head, side)
    assert merged.merge_base(side, head) == side


@pytest.mark.parametrize("first", ["places", "lengths"])
def test_places_on_the_line_are_counted_whether_it_was_walked_before_or_not(merged, first):
    """Also from a commit a little above a line that is known."""
    head = merged.head()
    line = [commit.id for commit in merged.first_parents(head)]
    newer = merged.write_commit(head, {"x": b"x"}, message="x", author=PEN, when=merged.commit(head).time)
    again = Repository.open(merged.folder)
    if first == "places":
        assert [again.first_parents_to(id_, head) for id_ in line] == list(range(len(line)))
    assert again.line_length(head) == len(line)
    assert again.line_length(newer) == len(line) + 1
    assert [again.first_parents_to(id_, newer) for id_ in line] == list(range(1, len(line) + 1))
    assert again.first_parents_to(newer, head) is None
    (side,) = [each for each in merged.commit(head).parents if each not in line]
    assert again.first_parents_to(side, head) is None


def test_unrelated_histories_share_nothing(team, record):
    other = record(team, None, {"x": b"1"})
    assert team.merge_base(other, team.head()) is None
    assert not team.is_ancestor(other, team.head())


def test_changes_name_what_git_diff_names(merged, git):
    folder = merged.folder
    (folder / "readme").chmod(0o755)
    (folder / "code").rename(folder / "moved")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "-m", "Move")
    changes = merged.changes(merged.resolve("HEAD~4"), merged.head())
    listed = git(folder, "diff-tree", "-r", "--no-renames", "--name-only", "HEAD~4", "HEAD").splitlines()
    assert [change.path for change in changes] == sorted(listed) == ["evidence/r3/model", "moved", "readme"]
    added, _, changed = changes
    assert added.old is None
    assert (added.new.size, added.new.kind, added.new.mode) == (1, "blob", "100644")
    assert (changed.old.mode, changed.new.mode) == ("100644", "100755")
    everything = merged.changes(None, merged.head())
    assert {change.path: change.new for change in everything} == merged.tree(merged.head())
    assert all(change.old is None for change in everything)
    back = merged.changes(merged.head(), merged.resolve("HEAD~1"))
    assert [(c.path, c.old is None, c.new is None) for c in back] == [
        ("code", True, False),
        ("moved", False, True),
        ("readme", False, False),
    ]


def test_a_file_that_becomes_a_folder_is_one_deletion_and_the_files_below(team, git, commit):
    git(team.folder, "rm", "--quiet", "readme")
    commit(team.folder, "Folder", {"readme/a": b"1", "readme/b": b"2"})
    changes = team.changes(team.resolve("HEAD~1"), team.head())
    assert [(c.path, c.old is None, c.new is None) for c in changes] == [
        ("readme", False, True),
        ("readme/a", True, False),
        ("readme/b", True, False),
    ]


def test_a_thousand_commits_and_files_take_well_under_a_second(tmp_path, git):
    """Measured at .3 s and .05 s; the bound leaves room for a loaded machine."""
    stream = ["blob\nmark :1\ndata 1\nx\n"]
    for n in range(1000):
        stream += [f"commit refs/heads/main\ncommitter A <a@b> {n} +0000\ndata 1\nm\n"]
        stream += [f"M 100644 :1 evidence/{n % 50}/{n}\n" if n % 4 else f"M 100644 :1 src/{n % 50}/{n}\n"]
    git(tmp_path, "init", "--quiet", "--bare", "-b", "main", "big.git")
    git(tmp_path / "big.git", "fast-import", "--quiet", data="".join(stream).encode())
    repository = Repository.open(tmp_path / "big.git")
    head = repository.head()
    start = time.perf_counter()
    assert len(list(repository.first_parents(head, paths=["evidence", "governance/policy.yaml"]))) == 750
    walked = time.perf_counter()
    assert len(repository.tree(head)) == 1000
    listed = time.perf_counter()
    repository.close()
    print(f"walk {walked - start:.3f} s, tree {listed - walked:.3f} s")
    assert walked - start < 3
    assert listed - walked < 1
