"""Settles the rows of a tree ensemble exactly: proven robust, broken with a witness, or undecided within stated steps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mlassay.digest import bare
from mlassay.gates.adversarial_ask import OPEN, ROBUST, Answer, Part, Question, ask
from mlassay.gates.adversarial_box import Probe
from mlassay.gates.adversarial_forest import Forest, counted, leaf_values
from mlassay.gates.adversarial_reach import most, quick
from mlassay.gates.adversarial_set import Floats, Found, Index, Mask
from mlassay.gates.adversarial_settle import MOST_ROWS, Method
from mlassay.model.ensemble_scores import FAR, Score, answers
from mlassay.model.ensembles import Ensemble, read_ensemble
from mlassay.model.types import Unfit
from mlassay.tasks import MULTICLASS

if TYPE_CHECKING:
    from mlassay.ports import Engine

ROWS = 64  # in one part of the work
AGAIN = 30_000  # broken rows times trees that are settled anew for their smallest changes
PATTERNS = 64  # of missing values that trees are made for; rows beyond are undecided
WORK = 100_000_000  # steps times trees for all rows together: some minutes on one processor
MOST_STEPS = 50_000  # for one row
SPLIT = 8  # the first round spends one part in so many, so that a few hard rows cannot starve the others


@dataclass(frozen=True, eq=False)
class Reading:
    """A model as trees: its ``ensemble``, the ``scores`` that it answers with, and the ``threshold`` or classes that decide."""

    ensemble: Ensemble
    scores: tuple[Score, ...]
    threshold: float
    favourable: tuple[int, ...] = ()

    @property
    def of_classes(self) -> bool:
        """Whether the largest of several scores decides, and no threshold."""
        return bool(self.favourable)


def by_trees(probe: Probe) -> Method:
    """The model's one tree ensemble, exactly; Unfit says what of it cannot be read so."""
    reading = _read(probe)
    Forest(probe, reading.ensemble, probe.model.cells(reading.ensemble.source))

    def settle(rows: Probe, engine: Engine | None) -> Found:
        try:
            return _Settling(rows, reading, engine).found()
        except Unfit:  # by the values of rows that the first look did not have: nothing is proven of them
            nothing = np.zeros(len(rows.scores), dtype=bool)
            return Found(nothing, ~nothing, np.full(rows.box.base.shape, np.nan))

    again = max(8, AGAIN // len(reading.ensemble.roots))
    return Method("trees, exact", True, MOST_ROWS, settle, again)


def _read(probe: Probe) -> Reading:
    ensemble = read_ensemble(probe.model.proto.graph)
    scores = answers(probe.model.proto.graph, ensemble, probe.model.output)
    if abs(probe.threshold) > FAR / 2 or (np.abs([s.shift for s in scores]) > FAR / 2).any():
        raise Unfit("its threshold or a shift of its scores is too large a number")
    if (ensemble.magnitude() > FAR / 4).any():
        raise Unfit("the sum of its leaves may be too large a number")
    if probe.model.task != MULTICLASS:
        if not scores[-1].alone:
            raise Unfit("its score follows a softmax of several classes")
        if ensemble.aggregate in {"MIN", "MAX"} and set(scores[-1].weights.values()) != {1.0}:
            raise Unfit("it takes the least or largest of its trees, and turns it around")
        return Reading(ensemble, scores[-1:], probe.threshold)
    if {s.kind for s in scores} - {"", "softmax"} or len({s.kind for s in scores}) > 1:
        raise Unfit("its classes are compared after they were bent")
    if ensemble.aggregate in {"MIN", "MAX"}:
        raise Unfit("its classes are the least or largest of its trees")
    return Reading(ensemble, scores, probe.threshold, probe.model.favourable)


class _Settling:
    """The rows of one probe, pattern by pattern of missing values."""

    def __init__(self, probe: Probe, reading: Reading, engine: Engine | None) -> None:
        self.probe, self.reading, self.engine = probe, reading, engine
        self.forest = Forest(probe, reading.ensemble, probe.model.cells(reading.ensemble.source))
        self.trees = len(reading.ensemble.roots)

    def found(self) -> Found:
        """In two rounds: few steps for every row, then all that is left for those that are still open."""
        count = len(self.probe.scores)
        broken = np.zeros(count, dtype=bool)
        undecided = np.ones(count, dtype=bool)
        witness = np.full(self.probe.box.base.shape, np.nan)
        if not count:
            return Found(broken, undecided, witness)
        work = WORK // self.trees
        agrees = reads_as_computed(self.probe, self.reading, self.forest)
        if agrees:
            undecided[self._bounded()] = False
            undecided[~self._trusted()] = True
        open_, spent = np.flatnonzero(undecided), 0
        flipped, points = quick(
            self.probe, open_, int(bare(self.probe.model.digest)[:16], 16), len(self.forest.ensemble.mode)
        )
        broken[open_[flipped]], undecided[open_[flipped]] = True, False
        witness[open_[flipped]] = points[flipped]
        open_ = np.flatnonzero(undecided & self._trusted() & agrees)
        for budget in (work // SPLIT, work):
            if not open_.size:
                break
            steps = int(np.clip((budget - spent) // open_.size, 1, MOST_STEPS))
            left = []
            for rows, answer in self._asked(open_, steps):
                spent += int(answer.steps.sum())
                undecided[rows[answer.verdict == ROBUST]] = False
                self._try(rows, answer, broken, undecided, witness)
                left.append(rows[(answer.verdict == OPEN) & undecided[rows]])
            open_ = np.concatenate(left) if left else open_[:0]
        return Found(broken, undecided, witness)

    def _trusted(self) -> Mask:
        """Rows of which our reading and ONNX Runtime say the same; of no other row anything is claimed."""
        reading = self.reading
        sums = reading.ensemble.sums(self.forest.values)
        noise = reading.ensemble.rounding()
        if not reading.of_classes:
            score = reading.scores[0]
            below, above = score.reaches(reading.threshold)
            line, slack = score.line(sums), _noise(score, noise)
            decided = self.probe.decided
            return np.asarray(np.where(decided, line >= below - slack, line < above + slack))
        lines = np.column_stack([score.line(sums) for score in reading.scores])
        ours = np.isin(lines.argmax(axis=1), reading.favourable)
        ordered = np.sort(lines, axis=1)
        return np.asarray((ours == self.probe.decided) | (ordered[:, -1] - ordered[:, -2] < 4 * noise.max()))

    def _asked(self, open_: Index, steps: int) -> Iterator[tuple[Index, Answer]]:
        parts: list[Part] = []
        rows: list[Index] = []
        for missing, members in self.forest.patterns()[:PATTERNS]:
            chosen = members[np.isin(members, open_)]
            if not chosen.size:
                continue
            if self.reading.of_classes:
                questions, asked = self._of_classes(missing, chosen)
            else:
                questions, asked = self._of_threshold(missing, chosen)
            low, high = self.forest.boxes(chosen)
            for start in range(0, chosen.size, ROWS):
                cut = slice(start, start + ROWS)
                rows.append(chosen[cut])
                allowed = self.probe.box.rows(chosen[cut])
                parts.append(Part(questions, asked[cut], allowed, low[cut], high[cut], steps))
        said = map(ask, parts) if self.engine is None else self.engine.map(ask, parts)
        yield from zip(rows, said, strict=True)

    def _of_threshold(
        self, missing: tuple[bool, ...], rows: Index
    ) -> tuple[tuple[Question, ...], tuple[tuple[tuple[int, ...], ...], ...]]:
        """To reach the threshold for rows under it, to fall under it for the others."""
        reading, score = self.reading, self.reading.scores[0]
        below, above = (float(np.clip(end, -1e30, 1e30)) for end in score.reaches(reading.threshold))
        if reading.ensemble.aggregate in {"MIN", "MAX"}:
            up, down = counted(self.forest, score, (below, above), missing, int(rows[0]))
            questions = (Question(up, 0.0), Question(down, 0.0))
        else:
            slack = _noise(score, reading.ensemble.rounding())
            gap = above - below + 2 * slack
            up = self.forest.tree(score, missing, int(rows[0]))
            down = up.negate_leaf_values()
            up.set_base_score(0, score.shift - below + slack)
            down.set_base_score(0, above + slack - score.shift)
            questions = (Question(up, gap), Question(down, gap))
        decided = self.probe.decided[rows]
        return questions, tuple(((1,),) if own else ((0,),) for own in decided.tolist())

    def _of_classes(
        self, missing: tuple[bool, ...], rows: Index
    ) -> tuple[tuple[Question, ...], tuple[tuple[tuple[int, ...], ...], ...]]:
        """For each class of the other side: to come before one of the row's own side, its strongest class first."""
        reading = self.reading
        noise, classes = reading.ensemble.rounding(), range(len(reading.scores))
        sums = reading.ensemble.sums(self.forest.values[rows])
        lines = np.column_stack([score.line(sums) for score in reading.scores])
        own_side = [
            [k for k in classes if (k in reading.favourable) == side]
            for side in self.probe.decided[rows].tolist()
        ]
        places: dict[tuple[int, int], int] = {}
        questions: list[Question] = []
        asked = []
        for own, line in zip(own_side, lines, strict=True):
            strongest = sorted(own, key=lambda k: -line[k])
            alternatives = []
            for other in sorted(set(classes) - set(own), key=lambda k: -line[k]):
                for mine in strongest:
                    if (other, mine) not in places:
                        places[other, mine] = len(questions)
                        questions.append(self._before(other, mine, noise, missing, int(rows[0])))
                alternatives.append(tuple(places[other, mine] for mine in strongest))
            asked.append(tuple(alternatives))
        return tuple(questions), tuple(asked)

    def _before(self, other: int, mine: int, noise: Floats, missing: tuple[bool, ...], row: int) -> Question:
        """Can the class ``other`` score as high as ``mine``?"""
        first, second = self.reading.scores[other], self.reading.scores[mine]
        keys = first.weights.keys() | second.weights.keys()
        weights = {k: first.weights.get(k, 0.0) - second.weights.get(k, 0.0) for k in keys}
        apart = Score(weights, first.shift - second.shift)
        # A softmax in float32 can make equal what differs by little; then the order of the classes decides.
        slack = _noise(first, noise) + _noise(second, noise) + 4e-6 * len(self.reading.scores)
        trees = self.forest.tree(apart, missing, row)
        trees.set_base_score(0, apart.shift + slack)
        return Question(trees, 2 * slack)

    def _bounded(self) -> Index:
        """Rows that bounds of the single trees prove robust already."""
        reading = self.reading
        if reading.of_classes or reading.ensemble.aggregate in {"MIN", "MAX"}:
            return np.empty(0, dtype=np.int64)
        score = reading.scores[0]
        below, above = score.reaches(reading.threshold)
        slack = _noise(score, reading.ensemble.rounding())
        values = leaf_values(reading.ensemble, score)
        proven = []
        for missing, rows in self.forest.patterns()[:PATTERNS]:
            least, largest = most(self.forest, values, missing, rows, self.forest.boxes(rows))
            holds = np.where(
                self.probe.decided[rows],
                least + score.shift > above + slack,
                largest + score.shift < below - slack,
            )
            proven.append(rows[holds])
        return np.concatenate(proven)

    def _try(self, rows: Index, answer: Answer, broken: Mask, undecided: Mask, witness: Floats) -> None:
        """Ask ONNX Runtime about the points that were found, all at once; the first that flips is the witness."""
        places = [p for p, points in enumerate(answer.points) if answer.verdict[p] != ROBUST and len(points)]
        if not places:
            return
        most_points = max(len(answer.points[p]) for p in places)
        index = rows[places]
        points = np.stack(
            [np.resize(answer.points[p], (most_points, answer.points[p].shape[1])) for p in places]
        )
        flipped = self.probe.margins(index, points)[1]
        broke = flipped.any(axis=1)
        broken[index[broke]], undecided[index[broke]] = True, False
        witness[index[broke]] = points[broke, np.argmax(flipped[broke], axis=1)]


def reads_as_computed(probe: Probe, reading: Reading, forest: Forest) -> bool:
    """Whether the model answers on every row, and at ends of its changes, as the trees that were read say."""
    index, box = np.arange(len(probe.scores)), probe.box
    points = box.project(index, np.stack([box.base, box.low, box.high], axis=1))
    for k in range(points.shape[1]):
        rows = probe.at(index, points[:, k])
        answers = probe.model.answers(rows)
        probe.evaluations += len(index)
        if not _within(reading, answers, reading.ensemble.sums(forest.features(rows))):
            return False
    return True


def _within(reading: Reading, answers: Floats, sums: Floats) -> bool:
    """Whether ``answers`` (n, k) are what ``sums`` (n, targets) lead to, within rounding."""
    noise = reading.ensemble.rounding()
    lines = np.column_stack([score.line(sums) for score in reading.scores])
    slack = np.array([_noise(score, noise) for score in reading.scores])
    if reading.scores[0].kind == "softmax":
        shares = np.exp(lines - lines.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        return bool((np.abs(answers - shares) <= 1e-5 + np.expm1(2 * slack.max())).all())
    last = answers[:, -lines.shape[1] :]
    for k, score in enumerate(reading.scores):
        low, high = score.bent(lines[:, k] - slack[k]), score.bent(lines[:, k] + slack[k])
        off = score.off(np.maximum(np.abs(low), np.abs(high))) + 1e-12
        if not ((last[:, k] >= low - off) & (last[:, k] <= high + off)).all():
            return False
    return True


def _noise(score: Score, rounding: Floats) -> float:
    """How far a score's line may lie from ONNX Runtime's own, for the sums' rounding and that of our float64."""
    return (
        float(sum(abs(w) * rounding[k] for k, w in score.weights.items()))
        + 2.0**-22 * abs(score.shift)
        + 1e-12
    )
