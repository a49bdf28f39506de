"""How the model decides at points inside the changes that are allowed to each row."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from mlassay.gates.adversarial_set import Allowed, Floats, Index, Mask
from mlassay.model import Model, Rows

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

    @property
    def decided(self) -> Mask:
        """The class of each row as it is: True for class 1."""
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

    def _score(self, index: Index, points: Floats) -> Floats:
        rows = {name: values[index] for name, values in self.rows.items()}
        for j, name in enumerate(self.box.columns):
            rows[name] = self.box.inputs(j, points[:, j], rows[name])
        return self.model.score(rows)
