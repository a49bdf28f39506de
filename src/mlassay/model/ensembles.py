"""A tree ensemble read from its ONNX node: trees as flat arrays, and what ONNX Runtime makes of the sums of their leaves.

The semantics are ONNX Runtime's where the specification is vague (two labels with weights for one of them only, one
base value for two labels); tests hold the reading to it on random ensembles.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from mlassay.model.operators import domain_of
from mlassay.model.types import Unfit

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]
    Mask = NDArray[np.bool_]

LEAF, LEQ, LT, GTE, GT, EQ, NEQ, MEMBER = range(-1, 7)
MODES = ("BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ", "BRANCH_MEMBER")
POSTS = ("NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT")
AGGREGATES = ("AVERAGE", "SUM", "MIN", "MAX")
MOST_NUMBERS = (
    1 << 22
)  # nodes times targets that are read: 32 MiB of weights, far more than exact search can take
MOST_NODES = 1 << 19
# ONNX Runtime 1.31 keeps a set as the bits of a float: it puts 1.5 into the set of 1 and 31, and -1.5 into that of -1.
MOST_MEMBER = 22


@dataclass(frozen=True, eq=False)
class Ensemble:
    """Trees over a tensor of features. Nodes of all trees stand in one list; children are positions in it.

    ``mode`` is LEAF or a comparison, with ``split`` as its right side (``members`` for MEMBER); a missing value goes to
    ``yes`` where ``missing`` says so, else where the comparison sends NaN. ``weights`` (nodes, targets) are what a leaf
    adds, ``weighed`` (nodes, targets) where it adds at all. ``base`` has a number for each target.
    ``labels`` is the number of classes of a classifier, 0 for a regressor.
    """

    source: str
    output: str
    roots: Integers
    feature: Integers
    mode: Integers
    split: Floats
    yes: Integers
    no: Integers
    missing: Mask
    members: Mapping[int, tuple[float, ...]]
    weights: Floats
    weighed: Mask
    base: tuple[float, ...]
    aggregate: str
    post: str
    labels: int

    @property
    def targets(self) -> int:
        """How many sums the trees make."""
        return int(self.weights.shape[1])

    def test(self, node: int, values: Floats) -> Mask:
        """Whether ``values`` of the node's feature go to ``yes``, NaN included."""
        import numpy as np

        split, mode = self.split[node], int(self.mode[node])
        if mode == MEMBER:
            passed = np.isin(values, self.members[node])
        else:
            compare = (np.less_equal, np.less, np.greater_equal, np.greater, np.equal, np.not_equal)[mode]
            passed = compare(values, split)
        return np.asarray(passed | (np.isnan(values) & self.missing[node]))

    def leaves(self, features: Floats) -> Integers:
        """The leaf of each row in each tree: positions of shape (rows, trees)."""
        import numpy as np

        found = np.empty((len(features), len(self.roots)), dtype=np.int64)
        for number, root in enumerate(self.roots.tolist()):
            waiting = [(root, np.arange(len(features)))]
            while waiting:
                node, rows = waiting.pop()
                if self.mode[node] == LEAF:
                    found[rows, number] = node
                elif rows.size:
                    passed = self.test(node, features[rows, self.feature[node]])
                    waiting += [(int(self.yes[node]), rows[passed]), (int(self.no[node]), rows[~passed])]
        return found

    def sums(self, features: Floats) -> Floats:
        """What the trees add up to, in float64 and before base values: (rows, targets)."""
        import numpy as np

        each = self.weights[self.leaves(features)]
        if self.aggregate in {"MIN", "MAX"}:
            return np.asarray(each.min(axis=1) if self.aggregate == "MIN" else each.max(axis=1))
        total = each.sum(axis=1)
        return np.asarray(total / len(self.roots) if self.aggregate == "AVERAGE" else total)

    def ends(self, target: int) -> tuple[float, float]:
        """The least and the largest sum that any row could get, were every tree free of the others."""
        import numpy as np

        leaves = [self.weights[below, target] for below in self.below]
        low, high = (np.array([end(part) for part in leaves]) for end in (np.min, np.max))
        if self.aggregate in {"MIN", "MAX"}:
            pick = np.min if self.aggregate == "MIN" else np.max
            return float(pick(low)), float(pick(high))
        share = 1.0 / len(self.roots) if self.aggregate == "AVERAGE" else 1.0
        return float(low.sum()) * share, float(high.sum()) * share

    def rounding(self) -> Floats:
        """How far ONNX Runtime's float32 sums may lie from exact ones, (targets,), whatever the order of adding.

        Higham (2002), section 4.2: (n - 1) u / (1 - (n - 1) u) times the sum of magnitudes; base and mean add to n.
        """
        import numpy as np

        terms = (len(self.roots) + 4) * 2.0**-24
        if terms >= 0.5:
            raise Unfit("it has too many trees for sums in float32 to mean anything")
        return np.asarray(self.magnitude() * terms / (1 - terms))

    def magnitude(self) -> Floats:
        """What no partial sum of leaves and base values is larger than, (targets,)."""
        import numpy as np

        largest = [np.abs(self.weights[below]).max(axis=0) for below in self.below]
        return np.asarray(np.sum(largest, axis=0) + sum(abs(value) for value in self.base))

    @cached_property
    def below(self) -> tuple[Integers, ...]:
        """The leaves of each tree, in the order of the roots."""
        import numpy as np

        found = []
        for root in self.roots.tolist():
            waiting, leaves = [root], []
            while waiting:
                node = waiting.pop()
                if self.mode[node] == LEAF:
                    leaves.append(node)
                else:
                    waiting += [int(self.yes[node]), int(self.no[node])]
            found.append(np.array(leaves, dtype=np.int64))
        return tuple(found)


def read_ensemble(graph: Any) -> Ensemble:
    """The one tree ensemble of a graph; Unfit where there is none, or several, or one beyond the bounds."""
    nodes = [
        n for n in graph.node if domain_of(n.domain) == "ai.onnx.ml" and n.op_type.startswith("TreeEnsemble")
    ]
    if len(nodes) != 1:
        raise Unfit("it has no tree ensemble" if not nodes else f"it has {len(nodes)} tree ensembles")
    node = nodes[0]
    given = {a.name: _value(a) for a in node.attribute}
    if node.op_type == "TreeEnsemble":
        return _read_flat(node, given)
    return _read_listed(node, given, classifier=node.op_type == "TreeEnsembleClassifier")


def _value(attribute: Any) -> Any:
    from onnx import helper, numpy_helper

    value = helper.get_attribute_value(attribute)
    return numpy_helper.to_array(value) if hasattr(value, "data_type") else value


def _bounded(nodes: int, targets: int) -> None:
    if nodes > MOST_NODES or nodes * targets > MOST_NUMBERS:
        raise Unfit(f"its trees have {nodes} nodes, more than exact search is tried on")


def _numbers(given: Mapping[str, Any], name: str) -> Floats:
    """An attribute of floats, or its form as a tensor of doubles."""
    import numpy as np

    values = given.get(f"{name}_as_tensor", given.get(name, ()))
    numbers = np.asarray(values, dtype=np.float64).ravel()
    if not np.isfinite(numbers).all():
        raise Unfit(f"its {name} are not all finite")
    return numbers


def _read_listed(node: Any, given: Mapping[str, Any], *, classifier: bool) -> Ensemble:
    """TreeEnsembleClassifier and TreeEnsembleRegressor: nodes by tree and number, weights in a list of their own."""
    import numpy as np

    kind = "class" if classifier else "target"
    labels = len(given.get("classlabels_int64s") or given.get("classlabels_strings") or ())
    targets = labels if classifier else int(given.get("n_targets", 1))
    trees = list(given["nodes_treeids"])
    _bounded(len(trees), targets)
    position = {key: i for i, key in enumerate(zip(trees, given["nodes_nodeids"], strict=True))}
    texts = [mode.decode() for mode in given["nodes_modes"]]
    if unknown := set(texts) - {*MODES, "LEAF"}:
        raise Unfit(f"it compares in a way that is not known: {min(unknown)[:40]}")
    mode = np.array([LEAF if text == "LEAF" else MODES.index(text) for text in texts], dtype=np.int64)
    if (mode == MEMBER).any():
        raise Unfit("a node asks for membership in no set")
    branch = mode != LEAF
    children = [
        np.array([position[t, c] if b else 0 for t, c, b in zip(trees, given[name], branch, strict=True)])
        for name in ("nodes_truenodeids", "nodes_falsenodeids")
    ]
    missing = np.array(given.get("nodes_missing_value_tracks_true") or [0] * len(trees), dtype=bool)
    weights, weighed = np.zeros((len(trees), targets)), np.zeros((len(trees), targets), dtype=bool)
    where = zip(given[f"{kind}_treeids"], given[f"{kind}_nodeids"], given[f"{kind}_ids"], strict=True)
    for (tree, leaf, target), weight in zip(where, _numbers(given, f"{kind}_weights").tolist(), strict=True):
        at = position[tree, leaf]
        if weighed[at, target] or branch[at]:
            raise Unfit("a leaf weighs twice on one target")
        weights[at, target], weighed[at, target] = weight, True
    first: dict[int, int] = {}
    for i, tree in enumerate(trees):
        first.setdefault(tree, i)
    roots = np.array(list(first.values()), dtype=np.int64)
    if np.isin(roots, np.concatenate([c[branch] for c in children])).any():
        raise Unfit("a tree does not begin with its root")
    if len(roots) != 1 + sum(a != b for a, b in zip(trees[1:], trees[:-1], strict=True)):
        raise Unfit("the nodes of a tree stand apart, which ONNX Runtime takes for further trees")
    return _checked(
        Ensemble(
            source=node.input[0],
            output=node.output[1 if classifier else 0] if len(node.output) > int(classifier) else "",
            roots=roots,
            feature=np.array(given["nodes_featureids"], dtype=np.int64),
            mode=mode,
            split=_numbers(given, "nodes_values"),
            yes=children[0],
            no=children[1],
            missing=missing,
            members={},
            weights=weights,
            weighed=weighed,
            base=tuple(_numbers(given, "base_values").tolist()),
            aggregate=given.get("aggregate_function", b"SUM").decode(),
            post=given.get("post_transform", b"NONE").decode(),
            labels=labels if classifier else 0,
        )
    )


def _read_flat(node: Any, given: Mapping[str, Any]) -> Ensemble:
    """TreeEnsemble of ai.onnx.ml 5: inner nodes first, then every leaf, once for each branch that ends in it."""
    import numpy as np

    mode = np.asarray(given["nodes_modes"]).astype(np.int64).ravel()
    count, targets = len(mode), int(given.get("n_targets", 1))
    ids, leaf_weights = list(given["leaf_targetids"]), _numbers(given, "leaf_weights")
    _bounded(count + len(ids), targets)
    if len(leaf_weights) != len(ids) or not all(0 <= i < targets for i in ids) or not count:
        raise Unfit("its leaves cannot be read")
    if ((mode < LEQ) | (mode > MEMBER)).any():
        raise Unfit("it compares in a way that is not known")
    children = []
    for side in ("true", "false"):
        ends = np.array(given[f"nodes_{side}nodeids"], dtype=np.int64)
        leaf = np.array(given[f"nodes_{side}leafs"], dtype=bool)
        children.append(np.concatenate([np.where(leaf, ends + count, ends), np.zeros(len(ids), np.int64)]))
    weights = np.zeros((count + len(ids), targets))
    weighed = np.zeros(weights.shape, dtype=bool)
    weights[count + np.arange(len(ids)), ids] = leaf_weights
    weighed[count + np.arange(len(ids)), ids] = True
    tracks = given.get("nodes_missing_value_tracks_true") or [0] * count
    tail = np.zeros(len(ids), dtype=np.int64)
    return _checked(
        Ensemble(
            source=node.input[0],
            output=node.output[0],
            roots=np.array(given["tree_roots"], dtype=np.int64),
            feature=np.concatenate([np.array(given["nodes_featureids"], dtype=np.int64), tail]),
            mode=np.concatenate([mode, tail + LEAF]),
            split=np.concatenate([_splits(given, mode), tail.astype(np.float64)]),
            yes=children[0],
            no=children[1],
            missing=np.concatenate([np.array(tracks, dtype=bool), tail.astype(bool)]),
            members=_members(given, mode),
            weights=weights,
            weighed=weighed,
            base=(),
            aggregate=AGGREGATES[int(given.get("aggregate_function", 1))],
            post=POSTS[int(given.get("post_transform", 0))],
            labels=0,
        )
    )


def _splits(given: Mapping[str, Any], mode: Integers) -> Floats:
    import numpy as np

    splits = np.asarray(given["nodes_splits"], dtype=np.float64).ravel()
    if len(splits) != len(mode) or not np.isfinite(splits[mode != MEMBER]).all():
        raise Unfit("its splits cannot be read")
    return np.where(mode == MEMBER, 0.0, splits)


def _members(given: Mapping[str, Any], mode: Integers) -> dict[int, tuple[float, ...]]:
    """The set of each MEMBER node, in their order; sets end with NaN in the list of all."""
    import numpy as np

    asking = np.flatnonzero(mode == MEMBER).tolist()
    sets: list[tuple[float, ...]] = []
    current: list[float] = []
    for value in np.asarray(given.get("membership_values", ()), dtype=np.float64).ravel().tolist():
        if np.isnan(value):
            sets.append(tuple(current))
            current = []
        else:
            current.append(value)
    if current:
        sets.append(tuple(current))
    if len(sets) != len(asking) or not all(sets):
        raise Unfit("its sets of members do not fit its nodes")
    if any(not 0 <= value <= MOST_MEMBER or value % 1 for members in sets for value in members):
        raise Unfit(
            f"its sets have members other than 0 to {MOST_MEMBER}, which ONNX Runtime confuses with others"
        )
    return dict(zip(asking, sets, strict=True))


def _checked(ensemble: Ensemble) -> Ensemble:
    """What ONNX Runtime does with it is known; Unfit else."""
    if ensemble.post not in POSTS or ensemble.aggregate not in AGGREGATES:
        raise Unfit("its post-transform or aggregate is not known")
    if len(ensemble.base) not in {0, 1, ensemble.targets}:
        raise Unfit("its base values fit no number of targets")
    if not ensemble.output:
        raise Unfit("its scores are not read")
    _hold_leaves(ensemble, ensemble.roots.tolist())
    return ensemble


def _hold_leaves(ensemble: Ensemble, roots: Sequence[int]) -> None:
    """Every leaf that can be reached weighs on something: ONNX Runtime reads others as it finds them."""
    waiting = list(roots)
    visits = 0
    while waiting:
        node = waiting.pop()
        visits += 1
        if visits > 4 * MOST_NODES:
            raise Unfit("its trees share too many nodes")
        if ensemble.mode[node] != LEAF:
            waiting += [int(ensemble.yes[node]), int(ensemble.no[node])]
        elif not ensemble.weighed[node].any():
            raise Unfit("a leaf weighs on nothing")
        elif ensemble.aggregate in {"MIN", "MAX"} and not ensemble.weighed[node].all():
            raise Unfit("a leaf weighs on some targets only, of which the least or largest is taken")
