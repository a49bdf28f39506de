from __future__ import annotations

import shutil
from pathlib import Path

import pytest

TEMPLATE = Path(__file__).parents[2] / "template"
PATH = "data/applications.manifest.yaml"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A writable copy of the template's data."""
    (tmp_path / "data").mkdir()
    for name in ("hmda.csv", "applications.manifest.yaml", "applications.missing.md"):
        shutil.copyfile(TEMPLATE / "data" / name, tmp_path / "data" / name)
    return tmp_path
