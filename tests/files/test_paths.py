from __future__ import annotations

import os
from pathlib import Path

import pytest

from mlassay.errors import ConfigurationError
from mlassay.files import find_file, inside, path_fault, read_file

BAD = [
    "", "/etc/passwd", "../x", "a/../../x", "a//b", "./a", "a\\b", "a\0b", "C:x", "~/x", ".git/config",
    "sub/.GIT/config", ".git./config", "git~1/config", "a/ b", "a /b", "a.", "x\u202ey", "\u200b.git/x", "a" * 2000,
]  # fmt: skip


@pytest.mark.parametrize("relative", BAD)
def test_a_path_that_could_mean_another_file_is_refused(relative: str, tmp_path: Path) -> None:
    assert path_fault(relative)
    with pytest.raises(ConfigurationError):
        inside(tmp_path, relative)
    with pytest.raises(ConfigurationError):
        find_file(tmp_path, relative)


@pytest.mark.parametrize("relative", ["a", "a/b.c", "données/ü x.csv", ".gitignore", "..a", "git/x"])
def test_an_ordinary_path_is_taken(relative: str, tmp_path: Path) -> None:
    assert path_fault(relative) is None
    path = inside(tmp_path, relative)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    assert read_file(tmp_path, relative, 10) == b"x"


def test_the_error_names_where_the_path_was_written(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        inside(tmp_path, "../x", path="ml.yaml", line=7)
    assert caught.value.problems[0].where == "ml.yaml:7"


@pytest.mark.parametrize("relative", ["link", "folder/x", "folder"])
def test_no_symbolic_link_is_followed(relative: str, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "x").write_text("secret")
    root = tmp_path / "root"
    root.mkdir()
    (root / "link").symlink_to(outside / "x")
    (root / "folder").symlink_to(outside)
    with pytest.raises(ConfigurationError, match="symbolic link"):
        inside(root, relative)
    with pytest.raises(ConfigurationError, match="symbolic link"):
        read_file(root, relative, 100)


def test_a_large_file_a_folder_and_a_pipe_are_refused_without_waiting(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b"x" * 11)
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for name, words in (("large", "11 bytes"), ("folder", "no regular file"), ("pipe", "no regular file")):
        with pytest.raises(ConfigurationError, match=words):
            read_file(tmp_path, name, 10)


def test_a_missing_file_is_none_or_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    assert find_file(tmp_path, "no/such", 10) is None
    assert find_file(tmp_path, "file/below", 10) is None
    with pytest.raises(ConfigurationError, match="not there"):
        read_file(tmp_path, "no", 10)
