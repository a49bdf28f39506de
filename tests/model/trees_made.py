"""Random tree ensembles as ONNX, of each of the three operators, with every comparison and every odd split."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto, helper

from tests.model.models import model

MODES = ("BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ")
SPLITS = np.array([-1.0, 0.0, 0.1, 0.3, 1.0, 2.0, 3.0, -0.7, 1e-30, 16777217.0, 33.0, -1.5, 64.0], np.float32)


def grow(rng, depth, width, modes):
    """A nested tree: (feature, mode, split, missing, yes, no), or None for a leaf."""
    if depth == 0 or rng.random() < 0.15:
        return None
    mode = str(rng.choice(modes))
    split = float(rng.choice(SPLITS))
    if mode == "BRANCH_MEMBER":
        split = tuple(sorted({float(v) for v in rng.choice([0.0, 1.0, 2.0, 3.0, 5.0, 22.0], 3)}))
    children = (grow(rng, depth - 1, width, modes), grow(rng, depth - 1, width, modes))
    return (int(rng.integers(width)), mode, split, bool(rng.random() < 0.3), *children)


def listed(trees, weigh, *, classifier, targets, post="NONE", base=(), aggregate="SUM", tracks=True):
    """TreeEnsembleClassifier or -Regressor over X; ``weigh()`` gives (target, weight) pairs of each leaf."""
    nodes = {k: [] for k in ("treeids", "nodeids", "featureids", "values", "modes", "truenodeids", "falsenodeids", "missing_value_tracks_true")}  # fmt: skip
    kind = "class" if classifier else "target"
    leaves = {k: [] for k in ("treeids", "nodeids", "ids", "weights")}

    def add(tree, number, count):
        own = count[0]
        count[0] += 1
        at = len(nodes["treeids"])
        for values in nodes.values():
            values.append(0)
        nodes["treeids"][at], nodes["nodeids"][at] = number, own
        if tree is None:
            nodes["modes"][at], nodes["values"][at] = "LEAF", 0.0
            for target, weight in weigh():
                for key, value in zip(leaves, (number, own, target, weight), strict=True):
                    leaves[key].append(value)
            return own
        feature, mode, split, missing, yes, no = tree
        nodes["featureids"][at], nodes["modes"][at], nodes["values"][at] = feature, mode, split
        nodes["missing_value_tracks_true"][at] = int(missing)
        nodes["truenodeids"][at], nodes["falsenodeids"][at] = add(yes, number, count), add(no, number, count)
        return own

    for number, tree in enumerate(trees):
        add(tree, number, [0])
    attributes = {f"nodes_{k}": v for k, v in nodes.items() if k != "missing_value_tracks_true" or tracks}
    attributes |= {f"{kind}_{k}": v for k, v in leaves.items()} | {"post_transform": post}
    if base:
        attributes["base_values"] = list(base)
    if classifier:
        attributes["classlabels_int64s"] = list(range(targets))
    else:
        attributes |= {"n_targets": targets, "aggregate_function": aggregate}
    outputs = ["label", "probabilities"] if classifier else ["probabilities"]
    return helper.make_node(
        f"TreeEnsemble{'Classifier' if classifier else 'Regressor'}",
        ["X"],
        outputs,
        domain="ai.onnx.ml",
        **attributes,
    )


def flat(trees, weigh, *, targets, post=0, aggregate=1, kind=TensorProto.FLOAT):
    """TreeEnsemble of ai.onnx.ml 5 over X; each leaf weighs on one target."""
    nodes = {k: [] for k in ("featureids", "truenodeids", "falsenodeids", "trueleafs", "falseleafs", "missing_value_tracks_true")}  # fmt: skip
    modes, splits, ids, weights = [], [], [], []
    order = ("BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ", "BRANCH_MEMBER")
    sets = {}

    def leaf():
        ((target, weight),) = weigh()
        ids.append(target)
        weights.append(weight)
        return len(ids) - 1, 1

    def add(tree):
        at = len(modes)
        for values in nodes.values():
            values.append(0)
        if tree is None:
            modes.append(0)
            splits.append(0.0)
            end, _ = leaf()
            nodes["truenodeids"][at] = nodes["falsenodeids"][at] = end
            nodes["trueleafs"][at] = nodes["falseleafs"][at] = 1
            return at
        feature, mode, split, missing, yes, no = tree
        modes.append(order.index(mode))
        splits.append(0.0 if isinstance(split, tuple) else split)
        if isinstance(split, tuple):
            sets[at] = split
        nodes["featureids"][at], nodes["missing_value_tracks_true"][at] = feature, int(missing)
        for side, child in (("true", yes), ("false", no)):
            end, is_leaf = leaf() if child is None else (add(child), 0)
            nodes[f"{side}nodeids"][at], nodes[f"{side}leafs"][at] = end, is_leaf
        return at

    roots = [add(tree) for tree in trees]
    members = [v for at in sorted(sets) for v in (*sets[at], float("nan"))]
    attributes = {f"nodes_{k}": v for k, v in nodes.items()} | {
        "nodes_modes": helper.make_tensor("m", TensorProto.UINT8, [len(modes)], modes),
        "nodes_splits": helper.make_tensor("s", kind, [len(splits)], splits),
        "leaf_targetids": ids,
        "leaf_weights": helper.make_tensor("w", kind, [len(weights)], weights),
        "tree_roots": roots,
        "n_targets": targets,
        "post_transform": post,
        "aggregate_function": aggregate,
    }
    if members:
        attributes["membership_values"] = helper.make_tensor("v", kind, [len(members)], members)
    return helper.make_node("TreeEnsemble", ["X"], ["probabilities"], domain="ai.onnx.ml", **attributes)


def over(node, width, *, kind=TensorProto.FLOAT, out=TensorProto.FLOAT):
    """A model of one tree node over ``width`` columns."""
    five = node.op_type == "TreeEnsemble"
    outputs = [helper.make_tensor_value_info("probabilities", out, [None, None])]
    return model(
        [node],
        inputs=[helper.make_tensor_value_info("X", kind, [None, width])],
        outputs=outputs,
        opset=21 if five else 17,
        ml=5 if five else 3,
        ir=10,
    )


def rows_at_splits(rng, count, width, kind=np.float32):
    """Rows whose values lie at splits, at the next floats on either side, far away, and nowhere."""
    base = rng.choice(SPLITS, (count, width)).astype(kind)
    up, down = np.nextafter(base, kind(np.inf)), np.nextafter(base, kind(-np.inf))
    which = rng.integers(0, 6, (count, width))
    values = np.select(
        [which == 0, which == 1, which == 2, which == 3, which == 4],
        [base, up, down, rng.normal(scale=3, size=(count, width)).astype(kind), np.round(base)],
        default=np.nan,
    )
    return values.astype(kind)
