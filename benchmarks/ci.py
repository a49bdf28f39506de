"""What a CI waits for, on the template: jobs from their start to the verdict, downloads, and API calls.

    python benchmarks/ci.py --caches cold warm

Each job is what its action runs, `actions/launch.py` with an empty RUNNER_TEMP, so that installing mlassay and the
team's packages is in it; starting the runner, checking out and passing artifacts are not. Training itself is taken
off. Beside them, in the same run, a job that does nothing but `pip install` the two libraries which the gates would
otherwise be scripts around: before and after, and the quicker counts. Cold: from the package index. Warm: the same
files from a folder, as a restored cache gives them (an index may forbid pip to keep what it sent, so pip's own cache
would measure the index).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ci_calls import AT_MOST, promotion
from pipeline import Bench, prepare

ROOT = Path(__file__).resolve().parents[1]
BARE = ("fairlearn", "adversarial-robustness-toolbox")
REUSE_SECONDS = 20.0
# What each job installs: the names of lock files, "team" for the template's.
LOCKS = {
    "light": ROOT / "requirements/light.lock",
    "gates": ROOT / "requirements/gates.lock",
    "team": ROOT / "template/requirements.lock",
}
JOBS = {
    "validate": ("light",),
    "train": ("light", "team"),
    "unit": ("light", "team"),
    "gates": ("gates",),
    "run": ("gates", "team"),
}
ACTIONS: dict[str, tuple[str, Mapping[str, str]]] = {
    "validate": ("validate", {}),
    "train": ("train", {}),
    "unit": ("test", {"gates": "unit", "part": "true"}),
    "gates": ("test", {"with-parts": "true", "requirements": "none"}),
    "run": ("run", {}),
}
IN_TURN = ("validate", "train", "unit", "gates")


@dataclass(frozen=True)
class Ran:
    """One job: wall seconds, those of them until its verb started, and those of the training command."""

    seconds: float
    ready: float
    training: float = 0.0

    @property
    def beyond(self) -> float:
        """Seconds that training does not account for."""
        return self.seconds - self.training


class Index:
    """Where pip gets its files, cold or warm; ``folder`` holds what was fetched, by job."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fetch(self) -> dict[str, int]:
        """Download what each lock and the bare job name; bytes of each."""
        sizes = {}
        for name, lock in LOCKS.items():
            sizes[name] = self._download(name, "--no-deps", "--require-hashes", "-r", str(lock))
        sizes["bare"] = self._download("bare", *BARE)
        return sizes

    def environment(self, cache: str, parts: Sequence[str]) -> dict[str, str]:
        """Variables that make pip cold or warm for a job that installs ``parts``."""
        if cache == "cold":
            return {"PIP_NO_CACHE_DIR": "1"}
        links = " ".join(str(self.folder / part) for part in parts)
        return {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": links, "PIP_NO_CACHE_DIR": "1"}

    def _download(self, name: str, *words: str) -> int:
        pip = [sys.executable, "-I", "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "-d", str(self.folder / name), *words], check=True)
        return sum(path.stat().st_size for path in (self.folder / name).iterdir())


def main() -> None:
    """Print the tables; ends with 1 when a promise is not kept."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--caches", nargs="+", choices=("cold", "warm"), default=("cold", "warm"))
    caches = parser.parse_args().caches
    with tempfile.TemporaryDirectory(prefix="mlassay-bench-") as name:
        folder = Path(name)
        bench = Bench(folder)
        keys = prepare(bench)
        release = _record(bench, keys)
        index = Index(folder / "index")
        sizes = index.fetch()
        print(f"Python {platform.python_version()}, {os.cpu_count()} CPUs.\n")
        print(_downloads(sizes), flush=True)
        plays = {cache: _play(bench, index, cache) for cache in caches}
        print(_jobs(plays), flush=True)
        reuse = _reuse(bench, index, caches[-1], release)
        print(f"A pull request that changes no input: {reuse:.1f} s of work, {caches[-1]} ", end="")
        print(f"(at most {REUSE_SECONDS:g} s).\n", flush=True)
        calls = promotion(bench, keys, release)
        print(f"API calls for a promotion that people sign for: {calls.total()} (at most {AT_MOST}).\n")
        print("\n".join(f"{number:3} {call}" for call, number in calls.items()))
    if reuse > REUSE_SECONDS or calls.total() > AT_MOST:
        sys.exit(1)


def _record(bench: Bench, keys: Path) -> str:
    """The id of a passed release on the main line."""
    bench.verb("test")
    bench.verb("sign", "--key", str(keys / "mlassay-ci.pem"))
    release = json.loads(bench.verb("record", "--json"))["release"]
    assert isinstance(release, str)
    return release


def _play(bench: Bench, index: Index, cache: str) -> dict[str, Ran]:
    """The jobs of a pull request one after another, the same in a single one, and the bare one before and after."""
    before = _bare(index, cache)
    jobs = {name: _job(bench, index, cache, name)[0] for name in JOBS}
    return {**jobs, "bare": min(before, _bare(index, cache), key=lambda job: job.seconds)}


def _reuse(bench: Bench, index: Index, cache: str, release: str) -> float:
    """Seconds of the only job of a pull request whose inputs a recorded release has already."""
    bench.git("switch", "--quiet", "--create", "words")
    (bench.team / "NOTES.md").write_text("Only words.\n", encoding="utf-8")
    bench.git("add", "NOTES.md")
    bench.git("commit", "--quiet", "--message", "Write a note")
    ran, outputs = _job(bench, index, cache, "validate")
    bench.git("switch", "--quiet", "main")
    if outputs.get("reuse") != release:
        sys.exit(f"validate was to find {release}, and said {outputs}")
    return ran.seconds


def _job(bench: Bench, index: Index, cache: str, name: str) -> tuple[Ran, dict[str, str]]:
    """Run a job as its action does, in the team's checkout; its times and outputs."""
    action, inputs = ACTIONS[name]
    with _new(bench.folder) as temporary:
        told = temporary / "outputs"
        environment = {
            **_clean(),
            **index.environment(cache, JOBS[name]),
            **{f"MLASSAY_INPUT_{key.upper().replace('-', '_')}": value for key, value in inputs.items()},
            "RUNNER_TEMP": str(temporary),
            "MLASSAY_OUTPUT": str(told),
        }
        command = [sys.executable, "-I", str(ROOT / "actions/launch.py"), action]
        seconds, out = _timed(command, bench.team, environment)
        ready = re.search(r"ready after ([0-9.]+) s", out)
        lines = told.read_text(encoding="utf-8").splitlines() if told.exists() else []
    training = _training(bench) if name in {"train", "run"} else 0.0
    return Ran(seconds, float(ready[1]) if ready else 0.0, training), dict(
        line.split("=", 1) for line in lines
    )


def _bare(index: Index, cache: str) -> Ran:
    """`pip install` of the two libraries into an environment that stands already, as a runner's Python does."""
    with _new(index.folder) as temporary:
        subprocess.run([sys.executable, "-I", "-m", "venv", str(temporary / "venv")], check=True)
        environment = {**_clean(), **index.environment(cache, ["bare"])}
        pip = [str(temporary / "venv/bin/python"), "-m", "pip", "install", "--quiet"]
        seconds, _ = _timed([*pip, "--disable-pip-version-check", *BARE], temporary, environment)
    return Ran(seconds, seconds)


def _training(bench: Bench) -> float:
    path = bench.team / ".mlassay/run/train/provenance.json"
    return float(json.loads(path.read_text(encoding="utf-8"))["resources"]["wall_seconds"])


def _downloads(sizes: Mapping[str, int]) -> str:
    lines = ["| job | downloads | MB | of the bare job's |", "|---|---|--:|--:|"]
    for name, parts in {**JOBS, "bare": ("bare",)}.items():
        size = sum(sizes[part] for part in parts)
        lines.append(f"| {name} | {' + '.join(parts)} | {size / 1e6:.1f} | {size / sizes['bare']:.2f} |")
    return "\n".join(lines) + "\n"


def _jobs(plays: Mapping[str, Mapping[str, Ran]]) -> str:
    """Markdown: seconds beyond training of each job, and how that is to the bare one."""
    lines = ["| job | cache | until its verb starts | training | beyond training | of the bare job |"]
    lines.append("|---|---|--:|--:|--:|--:|")
    for cache, jobs in plays.items():
        bare = jobs["bare"].seconds
        turn = [jobs[name] for name in IN_TURN]
        total = Ran(*(sum(getattr(job, key) for job in turn) for key in ("seconds", "ready", "training")))
        for name, job in {**jobs, "validate to gates, in turn": total}.items():
            lines.append(
                f"| {name} | {cache} | {job.ready:.1f} s | {job.training:.1f} s | {job.beyond:.1f} s "
                f"| {job.beyond / bare:.2f} |"
            )
    return "\n".join(lines) + "\n"


def _timed(command: Sequence[str], cwd: Path, environment: Mapping[str, str]) -> tuple[float, str]:
    """Wall seconds and what was printed; a command that fails ends the benchmark."""
    started = time.perf_counter()
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False, encoding="utf-8"
    )
    seconds = time.perf_counter() - started
    if done.returncode:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}\n{done.stdout}{done.stderr}")
    return seconds, done.stdout


def _clean() -> dict[str, str]:
    """The environment without what the caller's own git, CI or virtual environment put there."""
    mine = ("GIT_", "MLASSAY_", "GITHUB_", "JENKINS_", "RUNNER_", "VIRTUAL_ENV", "PYTHON", "CI")
    return {key: value for key, value in os.environ.items() if not key.startswith(mine)}


@contextmanager
def _new(parent: Path) -> Iterator[Path]:
    """A folder as a machine that was just started has it, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="job-", dir=parent) as name:
        yield Path(name)


if __name__ == "__main__":
    main()
