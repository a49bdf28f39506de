"""ART's learned membership attack as an independent cross-check of the privacy gate: the same rows, halved.

Its answers stand in no verdict; they can only contradict it.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mlassay.errors import EvidenceError, Problem
from mlassay.gates.privacy_members import Floats, Side, Sides
from mlassay.statistics import SEED, Estimate, auc_interval
from mlassay.tasks import BINARY, MULTICLASS

if TYPE_CHECKING:
    from mlassay.gates.privacy import Attack
    from mlassay.ports import Subject

ROWS = 2000  # of each side: 100 boosted trees on half of them take about a second


def cross_check(
    subject: Subject, drawn: Sides, attack: Attack, most: float | None, progress: Callable[[str], None]
) -> Estimate | None:
    """Ask ART's ``MembershipInferenceBlackBox`` (boosted trees) about half of the rows; its area, None where it cannot.

    Raises EvidenceError when it surely exceeds ``most`` on a model that the attack by loss found to keep it.
    """
    if subject.task not in (BINARY, MULTICLASS):
        progress("privacy: ART's attack takes labels only, and was not asked")
        return None
    count = min(len(drawn.members), ROWS)
    if count < 60:
        progress("privacy: too few rows for ART's attack, which was not asked")
        return None
    order = np.random.default_rng(SEED).permutation(len(drawn.members))[:count]
    learn, judge = order[: count // 2], order[count // 2 :]
    member, scores = membership(drawn, learn, judge)
    theirs = auc_interval(member, scores)
    both = np.concatenate([judge, judge + len(drawn.members)])
    ours = auc_interval(attack.member[both], attack.scores[both])
    progress(
        f"privacy: ART's MembershipInferenceBlackBox reaches an area of {theirs.point:.3f} "
        f"({theirs.lower:.3f} to {theirs.upper:.3f}) on {len(judge)} rows of each side, the attack by loss {ours.point:.3f}"
    )
    if most is not None and attack.area.upper <= most < theirs.lower:
        raise EvidenceError(
            Problem(
                "ART's membership attack exceeds a limit that the privacy gate found kept",
                why=f"it reaches an area of at least {theirs.lower:.3f}, where at most {most:g} is asked",
                remedy="this model gives its rows away in another way than by its loss: regularise it, and please report it",
            )
        )
    return theirs


def membership(drawn: Sides, learn: NDArray[np.int64], judge: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """ART's scores of the rows ``judge`` of both sides, learned on the rows ``learn``: (2m,) members and scores."""
    with _quiet():
        from art.attacks.inference.membership_inference import MembershipInferenceBlackBox
        from art.estimators.classification import BlackBoxClassifier

        width = max(2, drawn.members.answers.shape[1])
        model = BlackBoxClassifier(lambda x: x, (width,), width)
        found = MembershipInferenceBlackBox(model, attack_model_type="gb")
        found.attack_model.random_state = SEED % 2**31
        inside, outside = (_pair(side, learn) for side in (drawn.members, drawn.others))
        found.fit(x=None, y=inside[1], pred=inside[0], test_x=None, test_y=outside[1], test_pred=outside[0])
        asked = [_pair(side, judge) for side in (drawn.members, drawn.others)]
        said = [found.infer(None, labels, pred=chances, probabilities=True) for chances, labels in asked]
    member = np.repeat([1.0, 0.0], len(judge))
    return member, np.concatenate([np.asarray(part, dtype=np.float64)[:, -1] for part in said])


def _pair(side: Side, index: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Probabilities and labels (one-hot) as ART takes them."""
    answers = side.answers[index]
    if answers.shape[1] == 1:
        answers = np.column_stack([1 - answers[:, 0], answers[:, 0]])
    return answers, np.eye(answers.shape[1])[side.truth[index].astype(np.int64)]


@contextmanager
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logger = logging.getLogger("art")
        level = logger.level
        logger.setLevel(logging.CRITICAL)
        try:
            yield
        finally:
            logger.setLevel(level)
