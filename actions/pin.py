# ruff: noqa: INP001 - a script, called by path
"""Pins our own actions and workflows by commit: ``make pin``; ``--check`` says whether a release may be made of HEAD.

A commit cannot name itself, so this goes in two steps with a commit after each. First the reusable workflows pin a
commit whose actions and package are HEAD's; then the template pins a commit whose reusable workflows are HEAD's.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PIN = re.compile(r"(?P<uses>uses: mlassay/mlassay/\S+)@(?P<commit>[0-9a-f]{40}) # v(?P<version>\S+)")
WORKFLOWS = ".github/workflows"
STEPS = (
    # what holds the pins, and what must be the same at HEAD as at the commit that they name
    (WORKFLOWS, ("actions", "src", "requirements")),
    (f"template/{WORKFLOWS}", (f"{WORKFLOWS}/ml-*.yml",)),
)


def pins(folder: str) -> set[tuple[str, str]]:
    """Each commit and version that the YAML files of ``folder`` pin."""
    return {
        (pin["commit"], pin["version"]) for path in _files(folder) for pin in PIN.finditer(path.read_text())
    }


def stale(folder: str, pinned: tuple[str, ...]) -> bool:
    """Whether the pins of ``folder`` lead to other files than HEAD's, or to no commit of its history."""
    named = pins(folder)
    if len(named) != 1 or {version for _, version in named} != {_version()}:
        return bool(named)
    commit = next(iter(named))[0]
    return bool(
        _git("merge-base", "--is-ancestor", commit, "HEAD")
        or _git("diff", "--quiet", commit, "HEAD", "--", *pinned)
    )


def main(words: list[str]) -> int:
    """0 when every pin is as it must be (or was made so), 1 with ``--check`` when one is not."""
    for folder, pinned in STEPS:
        if not stale(folder, pinned):
            continue
        if words == ["--check"]:
            print(
                f"the pins in {folder} do not lead to what this commit holds: make pin, commit, and once more"
            )
            return 1
        head = subprocess.run(
            ["git", "-C", ROOT, "rev-parse", "HEAD"], capture_output=True, text=True, check=True
        )
        for path in _files(folder):
            made = PIN.sub(rf"\g<uses>@{head.stdout.strip()} # v{_version()}", path.read_text())
            path.write_text(made)
        print(f"pinned {folder} to {head.stdout.strip()}: commit it, then run make pin again")
        return 0
    print("every pin leads to what this commit holds")
    return 0


def _files(folder: str) -> list[Path]:
    return sorted((ROOT / folder).glob("*.yml"))


def _git(*words: str) -> int:
    return subprocess.run(["git", "-C", ROOT, *words], capture_output=True, check=False).returncode


def _version() -> str:
    found = re.search(r'__version__ = "([^"]+)"', (ROOT / "src/mlassay/__init__.py").read_text())
    return found[1] if found else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
