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


def clean_environment() -> dict[str, str]:
    """What every command starts from: nothing of the caller's but where this interpreter lies.

    ``{home}`` and ``{tmp}`` stand for private folders that `run` makes; one thread each for the numeric
    libraries, because results that depend on the number of cores cannot be repeated elsewhere.
    """
    values = {
        "PATH": f"{Path(sys.prefix) / 'bin'}:{SYSTEM_PATH}",
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
    """The caller's library folders that belong to this interpreter: some builds do not start without them."""
    prefixes = tuple(p.rstrip("/") + "/" for p in {sys.prefix, sys.base_prefix} if p not in {"/", "/usr"})
    entries = os.environ.get("LD_LIBRARY_PATH", "").split(":")
    return ":".join(e for e in entries if e.startswith(prefixes) and ".." not in e)
