"""Tree ensembles held to be trees: ONNX Runtime loads one whose branches lead back, and may never return."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mlassay.model.types import Unusable, refuse

_LEAF = b"LEAF"


def hold_trees(node: Any, path: Path) -> None:
    """Unusable unless the attributes of a ``TreeEnsemble*`` node describe trees that all end in leaves."""
    attributes = {a.name: a for a in node.attribute}
    if node.op_type == "TreeEnsemble":
        _hold_flat(attributes, path)
        return
    trees = list(attributes["nodes_treeids"].ints) if "nodes_treeids" in attributes else []
    columns: dict[str, list[Any]] = {}
    for name in ("nodes_nodeids", "nodes_truenodeids", "nodes_falsenodeids", "nodes_featureids"):
        columns[name] = list(attributes[name].ints) if name in attributes else []
    modes = list(attributes["nodes_modes"].strings) if "nodes_modes" in attributes else []
    if not trees or any(len(c) != len(trees) for c in (*columns.values(), modes)):
        raise _broken("its lists of nodes have different lengths, or are missing", path)
    ids = columns["nodes_nodeids"]
    index = {key: i for i, key in enumerate(zip(trees, ids, strict=True))}
    if len(index) != len(trees):
        raise _broken("one node stands twice", path)
    if min(columns["nodes_featureids"]) < 0:
        raise _broken("a node asks for a column under 0", path)
    children: list[tuple[int, int] | None] = []
    for i, mode in enumerate(modes):
        if mode == _LEAF:
            children.append(None)
            continue
        yes = index.get((trees[i], columns["nodes_truenodeids"][i]))
        no = index.get((trees[i], columns["nodes_falsenodeids"][i]))
        if yes is None or no is None:
            raise _broken("a branch leads to a node that does not exist", path)
        children.append((yes, no))
    _hold_weights(attributes, path)
    first = {tree: i for i, tree in reversed(list(enumerate(trees)))}
    _hold_ends(children, sorted(first.values()), path)


def _hold_weights(attributes: dict[str, Any], path: Path) -> None:
    """Every leaf weight goes to a class or target that exists."""
    kind = "class" if "class_ids" in attributes else "target"
    lists = [list(attributes[n].ints) if n in attributes else [] for n in (f"{kind}_ids", f"{kind}_nodeids")]
    if kind == "class":
        labels = (attributes[n] for n in ("classlabels_int64s", "classlabels_strings") if n in attributes)
        ends = sum(len(a.ints) + len(a.strings) for a in labels)
    else:
        ends = attributes["n_targets"].i if "n_targets" in attributes else 1
    if len(lists[0]) != len(lists[1]) or not all(0 <= i < ends for i in lists[0]):
        raise _broken(f"a leaf weighs on a {kind} that does not exist", path)


def _hold_flat(attributes: dict[str, Any], path: Path) -> None:
    """The form of ai.onnx.ml 5: children by index, leaves in a list of their own."""

    def ints(name: str) -> list[int]:
        return list(attributes[name].ints) if name in attributes else []

    yes, no = ints("nodes_truenodeids"), ints("nodes_falsenodeids")
    yes_leaf, no_leaf = ints("nodes_trueleafs"), ints("nodes_falseleafs")
    leaves, features, roots = ints("leaf_targetids"), ints("nodes_featureids"), ints("tree_roots")
    if not roots or any(len(c) != len(yes) for c in (no, yes_leaf, no_leaf, features)):
        raise _broken("its lists of nodes have different lengths, or are missing", path)
    if min(features, default=0) < 0 or not all(0 <= r < max(len(yes), 1) for r in roots):
        raise _broken("a root or a column lies outside its list", path)
    children: list[tuple[int, ...] | None] = []
    for i in range(len(yes)):
        ends = ((yes[i], yes_leaf[i]), (no[i], no_leaf[i]))
        if any(not 0 <= child < (len(leaves) if leaf else len(yes)) for child, leaf in ends):
            raise _broken("a branch leads to a node that does not exist", path)
        children.append(tuple(dict.fromkeys(child for child, leaf in ends if not leaf)))
    if len(yes):
        _hold_ends(children, roots, path)


def _hold_ends(children: list[Any], roots: list[int], path: Path) -> None:
    """Walk from every root: a node that is met twice is a loop, or a doubling that a small file could hide."""
    seen = bytearray(len(children))
    # A node whose two branches meet is legal where exporters merge equal leaves, so leaves may be shared.
    waiting = list(dict.fromkeys(roots))
    while waiting:
        node = waiting.pop()
        if children[node] is not None and seen[node]:
            raise _broken("a branch leads back to a node that was passed already", path)
        seen[node] = 1
        waiting.extend(children[node] or ())


def _broken(detail: str, path: Path) -> Unusable:
    return refuse(
        "trees",
        f"a tree ensemble of the model is malformed: {detail}",
        why="a row that falls into it may never come out, or read memory that is not the model's",
        remedy="export the trees again with an unmodified exporter",
        path=path,
    )
