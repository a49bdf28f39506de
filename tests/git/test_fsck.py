"""The full check finds what is damaged or unsafe, names object and path, and cannot be talked out of it."""

from __future__ import annotations

import pytest

from mlassay.git import Repository


def test_a_sound_repository_has_no_problems(team, remote, git, opened):
    git(team.folder, "tag", "-a", "v1", "-m", "x")
    git(team.folder, "notes", "add", "-m", "x")
    assert team.fsck() == []
    assert opened(remote).fsck() == []


def test_a_repository_before_its_first_commit_and_a_shallow_one_are_sound(team, tmp_path):
    assert Repository.init(tmp_path / "new").fsck() == []
    assert Repository.clone(team.folder, tmp_path / "shallow", depth=1).fsck() == []


@pytest.mark.parametrize("path", ["evidence/r1/model", "evidence/r1"])
@pytest.mark.parametrize("how", ["missing", "flipped"])
def test_damage_in_a_loose_object_names_object_and_path(team, path, how):
    id_ = team.entry(team.head(), path).id
    file = team.git_dir / "objects" / id_[:2] / id_[2:]
    file.chmod(0o644)
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 16
    if how == "missing":
        file.unlink()
    else:
        file.write_bytes(bytes(data))
    problems = Repository.open(team.folder).fsck()
    assert [problem for problem in problems if id_ in problem.what and problem.path == path]


def test_damage_in_a_pack_names_object_and_path(team, git):
    id_ = team.entry(team.head(), "evidence/r1/model").id
    git(team.folder, "repack", "-adq")
    pack = next((team.git_dir / "objects" / "pack").glob("*.pack"))
    listed = git(team.folder, "verify-pack", "-v", str(pack)).splitlines()
    offset = next(int(line.split()[4]) for line in listed if line.startswith(id_))
    pack.chmod(0o644)
    data = bytearray(pack.read_bytes())
    data[offset + 500] ^= 1
    pack.write_bytes(bytes(data))
    problems = Repository.open(team.folder).fsck()
    assert [problem for problem in problems if id_ in problem.what and problem.path == "evidence/r1/model"]


def test_unsafe_trees_are_found_even_when_the_configuration_looks_away(team, git):
    blob = bytes.fromhex(team.entry(team.head(), "readme").id)
    data = b"".join(b"100644 a\0" + blob for _ in range(2))
    tree = git(team.folder, "hash-object", "-w", "--literally", "-t", "tree", "--stdin", data=data)
    made = git(team.folder, "commit-tree", tree, "-m", "x")
    git(team.folder, "update-ref", "refs/heads/bad", made)
    (team.git_dir / "skip").write_text(tree + "\n")
    git(team.folder, "config", "fsck.skipList", str(team.git_dir / "skip"))
    git(team.folder, "config", "fsck.duplicateEntries", "ignore")
    assert git(team.folder, "fsck", "--strict", "--full") == ""  # the control: stock git looks away
    (problem,) = [problem for problem in team.fsck() if tree in problem.what]
    assert "duplicateEntries" in problem.what


def test_two_damages_at_once_are_both_named(team):
    ids = {path: team.entry(team.head(), path).id for path in ("evidence/r1", "readme")}
    for id_ in ids.values():
        file = team.git_dir / "objects" / id_[:2] / id_[2:]
        file.chmod(0o644)
        file.write_bytes(file.read_bytes()[:-6])
    problems = Repository.open(team.folder).fsck()
    for path, id_ in ids.items():
        assert [problem for problem in problems if id_ in problem.what and problem.path == path]
