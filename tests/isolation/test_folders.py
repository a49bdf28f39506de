from __future__ import annotations

import os
from pathlib import Path

from mlassay.isolation.folders import ENTRY_BYTES, UNMEASURABLE, remove_tree, used


def deep(top: Path, levels: int) -> None:
    """Folders below folders, deeper than any path can name."""
    here = os.open(top, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir("d" * 50, dir_fd=here)
        below = os.open("d" * 50, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)


def test_a_file_counts_by_its_size_and_by_its_entry(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(bytes(8192))
    assert used([tmp_path]) == ENTRY_BYTES + 8192


def test_a_hole_counts_as_if_it_were_filled(tmp_path: Path) -> None:
    with (tmp_path / "x").open("wb") as file:
        file.truncate(1 << 30)
    assert used([tmp_path]) == ENTRY_BYTES + (1 << 30)


def test_a_hard_link_counts_once_and_a_symbolic_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(bytes(1 << 20))
    (tmp_path / "y").hardlink_to(tmp_path / "x")
    (tmp_path / "z").symlink_to("/usr")
    assert 1 << 20 < used([tmp_path]) < (1 << 20) + 8 * ENTRY_BYTES


def test_a_folder_that_is_gone_counts_nothing(tmp_path: Path) -> None:
    assert used([tmp_path / "none"]) == 0


def test_a_tree_that_no_path_reaches_is_not_taken_for_small(tmp_path: Path) -> None:
    top = tmp_path / "top"
    top.mkdir()
    deep(top, 120)
    assert used([top]) == UNMEASURABLE
    remove_tree(top)


def test_any_tree_can_be_removed_and_nothing_beside_it(tmp_path: Path) -> None:
    top, beside = tmp_path / "top", tmp_path / "beside"
    for folder in (top / "shut" / "below", top / ".removing-0", beside):
        folder.mkdir(parents=True)
    (beside / "x").touch()
    (top / "link").symlink_to(beside)
    (top / "shut" / "below" / "x").touch()
    (top / "shut").chmod(0)
    deep(top, 3000)
    remove_tree(top)
    assert not top.exists()
    assert (beside / "x").exists()
    remove_tree(top)  # once more without harm


def test_a_link_in_the_place_of_the_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    remove_tree(tmp_path / "link")
    assert (tmp_path / "real").exists()
