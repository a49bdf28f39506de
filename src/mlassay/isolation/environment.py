"""The environment of a command: made from nothing, never inherited."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"
ONE_THREAD = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)


def activated() -> Path:
    """The environment whose programs commands find: the virtual environment that the caller activated, else our own.

    So a team's locked packages and mlassay's need not agree: each has an environment of its own.
    """
    named = Path(os.environ.get("VIRTUAL_ENV", ""))
    there = named.is_absolute() and ":" not in str(named) and (named / "pyvenv.cfg").is_file()
    return named if there else Path(sys.prefix)


def prefixes() -> set[Path]:
    """Where interpreters that commands may need are installed: ours and the activated one, with what they are made from."""
    executables = {sys.executable, getattr(sys, "_base_executable", sys.executable)}
    paths = {Path(e) for e in executables} | {activated() / "bin/python"}
    found = {p.parent.parent for p in paths | {p.resolve() for p in paths}}
    found |= {Path(p) for p in (sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix)}
    return {p for p in found if p.is_absolute() and p not in {Path("/"), Path("/usr")}}


def clean_environment() -> dict[str, str]:
    """What every command starts from: nothing of the caller's but where its interpreter lies.

    ``{home}`` and ``{tmp}`` stand for private folders that `run` makes; one thread each for the numeric
    libraries, because results that depend on the number of cores cannot be repeated elsewhere.
    """
    values = {
        "PATH": f"{activated() / 'bin'}:{SYSTEM_PATH}",
        "HOME": "{home}",
        "TMPDIR": "{tmp}",
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "USER": "mlassay",
        "LOGNAME": "mlassay",
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONNOUSERSITE": "1",
    }
    values |= dict.fromkeys(ONE_THREAD, "1")
    if libraries := _own_libraries():
        values["LD_LIBRARY_PATH"] = libraries
    return values


def filled(environment: Mapping[str, str], *, work: str, home: str, tmp: str) -> dict[str, str]:
    """``environment`` over the clean base, with ``{work}``, ``{home}`` and ``{tmp}`` as the command sees them."""
    places = {"{work}": work, "{home}": home, "{tmp}": tmp}
    values = clean_environment() | dict(environment)
    for name, value in values.items():
        for place, path in places.items():
            value = value.replace(place, path)  # noqa: PLW2901 - three passes over one value
        values[name] = value
    return values


def _own_libraries() -> str:
    """The caller's library folders that belong to such an interpreter: some builds do not start without them."""
    starts = tuple(f"{prefix}/" for prefix in prefixes())
    entries = os.environ.get("LD_LIBRARY_PATH", "").split(":")
    return ":".join(e for e in entries if e.startswith(starts) and ".." not in e)
