"""Rules that a model must hold before ONNX Runtime sees a byte of it. Each rule raises `Unusable` or returns."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from mlassay.model.ngrams import hold_ngrams
from mlassay.model.operators import ALLOWED, domain_of
from mlassay.model.trees import hold_trees
from mlassay.model.types import IR_VERSIONS, MAX_ELEMENTS, MAX_NODES, OPSETS, refuse

_EXTERNAL = 1  # onnx.TensorProto.EXTERNAL


def vet(proto: Any, data: bytes, path: Path) -> None:
    """Hold every rule of `RULES` in order; Unusable at the first one broken."""
    for rule in RULES.values():
        rule(proto, path)
    _well_formed(data, path)


def tensors(graph: Any) -> Iterator[Any]:
    """Every TensorProto of a graph: initialisers and the values of node attributes."""
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors


def _versions(proto: Any, path: Path) -> None:
    low, high = IR_VERSIONS
    if not low <= proto.ir_version <= high:
        raise refuse(
            "versions",
            f"the model's IR version is {proto.ir_version}; mlassay takes {low} to {high}",
            why="outside these, ONNX Runtime may refuse the model or read it otherwise",
            remedy="export again with a target opset that your ONNX Runtime knows",
            path=path,
        )
    for entry in proto.opset_import:
        domain = domain_of(entry.domain)
        if domain not in OPSETS:
            continue  # the rule on operators names the nodes that use it
        low, high = OPSETS[domain]
        if not low <= entry.version <= high:
            raise refuse(
                "versions",
                f"the model's opset for {domain or 'ai.onnx'} is {entry.version}; mlassay takes {low} to {high}",
                why="outside these, ONNX Runtime may refuse the model or read it otherwise",
                remedy="export again with a target opset in these bounds",
                path=path,
            )


def _external_data(proto: Any, path: Path) -> None:
    for tensor in tensors(proto.graph):
        if tensor.data_location != _EXTERNAL and not tensor.external_data:
            continue
        location = next((e.value for e in tensor.external_data if e.key == "location"), "")
        pure = PurePosixPath(location.replace("\\", "/"))
        outside = pure.is_absolute() or ".." in pure.parts
        place = "outside the model's folder" if outside else "in another file"
        raise refuse(
            "external_data",
            f"the model keeps a tensor {place}: {location or 'no location given'}",
            why="the model's digest would not cover those bytes, so they could be swapped after signing",
            remedy="save the model in one file (onnx.save_model with save_as_external_data=False)",
            path=path,
        )


def _operators(proto: Any, path: Path) -> None:
    why = "an operator outside the list can run native code, never end, or answer differently at each call"
    if proto.functions or proto.training_info:
        what = "functions of its own" if proto.functions else "training information"
        raise refuse("operators", f"the model carries {what}", why=why, remedy=_PLAIN, path=path)
    if len(proto.graph.node) > MAX_NODES:
        what = f"the model has {len(proto.graph.node)} nodes; at most {MAX_NODES} are taken"
        raise refuse(
            "operators", what, why="such a graph cannot be read or held in bounds", remedy=_PLAIN, path=path
        )
    if any(_drops_at_random(node, proto.graph) for node in proto.graph.node):
        what = "the model drops values at random: a Dropout whose training_mode is not the constant false"
        fix = "export the model in evaluation mode (PyTorch: model.eval() before torch.onnx.export)"
        raise refuse("operators", what, why=why, remedy=fix, path=path)
    refused = sorted({name for node in proto.graph.node if (name := _refused(node))})
    if refused:
        what = "the model uses operators that are not allowed: " + ", ".join(refused[:8])
        remedy = _REMEDIES.get(refused[0], _PLAIN) if len(refused) == 1 else _PLAIN
        raise refuse("operators", what, why=why, remedy=remedy, path=path)
    for node in proto.graph.node:
        if node.op_type == "TfIdfVectorizer":
            hold_ngrams(node, path)


_PLAIN = "export without them: plain tensor operators of ai.onnx and ai.onnx.ml (docs/model.md lists them)"
_REMEDIES = {
    "ai.onnx.ml.ZipMap": "export with options={'zipmap': False}, so that probabilities are a tensor",
    "com.microsoft.Tokenizer": "replace the Tokenizer by the standard StringSplit of opset 20 (docs/model.md shows how)",
}


def _refused(node: Any) -> str:
    domain = domain_of(node.domain)
    has_graph = any(a.HasField("g") or a.graphs for a in node.attribute)
    if node.op_type in ALLOWED.get(domain, frozenset()) and not has_graph:
        return ""
    return f"{domain or 'ai.onnx'}.{node.op_type}"


def _drops_at_random(node: Any, graph: Any) -> bool:
    """A Dropout that is, or may be, in training mode. Graph optimisations take some away, and other runtimes do not."""
    if node.op_type != "Dropout" or len(node.input) < 3 or not node.input[2]:
        return False
    from onnx import numpy_helper

    named = [t for t in graph.initializer if t.name == node.input[2]]
    named += [a.t for n in graph.node if node.input[2] in n.output for a in n.attribute if a.name == "value"]
    offered = any(each.name == node.input[2] for each in graph.input)
    try:
        return offered or len(named) != 1 or bool(numpy_helper.to_array(named[0]).any())
    except (ValueError, TypeError):
        return True


def _sizes(proto: Any, path: Path) -> None:
    why = "loading or running it would exhaust the machine's memory"
    remedy = "export a model whose tensors are as small as its parameters"
    if proto.graph.sparse_initializer or any(
        a.HasField("sparse_tensor") or a.sparse_tensors for n in proto.graph.node for a in n.attribute
    ):
        raise refuse(
            "sizes", "the model holds sparse tensors", why=why, remedy="export dense tensors", path=path
        )
    for tensor in tensors(proto.graph):
        if any(d < 0 for d in tensor.dims) or math.prod(tensor.dims) > MAX_ELEMENTS:
            shape = " x ".join(str(d) for d in tensor.dims)
            what = f"tensor {tensor.name or 'without a name'} claims {shape} elements; at most {MAX_ELEMENTS} are taken"
            raise refuse("sizes", what, why=why, remedy=remedy, path=path)
    constants = _small_constants(proto.graph)
    for node in proto.graph.node:
        if (claimed := _claims(node, constants)) > MAX_ELEMENTS:
            what = f"operator {node.op_type} would make {claimed} elements; at most {MAX_ELEMENTS} are taken"
            raise refuse("sizes", what, why=why, remedy=remedy, path=path)


def _small_constants(graph: Any) -> dict[str, list[float]]:
    """Values of constant tensors of at most 64 elements (shapes, repeats, limits), by name."""
    from onnx import TensorProto, numpy_helper

    named = {t.name: t for t in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant" and node.output:
            named.update((node.output[0], a.t) for a in node.attribute if a.name == "value")
    numeric = {TensorProto.INT64, TensorProto.INT32, TensorProto.FLOAT, TensorProto.DOUBLE}
    found: dict[str, list[float]] = {}
    for name, tensor in named.items():
        if tensor.data_type in numeric and math.prod(tensor.dims) <= 64:
            try:
                found[name] = numpy_helper.to_array(tensor).ravel().tolist()
            except ValueError:
                continue  # fewer bytes than claimed: the checker says so afterwards
    return found


def _claims(node: Any, constants: dict[str, list[float]]) -> float:
    """How many elements an operator that makes tensors from a shape would make, where that can be told."""
    given = [constants.get(name) for name in node.input]
    if node.op_type == "ConstantOfShape" and given and given[0]:
        return math.prod(given[0])
    if node.op_type in {"Expand", "Tile", "Reshape"} and len(given) > 1 and given[1]:
        return math.prod(max(1.0, d) for d in given[1])
    if node.op_type == "Range" and len(given) == 3 and all(given):
        start, limit, delta = (g[0] for g in given if g)
        return (limit - start) / delta if delta else math.inf
    if node.op_type == "Pad" and len(given) > 1 and given[1]:
        return math.prod(max(1.0, d) for d in given[1])
    if node.op_type == "OneHot" and len(given) > 1 and given[1]:
        return given[1][0]
    return 0


def _trees(proto: Any, path: Path) -> None:
    for node in proto.graph.node:
        if domain_of(node.domain) == "ai.onnx.ml" and node.op_type.startswith("TreeEnsemble"):
            hold_trees(node, path)


def _well_formed(data: bytes, path: Path) -> None:
    import onnx

    try:
        onnx.checker.check_model(data)
    except (onnx.checker.ValidationError, RuntimeError, ValueError) as error:
        raise refuse(
            "well_formed",
            f"onnx.checker refuses the model: {str(error).strip().splitlines()[0] if str(error).strip() else 'no reason given'}",
            why="a malformed graph may be read differently by each runtime",
            remedy="export the model again; the exporter must pass onnx.checker.check_model",
            path=path,
        ) from error


RULES: dict[str, Callable[[Any, Path], None]] = {
    "versions": _versions,
    "operators": _operators,
    "external_data": _external_data,
    "sizes": _sizes,
    "trees": _trees,
}
