"""`run`: how commands end, what they are given, and the limits that hold them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest

from mlassay.errors import ConfigurationError
from mlassay.isolation import Kind, Limits, available, run, why_not

from .conftest import Runner, alive, processes_with

MIB = 1 << 20


def gone(marker: str) -> bool:
    """Whether all processes with ``marker`` end within two seconds."""
    deadline = time.monotonic() + 2
    while processes_with(marker):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


class TestEnds:
    def test_an_exit_code_is_the_commands_own(self, work: Path, kind: Kind) -> None:
        outcome = run(["sh", "-c", "echo out; echo err >&2; exit 7"], work=work, isolation=kind)
        assert (outcome.ended, outcome.exit_code, outcome.passed) == ("exited", 7, False)
        assert outcome.log == b"out\nerr\n"
        assert (outcome.isolation, outcome.network) == (kind, kind == "none")

    def test_exit_code_zero_passes(self, work: Path, kind: Kind) -> None:
        assert run(["true"], work=work, isolation=kind).passed

    def test_a_signal_is_no_exit_code(self, work: Path, kind: Kind) -> None:
        outcome = run(["sh", "-c", "kill -SEGV $$"], work=work, isolation=kind)
        assert (outcome.ended, outcome.exit_code, outcome.passed) == ("signal", None, False)

    @pytest.mark.parametrize("command", ["no-such-command", "./not-executable", "./folder"])
    def test_a_command_that_cannot_start_says_why(self, work: Path, kind: Kind, command: str) -> None:
        (work / "not-executable").write_text("x", encoding="utf-8")
        (work / "folder").mkdir()
        outcome = run([command], work=work, isolation=kind)
        assert (outcome.ended, outcome.exit_code) == ("not-started", None)
        assert command in outcome.log.decode()
        assert "No such file" in outcome.log.decode() or "Permission denied" in outcome.log.decode()

    def test_a_command_that_prints_like_bwrap_and_fails_was_started(self, work: Path, kind: Kind) -> None:
        outcome = run(["sh", "-c", "echo bwrap: execvp x: No such file; exit 1"], work=work, isolation=kind)
        assert (outcome.ended, outcome.exit_code) == ("exited", 1)

    def test_standard_input_is_empty(self, work: Path, kind: Kind) -> None:
        assert run(["cat"], work=work, isolation=kind, limits=Limits(wall_seconds=5)).passed

    def test_times_and_memory_are_those_of_the_whole_tree(self, python: Runner, kind: Kind) -> None:
        source = """
import subprocess, sys
child = "import time\\nx = bytearray(80 << 20)\\nend = time.process_time() + .3\\nwhile time.process_time() < end: pass"
for p in [subprocess.Popen([sys.executable, "-c", child]) for _ in range(2)]:
    p.wait()
"""
        outcome = python(source, isolation=kind)
        assert outcome.passed
        assert 0.6 <= outcome.cpu_seconds <= 3
        assert outcome.wall_seconds >= 0.3
        assert 160 * MIB <= outcome.peak_memory_bytes <= 400 * MIB


class TestGiven:
    def test_places_in_the_environment_become_paths_that_work(self, work: Path, kind: Kind) -> None:
        (work / "data").mkdir()
        (work / "data" / "x.csv").write_text("1 2\n", encoding="utf-8")
        outcome = run(
            [
                "sh",
                "-c",
                'awk "{print \\$2}" "$MLASSAY_DATA/x.csv" > "$MLASSAY_OUT/y" && cat "$HOME/none" 2>/dev/null; ls -A "$HOME" "$TMPDIR"/',
            ],
            work=work,
            environment={"MLASSAY_DATA": "{work}/data", "MLASSAY_OUT": "{work}"},
            isolation=kind,
        )
        assert outcome.exit_code == 0
        assert (work / "y").read_text(encoding="utf-8") == "2\n"

    def test_the_callers_environment_is_not_handed_on(
        self, work: Path, kind: Kind, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "sesame-1")
        monkeypatch.setenv("PYTHONPATH", "/sesame-2")
        outcome = run(["env"], work=work, isolation=kind, environment={"GIVEN": "yes"})
        assert b"GIVEN=yes" in outcome.log
        assert b"PYTHONHASHSEED=0" in outcome.log
        assert b"sesame" not in outcome.log

    def test_no_descriptor_but_the_three_is_inherited(self, work: Path, kind: Kind) -> None:
        descriptor = os.open(__file__, os.O_RDONLY)
        os.set_inheritable(descriptor, True)
        try:
            outcome = run(["sh", "-c", "echo /proc/self/fd/*"], work=work, isolation=kind)
        finally:
            os.close(descriptor)
        numbers = {Path(p).name for p in outcome.log.decode().split()}
        assert numbers <= {"0", "1", "2", "3"}  # 3: the shell's own look into the folder

    def test_the_libraries_of_training_can_be_imported_under_default_limits(
        self, python: Runner, kind: Kind
    ) -> None:
        outcome = python("import numpy, onnxruntime, skl2onnx, sklearn; print('done')", isolation=kind)
        assert outcome.passed, outcome.log.decode()
        assert outcome.log.endswith(b"done\n")

    def test_workers_and_locks_of_multiprocessing_work(self, python: Runner, kind: Kind) -> None:
        source = "import multiprocessing as m\nif __name__ == '__main__':\n with m.Pool(2) as p: print(p.map(abs, [-1]))"
        outcome = python(source, isolation=kind)
        assert outcome.log == b"[1]\n", outcome

    def test_lines_are_handed_on_while_they_come(self, work: Path, kind: Kind) -> None:
        seen: list[tuple[str, float]] = []
        begun = time.monotonic()
        run(
            ["sh", "-c", "echo one; sleep .4; printf '\\033[31mtwo'"],
            work=work,
            isolation=kind,
            on_line=lambda line: seen.append((line, time.monotonic() - begun)),
        )
        assert [line for line, _ in seen] == ["one", "two"]
        assert seen[1][1] - seen[0][1] > 0.2

    def test_nothing_private_is_left_behind(
        self, work: Path, kind: Kind, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        tmp = tmp_path / "tmp"
        tmp.mkdir()
        monkeypatch.setattr("tempfile.tempdir", str(tmp))
        outcome = run(
            ["sh", "-c", 'mkdir -p "$TMPDIR/a/b" && chmod 0 "$TMPDIR/a" && touch "$HOME/x"'],
            work=work,
            isolation=kind,
        )
        # Who is not root cannot measure a closed folder, and what cannot be measured is too much.
        assert outcome.ended == ("exited" if os.geteuid() == 0 else "disk")
        assert list(tmp.iterdir()) == []

    @pytest.mark.parametrize(
        "odd",
        [
            {"command": []},
            {"command": ["true", "a\0b"]},
            {"command": ["true"], "environment": {"A=B": "x"}},
            {"command": ["true"], "environment": {"A": "x\0"}},
            {"command": ["true"], "read_only": ["../x"]},
            {"command": ["true"], "read_only": ["/etc"]},
            {"command": ["true"], "read_only": ["link"]},
        ],
    )
    def test_odd_requests_are_refused_before_anything_runs(self, work: Path, odd: dict[str, object]) -> None:
        (work / "link").symlink_to("/etc")
        with pytest.raises(ConfigurationError):
            run(**{"work": work, **odd})  # type: ignore[arg-type]

    def test_bubblewrap_that_is_not_there_is_refused_with_the_remedy(
        self, work: Path, tmp_path: Path
    ) -> None:
        source = (
            "from pathlib import Path\nfrom mlassay import isolation\nfrom mlassay.errors import ConfigurationError\n"
            "print(isolation.available(), isolation.why_not())\n"
            "print(isolation.run(['/bin/true'], work=Path('.')).isolation)\n"
            "try:\n isolation.run(['/bin/true'], work=Path('.'), isolation='bubblewrap')\n"
            "except ConfigurationError as error:\n print(error.problems[0].remedy)\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", source],
            cwd=work,
            env={"PATH": str(tmp_path)},
            capture_output=True,
            text=True,
            check=True,
        )
        reason = "bubblewrap (bwrap) is not installed: install the package `bubblewrap`"
        assert done.stdout.splitlines() == [f"none {reason}", "none", reason]

    def test_bubblewrap_that_fails_is_tried_and_not_believed(self, work: Path, tmp_path: Path) -> None:
        fake = tmp_path / "bwrap"
        fake.write_text(
            "#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2; exit 1\n", encoding="utf-8"
        )
        fake.chmod(0o755)
        source = "from mlassay import isolation; print(isolation.available(), isolation.why_not())"
        done = subprocess.run(
            [sys.executable, "-c", source],
            env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.startswith("none bubblewrap does not work here (bwrap: No permissions")

    def test_there_is_a_reason_exactly_when_bubblewrap_is_missing(self) -> None:
        assert (available() == "none") == bool(why_not())


class TestLimits:
    def test_wall_time_ends_the_whole_tree(self, work: Path, kind: Kind) -> None:
        marker = f"marker-{uuid.uuid4().hex}"
        script = f"trap '' TERM INT HUP; sh -c 'sleep 60; : {marker}' & sleep 60"
        outcome = run(["sh", "-c", script], work=work, isolation=kind, limits=Limits(wall_seconds=0.5))
        assert (outcome.ended, outcome.exit_code) == ("wall", None)
        assert 0.5 <= outcome.wall_seconds < 3
        assert b"longer than 0.5 seconds" in outcome.log
        assert gone(marker)

    @pytest.mark.parametrize("ending", ["", "sleep 60"])
    def test_a_daemon_that_left_its_session_is_ended_too(
        self, python: Runner, kind: Kind, ending: str
    ) -> None:
        marker = f"marker-{uuid.uuid4().hex}"
        source = f"""
import os, subprocess, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.closerange(0, 64)
        os.execv("/bin/sh", ["sh", "-c", "trap '' TERM; sleep 60; : {marker}"])
    os._exit(0)
os.wait()
time.sleep(.3)
print("leaving", flush=True)
{"time.sleep(60)" if ending else ""}
"""
        outcome = python(source, isolation=kind, limits=Limits(wall_seconds=1))
        assert outcome.ended == ("wall" if ending else "exited")
        assert b"leaving" in outcome.log
        assert gone(marker)

    def test_a_daemon_that_keeps_the_output_open_does_not_keep_us(self, work: Path, kind: Kind) -> None:
        outcome = run(["sh", "-c", "setsid sleep 60 & echo hello"], work=work, isolation=kind)
        assert outcome.passed
        assert outcome.wall_seconds < 3

    def test_a_memory_hog_is_ended(self, python: Runner, kind: Kind) -> None:
        source = "import time\nx = []\nwhile True: x.append(bytearray(8 << 20)); time.sleep(.005)"
        outcome = python(source, isolation=kind, limits=Limits(memory_bytes=150 * MIB, wall_seconds=20))
        assert (outcome.ended, outcome.exit_code) == ("memory", None)
        assert 150 * MIB < outcome.peak_memory_bytes < 400 * MIB

    def test_memory_is_summed_over_processes_but_shared_pages_count_once(
        self, python: Runner, kind: Kind
    ) -> None:
        shares = "import os, time\nx = bytearray(60 << 20)\nfor _ in range(4):\n if os.fork() == 0: time.sleep(.5); os._exit(0)\ntime.sleep(.5)"
        limits = Limits(memory_bytes=150 * MIB, wall_seconds=20)
        assert python(shares, isolation=kind, limits=limits).passed
        owns = "import os, time\nfor _ in range(4):\n if os.fork() == 0: x = bytearray(60 << 20); time.sleep(5); os._exit(0)\ntime.sleep(5)"
        assert python(owns, isolation=kind, limits=limits).ended == "memory"

    def test_one_allocation_far_over_the_limit_is_refused_at_once(self, python: Runner, kind: Kind) -> None:
        outcome = python(
            "bytearray(8 << 30)", isolation=kind, limits=Limits(memory_bytes=100 * MIB, wall_seconds=20)
        )
        assert outcome.ended in {"exited", "memory"}
        assert not outcome.passed
        assert outcome.peak_memory_bytes < 2000 * MIB

    @pytest.mark.parametrize("where", ["{work}/big", "{tmp}/big", "{home}/big"])
    def test_a_writer_of_ten_gigabytes_is_stopped(
        self, python: Runner, work: Path, kind: Kind, where: str
    ) -> None:
        source = "import os\nwith open(os.environ['WHERE'], 'wb') as f:\n for _ in range(10240): f.write(bytes(1 << 20)); f.flush()"
        outcome = python(
            source,
            isolation=kind,
            environment={"WHERE": where},
            limits=Limits(disk_bytes=20 * MIB, wall_seconds=30),
        )
        assert (outcome.ended, outcome.exit_code) == ("disk", None)
        assert outcome.wall_seconds < 20
        assert sum(p.stat().st_size for p in work.iterdir()) < 30 * MIB

    @pytest.mark.parametrize(
        "source",
        [
            pytest.param("for i in range(10**6): open(f'f{i}', 'wb').write(bytes(1 << 20))", id="many files"),
            pytest.param("for i in range(10**6): open(f'e{i}', 'wb').close()", id="empty files"),
            pytest.param(
                "import time\nfor i in range(4): open(f'h{i}', 'wb').truncate(5 << 20)\ntime.sleep(9)",
                id="sparse files",
            ),
            pytest.param(
                "import os\nfor i in range(10**5): os.mkdir('d' * 99); os.chdir('d' * 99)",
                id="bottomless folder",
            ),
            pytest.param(
                "import os, time\nf = os.open('x', os.O_CREAT | os.O_WRONLY); os.unlink('x')\n"
                "for _ in range(9): os.write(f, bytes(2 << 20)); time.sleep(.1)\ntime.sleep(9)",
                id="unlinked file",
            ),
            pytest.param(
                "import os, time\nf = [os.memfd_create('m') for _ in range(9)]\n"
                "for i in f: os.write(i, bytes(2 << 20))\ntime.sleep(9)",
                id="memory files",
            ),
        ],
    )
    def test_ways_around_the_disk_limit_are_counted(self, python: Runner, kind: Kind, source: str) -> None:
        outcome = python(source, isolation=kind, limits=Limits(disk_bytes=8 * MIB, wall_seconds=30))
        assert outcome.ended == "disk", outcome
        assert outcome.wall_seconds < 8

    def test_what_was_granted_does_not_count_as_written(self, python: Runner, work: Path, kind: Kind) -> None:
        (work / "granted").write_bytes(bytes(16 * MIB))
        outcome = python(
            "open('y', 'wb').write(bytes(4 << 20))", isolation=kind, limits=Limits(disk_bytes=8 * MIB)
        )
        assert outcome.passed, outcome

    def test_a_fork_bomb_ends(self, python: Runner, kind: Kind) -> None:
        # Bounded: a child that has 400 others before it starts no more, whatever we do.
        source = """
import os, time
open("count", "wb").close()
def bomb():
    while os.path.getsize("count") < 400:
        with open("count", "ab") as f: f.write(b"x")
        os.fork()
    time.sleep(20)
bomb()
"""
        outcome = python(source, isolation=kind, limits=Limits(processes=30, wall_seconds=15))
        assert (outcome.ended, outcome.exit_code) == ("processes", None)
        assert outcome.wall_seconds < 14

    def test_thirty_megabytes_of_output_are_bounded_and_block_nobody(
        self, python: Runner, kind: Kind
    ) -> None:
        source = (
            "import sys\nprint('first')\nline = '\\x1b[31m::error::x\\x1b[0m\\x07' * 40 + '\\n'\n"
            "for _ in range((30 << 20) // len(line)): sys.stdout.write(line)\nprint('last')"
        )
        seen: list[str] = []
        outcome = python(source, isolation=kind, limits=Limits(log_bytes=100_000), on_line=seen.append)
        assert outcome.passed
        assert len(outcome.log) < 101_000
        assert outcome.log_dropped_bytes > 29 * MIB
        assert outcome.log.startswith(b"first\n")
        assert outcome.log.endswith(b"last\n")
        assert b"\x1b" not in outcome.log
        assert b"::" not in outcome.log
        assert sum(map(len, seen)) < 250_000

    def test_a_closed_output_is_not_the_end(self, work: Path, kind: Kind) -> None:
        outcome = run(["sh", "-c", "exec >&- 2>&-; sleep .3; echo x > done"], work=work, isolation=kind)
        assert outcome.passed
        assert (work / "done").exists()


class TestInterrupts:
    def test_an_interrupt_ends_the_tree_and_goes_on_up(self, work: Path, kind: Kind) -> None:
        marker = f"marker-{uuid.uuid4().hex}"

        def interrupt(_line: str) -> None:
            signal.raise_signal(signal.SIGINT)

        with pytest.raises(KeyboardInterrupt):
            run(
                ["sh", "-c", f"setsid sh -c 'sleep 60; : {marker}' & echo hello; sleep 60"],
                work=work,
                isolation=kind,
                on_line=interrupt,
            )
        assert gone(marker)

    def test_when_mlassay_is_killed_nothing_stays_behind(
        self, work: Path, tmp_path: Path, kind: Kind
    ) -> None:
        marker = f"marker-{uuid.uuid4().hex}"
        command = ["sh", "-c", f"setsid sh -c 'sleep 60; : {marker}' & echo hello; sleep 60; : {marker}"]
        source = (
            f"from pathlib import Path\nfrom mlassay.isolation import run\n"
            f"run({command!r}, work=Path('.'), isolation={kind!r}, on_line=lambda l: print(l, flush=True))"
        )
        with subprocess.Popen(
            [sys.executable, "-c", source],
            cwd=work,
            env=os.environ | {"TMPDIR": str(tmp_path)},  # nobody is left to remove the private folders
            stdout=subprocess.PIPE,
        ) as parent:
            assert parent.stdout is not None
            assert parent.stdout.readline() == b"hello\n"
            assert len(processes_with(marker)) >= 2  # the control: they do run
            parent.kill()
        assert not alive(parent.pid)
        assert gone(marker)

    def test_a_command_that_kills_its_launcher_is_no_pass(self, python: Runner) -> None:
        source = "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)"
        outcome = python(source, isolation="none", limits=Limits(wall_seconds=10))
        assert (outcome.ended, outcome.exit_code) == ("signal", None)
