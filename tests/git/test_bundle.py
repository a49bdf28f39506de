"""Objects given away: bundles and packs that any git reads, the same bytes from every clone, blobs copied in pieces."""

from __future__ import annotations

import io
import subprocess
import zlib
from datetime import UTC, datetime

import pytest

from mlassay.errors import EvidenceError
from mlassay.git import Corrupt, Identity, Repository

WHEN = datetime(2026, 1, 1, tzinfo=UTC)
WHO = Identity("Dana", "dana@example.org")


def git(folder, *arguments, data=None):
    done = subprocess.run(["git", *arguments], cwd=folder, input=data, capture_output=True, check=True)
    return done.stdout.decode().strip()


@pytest.fixture
def repo(tmp_path):
    """Three commits on the line, the last a merge of a side commit."""
    repo = Repository.init(tmp_path / "repo")

    def commit(base, files, parents=None):
        data = {name: text.encode() for name, text in files.items()}
        return repo.write_commit(base, data, message="Change", author=WHO, when=WHEN, parents=parents)

    first = commit(None, {"a": "a\n", "odd\nname": "odd\n"})
    second = commit(first, {"b": "b\n" * 1000})
    side = commit(first, {"c": "side\n"})
    head = commit(second, {"c": "c\n"}, [second, side])
    git(repo.folder, "update-ref", "refs/heads/main", head)
    return repo


def blob(repo, path):
    return repo.entry(repo.head(), path).id


def test_a_bundle_is_cloned_by_stock_git_with_all_that_its_commit_reaches(repo, tmp_path):
    repo.write_bundle(repo.head(), "refs/heads/main", tmp_path / "out.bundle")
    git(tmp_path, "clone", "-q", "--branch", "main", "out.bundle", "clone")
    assert git(tmp_path / "clone", "rev-parse", "HEAD") == repo.head()
    assert git(tmp_path / "clone", "rev-list", "--count", "HEAD") == "4"
    assert not list(tmp_path.glob("out.bundle.*"))


def test_a_bundle_does_not_depend_on_how_a_clone_keeps_its_objects(repo, tmp_path):
    repo.write_bundle(repo.head(), "refs/heads/main", tmp_path / "one")
    git(repo.folder, "repack", "-adfq", "--depth=1")
    git(repo.folder, "config", "pack.compression", "0")
    repo.write_bundle(repo.head(), "refs/heads/main", tmp_path / "two")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_a_pack_holds_the_line_without_side_commits_and_what_is_left_out(repo, tmp_path):
    repo.write_pack(repo.head(), tmp_path / "out.pack", {blob(repo, "a")})
    other = Repository.init(tmp_path / "other", bare=True)
    git(other.folder, "index-pack", "--stdin", data=(tmp_path / "out.pack").read_bytes())
    assert other.blob(blob(repo, "b")) == b"b\n" * 1000
    for gone in (blob(repo, "a"), repo.commit(repo.head()).parents[1]):
        with pytest.raises(Corrupt):
            other.blob(gone) if gone == blob(repo, "a") else other.commit(gone)


def test_the_files_of_the_line_are_told_as_they_came_in(repo):
    found = [(path, id_) for _, path, _, id_ in repo.line_files(repo.head())]
    assert found == [(path, blob(repo, path)) for path in ("c", "b", "a", "odd\nname")]
    assert {mode for _, _, mode, _ in repo.line_files(repo.head())} == {"100644"}


def test_a_blob_is_copied_behind_what_is_there(repo):
    out = io.BytesIO()
    with pytest.raises(io.UnsupportedOperation):  # git writes into it by itself, so it must be a real file
        repo.copy_blob(blob(repo, "b"), out)


def test_a_blob_that_is_not_what_its_id_says_is_refused(repo, tmp_path):
    good = blob(repo, "a")
    with (tmp_path / "out").open("w+b") as out:
        out.write(b"before\n")
        repo.copy_blob(good, out)
        out.seek(0)
        assert out.read() == b"before\na\n"
    loose = repo.git_dir / "objects" / good[:2] / good[2:]
    loose.chmod(0o644)
    loose.write_bytes(zlib.compress(b"blob 2\0z\n"))
    with (tmp_path / "out").open("w+b") as out, pytest.raises(EvidenceError):
        repo.copy_blob(good, out, "a")


def test_a_missing_object_is_an_error_and_no_short_bundle(repo, tmp_path):
    gone = blob(repo, "b")
    (repo.git_dir / "objects" / gone[:2] / gone[2:]).unlink()
    with pytest.raises(EvidenceError, match="cannot be read"):
        repo.write_bundle(repo.head(), "refs/heads/main", tmp_path / "out.bundle")
