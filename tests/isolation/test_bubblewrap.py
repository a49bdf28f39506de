"""A hostile trainer in bubblewrap finds nothing, and without bubblewrap finds it all (the control)."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import mlassay
from mlassay.isolation import Kind, run

from .conftest import Runner, need_bubblewrap

SPY = r"""
import os, sys, time, zlib
marker = "".join(sys.argv[1:3]).encode()  # in two parts, so that this command line is no find of its own
found = set()

def look(path):
    try:
        with open(path, "rb") as file:
            data = file.read(1 << 20)
        if marker in data:
            found.add(path)
        if marker in zlib.decompress(data):  # a loose git object
            found.add(path)
    except (OSError, zlib.error):
        pass

def walk(root):
    for folder, folders, files in os.walk(root):
        if folder in ("/proc", "/sys", "/usr/lib", "/usr/share", "/usr/include"):
            folders.clear()
            continue
        for path in (os.path.join(folder, file) for file in files):
            try:
                recent = os.stat(path).st_ctime > time.time() - 600  # the secrets are new
            except OSError:
                continue
            if recent and os.path.isfile(path):
                look(path)

processes = [p for p in os.listdir("/proc") if p.isdigit()]
for pid in processes:
    for name in ("environ", "cmdline", "mountinfo"):
        look(f"/proc/{pid}/{name}")
for root in sys.argv[3:]:
    walk(root)
print(sorted(found))
print("processes", len(processes))
"""


@pytest.fixture
def secret() -> tuple[str, str]:
    """A marker in two halves."""
    return f"withheld-{uuid.uuid4().hex}", uuid.uuid4().hex


@pytest.fixture
def surroundings(
    tmp_path: Path, secret: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[list[Path]]:
    """A checkout with withheld data in its tree and in git, a home folder and a neighbour process with secrets."""
    marker = "".join(secret)
    checkout, home = tmp_path / "checkout", tmp_path / "home"
    (checkout / "data").mkdir(parents=True)
    (home / ".ssh").mkdir(parents=True)
    (checkout / "data" / "test.csv").write_text(marker, encoding="utf-8")
    (home / ".ssh" / "id").write_text(marker, encoding="utf-8")
    monkeypatch.setenv("HOME", str(home))
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@example.org", "-C", str(checkout)]
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "x"]):
        subprocess.run([*git, *command], check=True)
    (checkout / "data" / "test.csv").unlink()  # git still has it
    monkeypatch.setenv("CI_TOKEN", marker)
    with subprocess.Popen(["sleep", "60"], env=os.environ | {"CI_TOKEN": marker}) as neighbour:
        yield [checkout, home]
        neighbour.kill()


class TestHostileTrainer:
    def test_it_finds_all_without_isolation(
        self, python: Runner, surroundings: list[Path], secret: tuple[str, str]
    ) -> None:
        outcome = python(SPY, *secret, *map(str, surroundings), isolation="none")
        found = outcome.log.decode()
        for place in (".git/objects", ".ssh/id", "/environ"):
            assert place in found

    @pytest.mark.usefixtures("bubblewrap")
    def test_it_finds_nothing_in_bubblewrap(
        self, python: Runner, surroundings: list[Path], secret: tuple[str, str]
    ) -> None:
        arguments = [*secret, *map(str, surroundings), "/"]
        outcome = python(SPY, *arguments, isolation="bubblewrap")
        assert outcome.passed, outcome.log.decode()
        found, processes = outcome.log.decode().splitlines()
        assert found == "[]"
        assert int(processes.split()[1]) <= 3

    def test_the_spy_sees_what_was_granted(
        self, python: Runner, work: Path, secret: tuple[str, str], kind: Kind
    ) -> None:
        (work / "granted").write_text("".join(secret), encoding="utf-8")
        outcome = python(SPY, *secret, ".", isolation=kind)
        assert "granted" in outcome.log.decode()

    def test_the_network_is_reached_only_without_isolation(self, python: Runner, kind: Kind) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            source = f"import socket; socket.create_connection(('127.0.0.1', {port}), 2)"
            outcome = python(source, isolation=kind)
        assert outcome.passed == outcome.network == (kind == "none")

    def test_sockets_without_a_file_are_reached_only_without_isolation(
        self, python: Runner, kind: Kind
    ) -> None:
        name = f"\0mlassay-{uuid.uuid4().hex}"
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(name)
            server.listen()
            source = f"import socket; socket.socket(socket.AF_UNIX).connect({name!r})"
            outcome = python(source, isolation=kind)
        assert outcome.passed == (kind == "none")

    @pytest.mark.usefixtures("bubblewrap")
    def test_it_can_write_in_its_own_folders_only(self, work: Path) -> None:
        script = (
            'for d in / /usr /etc /dev /mlassay /proc/sys/kernel /root "$(dirname "$(command -v python)")"; do '
            '(: > "$d/x-mlassay-test") 2>/dev/null && echo "$d"; done; '
            'for d in . /tmp "$HOME" /dev/shm; do : > "$d/x" || echo "not $d"; done'
        )
        outcome = run(["sh", "-c", script], work=work, isolation="bubblewrap")
        assert outcome.passed
        assert outcome.log == b""

    @pytest.mark.usefixtures("bubblewrap")
    def test_it_cannot_change_the_kernel_even_where_it_runs_as_root(self, work: Path) -> None:
        # Opened for writing and closed again: where this test fails, it has changed nothing.
        script = "for f in /proc/sys/kernel/core_pattern /proc/sys/vm/overcommit_memory; do (: >> $f) 2>/dev/null && echo $f; done; true"
        assert run(["sh", "-c", script], work=work, isolation="bubblewrap").log == b""

    @pytest.mark.usefixtures("bubblewrap")
    def test_it_has_no_capabilities_and_gains_none(self, work: Path) -> None:
        outcome = run(["grep", "-E", "CapPrm|CapEff|NoNewPrivs", "/proc/self/status"], work=work)
        assert [line.split()[1].strip("0") for line in outcome.log.decode().splitlines()] == ["", "", "1"]

    @pytest.mark.usefixtures("bubblewrap")
    def test_a_loader_variable_does_not_act_outside(self, work: Path, tmp_path: Path) -> None:
        environment = {
            "LD_PRELOAD": str(tmp_path / "evil.so"),
            "LD_DEBUG": "files",
            "LD_DEBUG_OUTPUT": str(tmp_path / "out"),
        }
        assert run(["true"], work=work, environment=environment, isolation="bubblewrap").passed
        assert list(tmp_path.glob("out*")) == []


@pytest.mark.usefixtures("bubblewrap")
class TestView:
    def test_work_is_at_a_path_that_tells_nothing(self, work: Path) -> None:
        assert run(["pwd"], work=work, isolation="bubblewrap").log == b"/mlassay/work\n"

    def test_what_is_read_only_cannot_be_changed_not_even_through_a_hard_link(
        self, work: Path, tmp_path: Path
    ) -> None:
        (work / "data").mkdir()
        original = tmp_path / "original"
        original.write_text("as it was", encoding="utf-8")
        (work / "data" / "x").hardlink_to(original)
        script = "echo changed > data/x; rm data/x; touch data/y; mv data other; cat data/x; : > fine"
        outcome = run(["sh", "-c", script], work=work, read_only=["data"], isolation="bubblewrap")
        assert b"as it was" in outcome.log
        assert original.read_text(encoding="utf-8") == "as it was"
        assert sorted(p.name for p in work.iterdir()) == ["data", "fine"]
        free = run(["sh", "-c", "echo changed > data/x"], work=work, isolation="bubblewrap")
        assert free.passed
        assert original.read_text(encoding="utf-8") == "changed\n"  # the control

    def test_hidden_folders_and_files_of_a_shown_prefix_are_masked(self, work: Path) -> None:
        package = Path(np.__file__).parent
        script = f"ls -A '{package}'; cat '{package.parent}/six.py' | head -1"
        command = ["sh", "-c", script]
        control = run(command, work=work, isolation="bubblewrap")
        assert b"__init__.py" in control.log
        masked = run(command, work=work, isolation="bubblewrap", hidden=[package, package.parent / "six.py"])
        assert b"__init__.py" not in masked.log
        assert b"Copyright" not in masked.log

    def test_a_work_folder_below_what_is_hidden_or_shown_still_works(self, tmp_path: Path) -> None:
        for folder in (tmp_path, Path(sys.prefix) / "share"):
            folder.mkdir(exist_ok=True)
            below = folder / f"work-{uuid.uuid4().hex}"
            below.mkdir()
            try:
                outcome = run(["sh", "-c", "echo x > y"], work=below, isolation="bubblewrap", hidden=[folder])
                assert outcome.passed, outcome.log
                assert (below / "y").exists()
            finally:
                shutil.rmtree(below)

    def test_an_installed_package_hides_its_template_data(self, tmp_path: Path) -> None:
        environment = tmp_path / "venv"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
        site = next(environment.glob("lib/python*/site-packages"))
        shutil.copytree(Path(mlassay.__file__).parent, site / "mlassay")
        (site / "mlassay" / "_template").mkdir()
        (site / "mlassay" / "_template" / "x.csv").write_text("template-rows-of-this-test", encoding="utf-8")
        (site / "neighbour.txt").write_text("neighbour-rows-of-this-test", encoding="utf-8")
        (tmp_path / "work").mkdir()
        source = (
            "import sys; from pathlib import Path; from mlassay.isolation import run\n"
            "print(run(['grep', '-rhs', '-e', '-rows-of-this-test', sys.prefix], work=Path('work'), isolation=sys.argv[1]).log.decode())"
        )
        seen = {}
        for kind in ("bubblewrap", "none"):
            command = [environment / "bin" / "python", "-c", source, kind]
            seen[kind] = subprocess.run(
                command, cwd=tmp_path, capture_output=True, text=True, check=True
            ).stdout
        assert set(seen["bubblewrap"].split()) == {"neighbour-rows-of-this-test"}
        assert "template-rows-of-this-test" in seen["none"]

    def test_a_virtual_environment_made_in_the_checkout_does_not_show_the_checkout(
        self, tmp_path: Path
    ) -> None:
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path], check=True)
        (tmp_path / "work").mkdir()
        (tmp_path / ".git").mkdir()
        source = (
            "import sys; from pathlib import Path; from mlassay.isolation import run\n"
            "print(run(['ls', '-A', sys.prefix], work=Path('work'), isolation='bubblewrap').log.decode())"
        )
        done = subprocess.run(
            [tmp_path / "bin" / "python", "-c", source],
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(mlassay.__file__).parents[1])},
            capture_output=True,
            text=True,
            check=True,
        )
        assert "pyvenv.cfg" in done.stdout
        assert ".git" not in done.stdout
        assert "work" not in done.stdout


def _system_python() -> str:
    path = shutil.which("python3", path="/usr/bin:/usr/local/bin")
    if (
        not path
        or subprocess.run(
            [path, "-c", "import sys; sys.exit(sys.version_info < (3, 11))"], check=False
        ).returncode
    ):
        pytest.skip("no Python 3.11 that every user may run")
    return path


@pytest.mark.skipif(
    os.getuid() != 0, reason="only root can become another user; the other tests run as one already"
)
@pytest.mark.parametrize("kind", ["bubblewrap", "none"])
def test_an_ordinary_user_can_isolate_and_bound_commands(tmp_path: Path, kind: Kind) -> None:
    if kind == "bubblewrap":
        need_bubblewrap()
    python = _system_python()
    own = Path("/tmp") / f"mlassay-user-{uuid.uuid4().hex}"  # pytest's own folders are closed to other users
    shutil.copytree(Path(mlassay.__file__).parent, own / "lib" / "mlassay")
    (own / "work").mkdir(mode=0o777)
    for path in (own, own / "work"):
        path.chmod(0o777)
    source = (
        "import sys; from pathlib import Path; from mlassay.isolation import run, Limits\n"
        f"go = lambda c, **k: run(['sh', '-c', c], work=Path('work'), isolation={kind!r}, limits=Limits(**k)).ended\n"
        "print(go('id -u > id'), go('sleep 9 & setsid sleep 9', wall_seconds=.3),\n"
        "      go('cat /dev/zero > big', disk_bytes=1 << 22),\n"
        "      go('mkdir shut; echo > shut/x; chmod 0 shut', disk_bytes=1 << 24))"
    )
    try:
        done = subprocess.run(
            [python, "-c", source],
            cwd=own,
            user="nobody",
            group="nogroup",
            extra_groups=[],
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(own / "lib"), "HOME": "/nonexistent"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stdout.split() == ["exited", "wall", "disk", "disk"], done.stderr
    finally:
        shutil.rmtree(own)
