"""All stories, from the modules that tell them."""

import importlib

from tests.threats.play import STORIES

for _name in ("line", "requests", "evidence", "clone", "anchor", "beyond"):
    importlib.import_module(f"tests.threats.attacks_{_name}")

__all__ = ["STORIES"]
