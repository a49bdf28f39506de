"""What the adversarial gate proves, what it only finds, and what it must never claim."""

from __future__ import annotations

import csv
import itertools
import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import skl2onnx
from onnx import helper
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier

from mlassay.digest import canonical
from mlassay.errors import EvidenceError
from mlassay.evidence.verdict import Outcome
from mlassay.gates.adversarial import AdversarialGate
from mlassay.gates.adversarial_art import attack_row, cross_check
from mlassay.gates.adversarial_box import Probe
from mlassay.gates.adversarial_linear import settle as corners
from mlassay.gates.adversarial_search import evaluations_per_row, replay, search, shrink
from mlassay.gates.adversarial_set import Allowed, Found
from mlassay.manifest import Column
from mlassay.model import Input, Model
from tests.gates.subjects import NUMBERS, finding, subject
from tests.model.models import fitted, floats, linear, model, save

HMDA = Path(__file__).parents[2] / "template" / "data" / "hmda.csv"
ROOT = Path(__file__).parents[2]


def asked(columns=("a", "b"), radius=0.05, least=0.8):
    return {
        "adversarial": {
            "perturb": {"columns": list(columns), "radius": radius},
            "robust_rate": {"min": least},
        }
    }


def declared(names, low=-4.0, high=4.0):
    return tuple(Column(n, "number", "feature", "before", low, high) for n in names)


def probe_of(tmp_path, proto, x, columns, radius, threshold=0.5):
    names = [f"c{i}" for i in range(x.shape[1])]
    loaded = Model.load(save(proto, tmp_path), [Input(n) for n in names])
    rows = {n: x[:, i].astype(np.float32) for i, n in enumerate(names)}
    return Probe(loaded, rows, Allowed.around(rows, columns, radius), threshold, loaded.score(rows))


def test_a_steady_linear_model_passes_exactly(tmp_path):
    report = AdversarialGate().test(subject(tmp_path, linear((3.0, 0.1, 0.0), 5.0), asked(radius=0.01)))
    assert report.outcome is Outcome.PASSED
    assert report.measured["method"] == "weights, exact"
    assert report.measured["undecided"] == 0


def test_a_linear_model_on_the_edge_fails_with_the_radius_that_would_pass(tmp_path):
    made = subject(tmp_path, linear((3.0, 3.0, 0.0), 0.0), asked(radius=0.2, least=0.9))
    report = AdversarialGate().test(made)
    found = finding(report, "adversarial.robust_rate")
    assert found.outcome is Outcome.FAILED
    assert (found.path, found.line) == ("ml.yaml", 7)
    radius = float(found.numbers["radius_that_passes"])
    smaller = subject(tmp_path, linear((3.0, 3.0, 0.0), 0.0), asked(radius=radius, least=0.9))
    assert AdversarialGate().test(smaller).outcome is Outcome.PASSED
    larger = subject(tmp_path, linear((3.0, 3.0, 0.0), 0.0), asked(radius=radius * 1.2, least=0.9))
    assert AdversarialGate().test(larger).outcome is not Outcome.PASSED


def test_a_rate_within_noise_of_the_minimum_is_inconclusive_and_says_how_many_rows_settle_it(tmp_path):
    made = subject(tmp_path, linear((3.0, 3.0, 0.0), 0.0), asked(radius=0.05))
    rate = float(
        finding(AdversarialGate().test(made), "adversarial.robust_rate").numbers["robust_rate_at_most"]
    )
    near = subject(tmp_path, linear((3.0, 3.0, 0.0), 0.0), asked(radius=0.05, least=rate - 0.01))
    found = finding(AdversarialGate().test(near), "adversarial.robust_rate")
    assert found.outcome is Outcome.INCONCLUSIVE
    assert found.numbers["rows_that_would_settle"] > 200


@pytest.mark.parametrize("width", [2, 9], ids=["every-corner", "climbing"])
def test_corners_agree_with_algebra(tmp_path, width):
    rng = np.random.default_rng(5)
    x = rng.normal(size=(300, width)).clip(-4, 4)
    weights = rng.normal(size=width)
    gemm = helper.make_node("Gemm", ["X", "W", "B"], ["z"])
    proto = model(
        [gemm, helper.make_node("Sigmoid", ["z"], ["probabilities"])],
        initialisers=[floats("W", weights.reshape(-1, 1)), floats("B", [0.3])],
        inputs=[helper.make_tensor_value_info("X", 1, [None, width])],
    )
    columns = declared([f"c{i}" for i in range(width)])
    probe = probe_of(tmp_path, proto, x, columns, 0.05)
    found = replay(probe, corners(probe))
    z = x @ weights + 0.3
    low = (
        z
        - (x - np.maximum(x - 0.4, -4)) @ np.maximum(weights, 0)
        + (np.minimum(x + 0.4, 4) - x) @ np.minimum(weights, 0)
    )
    high = (
        z
        + (np.minimum(x + 0.4, 4) - x) @ np.maximum(weights, 0)
        - (x - np.maximum(x - 0.4, -4)) @ np.minimum(weights, 0)
    )
    clear = (np.abs(low) > 1e-4) & (np.abs(high) > 1e-4)
    expected = np.where(z >= 0, low < 0, high >= 0)
    assert not found.undecided.any()
    assert (found.broken == expected)[clear].all()
    assert 0.05 < expected.mean() < 0.95


def test_a_saturated_score_is_settled_by_its_weights(tmp_path):
    x = np.full((3, 9), 1.0)
    gemm = helper.make_node("Gemm", ["X", "W"], ["z"])
    proto = model(
        [gemm, helper.make_node("Sigmoid", ["z"], ["probabilities"])],
        initialisers=[floats("W", np.full((9, 1), 400.0))],
        inputs=[helper.make_tensor_value_info("X", 1, [None, 9])],
    )
    probe = probe_of(tmp_path, proto, x, declared([f"c{i}" for i in range(9)]), 0.01)
    found = corners(probe)
    assert not found.undecided.any()
    assert not found.broken.any()


def curved(**options):
    """A network whose units are no ReLU, so that it can only be searched."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return fitted(MLPClassifier((8,), activation="tanh", max_iter=200, random_state=0, **options))[0]


def test_what_the_search_does_not_break_is_undecided_and_cannot_pass(tmp_path):
    report = AdversarialGate().test(subject(tmp_path, curved(), asked(radius=0.0001, least=0.5)))
    assert report.outcome is Outcome.INCONCLUSIVE
    assert report.measured["robust"] == 0
    assert report.measured["undecided"] > 150
    assert any("undecided, never robust" in text for text in report.not_looked_at)
    assert any("a proof: it has no tree ensemble" in text for text in report.not_looked_at)


@pytest.mark.parametrize("searched", [True, False], ids=["searched", "trees"])
def test_a_model_that_flips_too_easily_fails(tmp_path, searched):
    proto = curved() if searched else fitted(GradientBoostingClassifier(n_estimators=50, random_state=0))[0]
    report = AdversarialGate().test(subject(tmp_path, proto, asked(radius=0.3, least=0.95)))
    assert report.outcome is Outcome.FAILED
    assert ("exact" in report.measured["method"]) is not searched
    fragile = report.measured["most_fragile"]
    assert len(fragile) == 5
    assert [f["largest_share_of_range"] for f in fragile] == sorted(
        f["largest_share_of_range"] for f in fragile
    )
    assert {g["group"] for g in report.measured["groups"]["group"]} == {"x", "y"}
    assert sum(g["rows"] for g in report.measured["groups"]["group"]) == 200
    canonical(dict(report.measured))


def test_fragile_rows_are_told_in_the_users_units_and_flip_when_tried(tmp_path):
    made = subject(tmp_path, linear((3.0, 3.0, 0.0), 0.0), asked(radius=0.2, least=0.9))
    first = AdversarialGate().test(made).measured["most_fragile"][0]
    columns = {name: [values[first["row"] - 1]] for name, values in made.table.as_mapping().items()}
    before = made.model.score(made.model.encode(columns))[0] >= 0.5
    for change in first["changes"]:
        assert float(columns[change["column"]][0]) == pytest.approx(float(change["from"]), abs=1e-4)
        nudge = 1e-3 if float(change["to"]) > float(change["from"]) else -1e-3
        columns[change["column"]] = [str(float(change["to"]) + nudge)]
    assert (made.model.score(made.model.encode(columns))[0] >= 0.5) != before
    assert first["cheapest_column"] in {"a", "b"}


def test_points_stay_in_the_box_in_whole_steps_and_missing_stays_missing():
    rows = {
        "a": np.array([3.99, -4.0, np.nan, 9.0], np.float32),
        "n": np.array([0, 10, 5, 5], np.float32),
    }
    box = Allowed.around(rows, (NUMBERS[0], NUMBERS[2]), 0.25)
    wild = np.random.default_rng(0).normal(scale=50, size=(4, 500, 2))
    points = box.fit(np.arange(4), wild)
    assert points[0, :, 0].max() <= 4.0
    assert points[0, :, 0].min() >= 3.99 - 2 - 1e-6
    assert np.isnan(points[2, :, 0]).all()
    assert points[3, :, 0].max() == 9.0  # outside its declared range already: never moved further out
    assert (points[:, :, 1] == np.rint(points[:, :, 1])).all()
    assert points[0, :, 1].max() == 2
    assert points[1, :, 1].min() == 8
    assert points[1, :, 1].max() == 10


@pytest.mark.parametrize(
    ("criteria", "id_"),
    [
        ({}, "adversarial.criteria"),
        (asked(("group",))["adversarial"], "adversarial.column.group"),
        (asked(("nothing",))["adversarial"], "adversarial.column.nothing"),
    ],
    ids=["no-criteria", "category", "unknown"],
)
def test_what_cannot_be_measured_is_inconclusive_by_name(tmp_path, criteria, id_):
    report = AdversarialGate().test(subject(tmp_path, linear(), {"adversarial": criteria}))
    assert report.outcome is Outcome.INCONCLUSIVE
    assert finding(report, id_).outcome is Outcome.INCONCLUSIVE


def hmda():
    with HMDA.open() as file:
        rows = list(csv.DictReader(file))
    names = [n for n in rows[0] if n not in {"deny", "afam"}]
    code = {"no": 0.0, "yes": 1.0}
    x = np.array(
        [[code[r[n]] if r[n] in code else float(r[n]) for n in names] for r in rows], dtype=np.float32
    )
    order = np.random.default_rng(0).permutation(len(x))
    return names, x[order], np.array([r["deny"] == "yes" for r in rows])[order].astype(int)


@pytest.fixture(scope="module")
def boosted(tmp_path_factory):
    """Gradient boosting on half of the mortgage data, and a probe of the other half at radius .05."""
    names, x, y = hmda()
    half = len(x) // 2
    estimator = GradientBoostingClassifier(random_state=0).fit(x[:half], y[:half])
    proto = skl2onnx.to_onnx(
        estimator, x[:1], options={"zipmap": False}, target_opset={"": 17, "ai.onnx.ml": 3}
    )
    path = save(proto, tmp_path_factory.mktemp("boosted"))
    loaded = Model.load(path, [Input(n) for n in names])
    rows = {n: x[half:, i].copy() for i, n in enumerate(names)}
    moved = tuple(
        Column(
            n,
            "number",
            "feature",
            "before",
            float(x[:, names.index(n)].min()),
            float(x[:, names.index(n)].max()),
        )
        for n in ("pirat", "hirat", "lvrat")
    )
    probe = Probe(loaded, rows, Allowed.around(rows, moved, 0.05), 0.5, loaded.score(rows))
    return estimator, names, x[half:], probe


@pytest.mark.skipif(not HMDA.exists(), reason="the template's data is not here yet")
def test_on_mortgage_boosting_the_search_finds_what_scikit_learn_confirms(boosted):
    estimator, names, x, probe = boosted
    found = replay(probe, search(probe, seed=1))
    assert found.broken.mean() >= 0.30
    assert (found.undecided == ~found.broken).all()
    index = np.flatnonzero(found.broken)
    moved = x.copy()
    for j, name in enumerate(probe.box.columns):
        moved[index, names.index(name)] = found.witness[index, j]
    agree = estimator.predict(moved[index]) != estimator.predict(x[index])
    assert agree.mean() > 0.999
    witness, _ = shrink(probe, found)
    assert (witness[index] >= probe.box.low[index]).all()
    assert (witness[index] <= probe.box.high[index]).all()


def test_the_search_finds_most_of_what_every_cell_of_a_small_ensemble_holds(tmp_path):
    rng = np.random.default_rng(3)
    x = rng.normal(size=(400, 2)).astype(np.float32)
    y = ((x[:, 0] * x[:, 1] > 0) ^ (rng.random(400) < 0.1)).astype(int)
    estimator = GradientBoostingClassifier(n_estimators=15, max_depth=3, random_state=0).fit(x, y)
    proto = skl2onnx.to_onnx(
        estimator, x[:1], options={"zipmap": False}, target_opset={"": 17, "ai.onnx.ml": 3}
    )
    probe = probe_of(tmp_path, proto, x[:150], declared(["c0", "c1"]), 0.03)
    trees = [t.tree_ for t in estimator.estimators_.ravel()]
    cuts = [np.unique(np.concatenate([t.threshold[t.feature == j] for t in trees])) for j in range(2)]
    exact = np.zeros(150, dtype=bool)
    for row in range(150):
        axes = []
        for j in range(2):
            low, high = probe.box.low[row, j], probe.box.high[row, j]
            inner = cuts[j][(cuts[j] > low) & (cuts[j] < high)]
            ends = np.array([low, *inner, high])
            axes.append((ends[1:] + ends[:-1]) / 2)
        cells = np.array(list(itertools.product(*axes)), dtype=np.float32)
        exact[row] = (estimator.predict(cells) != estimator.predict(x[row : row + 1])).any()
    found = replay(probe, search(probe, seed=0))
    assert exact.sum() > 20
    assert found.broken[exact].mean() >= 0.9
    assert found.broken[~exact].mean() < 0.02  # cells thinner than float32 apart


def test_a_search_asks_no_more_than_it_says_and_very_many_rows_are_sampled(tmp_path, monkeypatch):
    proto, x = fitted(GradientBoostingClassifier(n_estimators=5, random_state=0))
    probe = probe_of(tmp_path, proto, x[:50], declared(["c0", "c1"]), 1e-6)
    found = search(probe, seed=0)
    assert not found.broken.any()
    assert probe.evaluations == 50 * evaluations_per_row(2)
    monkeypatch.setattr("mlassay.gates.adversarial_search.MOST_ROWS", 60)
    report = AdversarialGate().test(subject(tmp_path, curved(), asked()))
    assert (report.measured["looked_at"], report.measured["rows"]) == (60, 200)
    assert any("140 of 200 rows" in text for text in report.not_looked_at)


def test_art_breaks_rows_that_are_open_within_its_time_and_repeats_itself(tmp_path):
    proto, x = fitted(LogisticRegression())
    probe = probe_of(tmp_path, proto, x[:60], declared(["c0", "c1", "c2"]), 0.2)
    broken = np.flatnonzero(corners(probe).broken)[:4]
    steady = np.flatnonzero(~corners(probe).broken)[:2]
    state = np.random.get_state()[1].copy()  # noqa: NPY002 - what ART would disturb
    first = [attack_row(probe, int(r), 20) for r in broken]
    asked_once = probe.evaluations
    assert first == [attack_row(probe, int(r), 20) for r in broken]
    assert any(first)
    assert asked_once > 0
    assert not any(attack_row(probe, int(r), 20) for r in steady)
    assert (np.random.get_state()[1] == state).all()  # noqa: NPY002


def test_art_is_silent_and_stops_at_its_time(tmp_path, capfd):
    proto, x = fitted(LogisticRegression())
    probe = probe_of(tmp_path, proto, x[:5], declared(["c0", "c1", "c2"]), 0.2)
    assert not attack_row(probe, 0, -1.0)
    assert capfd.readouterr() == ("", "")


def test_a_row_that_art_breaks_and_the_gate_called_robust_is_an_error(tmp_path):
    proto, x = fitted(LogisticRegression())
    probe = probe_of(tmp_path, proto, x[:60], declared(["c0", "c1", "c2"]), 0.2)
    honest = corners(probe)
    said: list[str] = []
    assert cross_check(probe, honest, said.append) == 0
    assert said
    liar = Found(np.zeros_like(honest.broken), np.zeros_like(honest.undecided), honest.witness)
    with pytest.raises(EvidenceError, match="HopSkipJump"):
        cross_check(probe, liar, said.append)


SCRIPT = """
import sys
import warnings
from pathlib import Path
from tests.gates.test_adversarial import asked
from tests.gates.subjects import subject
from mlassay.digest import canonical
from mlassay.gates.adversarial import AdversarialGate
from mlassay.gates.contract import ContractGate
folder = Path(sys.argv[1])
made = subject(folder, (folder / "given.onnx").read_bytes(), asked(radius=0.2))
for gate in (AdversarialGate(), ContractGate()):
    report = gate.test(made)
    sys.stdout.buffer.write(canonical([dict(report.measured), [f.id + f.what + f.remedy for f in report.findings]]))
"""


def test_reports_are_the_same_bytes_in_another_locale_with_other_threads(tmp_path):
    proto, _ = fitted(GradientBoostingClassifier(n_estimators=30, random_state=0))
    said = []
    for number, extra in enumerate(
        (
            {"LANG": "C", "OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "1"},
            {"LANG": "tr_TR.UTF-8", "LC_ALL": "C.UTF-8", "OMP_NUM_THREADS": "7", "PYTHONHASHSEED": "2"},
        )
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        save(proto, folder, "given.onnx")
        kept = {k: v for k, v in os.environ.items() if k in {"PATH", "HOME", "LD_LIBRARY_PATH"}}
        command = [sys.executable, "-c", SCRIPT, str(folder)]
        ran = subprocess.run(command, cwd=ROOT, env={**kept, **extra}, capture_output=True, check=True)
        assert ran.stderr == b""
        said.append(ran.stdout)
    assert said[0] == said[1]
    assert len(said[0]) > 1000
