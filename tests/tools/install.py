"""`python -m tests.tools.install [light|system]`: installs what the tests use beside Python, once, and says what it cannot.

`light` is what `make test` needs; `system` all packages of the machine, for a step that runs as root.

Everything is made aside and renamed into its place, so that a killed run leaves nothing half made.
"""

import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.tools import find
from tests.tools.catalog import BUILT, SYSTEM, cache
from tests.tools.recipes import RECIPES, CannotInstallError


def say(line: str) -> None:
    print(line, flush=True)


def system(*, heavy: bool) -> list[str]:
    """Installs packages where we may; returns what is still missing."""
    wanted = {name: it for name, it in SYSTEM.items() if (heavy or not it.heavy) and find(name) is None}
    packages = [package for it in wanted.values() for package in it.packages]
    if wanted and os.geteuid() == 0 and shutil.which("apt-get"):
        say(f"{', '.join(wanted)}: installing with apt-get …")
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", *packages]):
            subprocess.run(["apt-get", *command], env=quiet, stdout=subprocess.DEVNULL, check=False)
    missing = [name for name in wanted if find(name) is None]
    if missing:
        hint = " ".join(package for name in missing for package in SYSTEM[name].packages)
        say(f"Not installed: {', '.join(missing)}. On Debian or Ubuntu: sudo apt-get install {hint}")
    return missing


def build(name: str, recipe: Callable[[Path], None]) -> None:
    """Makes one tool aside and renames it into its place."""
    tool = BUILT[name]
    target = cache() / tool.folder
    say(f"{name} {tool.version}: building, about {tool.minutes} on two cores …")
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix=".aside-", dir=cache()) as aside:
        made = Path(aside) / tool.folder
        made.mkdir()
        recipe(made)
        if not (made / tool.entry).exists():
            raise CannotInstallError(f"the build left no {tool.entry}")
        try:
            made.rename(target)
        except OSError:  # another run was faster; its result is the same
            if not (target / tool.entry).exists():
                raise
    say(f"{name} {tool.version}: done in {time.monotonic() - began:.0f} s")


def built() -> list[str]:
    """Builds what is not in the cache; returns what could not be built."""
    cache().mkdir(parents=True, exist_ok=True)
    missing = []
    for name, recipe in RECIPES.items():
        if find(name) is not None:
            continue
        try:
            build(name, recipe)
        except CannotInstallError as error:
            say(f"Not installed: {name} {BUILT[name].version}: {error}")
            missing.append(name)
    return missing


def main(arguments: list[str]) -> int:
    if platform.system() == "Windows":
        say("The tests that need more than Python do not run on Windows: nothing to install.")
        return 0
    part = arguments[0] if arguments else "all"
    missing = system(heavy=part != "light")
    if part == "all":
        missing += built()
    if not missing:
        if part == "all":
            say(f"All tools are there: {cache()}")
        return 0
    if os.environ.get("CI"):
        say(f"Tests that need {', '.join(missing)} would fail here, where CI is set.")
        return 1
    say(f"Tests that need {', '.join(missing)} are skipped.")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
