"""How the model decides at points inside the changes that are allowed to each row."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from mlassay.gates.adversarial_set import Allowed, Floats, Index, Mask
from mlassay.model import Model, Rows
from mlassay.tasks import MULTICLASS

CHUNK = 1 << 18  # points built at once, to bound memory


@dataclass(eq=False)
class Probe:
    """Asks the model about points inside a box; counts how often."""

    model: Model
    rows: Rows
    box: Allowed
    threshold: float
    scores: Floats
    evaluations: int = field(default=0, init=False)

    @classmethod
    def of_model(cls, model: Model, rows: Rows, box: Allowed, threshold: float | None) -> Probe:
        """A probe of ``rows``; among several classes the lead of the favourable ones decides, at 0 (`decisive`)."""
        level = 0.0 if model.task == MULTICLASS or threshold is None else threshold
        return cls(model, rows, box, level, decisive(model, rows))

    @property
    def decided(self) -> Mask:
        """The decision about each row as it is: True for class 1, for a favourable class, for the threshold and above."""
        return np.asarray(self.scores >= self.threshold)

    def only(self, index: Index) -> Probe:
        """The same for these rows only, counting anew."""
        rows = {name: values[index] for name, values in self.rows.items()}
        return Probe(self.model, rows, self.box.rows(index), self.threshold, self.scores[index])

    def margins(self, index: Index, points: Floats) -> tuple[Floats, Mask]:
        """``(margin, flipped)`` of shape (m, k) at ``points`` (m, k, d) of rows ``index``.

        The margin is the score's distance from the threshold, positive on the row's own side.
        """
        count, width, _ = points.shape
        margins, flipped = np.empty((count, width)), np.empty((count, width), dtype=bool)
        step = max(1, CHUNK // max(width, 1))
        for start in range(0, count, step):
            part = slice(start, start + step)
            scores = self._score(np.repeat(index[part], width), points[part].reshape(-1, points.shape[2]))
            scores = scores.reshape(-1, width)
            own = self.decided[index[part]][:, None]
            margins[part] = np.where(own, scores - self.threshold, self.threshold - scores)
            flipped[part] = (scores >= self.threshold) != own
        self.evaluations += count * width
        return margins, flipped

    def at(self, index: Index, points: Floats) -> Rows:
        """The rows ``index`` (m,) as the model takes them, at ``points`` (m, d)."""
        rows = {name: values[index] for name, values in self.rows.items()}
        for j, name in enumerate(self.box.columns):
            rows[name] = self.box.inputs(j, points[:, j], rows[name])
        return rows

    def _score(self, index: Index, points: Floats) -> Floats:
        return decisive(self.model, self.at(index, points))


def decisive(model: Model, rows: Rows) -> Floats:
    """The number that decides, (n,): the model's score, or how far favourable classes lead before the others.

    A tie goes to the class that is declared first, as `numpy.argmax` has it: a lead of zero that is lost is just under.
    """
    if model.task != MULTICLASS:
        return model.score(rows)
    answers = model.answers(rows)
    model.scores_of(answers)  # Unusable where one is not finite
    favoured = np.isin(np.arange(answers.shape[1]), model.favourable)
    lead = answers[:, favoured].max(axis=1) - answers[:, ~favoured].max(axis=1)
    won = favoured[answers.argmax(axis=1)]
    return np.asarray(np.where((lead == 0) & ~won, -np.finfo(np.float64).tiny, lead))
