"""Starts mlassay from the action's own checkout: nothing is built, and what runs is what the action's commit holds."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "src"))

from mlassay.cli import main

sys.argv[0] = "mlassay"
main()
