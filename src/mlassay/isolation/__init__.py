"""Runs a hostile command in a clean folder, within limits, and tells what really held."""

from mlassay.isolation.bubblewrap import available, why_not
from mlassay.isolation.environment import clean_environment
from mlassay.isolation.folders import remove_tree
from mlassay.isolation.outcome import Ended, Kind, Limits, Outcome
from mlassay.isolation.runner import run

__all__ = [
    "Ended",
    "Kind",
    "Limits",
    "Outcome",
    "available",
    "clean_environment",
    "remove_tree",
    "run",
    "why_not",
]
