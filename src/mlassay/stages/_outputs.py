"""What a hostile command left behind: looked at without following anything, refused or copied, digested on the way."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlassay.errors import EvidenceError, MlassayError, Problem
from mlassay.files import find_file, path_fault, read_json
from mlassay.model.pickles import find_pickle

TOTAL_BYTES = 1 << 30
FILES = 1000
METRICS_BYTES = 64 << 10
METRICS = "metrics.json"
_CHUNK = 1 << 20
_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Output:
    """One file that a command left: its path below the output folder, size in bytes and digest."""

    path: str
    size: int
    digest: str

    def as_json(self) -> dict[str, str | int]:
        """As provenance holds it."""
        return {"path": self.path, "size": self.size, "digest": self.digest}


def take(source: Path, target: Path, *, total_bytes: int = TOTAL_BYTES) -> tuple[list[Output], list[Problem]]:
    """Copy every file below ``source`` to ``target`` and say what was taken and what is wrong with it.

    Only plain files without symbolic links on their way are copied. Pickles, odd names and more than
    ``total_bytes`` or ``FILES`` are problems; whoever calls this uses the copies only when there are none.
    """
    outputs: list[Output] = []
    problems: list[Problem] = []
    left, seen = total_bytes, set[str]()
    for number, (path, entry) in enumerate(_walk(source, ""), start=1):
        if number > FILES:
            problems.append(_too_much(f"more than {FILES} files and folders"))
            break
        if fault := _fault(path, entry, seen):
            problems.append(_refused(path, fault))
            continue
        if entry.is_dir(follow_symlinks=False):
            continue
        output = _copy(Path(entry.path), target / path, path, left)
        if isinstance(output, Problem):
            problems.append(output)
            break
        left -= output.size
        outputs.append(output)
        if found := find_pickle(target / path):
            problems.append(_pickle(path, found))
    return sorted(outputs, key=lambda output: output.path), problems[:_SHOWN]


def metrics(folder: Path) -> dict[str, Any]:
    """What training said of itself in ``metrics.json``, numbers as decimal strings; nobody believes it."""
    try:
        data = find_file(folder, METRICS, METRICS_BYTES)
        return {} if data is None else {"metrics": without_floats(read_json(METRICS, data).value)}
    except MlassayError as error:
        return {"unreadable": str(error.problems[0])}


def without_floats(value: Any) -> Any:
    """``value`` with every float as the shortest decimal text that means it, as canonical JSON wants it."""
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, dict):
        return {str(key): without_floats(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [without_floats(item) for item in value]
    return value


def _walk(top: Path, prefix: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
    with os.scandir(top) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    for entry in found:
        path = prefix + entry.name
        yield path, entry
        if entry.is_dir(follow_symlinks=False) and path_fault(path) is None:
            Path(entry.path).chmod(0o700)  # a command may have closed its folder
            yield from _walk(Path(entry.path), f"{path}/")


def _fault(path: str, entry: os.DirEntry[str], seen: set[str]) -> str | None:
    if fault := path_fault(path):
        return fault
    if path.casefold() in seen:
        return "another output has the same name but for upper and lower case"
    seen.add(path.casefold())
    mode = entry.stat(follow_symlinks=False).st_mode
    if stat.S_ISLNK(mode):
        return "it is a symbolic link"
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        return "it is no regular file (a pipe, a socket or a device)"
    return None


def _copy(source: Path, target: Path, path: str, left: int) -> Output | Problem:
    target.parent.mkdir(parents=True, exist_ok=True)
    source.chmod(0o600)
    hasher, size = hashlib.sha256(), 0
    handle = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as reader, target.open("xb") as writer:
        if not stat.S_ISREG(os.fstat(reader.fileno()).st_mode):
            return _refused(path, "it is no regular file")
        while piece := reader.read(_CHUNK):
            size += len(piece)
            if size > left:
                return _too_much("more bytes than the outputs may have together")
            hasher.update(piece)
            writer.write(piece)
    return Output(path, size, "sha256:" + hasher.hexdigest())


def _refused(path: str, fault: str) -> Problem:
    return Problem(
        f"the output {path[:120]!r} is refused: {fault}",
        why="an output is signed and read on other machines; it may be nothing but plain bytes under a plain name",
        remedy="write plain files into MLASSAY_OUT",
    )


def _pickle(path: str, found: str) -> Problem:
    return Problem(
        f"the output {path[:120]!r} is refused: {found}",
        why="a pickle is a program that runs on whatever machine loads it",
        remedy="export the model as ONNX, and tables as CSV, JSON or plain arrays",
    )


def _too_much(what: str) -> Problem:
    return Problem(
        f"the outputs are refused: {what}",
        why=f"everything that training leaves is kept; {TOTAL_BYTES >> 20} MiB and {FILES} files are the bounds",
        remedy="leave the model and small reports; keep checkpoints and copies of the data out of MLASSAY_OUT",
    )


def check_outputs(folder: Path, recorded: object) -> list[Output]:
    """The outputs of a run folder, each held against what provenance recorded; EvidenceError on any difference."""
    outputs = (
        [Output(str(o["path"]), int(o["size"]), str(o["digest"])) for o in recorded]
        if isinstance(recorded, list)
        else []
    )
    wanted = {output.path: output for output in outputs}
    there = folder.is_dir() and not folder.is_symlink()
    walked = _walk(folder, "") if there else ()
    found = {path: Path(entry.path) for path, entry in walked if not entry.is_dir(follow_symlinks=False)}
    for path in sorted(wanted.keys() | found.keys()):
        if path not in found:
            fault = "it is missing"
        elif path not in wanted:
            fault = "training did not leave it"
        elif found[path].is_symlink() or _content(found[path]) != (wanted[path].digest, wanted[path].size):
            fault = "its bytes are not those that training left"
        else:
            continue
        raise EvidenceError(
            Problem(
                fault,
                why="a verdict is only about the bytes that training left",
                remedy="mlassay train",
                path=f"train/outputs/{path}",
            )
        )
    return outputs


def _content(path: Path) -> tuple[str, int] | None:
    """Digest and size; None of what is no regular file."""
    from mlassay.digest import sha256_file

    return sha256_file(path) if path.is_file() else None
