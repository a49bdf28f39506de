"""From the sums of an ensemble's leaves to the model's answers: each a rising function of one weighted sum of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mlassay.model.ensembles import Ensemble
from mlassay.model.operators import domain_of
from mlassay.model.types import Unfit

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

TINY = 2.0**-120  # products that ONNX Runtime may round to zero
Bend = Callable[["Floats"], "Floats"]
FAR = 1e30  # beyond any score that is read: larger ones are refused


@dataclass(frozen=True, eq=False)
class Score:
    """One column of answers: ``bends``, one after the other, of ``weights @ sums + shift``; each rises everywhere.

    ``kind`` names the bends: columns of one kind are ordered as their weighted sums are. ``alone`` is False for a
    softmax over three or more, of which only that order is known. ONNX Runtime's float32 may lie ``loose`` plus ``share``
    of the score from what the bends give.
    """

    weights: Mapping[int, float]
    shift: float
    bends: tuple[Bend, ...] = ()
    kind: str = ""
    alone: bool = True
    loose: float = 0.0
    share: float = 2.0**-22

    def line(self, sums: Floats) -> Floats:
        """``weights @ sums + shift`` for sums (rows, targets), (rows,)."""
        start = 0.0 * sums[:, 0] + self.shift
        return sum((weight * sums[:, k] for k, weight in self.weights.items()), start=start)

    def bent(self, line: Floats) -> Floats:
        """The answers where the weighted sum is ``line``."""
        for bend in self.bends:
            line = bend(line)
        return line

    def then(self, bend: Bend, kind: str, loose: float = 0.0) -> Score:
        """The same column after one more rising function, which makes no error larger and adds ``loose``."""
        if not self.alone:
            raise Unfit(f"{kind} follows a softmax of several classes")
        # The logistic's slope is at most 1/4, and the number times the slope at most .23.
        before = self.loose + self.share if self.bends else 0.0
        bends = (*self.bends, bend)
        return replace(self, bends=bends, kind=f"{self.kind}/{kind}", loose=before + loose + 2.0**-22)

    def moved(self, bend: Bend, kind: str, *, factor: float = 1.0, shift: float = 0.0) -> Score:
        """The same column times ``factor`` plus ``shift``, of which ``bend`` is both: errors are scaled, and remembered."""
        if not self.alone:
            raise Unfit(f"{kind} follows a softmax of several classes")
        loose = factor * self.loose + self.share * abs(shift) + TINY
        return replace(
            self,
            bends=(*self.bends, bend),
            kind=f"{self.kind}/{kind}",
            loose=loose,
            share=self.share + 2.0**-22,
        )

    def turned(self) -> Score:
        """The negative of this column; Unfit after a bend, which need not be odd."""
        if self.bends or not self.alone:
            raise Unfit("scores are subtracted after they were bent")
        return replace(self, weights={k: -w for k, w in self.weights.items()}, shift=-self.shift)

    def reaches(self, threshold: float) -> tuple[float, float]:
        """``(below, above)``: under the first the answer is certainly below ``threshold``, from the second on not."""
        slack = self.off(abs(threshold))
        return self._least(threshold - slack), self._least(threshold + slack)

    def off(self, size: Any) -> Any:
        """How far ONNX Runtime may lie from a score of this size."""
        return 1.01 * (self.loose + self.share * size)

    def _least(self, answer: float) -> float:
        """The least line whose answer is at least ``answer``, by bisection; infinite where none or all are."""
        import numpy as np

        low, high = -FAR, FAR
        with np.errstate(all="ignore"):
            if self.bent(np.array([low]))[0] >= answer:
                return -math.inf
            if not self.bent(np.array([high]))[0] >= answer:
                return math.inf
            while low < (middle := (low + high) / 2) < high:  # down to neighbours, a thousand steps near zero
                if self.bent(np.array([middle]))[0] >= answer:
                    high = middle
                else:
                    low = middle
        return high


def node_scores(ensemble: Ensemble) -> tuple[Score, ...]:
    """The columns that the ensemble's node writes; Unfit where they are no rising functions of weighted sums.

    What two labels get from weights of one or both, and from one or two base values, is what ONNX Runtime does.
    """
    if ensemble.labels == 2:
        return _two_labels(ensemble)
    base = ensemble.base if len(ensemble.base) == ensemble.targets else (0.0,) * ensemble.targets
    if ensemble.base and len(ensemble.base) != ensemble.targets:
        raise Unfit("its base values fit no number of targets")
    if ensemble.labels and not ensemble.base:
        _each_weighed(ensemble, range(ensemble.targets))
    lines = [Score({k: 1.0}, base[k]) for k in range(ensemble.targets)]
    if ensemble.targets == 1 and ensemble.post != "PROBIT":
        return tuple(lines)  # ONNX Runtime bends a single target by PROBIT only
    return _post(lines, ensemble.post, ensemble)


def _two_labels(ensemble: Ensemble) -> tuple[Score, ...]:
    used = [k for k in (0, 1) if ensemble.weighed[:, k].any()]
    _each_weighed(ensemble, used)
    base, post = ensemble.base, ensemble.post
    if used == [0, 1] and len(base) == 2:  # the second base value, and the first sum
        line = Score({0: 1.0}, base[1])
        return _post([line.turned(), line], post, ensemble)
    if len(base) == 2:
        raise Unfit("it has two base values and weights of one label")
    if used == [0, 1]:
        return _post([Score({0: 1.0}, sum(base)), Score({1: 1.0}, 0.0)], post, ensemble)
    if used == [1]:
        return _post([Score({}, 0.0), Score({1: 1.0}, 0.0)], post, ensemble)
    line = Score({0: 1.0}, sum(base))
    if post == "PROBIT":
        raise Unfit("it writes PROBIT for one of two labels only")
    if post == "LOGISTIC":
        return _post([line.turned(), line], post, ensemble)
    leaves = ensemble.weights[ensemble.weighed]
    first = replace(line.turned(), shift=1.0 - line.shift) if (leaves >= 0).all() else line.turned()
    return (first, line)


def _each_weighed(ensemble: Ensemble, targets: Sequence[int]) -> None:
    """Every row gets a weight for each of ``targets``; ONNX Runtime leaves out a label without one."""
    for target in targets:
        if not any(ensemble.weighed[below, target].all() for below in ensemble.below):
            raise Unfit("some rows get no weight for a label")


def _post(lines: list[Score], post: str, ensemble: Ensemble) -> tuple[Score, ...]:
    if post == "NONE":
        return tuple(lines)
    if post == "LOGISTIC":
        return tuple(line.then(logistic, "logistic", 4e-7) for line in lines)
    if post == "PROBIT":
        for line in lines:
            low, high = _range(ensemble, line)
            if not 0 < low <= high < 1:
                raise Unfit("its PROBIT is given numbers that are no probabilities")
        return tuple(line.then(probit, "probit", 2e-3) for line in lines)
    if post == "SOFTMAX_ZERO":
        for line in lines:
            low, high = _range(ensemble, line)
            if low <= 2e-7 and high >= -2e-7:
                raise Unfit("its SOFTMAX_ZERO leaves scores out that are zero")
    return softmax(lines)


def softmax(lines: Sequence[Score]) -> tuple[Score, ...]:
    """Of two columns each is the logistic of their difference; of more, only the order is kept."""
    if any(line.bends or not line.alone for line in lines):
        raise Unfit("a softmax follows scores that were bent")
    if len(lines) != 2:
        return tuple(replace(line, kind="softmax", alone=False) for line in lines)
    first, second = lines
    keys = first.weights.keys() | second.weights.keys()
    weights = {k: second.weights.get(k, 0.0) - first.weights.get(k, 0.0) for k in keys}
    line = Score(weights, second.shift - first.shift)
    return tuple(each.then(logistic, "logistic", 1e-6) for each in (line.turned(), line))


def _range(ensemble: Ensemble, line: Score) -> tuple[float, float]:
    """Numbers between which the line of any row lies, by the least and largest leaf of each tree."""
    low, high = line.shift, line.shift
    for target, weight in line.weights.items():
        ends = ensemble.ends(target)
        low, high = low + min(weight * e for e in ends), high + max(weight * e for e in ends)
    return low, high


def logistic(values: Floats) -> Floats:
    """1 / (1 + exp(-x))."""
    import numpy as np

    with np.errstate(over="ignore"):
        return np.asarray(1.0 / (1.0 + np.exp(-values)))


def probit(values: Floats) -> Floats:
    """ONNX Runtime's own probit: Winitzki's approximation of the inverse error function, with its constants."""
    import numpy as np

    with np.errstate(all="ignore"):
        x = 2.0 * np.clip(values, 1e-38, 1.0) - 1.0
        log = np.log(np.maximum((1.0 - x) * (1.0 + x), 1e-300))
        v = 2.0 / (3.14159 * 0.147) + 0.5 * log
        return np.asarray(1.41421356 * np.sign(x) * np.sqrt(-v + np.sqrt(v * v - log / 0.147)))


def answers(graph: Any, ensemble: Ensemble, output: str) -> tuple[Score, ...]:
    """The columns of the tensor ``output``, which must follow from the ensemble's scores by rising functions alone."""
    known: dict[str, tuple[Score, ...]] = {ensemble.output: node_scores(ensemble)}
    constants = _constants(graph)
    for node in graph.node:
        if not any(name in known for name in node.input) or output in known:
            continue
        rule = _RULES.get((domain_of(node.domain), node.op_type))
        if rule is not None and len(node.output) == 1:
            made = rule(
                _Step(node, [known.get(n) for n in node.input], [constants.get(n) for n in node.input])
            )
            if made is not None:
                known[node.output[0]] = made
    if output not in known:
        raise Unfit("what follows its trees is not followed")
    return known[output]


@dataclass(frozen=True, slots=True)
class _Step:
    node: Any
    given: list[tuple[Score, ...] | None]
    constants: list[Any]

    def attribute(self, name: str, default: Any) -> Any:
        from onnx import helper

        found = next((a for a in self.node.attribute if a.name == name), None)
        return default if found is None else helper.get_attribute_value(found)


def _constants(graph: Any) -> dict[str, Any]:
    from onnx import numpy_helper

    named = {t.name: t for t in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant" and node.output:
            named.update((node.output[0], a.t) for a in node.attribute if a.name == "value")
    return {name: numpy_helper.to_array(t) for name, t in named.items() if math.prod(t.dims) <= 4096}


def _same(step: _Step) -> tuple[Score, ...] | None:
    return step.given[0]


def _cast(step: _Step) -> tuple[Score, ...] | None:
    return step.given[0] if step.attribute("to", 0) in {1, 11} else None


def _keeps_columns(step: _Step) -> tuple[Score, ...] | None:
    scores = step.given[0]
    if scores is None:
        return None
    if step.node.op_type == "Flatten":
        return scores if step.attribute("axis", 1) in {1, -1} else None
    shape = None if step.constants[1] is None else step.constants[1].ravel().tolist()
    width = len(scores)
    return scores if shape in ([-1, width], [0, width], [0, -1]) or (width == 1 and shape == [-1]) else None


def _pick(step: _Step) -> tuple[Score, ...] | None:
    scores, picked = step.given[0], step.constants[1]
    if scores is None or picked is None:
        return None
    if step.node.op_type == "Gather" and step.attribute("axis", 0) not in {1, -1}:
        return None
    indices = [int(i) for i in picked.ravel()]
    return tuple(scores[i] for i in indices) if all(0 <= i < len(scores) for i in indices) else None


def _sigmoid(step: _Step) -> tuple[Score, ...] | None:
    scores = step.given[0]
    return None if scores is None else tuple(s.then(logistic, "logistic", 4e-7) for s in scores)


def _softmaxed(step: _Step) -> tuple[Score, ...] | None:
    scores = step.given[0]
    return softmax(scores) if scores is not None and step.attribute("axis", -1) in {1, -1} else None


def _concat(step: _Step) -> tuple[Score, ...] | None:
    """Columns side by side, of which one that is not followed is left out only before the last."""
    if step.attribute("axis", 1) not in {1, -1} or any(scores is None for scores in step.given):
        return None
    return tuple(score for scores in step.given for score in scores or ())


def _scaled(step: _Step) -> tuple[Score, ...] | None:
    """Plus, minus, times or divided by one constant for all columns."""
    operation = step.node.op_type
    place = 0 if step.given[0] is not None else 1
    scores, constant = step.given[place], step.constants[1 - place]
    if scores is None or constant is None or constant.size != 1 or (place and operation == "Div"):
        return None
    number = float(constant.ravel()[0])
    if operation in {"Mul", "Div"}:
        factor = number if operation == "Mul" else (1.0 / number if number else math.inf)
        if factor == 1.0:
            return scores
        if not 0 < factor < math.inf:
            return None
        return tuple(_times(score, factor) for score in scores)
    if operation == "Sub" and place:  # constant - score
        return tuple(_minus(score, number) for score in scores)
    shift = -number if operation == "Sub" else number
    return tuple(score.moved(lambda v: v + shift, f"plus {shift!r}", shift=shift) for score in scores)


def _times(score: Score, factor: float) -> Score:
    return score.moved(lambda values: values * factor, f"times {factor!r}", factor=factor)


def _minus(score: Score, number: float) -> Score:
    """``number`` minus a column that may be bent: it rises as the negative of its line does."""
    bends = score.bends

    def turned(values: Floats) -> Floats:
        values = -values
        for bend in bends:
            values = bend(values)
        return number - values

    line = replace(score, bends=(), kind="", alone=score.alone).turned()
    made = line.moved(turned, f"{number!r} minus {score.kind}", shift=number)
    return replace(made, alone=score.alone)


_RULES: dict[tuple[str, str], Callable[[_Step], tuple[Score, ...] | None]] = {
    ("", "Identity"): _same,
    ("", "Cast"): _cast,
    ("", "Reshape"): _keeps_columns,
    ("", "Flatten"): _keeps_columns,
    ("", "Gather"): _pick,
    ("ai.onnx.ml", "ArrayFeatureExtractor"): _pick,
    ("", "Sigmoid"): _sigmoid,
    ("", "Softmax"): _softmaxed,
    ("", "Concat"): _concat,
    ("", "Add"): _scaled,
    ("", "Sub"): _scaled,
    ("", "Mul"): _scaled,
    ("", "Div"): _scaled,
}
