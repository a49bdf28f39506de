"""Commits made from objects: exactly the asked tree, nothing else touched, and stock git agrees with every byte."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlassay.errors import ConfigurationError
from mlassay.git import Identity, Repository
from mlassay.git._parse import parse_tree
from mlassay.git._values import object_id
from mlassay.git._write import raw_tree

WHO = Identity("Dev Eloper", "dev@example.org")
WHEN = datetime(2026, 11, 20, 12, tzinfo=UTC)


def test_a_commit_holds_the_base_with_the_changes_and_touches_nothing_else(team, git):
    folder, head = team.folder, team.head()
    index, refs = (team.git_dir / "index").read_bytes(), team.refs()
    changes = {
        "evidence/r3/a": b"3",
        "evidence/r1/model": None,
        "new/deep/er": b"x" * 100_000,
        "readme": b"hi\n",
    }
    made = team.write_commit(head, changes, message="Record\n\nRelease: x", author=WHO, when=WHEN)
    assert git(folder, "diff-tree", "-r", "--no-renames", "--name-status", head, made).split("\n") == [
        "D\tevidence/r1/model",
        "A\tevidence/r3/a",
        "A\tnew/deep/er",
        "M\treadme",
    ]
    assert team.read(made, "new/deep/er") == b"x" * 100_000
    assert list(team.tree(made, "evidence")) == [
        "evidence/r2/model",
        "evidence/r3/a",
    ]  # no empty folder is left
    assert git(folder, "log", "-1", "--format=%P|%an|%ae|%cn|%cI|%B", made) == (
        f"{head}|Dev Eloper|dev@example.org|Dev Eloper|2026-11-20T12:00:00+00:00|Record\n\nRelease: x\n"
    ).rstrip("\n")
    assert (team.head(), team.refs(), (team.git_dir / "index").read_bytes()) == (head, refs, index)
    assert team.uncommitted() == []
    assert (folder / "readme").read_bytes() == b"hello\n"
    assert git(folder, "fsck", "--strict", "--full", "--no-dangling") == ""


def test_the_same_arguments_give_the_same_id_whatever_the_time_zone(team):
    head = team.head()
    ids = {
        team.write_commit(head, {"x": b"1"}, message="m\n", author=WHO, when=when)
        for when in (WHEN, WHEN.astimezone(timezone(timedelta(hours=5, minutes=30))))
    }
    assert len(ids) == 1
    with pytest.raises(ValueError, match="time zone"):
        team.write_commit(head, {"x": b"1"}, message="m", author=WHO, when=datetime(2026, 1, 1))


def test_a_first_commit_a_merge_and_an_empty_tree(team, git):
    head = team.head()
    first = team.write_commit(None, {"a": b"1"}, message="First", author=WHO, when=WHEN)
    assert team.commit(first).parents == ()
    merge = team.write_commit(first, {}, message="Merge", author=WHO, when=WHEN, parents=[head, first])
    assert (team.commit(merge).parents, team.commit(merge).tree) == ((head, first), team.commit(first).tree)
    empty = team.write_commit(first, {"a": None, "never/there": None}, message="Empty", author=WHO, when=WHEN)
    assert team.tree(empty) == {}
    assert git(team.folder, "ls-tree", "-r", empty) == ""


def test_an_executable_stays_one_and_a_link_becomes_a_file(team, git):
    (team.folder / "run").write_bytes(b"1")
    (team.folder / "run").chmod(0o755)
    (team.folder / "link").symlink_to("readme")
    git(team.folder, "add", "run", "link")
    git(team.folder, "commit", "--quiet", "-m", "x")
    made = team.write_commit(team.head(), {"run": b"2", "link": b"3"}, message="m", author=WHO, when=WHEN)
    modes = {path: entry.mode for path, entry in team.tree(made).items()}
    assert (modes["run"], modes["link"], modes["readme"]) == ("100755", "100644", "100644")


@pytest.mark.parametrize("path", ["", "a/", "../a", "a/../b", "/a", ".git/hooks/x", "a//b", "a\0b"])
def test_paths_outside_the_tree_are_refused(team, path):
    with pytest.raises(ConfigurationError):
        team.write_commit(team.head(), {path: b"x"}, message="m", author=WHO, when=WHEN)


@pytest.mark.parametrize("path", ["readme/below", "evidence", "evidence/r1"])
def test_a_file_never_silently_replaces_a_folder_nor_a_folder_a_file(team, path):
    with pytest.raises(ConfigurationError, match="cannot become"):
        team.write_commit(team.head(), {path: b"x"}, message="m", author=WHO, when=WHEN)


@pytest.mark.parametrize(
    ("message", "author"),
    [
        ("", WHO),
        ("a\0b", WHO),
        ("m", Identity("a\nparent x", "b")),
        ("m", Identity("a <b>", "c")),
        ("m", Identity(" ", "c")),
    ],
)
def test_what_git_could_not_write_is_refused(team, message, author):
    with pytest.raises(ConfigurationError):
        team.write_commit(team.head(), {"x": b"1"}, message=message, author=author, when=WHEN)


def test_a_parent_that_is_not_there_is_refused(team):
    with pytest.raises(ConfigurationError, match="could not write the commit"):
        team.write_commit(team.head(), {"x": b"1"}, message="m", author=WHO, when=WHEN, parents=["1" * 40])


def test_a_repository_that_cannot_be_written_is_one_clear_error(team, git, tmp_path):
    # Root may write anywhere, so a file stands where the folder of new objects must be.
    made = team.write_commit(team.head(), {"x": b"1"}, message="m", author=WHO, when=WHEN)
    git(team.folder, "repack", "-adq")
    blocked = team.git_dir / "objects" / made[:2]
    for rest in blocked.iterdir():
        rest.unlink()
    blocked.rmdir()
    blocked.write_bytes(b"")
    with pytest.raises(ConfigurationError, match="could not write the commit") as caught:
        team.write_commit(team.head(), {"x": b"1"}, message="m", author=WHO, when=WHEN)
    assert "may write" in caught.value.problems[0].remedy


names = st.text(
    st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=6
).filter(lambda name: name not in {".", ".."} and name.lower() != ".git")


@given(
    st.dictionaries(
        names,
        st.tuples(
            st.sampled_from(["100644", "100755", "120000", "040000"]), st.binary(min_size=20, max_size=20)
        ),
    )
)
def test_trees_survive_the_round_trip(entries):
    nodes = {name: (mode, id_.hex()) for name, (mode, id_) in entries.items()}
    assert parse_tree(raw_tree(nodes), "") == nodes


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    files=st.dictionaries(
        st.lists(names, min_size=1, max_size=3).map("/".join), st.binary(max_size=40), max_size=8
    )
)
def test_any_set_of_files_is_written_as_stock_git_would(team, git, files):
    folders = {"/".join(path.split("/")[:n]) for path in files for n in range(1, path.count("/") + 1)}
    files = {path: data for path, data in files.items() if path not in folders}
    made = team.write_commit(None, files, message="m", author=WHO, when=WHEN)
    lines = b"".join(
        f"100644 blob {object_id('blob', data)}\t".encode() + path.encode() + b"\0"
        for path, data in files.items()
    )
    (team.git_dir / "index").unlink(missing_ok=True)
    git(team.folder, "update-index", "--add", "-z", "--index-info", data=lines)
    assert team.commit(made).tree == git(team.folder, "write-tree")
    assert {path: team.read(made, path) for path in team.tree(made)} == files
    assert Repository.open(team.folder).resolve(made) == made
