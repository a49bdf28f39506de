"""What of this machine's files an isolated command may see, and where."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mlassay.isolation.environment import prefixes

SYSTEM = (
    *("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"),
    *("/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/alternatives"),
    *("/nix/store", "/gnu/store"),  # where these exist, every program and library lies there
)
# Not the whole prefix: a virtual environment may have been made in the checkout itself.
PREFIX_PARTS = ("bin", "include", "lib", "lib64", "libexec", "share", "pyvenv.cfg")
# The package's own folder: an installed wheel carries the template, and with it the template's data.
PACKAGE = Path(__file__).parents[1]

# Where container images like to put a checkout.
SOURCES = (Path("/usr/src"), Path("/usr/local/src"))


@dataclass(frozen=True, slots=True)
class Places:
    """Where an isolated command finds its folders."""

    work: str
    home: str
    tmp: str = "/tmp"  # noqa: S108 - private: bound over inside the namespace


def shown() -> dict[Path, Path]:
    """``{path inside: path outside}`` of what is shown read-only: programs, libraries, this interpreter."""
    paths = {path: path for path in map(Path, SYSTEM) if path.exists() and not path.is_symlink()}
    for prefix in prefixes():
        for path in (prefix / part for part in PREFIX_PARTS):
            if path.exists():
                # Bound where it is named and where it really lies: links lead from the one to the other.
                # Below /usr a link is there already, and nothing can be bound over it.
                named = {path: path} if not path.is_relative_to("/usr") else {}
                paths |= named | {path.resolve(): path}
    return paths


def places(shown_paths: Iterable[Path]) -> Places:
    """Folders for the command, below a name that covers nothing of what is shown."""
    taken = {path.parts[1] for path in shown_paths}
    name = next(n for i in itertools.count() if (n := f"mlassay{i or ''}") not in taken)
    return Places(work=f"/{name}/work", home=f"/{name}/home")


def mounts(shown_paths: Mapping[Path, Path], hidden: Sequence[Path]) -> list[str]:
    """Options for bwrap that show ``shown_paths`` and mask what is hidden below them.

    Sorted by depth, so that a mask lies over what is shown around it and what is shown below a mask lies
    over the mask.
    """
    masks = _masks(shown_paths, hidden)
    options: list[str] = []
    for path in map(Path, SYSTEM):
        if path.is_symlink():
            options += ["--symlink", os.fspath(path.readlink()), os.fspath(path)]
    for path in sorted({*shown_paths, *masks}, key=lambda p: (len(p.parts), p)):
        if path in shown_paths:
            options += ["--ro-bind", os.fspath(shown_paths[path]), os.fspath(path)]
        options += masks.get(path, [])
    return options


def _masks(shown_paths: Mapping[Path, Path], hidden: Sequence[Path]) -> dict[Path, list[str]]:
    """``{path inside: options that mask it}``, wherever a hidden path would show."""
    masks: dict[Path, list[str]] = {}
    for real in {p.resolve() for p in hidden} | _always_hidden():
        for inside, outside in shown_paths.items():
            root = outside.resolve()
            if real.exists() and real.is_relative_to(root):
                path = inside / real.relative_to(root)
                where = os.fspath(path)
                masks[path] = (
                    ["--tmpfs", where, "--remount-ro", where]
                    if real.is_dir()
                    else ["--ro-bind", os.devnull, where]
                )
    return masks


def _always_hidden() -> set[Path]:
    found = {path.resolve() for path in (PACKAGE, *SOURCES)}
    home = Path(os.path.expanduser("~"))  # noqa: PTH111 - Path.home() fails for a user without one
    # A home folder that holds the system, or is an interpreter's prefix, cannot be masked without them.
    needed = home in prefixes() or any(Path(p).is_relative_to(home) for p in SYSTEM)
    return found | {home.resolve()} if home.is_absolute() and not needed else found
