"""`audit verify` on long histories, against the bare cost of reading the same objects and checking the same signatures.

    python benchmarks/audit.py --sizes 100 1000 --keep /tmp/histories
    python benchmarks/audit.py --sizes --million --keep /tmp/histories    # 100 promotions in a million commits

Makes histories of so many promotions (really signed) among 20 to 200 times as many commits, then measures, each in a
process of its own and in one run: `mlassay.audit.verify.verify`; one ``git cat-file --batch`` of the objects that it
rests on; the signatures alone; ``git log --show-signature``; a GitPython walk along the line; and ``audit at`` a moment in the middle
(the whole command, from its start to its end; the median of several runs).
Seconds are of the processor (this process and git's together), so that a busy machine does not decide; wall in brackets.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
AIM = 3.0
MILLION = (100, 1_000_000)
RUNS = 7
COMMITS = {100: 20_000, 1_000: 20_000, 10_000: 200_000}
HEAD = "refs/heads/main"
# What the demands of an audit rest on: the line, what its merges brought in, every tree and blob of records, the sources.
RECORDS = ("governance", "environments", "evidence", "promotions", "changes", "data", "ml.yaml")


def main() -> None:
    """Print a Markdown table; ``--one`` is how the program calls itself for one measurement."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="*", default=[100, 1_000, 10_000], help="promotions")
    parser.add_argument("--commits", type=int, help="commits in all, instead of those that fit the size")
    parser.add_argument(
        "--million", action="store_true", help=f"also {MILLION[0]} promotions in {MILLION[1]:,} commits"
    )
    parser.add_argument("--keep", type=Path, help="folder for histories, made once and used again")
    parser.add_argument("--skip", nargs="*", default=[], help="measurements to leave out")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(measured(MEASURES[given.one[0]], Path(given.one[1]))))
        return
    with tempfile.TemporaryDirectory(prefix="mlassay-histories-") as scratch:
        folder = given.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        sizes = [(size, given.commits or COMMITS.get(size, 20 * size)) for size in given.sizes]
        sizes += [MILLION] if given.million else []
        rows = [row(size, commits, folder, given.skip) for size, commits in sizes]
    print(table(rows))


def row(size: int, commits: int, folder: Path, skip: list[str]) -> dict[str, Any]:
    """Everything that is measured of one history."""
    repo = history(folder, size, commits)
    found: dict[str, Any] = {"promotions": size, "commits": commits}
    for name in (name for name in MEASURES if name not in skip):
        print(f"{size} promotions: {name}", file=sys.stderr, flush=True)
        command = [sys.executable, str(Path(__file__).resolve()), "--one", name, str(repo)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{name}: {done.stderr[-2000:]}")
        found[name] = json.loads(done.stdout.splitlines()[-1])
    return found


def history(folder: Path, size: int, commits: int) -> Path:
    """A history of this size below ``folder``, made where there is none yet."""
    target = folder / f"{size}-{commits}.git"
    if not target.exists():
        print(f"making {size} promotions within {commits} commits", file=sys.stderr, flush=True)
        program = "import sys; from pathlib import Path; from tests.factory import histories; "
        program += "histories.make(Path(sys.argv[1]), promotions=int(sys.argv[2]), commits=int(sys.argv[3]))"
        making = target.with_suffix(".making.git")
        command = [sys.executable, "-c", program, str(making), str(size), str(commits)]
        subprocess.run(command, cwd=ROOT, check=True)
        making.rename(target)
    return target


def measured(measure: Callable[[Path], Any], repo: Path) -> dict[str, Any]:
    """Wall and processor seconds of one measurement, its peak memory in MB, and whatever it tells."""
    before, started = _used(), time.perf_counter()
    told = measure(repo)
    wall, after = time.perf_counter() - started, _used()
    if isinstance(told, dict) and "own_seconds" in told:  # only a part of the measurement is meant
        seconds = told["own_seconds"]
        return {"wall": told.get("own_wall", seconds), "seconds": seconds, "peak_mb": _peak(), "told": told}
    return {"wall": wall, "seconds": after - before, "peak_mb": _peak(), "told": told}


def _peak() -> int:
    """The most memory that this process ever held, in MB, and not what it had from the one that started it."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text().split("VmHWM:")[1].split()[0]) // 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def _used() -> float:
    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(use.ru_utime + use.ru_stime for use in both)


def verify(repo: Path, *, fsck: bool = False) -> dict[str, int]:
    """The audit of the whole line."""
    from mlassay.audit.verify import verify as audit
    from mlassay.git import Repository
    from mlassay.wiring import verifiers

    opened = Repository.open(repo)
    report = audit(opened, opened.resolve(HEAD), None, verifiers(), fsck=fsck)
    opened.close()  # git's own seconds count once its process has ended
    if report.problems:
        raise SystemExit(f"the history does not verify: {report.problems[0]}")
    return {"confirmed": len(report.confirmed)}


def with_fsck(repo: Path) -> dict[str, int]:
    """The same, and git's look at every object beside it."""
    return verify(repo, fsck=True)


def reading(repo: Path) -> dict[str, int]:
    """One ``cat-file --batch`` of the same objects, its output thrown away."""
    objects = _objects(repo)
    started = _used()
    with tempfile.TemporaryFile() as ids:
        ids.write("".join(f"{id_}\n" for id_ in objects).encode())
        ids.seek(0)
        command = ["git", "cat-file", "--batch", "--buffer"]
        subprocess.run(command, cwd=repo, stdin=ids, stdout=subprocess.DEVNULL, check=True)
    return {"objects": len(objects), "own_seconds": _used() - started}  # type: ignore[dict-item]


def _objects(repo: Path) -> list[str]:
    """Ids of every commit, of the root tree of each, and of every tree and blob of records on the line."""
    asked = ["git", "log", "--format=%H %T", HEAD]
    ids = dict.fromkeys(_output(asked, repo).split())
    asked = ["git", "rev-list", "--objects", "--no-object-names", HEAD, "--", *RECORDS]
    ids |= dict.fromkeys(_output(asked, repo).split())
    return list(ids)


def signatures(repo: Path) -> dict[str, Any]:
    """Every signature of evidence and records, checked by the same libraries, and nothing else."""
    from mlassay.evidence.dsse import Envelope, decode
    from mlassay.git import Repository
    from mlassay.signers.p256 import P256Verifier
    from mlassay.signers.ssh import SshVerifier

    opened = Repository.open(repo)
    head = opened.resolve(HEAD)
    from mlassay.config import load_people

    people = load_people("governance/people.yaml", opened.read(head, "governance/people.yaml") or b"")
    machine = next(iter(people.signers.values())).key.public
    dsse, ssh, seconds, count = P256Verifier(), SshVerifier(), 0.0, 0
    for folder in ("evidence", "promotions"):
        entries = opened.tree(head, folder)
        for path, entry in entries.items():
            if path.endswith((".dsse.json", "model.sig")):
                value = json.loads(opened.blob(entry.id))
                value = value.get("dsseEnvelope", value)
                (one,) = value["signatures"]
                envelope = Envelope(
                    decode(value["payload"], path), one.get("keyid", ""), decode(one["sig"], path)
                )
                started = time.process_time()
                dsse.verify(envelope.signed_bytes, envelope.signature, machine)
            elif path.endswith(".json") and f"{path}.sig" in entries:
                data, signature = opened.blob(entry.id), opened.blob(entries[f"{path}.sig"].id)
                person = json.loads(data).get("person") or json.loads(data).get("requester")
                started = time.process_time()
                ssh.verify(data, signature, people.people[person].keys[0].public)
            else:
                continue
            seconds += time.process_time() - started
            count += 1
    return {"signatures": count, "own_seconds": seconds}


def show_signature(repo: Path) -> None:
    """``git log --show-signature`` over all commits, which looks for a signature on each and finds none."""
    command = ["git", "log", "--show-signature", "--format=%H %G?", HEAD]
    subprocess.run(command, cwd=repo, stdout=subprocess.DEVNULL, check=True)


def gitpython(repo: Path) -> dict[str, int]:
    """A walk along the line with GitPython: each commit, its tree, and its parent's difference in the records' folders."""
    from git import Commit, Repo

    opened, count = Repo(repo), 0
    commit: Commit | None = opened.commit(HEAD)
    while commit is not None:
        names = {item.name: item.hexsha for item in commit.tree}
        parent = commit.parents[0] if commit.parents else None
        before = {item.name: item.hexsha for item in parent.tree} if parent else {}
        count += any(names.get(name) != before.get(name) for name in RECORDS)
        commit = parent
    opened.close()
    return {"touching": count}


def live_at(repo: Path) -> dict[str, float]:
    """``mlassay audit at`` a moment in the middle of the history, as a process of its own: the median of `RUNS` runs."""
    count = int(_output(["git", "rev-list", "--first-parent", "--count", HEAD], repo))
    asked = ["git", "rev-list", "--first-parent", f"--skip={count // 2}", "--max-count=1", HEAD]
    middle = _output(asked, repo).strip()
    command = [sys.executable, "-m", "mlassay", "audit", "at", middle, "--env", "production", "--at", "main"]
    walls, seconds = [], []
    for _ in range(RUNS):
        before, started = _used(), time.perf_counter()
        done = subprocess.run([*command, "-C", str(repo)], capture_output=True, text=True, check=False)
        walls.append(time.perf_counter() - started)
        seconds.append(_used() - before)
        if done.returncode:
            raise SystemExit(f"audit at: {done.stdout[:500]} {done.stderr[-500:]}")
    return {"own_seconds": median(seconds), "own_wall": median(walls)}


def _output(command: list[str], folder: Path) -> str:
    return subprocess.run(command, cwd=folder, capture_output=True, check=True, text=True).stdout


MEASURES: dict[str, Callable[[Path], Any]] = {
    "verify": verify,
    "verify and fsck": with_fsck,
    "reading": reading,
    "signatures": signatures,
    "git log --show-signature": show_signature,
    "GitPython walk": gitpython,
    "audit at": live_at,
}


def table(rows: list[dict[str, Any]]) -> str:
    """Markdown: one line for each history, and what the ratio was meant to be."""
    shown = [name for name in MEASURES if all(name in row for row in rows)]
    lines = [
        f"| promotions | commits | {' | '.join(shown)} | peak, MB | verify : (reading + signatures) |",
        f"|--:|--:|{'--:|' * len(shown)}--:|--:|",
    ]
    for row_ in rows:
        cells = [f"{row_[name]['seconds']:.2f} ({row_[name]['wall']:.2f})" for name in shown]
        bare = sum(row_[name]["seconds"] for name in ("reading", "signatures") if name in row_)
        ratio = f"{row_['verify']['seconds'] / bare:.2f}" if bare and "verify" in row_ else ""
        peak = row_["verify"]["peak_mb"] if "verify" in row_ else ""
        lines.append(
            f"| {row_['promotions']:,} | {row_['commits']:,} | {' | '.join(cells)} | {peak} | {ratio} |"
        )
    lines += [
        "",
        (
            f"Seconds of the processor (wall in brackets); the aim is {AIM:g} times reading and signatures. "
            f"Python {platform.python_version()}, {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}"
        ),
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
