"""What `launch.py` is made of: inputs, environments, artifacts. Standard library only."""

from __future__ import annotations


class Refused(Exception):  # noqa: N818  an answer for people, printed as one sentence
    """The action cannot be run as it was asked to be."""
