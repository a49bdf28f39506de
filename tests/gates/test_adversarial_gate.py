"""The adversarial gate on models that it settles by proof, from criteria to finding: the bad one fails, its repaired twin passes."""

from __future__ import annotations

import numpy as np
import pytest
import skl2onnx
from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor

from mlassay.digest import canonical
from mlassay.engines.local import LocalEngine
from mlassay.evidence.verdict import Outcome
from mlassay.gates.adversarial import AdversarialGate
from mlassay.gates.adversarial_least import least
from mlassay.gates.adversarial_set import Allowed
from mlassay.gates.adversarial_settle import settle
from mlassay.gates.adversarial_trees import by_trees
from mlassay.manifest import Column
from tests.gates.subjects import NUMBERS, finding, subject
from tests.gates.test_adversarial_trees import COLUMNS, MOVES, exact, onnx_of, probe_of, separable

PURPOSE = Column("purpose", "category", "feature", "before", values=("car", "home", "boat"))


def rows(count=240, seed=3):
    """Rows of a, b, n and a purpose, whose label follows a, b and the purpose; as text and as the model sees them."""
    rng = np.random.default_rng(seed)
    x = np.column_stack(
        [
            rng.normal(size=(count, 2)).clip(-4, 4).round(3),
            rng.integers(0, 11, count),
            rng.integers(0, 3, count),
        ]
    )
    y = (x[:, 0] + x[:, 1] + (x[:, 3] - 1) + rng.normal(scale=0.3, size=count) > 0).astype(int)
    group = rng.choice(["x", "y"], count)
    text = [
        (f"{a:g}", f"{b:g}", f"{n:.0f}", PURPOSE.values[int(p)], str(g), "yes" if label else "no")
        for (a, b, n, p), g, label in zip(x, group, y, strict=True)
    ]
    return text, x.astype(np.float32), y


def made(tmp_path, estimator, perturb, minimum=0.8, **changes):
    text, x, y = rows()
    proto = onnx_of(estimator.fit(x, y), x)
    gates = {"adversarial": {"perturb": perturb, "robust_rate": {"min": minimum}}}
    data = {"train": text[:5], "test": text}
    return subject(tmp_path, proto, gates, data=data, columns=(*NUMBERS, PURPOSE), **changes)


def boosting(**options):
    return GradientBoostingClassifier(n_estimators=25, random_state=0, **options)


BY_COLUMN = {
    "columns": {
        "a": {"by": 0.4, "direction": "up"},
        "b": {"radius": 0.05},
        "n": {"step": 2, "by": 4},
        "purpose": {"values": ["car", "home"]},
    },
    "constraints": ["a <= 3"],
}


def test_trees_that_flip_fail_and_trees_that_hold_pass(tmp_path):
    perturb = {"columns": ["a", "b"], "radius": 0.05}
    (tmp_path / "bad").mkdir()
    (tmp_path / "good").mkdir()
    bad = AdversarialGate().test(made(tmp_path / "bad", boosting(max_depth=4), perturb))
    assert bad.outcome is Outcome.FAILED
    assert bad.measured["undecided"] == 0
    # One split, far from anybody within reach of it: nothing flips.
    stump = GradientBoostingClassifier(n_estimators=1, max_depth=1, learning_rate=1.0, random_state=0)
    good = AdversarialGate().test(made(tmp_path / "good", stump, {"columns": ["n"], "radius": 0.1}))
    assert good.outcome is Outcome.PASSED
    assert good.measured["method"] == "trees, exact"


def test_the_radius_that_passes_does_pass_and_is_nearly_the_largest(tmp_path):
    perturb = {"columns": ["a", "b"], "radius": 0.05}
    report = AdversarialGate().test(made(tmp_path, boosting(), perturb))
    radius = float(finding(report, "adversarial.robust_rate").numbers["radius_that_passes"])
    for factor, passes in ((1.0, True), (1.25, False)):
        again = made(tmp_path, boosting(), {**perturb, "radius": radius * factor})
        assert (AdversarialGate().test(again).outcome is Outcome.PASSED) is passes


def test_changes_by_column_are_measured_and_told_in_the_users_words(tmp_path):
    report = AdversarialGate().test(made(tmp_path, boosting(), BY_COLUMN))
    columns = {c["name"]: c for c in report.measured["columns"]}
    assert columns["a"] == {"name": "a", "range": "8.0000", "moves_at_most": "0.4000", "direction": "up"}
    assert columns["n"]["step"] == "2.0000"
    assert columns["purpose"]["values"] == ["car", "home"]
    changed = [c for f in report.measured["most_fragile"] for c in f["changes"]]
    assert all(c["to"] in PURPOSE.values for c in changed if c["column"] == "purpose")
    assert all(float(c["to"]) > float(c["from"]) for c in changed if c["column"] == "a")
    assert not any("categories" in text for text in report.not_looked_at)
    assert any("perturb.constraints" in text for text in report.not_looked_at)
    canonical(dict(report.measured))


def test_groups_are_compared_and_flips_counted_along_the_way(tmp_path):
    report = AdversarialGate().test(made(tmp_path, boosting(), {"columns": ["a", "b"], "radius": 0.05}))
    apart = report.measured["groups_apart"]["group"]
    assert {apart["flips_more"], apart["than"]} == {"x", "y"}
    assert float(apart["lower"]) <= float(apart["difference"]) <= float(apart["upper"])
    along = report.measured["flips_by_share"]
    assert [a["share_of_change"] for a in along] == ["0.25", "0.50", "0.75", "1.00"]
    counts = [a["vulnerable_at_least"] for a in along]
    assert counts == sorted(counts)
    assert counts[-1] == report.measured["vulnerable"]
    assert all(a["vulnerable_at_least"] <= a["vulnerable_at_most"] for a in along)


def test_the_report_does_not_depend_on_workers(tmp_path):
    from dataclasses import replace

    one = made(tmp_path, boosting(), BY_COLUMN)
    two = replace(one, engine=LocalEngine(2, alone_seconds=0.0))
    said = [canonical(dict(AdversarialGate().test(s).measured)) for s in (one, two)]
    assert said[0] == said[1]


def test_the_smallest_change_is_bounded_from_both_sides(tmp_path):
    x, y = separable()
    proto = onnx_of(boosting().fit(x, y), x)
    probe = probe_of(tmp_path, proto, x[:120], COLUMNS, MOVES)
    method = by_trees(probe)
    found = settle(probe, method, None)
    known = least(probe, found, method, None)
    assert known.complete
    broken = np.flatnonzero(found.broken)
    assert (known.proven[broken] <= known.found[broken]).all()
    assert np.median(known.found[broken] - known.proven[broken]) < 0.03
    assert probe.margins(broken, known.witness[broken][:, None, :])[1].all()
    rows_ = {name: values[broken] for name, values in probe.rows.items()}
    inner = Allowed.of(rows_, COLUMNS, MOVES).scaled(known.proven[broken])
    from dataclasses import replace

    assert not exact(replace(probe.only(broken), box=inner)).broken.any()


def test_a_number_is_decided_by_its_threshold_and_without_one_the_gate_does_not_apply(tmp_path):
    text, x, _ = rows()
    label = Column("label", "number", "label", "before", -20.0, 20.0)
    proto = skl2onnx.to_onnx(
        GradientBoostingRegressor(n_estimators=10, random_state=0).fit(x, x[:, 0]),
        x[:1],
        target_opset={"": 17, "ai.onnx.ml": 3},
    )
    gates = {"adversarial": {"perturb": {"columns": ["a"], "radius": 0.05}, "robust_rate": {"min": 0.5}}}
    from mlassay.config import ModelSpec
    from tests.gates import subjects

    numbered = [(*r[:5], f"{v:g}") for r, v in zip(text, x[:, 0], strict=True)]
    root = tmp_path / "root"
    root.mkdir()
    columns = (*NUMBERS, PURPOSE, subjects.REST[0], label)
    known = {"data": subjects.manifest(root, columns, {"train": numbered[:5], "test": numbered})}
    for threshold, outcome in ((0.5, Outcome.PASSED), (None, Outcome.INCONCLUSIVE)):
        spec = ModelSpec("model.onnx", "regression", "higher", threshold)
        report = AdversarialGate().test(subject(tmp_path, proto, gates, manifests=known, model=spec))
        assert report.outcome is outcome
    assert report.findings[0].id == "adversarial.not_applicable"


@pytest.mark.parametrize("perturb", [
    {"columns": {"a": {}}},
    {"columns": {"purpose": {}, "a": {}}},
], ids=["no-reach", "none-for-numbers"])  # fmt: skip
def test_numbers_without_a_reach_are_not_measured(tmp_path, perturb):
    report = AdversarialGate().test(made(tmp_path, boosting(), perturb))
    assert report.outcome is Outcome.INCONCLUSIVE
    assert report.findings[0].id == "adversarial.criteria"
