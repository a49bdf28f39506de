"""The story of `told`, played once for everybody who only reads it, and its chronicle."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import lru_cache
from pathlib import Path

from mlassay.audit.chronicle import Chronicle, read_chronicle
from mlassay.wiring import verifiers
from tests.audit.told import Story, play


@lru_cache
def story() -> Story:
    """The story; nobody may change it."""
    folder = Path(tempfile.mkdtemp(prefix="mlassay-told-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return play(folder)


@lru_cache
def chronicle() -> Chronicle:
    """Its chronicle, judged."""
    return read_chronicle(story().team.repo, "HEAD", verifiers())


def ids() -> dict[str, str]:
    """Ids and commits by what they are."""
    return story().ids
