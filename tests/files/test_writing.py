from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mlassay.errors import ConfigurationError
from mlassay.files import lock, staged_folder, write_atomic


def test_a_file_is_replaced_whole_and_keeps_to_the_umask(tmp_path: Path) -> None:
    path = tmp_path / "a b ü"
    before = os.umask(0o077)
    try:
        write_atomic(path, b"one")
        write_atomic(path, b"two")
    finally:
        os.umask(before)
    assert path.read_bytes() == b"two"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["a b ü"]


def test_a_disk_that_takes_no_more_is_one_clear_error_and_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a"
    write_atomic(path, b"old")
    code = (
        "import resource, signal, sys\n"
        "from pathlib import Path\n"
        "from mlassay.files import write_atomic\n"
        "from mlassay.errors import ConfigurationError\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try:\n    write_atomic(Path(sys.argv[1]), b'x' * 5000)\n"
        "except ConfigurationError as error:\n    print(error.problems[0].what)\n"
    )
    said = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
    assert "cannot be written" in said.stdout
    assert path.read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_folder_that_is_not_there_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be written"):
        write_atomic(tmp_path / "no" / "a", b"x")


def test_leftovers_of_the_dead_go_and_those_of_the_living_stay(tmp_path: Path) -> None:
    dead, living = tmp_path / "a.partial-dead", tmp_path / "a.partial-live"
    dead.write_bytes(b"half")
    living.write_bytes(b"half")
    import fcntl

    with living.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        write_atomic(tmp_path / "a", b"x")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["a", "a.partial-live"]


def test_a_staged_folder_takes_the_place_of_the_old_one_whole(tmp_path: Path) -> None:
    final = tmp_path / "run"
    with staged_folder(final) as folder:
        (folder / "old").write_text("1")
    with staged_folder(final) as folder:
        (folder / "sub").mkdir()
        (folder / "sub" / "new").write_text("2")
        assert (final / "old").exists()
    assert [entry.name for entry in final.iterdir()] == ["sub"]
    assert list(tmp_path.iterdir()) == [final]


def test_a_staged_folder_whose_block_raises_changes_nothing(tmp_path: Path) -> None:
    final = tmp_path / "run"
    with staged_folder(final) as folder:
        (folder / "old").write_text("1")
    with pytest.raises(FileNotFoundError), staged_folder(final) as folder:
        (folder / "no" / "new").write_text("2")
    assert [entry.name for entry in final.iterdir()] == ["old"]
    assert list(tmp_path.iterdir()) == [final]


def test_a_killed_writer_leaves_the_old_folder_and_the_next_one_cleans_up(tmp_path: Path) -> None:
    final = tmp_path / "run"
    with staged_folder(final) as folder:
        (folder / "old").write_text("1")
    code = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom mlassay.files import staged_folder\n"
        "with staged_folder(Path(sys.argv[1])) as folder:\n"
        "    (folder / 'new').write_text('2')\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    died = subprocess.run([sys.executable, "-c", code, final], check=False)
    assert died.returncode == -signal.SIGKILL
    assert [entry.name for entry in final.iterdir()] == ["old"]
    assert len(list(tmp_path.iterdir())) == 2
    with staged_folder(final) as folder:
        (folder / "next").write_text("3")
    assert list(tmp_path.iterdir()) == [final]
    assert [entry.name for entry in final.iterdir()] == ["next"]


def test_an_old_folder_that_was_moved_away_by_a_killed_swap_comes_back(tmp_path: Path) -> None:
    (tmp_path / "run.old-1234").mkdir()
    (tmp_path / "run.old-1234" / "old").write_text("1")
    with pytest.raises(ZeroDivisionError), staged_folder(tmp_path / "run"):
        _ = 1 / 0
    assert (tmp_path / "run" / "old").read_text() == "1"


def test_a_lock_says_who_holds_it_and_goes_with_its_holder(tmp_path: Path) -> None:
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom mlassay.files import lock\n"
        "with lock(Path(sys.argv[1])):\n    print('held', flush=True)\n    time.sleep(60)\n"
    )
    path = tmp_path / "lock"
    with subprocess.Popen([sys.executable, "-c", code, path], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(ConfigurationError, match=f"process {holder.pid} on "), lock(path):
            pass
        holder.kill()
        holder.wait()
    with lock(path):
        assert f"process {os.getpid()}" in path.read_text()


def test_many_writers_at_once_leave_one_whole_file_and_nothing_else(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom mlassay.files import write_atomic\n"
        "for _ in range(25):\n"
        "    write_atomic(Path(sys.argv[1]), sys.argv[2].encode() * 5000)\n"
    )
    command = [sys.executable, "-c", code, tmp_path / "file"]
    writers = [subprocess.Popen([*command, letter]) for letter in "abc"]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    data = (tmp_path / "file").read_bytes()
    assert data in {letter * 5000 for letter in (b"a", b"b", b"c")}
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_many_stagers_at_once_leave_one_whole_folder_and_nothing_else(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom mlassay.files import staged_folder\n"
        "for _ in range(15):\n"
        "    with staged_folder(Path(sys.argv[1])) as folder:\n"
        "        for name in ('one', 'two'):\n"
        "            (folder / name).write_text(sys.argv[2])\n"
    )
    command = [sys.executable, "-c", code, tmp_path / "run"]
    stagers = [subprocess.Popen([*command, letter]) for letter in "abc"]
    assert [stager.wait() for stager in stagers] == [0, 0, 0]
    assert list(tmp_path.iterdir()) == [tmp_path / "run"]
    one, two = ((tmp_path / "run" / name).read_text() for name in ("one", "two"))
    assert one == two


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_file_is_never_replaced_by_one(tmp_path: Path, make: Callable[[Path], None]) -> None:
    path = tmp_path / "there"
    make(path)
    before = path.lstat()
    with pytest.raises(ConfigurationError, match="this is a"):
        write_atomic(path, b"new")
    assert path.lstat().st_mode == before.st_mode
    assert [entry.name for entry in tmp_path.iterdir()] == ["there"]
