"""Where the tests find the programs that `make tools` installs."""

import os
import shutil
from pathlib import Path

from tests.tools.catalog import BUILT, SYSTEM, cache


def find(name: str) -> Path | None:
    """The executable or folder of one tool; None where this machine lacks it.

    Raises: KeyError for a name that the catalog does not know.
    """
    if name in BUILT:
        path = cache() / BUILT[name].folder / BUILT[name].entry
        return path if path.exists() else None
    found = next((shutil.which(command) for command in SYSTEM[name].commands if shutil.which(command)), None)
    return Path(found) if found else None


def tool(name: str) -> Path:
    """The same for a test: it fails in CI, and skips elsewhere, when the tool is missing."""
    import pytest

    path = find(name)
    if path is None:
        missing = f"{name} is not installed: run `make tools`"
        pytest.fail(missing, pytrace=False) if os.environ.get("CI") else pytest.skip(missing)
    return path
