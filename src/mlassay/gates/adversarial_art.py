"""ART's HopSkipJump as an independent cross-check of the adversarial gate, on a few rows and within a time limit.

Its answers stand in no verdict (they depend on the time that was left); they can only contradict it.
"""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from mlassay.errors import EvidenceError, Problem
from mlassay.gates.adversarial_box import Probe
from mlassay.gates.adversarial_set import Floats, Found

ROWS = 12
SECONDS = 10.0
SEED = 20200227  # HopSkipJumpAttack (Chen, Jordan and Wainwright 2020)


class _TimeIsUp(Exception):  # noqa: N818 - no error: the attack asks for one more prediction than it is given
    """Raised from inside the attack's own calls of the model; its loops have no end of their own."""


def cross_check(probe: Probe, found: Found, progress: Callable[[str], None]) -> int:
    """Attack rows that were not broken, within their boxes; return how many ART broke.

    Raises EvidenceError when one of them was called robust: one of the two must be wrong.
    """
    candidates = np.flatnonzero(~found.broken)
    chosen = (
        candidates[np.unique(np.linspace(0, candidates.size - 1, ROWS).astype(int))]
        if candidates.size
        else candidates
    )
    deadline = time.monotonic() + SECONDS
    attacked, broken = 0, []
    for row in chosen.tolist():
        left = deadline - time.monotonic()
        if left <= 0:
            break
        attacked += 1
        if attack_row(probe, row, min(left, SECONDS / 4)):
            broken.append(row)
    contradicted = [row for row in broken if not found.undecided[row]]
    if contradicted:
        raise EvidenceError(
            Problem(
                f"ART's HopSkipJump flips a decision that the adversarial gate proved robust (row {contradicted[0] + 1})",
                why="two independent measurements disagree, so neither number can be signed",
                remedy="this is a bug of mlassay or a model that answers differently at each call: please report it",
            )
        )
    progress(f"adversarial: ART HopSkipJump attacked {attacked} unbroken rows and broke {len(broken)}")
    return len(broken)


def attack_row(probe: Probe, row: int, seconds: float) -> bool:
    """Whether HopSkipJump finds a flip of ``row`` inside its box within ``seconds``, confirmed by the model."""
    box, index = probe.box, np.array([row])
    low, high = np.nan_to_num(box.low[row]), np.nan_to_num(box.high[row])
    if not (high > low).any():
        return False
    deadline = time.monotonic() + seconds
    witnessed = False

    def predict(shares: Floats) -> Floats:
        """Probabilities of (stays, flips) at points of the unit cube, which is the box."""
        nonlocal witnessed
        if time.monotonic() > deadline:
            raise _TimeIsUp
        inside = np.clip(np.asarray(shares, dtype=np.float64).reshape(-1, low.size), 0, 1)
        flipped = probe.margins(index, box.fit(index, (low + inside * (high - low))[None]))[1][0]
        witnessed = witnessed or bool(flipped.any())
        return np.column_stack([~flipped, flipped]).astype(np.float32)

    width = np.where(high > low, high - low, 1.0)
    start = ((np.nan_to_num(box.base[row]) - low) / width).astype(np.float32)
    with _quiet_and_seeded() as hop_skip_jump:
        from art.estimators.classification import BlackBoxClassifier

        classifier = BlackBoxClassifier(predict, (low.size,), 2, clip_values=(0.0, 1.0))
        attack = hop_skip_jump.HopSkipJump(
            classifier, norm=np.inf, max_iter=5, max_eval=200, init_eval=20, init_size=50, verbose=False
        )
        try:
            attack.generate(start[None])
        except _TimeIsUp:
            return witnessed
    return witnessed


@contextmanager
def _quiet_and_seeded() -> Iterator[Any]:
    """ART's module with its private, unseeded generator made ours; nobody else sees it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from art.attacks.evasion import hop_skip_jump

        logger = logging.getLogger("art")
        level, original = logger.level, hop_skip_jump.np
        logger.setLevel(logging.CRITICAL)
        hop_skip_jump.np = _SeededNumpy()
        try:
            yield hop_skip_jump
        finally:
            hop_skip_jump.np = original
            logger.setLevel(level)


class _SeededRandom:
    """`numpy.random` as HopSkipJump uses it, with one seed."""

    def __init__(self) -> None:
        self._generator = np.random.RandomState(SEED)

    def RandomState(self) -> np.random.RandomState:  # noqa: N802 - NumPy's name
        return np.random.RandomState(SEED)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._generator, name)


class _SeededNumpy:
    """`numpy` with the seeded `random`, seen by one module only."""

    def __init__(self) -> None:
        self.random = _SeededRandom()

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)
