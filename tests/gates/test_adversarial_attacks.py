"""Models made to get a row called robust that flips: each attack once worked, and has a control that is still proven."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto, helper

from mlassay.config.perturb import Move
from mlassay.gates.adversarial_box import Probe
from mlassay.gates.adversarial_set import Allowed
from mlassay.gates.adversarial_settle import choose, settle
from mlassay.manifest import Column
from mlassay.model import Input, Model
from tests.model.models import floats, integers, model, save
from tests.model.trees_made import flat, listed, over


def column(name="c0", low=-4.0, high=4.0, kind="number"):
    return Column(name, kind, "feature", "before", low, high)


def probe_of(tmp_path, proto, x, columns, moves, *, threshold=0.5, kind=np.float32):
    names = [c.name for c in columns]
    made = Model.load(save(proto, tmp_path), [Input(name) for name in names])
    rows = {name: np.array(x)[:, i].astype(kind) for i, name in enumerate(names)}
    return Probe(made, rows, Allowed.of(rows, columns, moves), threshold, made.score(rows))


def called_robust(probe):
    """Of each row whether it is called robust, by whatever method takes the model."""
    found = settle(probe, choose(probe)[0], None)
    return ~found.broken & ~found.undecided


def flips(probe, points):
    """Of each row whether the model decides otherwise at its own one of ``points``, which is allowed to it."""
    index, at = np.arange(len(points)), np.array(points, dtype=np.float64)[:, None]
    assert probe.box.contains(index, at).all()
    return probe.margins(index, at)[1][:, 0]


def leaves(*values, target=0):
    """What leaves weigh, one after the other."""
    rest = iter(values)
    return lambda: [(target, next(rest))]


def stump(split=0.0, mode="BRANCH_LEQ"):
    return (0, mode, split, False, None, None)


def between(low, high):
    """A tree whose middle leaf, of three, is reached from over ``low`` to ``high``."""
    return (0, "BRANCH_LEQ", low, False, None, (0, "BRANCH_LEQ", high, False, None, None))


def behind(nodes, constants, tree, weigh, *, kind=TensorProto.FLOAT):
    """Trees over what ``nodes`` make of X, as the tensor f."""
    node = listed([tree], weigh, classifier=False, targets=1)
    node.input[0] = "f"
    inputs = [helper.make_tensor_value_info("X", kind, [None, 1])]
    return model([*nodes, node], inputs=inputs, initialisers=constants)


def test_nodes_of_a_tree_that_stand_apart_are_not_read_as_one_tree(tmp_path):
    def made(order):
        nodes = {
            "treeids": [0, 0, 0, 1],
            "nodeids": [0, 1, 2, 0],
            "featureids": [0] * 4,
            "values": [0.0] * 4,
            "modes": ["BRANCH_LEQ", "LEAF", "LEAF", "LEAF"],
            "truenodeids": [1, 0, 0, 0],
            "falsenodeids": [2, 0, 0, 0],
        }
        listed_so = {f"nodes_{name}": [values[i] for i in order] for name, values in nodes.items()}
        node = helper.make_node(
            "TreeEnsembleRegressor", ["X"], ["probabilities"], domain="ai.onnx.ml", n_targets=1, **listed_so,
            target_treeids=[0, 0, 1], target_nodeids=[1, 2, 0], target_ids=[0] * 3, target_weights=[0.0, 0.45, 0.0],
        )  # fmt: skip
        return probe_of(tmp_path, over(node, 1), [[-0.5]], [column()], [Move("c0", by=1.0)])

    apart, together = made([0, 1, 3, 2]), made([0, 1, 2, 3])
    assert flips(apart, [[0.5]]).all()  # a leaf that counts twice
    assert not called_robust(apart).any()
    assert called_robust(together).all()


@pytest.mark.parametrize("large", [8e6, 1.0], ids=["attack", "control"])
def test_what_rounding_makes_of_a_score_is_a_part_of_its_bound(tmp_path, large):
    node = listed([stump()], leaves(0.2, 0.49), classifier=False, targets=1)
    node.output[0] = "s"
    nodes = [
        node,
        helper.make_node("Add", ["s", "large"], ["t"]),
        helper.make_node("Sub", ["t", "large"], ["probabilities"]),
    ]
    inputs = [helper.make_tensor_value_info("X", 1, [None, 1])]
    proto = model(nodes, inputs=inputs, initialisers=[floats("large", [large])])
    probe = probe_of(tmp_path, proto, [[-0.5]], [column()], [Move("c0", by=1.0)])
    assert flips(probe, [[0.5]]).all() == (large > 1)
    assert called_robust(probe).all() == (large == 1)


@pytest.mark.parametrize("leaf", [1e32, 1e20], ids=["attack", "control"])
def test_scores_too_large_to_be_told_apart_prove_nothing(tmp_path, leaf):
    node = listed([between(-0.001, 0.001)], leaves(0.0, leaf, 0.0), classifier=False, targets=1)
    moves = [Move("c0", by=1.0)]
    near = probe_of(tmp_path, over(node, 1), [[-0.5]], [column()], moves, threshold=leaf / 10)
    assert flips(near, [[0.0]]).all()
    assert not called_robust(near).any()
    far = probe_of(tmp_path, over(node, 1), [[-2.0]], [column()], moves, threshold=leaf / 10)
    assert called_robust(far).all() == (leaf < 1e30)


@pytest.mark.parametrize("window", [[0.0, 1.0, 0.0], [0.0, 0.0, 0.0]], ids=["attack", "control"])
def test_the_largest_of_the_second_target_is_its_own(tmp_path, window):
    first, second = iter([0.0] * 3), iter(window)
    node = listed(
        [between(-0.001, 0.001)],
        lambda: [(0, next(first)), (1, next(second))],
        classifier=False,
        targets=2,
        aggregate="MAX",
    )
    probe = probe_of(tmp_path, over(node, 1), [[-0.5]], [column()], [Move("c0", by=0.9)])
    assert flips(probe, [[0.0]]).all() == any(window)
    assert called_robust(probe).all() != any(window)


def test_a_threshold_near_zero_is_found_to_the_last_bit(tmp_path):
    node = listed([stump()], leaves(1e-31, 3e-31), classifier=False, targets=1, aggregate="MIN")
    probe = probe_of(
        tmp_path, over(node, 1), [[-0.5], [-3]], [column()], [Move("c0", by=1.0)], threshold=2e-31
    )
    assert flips(probe, [[0.5], [-3]]).tolist() == [True, False]
    assert called_robust(probe).tolist() == [False, True]


BEFORE = {
    "integers that wrap around": (
        TensorProto.INT64,
        np.int64,
        [helper.make_node("Mul", ["X", "k"], ["m"]), helper.make_node("Cast", ["m"], ["f"], to=1)],
        [integers("k", [-(2**63)])],
        stump(-0.5, "BRANCH_LT"),
        column(low=0, high=1_024_000, kind="integer"),
        (10, 11),
    ),
    "a cast beyond the range of integers": (
        TensorProto.FLOAT,
        np.float32,
        [
            helper.make_node("Mul", ["X", "k"], ["m"]),
            helper.make_node("Cast", ["m"], ["i"], to=6),
            helper.make_node("Cast", ["i"], ["f"], to=1),
        ],
        [floats("k", [1e15])],
        stump(0.5, "BRANCH_GT"),
        column(low=-1, high=1.1),
        (0.5, float(np.float32(1e-7))),
    ),
    "zero times what overflows": (
        TensorProto.FLOAT,
        np.float32,
        [
            helper.make_node("Mul", ["X", "k"], ["m"]),
            helper.make_node("Mul", ["m", "k"], ["n"]),
            helper.make_node("Mul", ["n", "z"], ["o"]),
            helper.make_node("Greater", ["o", "below"], ["b"]),
            helper.make_node("Cast", ["b"], ["f"], to=1),
        ],
        [floats("k", [1e25]), floats("z", [0.0]), floats("below", [-1.0])],
        stump(0.5, "BRANCH_GT"),
        column(low=-1, high=1.1),
        (0.5, float(np.float32(1e-20))),
    ),
}


@pytest.mark.parametrize("attack", BEFORE)
def test_what_turns_back_before_the_trees_between_samples_proves_nothing(tmp_path, attack):
    kind, array, nodes, constants, tree, moved, (base, there) = BEFORE[attack]
    proto = behind(nodes, constants, tree, leaves(1.0, 0.0), kind=kind)
    probe = probe_of(tmp_path, proto, [[base]], [moved], [Move("c0", radius=1.0)], kind=array)
    assert flips(probe, [[there]]).all()
    assert not called_robust(probe).any()


def test_a_scaler_before_the_trees_is_still_proven(tmp_path):
    nodes = [helper.make_node("Mul", ["X", "k"], ["f"])]
    proto = behind(nodes, [floats("k", [2.0])], stump(1.0, "BRANCH_GT"), leaves(1.0, 0.0))
    probe = probe_of(tmp_path, proto, [[-2.0], [0.4]], [column()], [Move("c0", by=0.2)])
    assert called_robust(probe).tolist() == [True, False]


def test_whole_numbers_beyond_float32_are_all_looked_at(tmp_path):
    nodes = [helper.make_node("Sub", ["X", "k"], ["d"]), helper.make_node("Cast", ["d"], ["f"], to=1)]
    proto = behind(
        nodes, [integers("k", [20_000_000])], between(2.5, 3.5), leaves(0.0, 1.0, 0.0), kind=TensorProto.INT64
    )
    moved = column(low=19e6, high=21e6, kind="integer")
    base = [[20_000_001], [20_000_002], [20_000_010]]
    probe = probe_of(tmp_path, proto, base, [moved], [Move("c0", by=4.0)], kind=np.int64)
    assert flips(probe, [[20_000_003], [20_000_003], [20_000_010]]).tolist() == [True, True, False]
    assert called_robust(probe).tolist() == [False, False, True]


def test_float64_between_two_float32s_is_looked_at(tmp_path):
    tree = between(0.1, 0.1 + 1e-10)
    node = flat([tree], leaves(0.0, 1.0, 0.0), targets=1, kind=TensorProto.DOUBLE)
    proto = over(node, 1, kind=TensorProto.DOUBLE, out=TensorProto.DOUBLE)
    probe = probe_of(tmp_path, proto, [[0.05], [3.0]], [column()], [Move("c0", by=0.2)], kind=np.float64)
    assert flips(probe, [[0.1 + 5e-11], [3.0]]).tolist() == [True, False]
    assert called_robust(probe).tolist() == [False, True]


@pytest.mark.parametrize("bend", ["Relu", "Identity"])
@pytest.mark.parametrize("small", [1e-25, 1.0], ids=["attack", "control"])
def test_what_vanishes_in_float32_does_not_cancel_the_score(tmp_path, bend, small):
    nodes = [
        helper.make_node("MatMul", ["X", "W"], ["a"]),
        helper.make_node("Mul", ["a", "small"], ["b"]),
        helper.make_node("Mul", ["b", "small"], ["c"]),
        helper.make_node("Mul", ["c", "large"], ["d"]),
        helper.make_node("Mul", ["d", "large"], ["e"]),
        helper.make_node("Sub", ["a", "e"], ["g"]),
        helper.make_node(bend, ["g"], ["r"]),
        helper.make_node("Gemm", ["r", "ten", "bias"], ["s"]),
        helper.make_node("Sigmoid", ["s"], ["probabilities"]),
    ]
    constants = [
        floats("W", [[1.0], [-1.0]]),
        floats("small", [small]),
        floats("large", [1 / small]),
        floats("ten", [[10.0]]),
        floats("bias", [-3.0]),
    ]
    proto = model(nodes, inputs=[helper.make_tensor_value_info("X", 1, [None, 2])], initialisers=constants)
    columns, moves = [column("c0"), column("c1")], [Move("c0", by=0.5), Move("c1", by=0.5)]
    probe = probe_of(tmp_path, proto, [[0.25, 0.25], [1.0, 1.0]], columns, moves)
    assert flips(probe, [[0.75, -0.25], [1.5, 0.5]]).all() == (small < 1)
    assert called_robust(probe).all() == (small == 1)


def test_a_linear_model_that_rounds_into_a_staircase_is_not_proven_at_its_ends(tmp_path):
    nodes = [
        helper.make_node("Mul", ["X", "small"], ["a"]),
        helper.make_node("Mul", ["a", "large"], ["b"]),
        helper.make_node("Mul", ["b", "large"], ["c"]),
        helper.make_node("Sub", ["X", "c"], ["g"]),
        helper.make_node("Gemm", ["g", "ten", "bias"], ["s"]),
        helper.make_node("Sigmoid", ["s"], ["probabilities"]),
    ]
    constants = [
        floats("small", [1e-44]),
        floats("large", [1e22]),
        floats("ten", [[10.0]]),
        floats("bias", [-0.5]),
    ]
    inputs = [helper.make_tensor_value_info("X", 1, [None, 1])]
    probe = probe_of(
        tmp_path,
        model(nodes, inputs=inputs, initialisers=constants),
        [[1.01], [2.1], [3.05]],
        [column(low=0)],
        [Move("c0", by=0.5)],
    )
    assert not called_robust(probe).any()


def test_the_code_of_a_float_is_looked_up_without_its_fraction(tmp_path):
    nodes = [
        helper.make_node("OneHotEncoder", ["X"], ["o"], domain="ai.onnx.ml", cats_int64s=[2, 77], zeros=1),
        helper.make_node("Reshape", ["o", "shape"], ["r"]),
        helper.make_node("Gemm", ["r", "W", "bias"], ["s"]),
        helper.make_node("Sigmoid", ["s"], ["probabilities"]),
    ]
    constants = [floats("W", [[2.0], [-1.0]]), integers("shape", [-1, 2]), floats("bias", [-1.0])]
    inputs = [helper.make_tensor_value_info("X", 1, [None, 1])]
    proto = model(nodes, inputs=inputs, initialisers=constants)
    moves = [Move("c0", by=2.5, step=1.2)]
    probe = probe_of(tmp_path, proto, [[3.5], [8.5]], [column(low=0, high=10)], moves)
    step = float(np.float32(3.5 - 1.2))
    assert flips(probe, [[step], [8.5]]).tolist() == [True, False]
    assert called_robust(probe).tolist() == [False, True]
