"""What a model gives away of its training rows: found where it was planted, and not where it was not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mlassay.digest import canonical
from mlassay.errors import EvidenceError
from mlassay.evidence.verdict import Outcome
from mlassay.gates import privacy_art
from mlassay.gates.privacy import Attack, PrivacyGate
from mlassay.gates.privacy_members import Side, Sides, losses, sides
from mlassay.manifest import Table
from mlassay.statistics import auc_interval
from mlassay.tasks import BINARY, MULTICLASS, RANKING, REGRESSION
from tests.factory import tasks
from tests.gates.subjects import finding

ALL = {
    "membership_auc": {"max": 0.6},
    "tpr_at_fpr": {"max": 0.1},
    "attribute_advantage": {"max": 0.1},
    "extraction_agreement": {"max": 1.0},
}


def exported(model, x, *, classes=True):
    import skl2onnx

    options = {"zipmap": False} if classes else None
    proto = skl2onnx.to_onnx(model, x[:1], options=options, target_opset={"": 17, "ai.onnx.ml": 3})
    return bytes(proto.SerializeToString())


def forest(task, *, deep, rows=tasks.ROWS):
    """Trees that remember each row, as one nearest neighbour does, or trees that may not."""
    from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor

    _, x, y = tasks.table(task, rows=rows)
    kind = ExtraTreesRegressor if task == REGRESSION else ExtraTreesClassifier
    limits = {} if deep else {"max_depth": 3, "min_samples_leaf": 40}
    return exported(kind(n_estimators=15, random_state=0, **limits).fit(x, y), x, classes=task != REGRESSION)


def subject(tmp_path, task, model=None, criteria=ALL):
    made = tasks.subject(tasks.repository(tmp_path / "team", task, model=model))
    return replace(made, plan=replace(made.plan, gates={"privacy": criteria}))


@pytest.mark.parametrize("task", [BINARY, MULTICLASS, REGRESSION])
def test_a_model_that_remembers_its_rows_fails_and_one_that_may_not_passes(tmp_path, task) -> None:
    bad = PrivacyGate().test(subject(tmp_path / "bad", task, forest(task, deep=True)))
    good = PrivacyGate().test(subject(tmp_path / "good", task, forest(task, deep=False)))
    assert finding(bad, "privacy.membership_auc").outcome is Outcome.FAILED
    if (
        task == REGRESSION
    ):  # trees that are sure of a wrong label lose as little as those that remember the right one
        assert finding(bad, "privacy.tpr_at_fpr").outcome is Outcome.FAILED
    assert bad.outcome is Outcome.FAILED
    numbers = finding(bad, "privacy.membership_auc").numbers
    assert float(numbers["gap"]) > 0.1
    assert int(numbers["rows_to_settle"]) < 1200
    assert finding(good, "privacy.membership_auc").outcome is Outcome.PASSED
    assert finding(good, "privacy.tpr_at_fpr").outcome is Outcome.PASSED
    canonical(bad.measured)  # integers and decimal strings only


def test_a_failure_names_what_would_pass_where_only_decisions_are_let_out(tmp_path) -> None:
    held = {"membership_auc": {"max": 0.66}}
    found = finding(
        PrivacyGate().test(subject(tmp_path, BINARY, forest(BINARY, deep=True), held)),
        "privacy.membership_auc",
    )
    assert found.outcome is Outcome.FAILED
    assert "If only the decision left the system" in found.remedy


def test_the_same_rows_give_the_same_bytes(tmp_path) -> None:
    asked = subject(tmp_path, BINARY)
    assert canonical(PrivacyGate().test(asked).measured) == canonical(PrivacyGate().test(asked).measured)


def test_a_ranking_has_no_loss_of_a_row(tmp_path) -> None:
    report = PrivacyGate().test(subject(tmp_path, RANKING))
    assert [each.id for each in report.findings] == ["privacy.not_applicable"]
    assert report.outcome is Outcome.INCONCLUSIVE


def test_no_criterion_is_no_pass(tmp_path) -> None:
    report = PrivacyGate().test(subject(tmp_path, BINARY, criteria={}))
    assert [each.id for each in report.findings] == ["privacy.criteria"]
    assert report.outcome is Outcome.INCONCLUSIVE
    assert report.measured["membership"]["auc"]["value"]


def test_few_rows_conclude_nothing(tmp_path) -> None:
    lines = tasks.table(BINARY, rows=20, seed=1)[0]
    made = tasks.subject(tasks.repository(tmp_path / "team", BINARY, lines=lines))
    asked = replace(made, plan=replace(made.plan, gates={"privacy": {"membership_auc": {"max": 0.6}}}))
    assert finding(PrivacyGate().test(asked), "privacy.membership_auc").outcome is Outcome.INCONCLUSIVE


@pytest.mark.parametrize("empty", ["lines", "train"])
def test_a_side_without_rows_is_named(tmp_path, empty) -> None:
    model = forest(BINARY, deep=False)
    made = tasks.subject(tasks.repository(tmp_path / "team", BINARY, model=model, **{empty: []}))
    asked = replace(made, plan=replace(made.plan, gates={"privacy": ALL}))
    report = PrivacyGate().test(asked)
    assert [each.id for each in report.findings] == ["privacy.measurable"]
    assert report.outcome is Outcome.INCONCLUSIVE


def test_both_sides_have_equally_many_rows_of_their_own(tmp_path) -> None:
    drawn = sides(subject(tmp_path, BINARY), most=500)
    assert len(drawn.members) == len(drawn.others) == 500
    assert (drawn.given, drawn.held_out, drawn.unlabelled) == (1200, 1200, 0)
    assert not {*drawn.members.table.rows} & {*drawn.others.table.rows}
    assert {",".join(row) for row in drawn.members.table.rows} <= {*tasks.table(BINARY)[0]}


def test_rows_of_training_without_a_label_are_counted_and_left_out(tmp_path) -> None:
    lines = tasks.table(BINARY)[0]
    blank = [line.rpartition(",")[0] + "," for line in lines[:100]]
    made = tasks.repository(
        tmp_path / "team", BINARY, model=forest(BINARY, deep=False), train=[*blank, *lines[100:]]
    )
    asked = tasks.subject(made)
    drawn = sides(asked)
    assert (drawn.given, drawn.unlabelled, len(drawn.members)) == (1200, 100, 1100)


def telling(tmp_path, *, deep):
    """Labels that follow a withheld group; a model that remembers the labels tells the group of whom it has seen."""
    from sklearn.ensemble import ExtraTreesClassifier

    rng, lines = np.random.default_rng(3), []
    for line in tasks.table(BINARY)[0]:
        a, b, group, _ = line.split(",")
        label = "yes" if (group == "a") != (rng.random() < 0.05) else "no"
        lines.append(f"{a},{b},{group},{label}")
    values = [line.split(",") for line in lines]
    x = np.array([[float(a), float(b)] for a, b, *_ in values], dtype=np.float32)
    y = np.array([label for *_, label in values])
    limits = {} if deep else {"max_depth": 2, "min_samples_leaf": 100}
    model = exported(ExtraTreesClassifier(n_estimators=10, random_state=0, **limits).fit(x, y), x)
    made = tasks.subject(tasks.repository(tmp_path / "team", BINARY, model=model, train=lines))
    held = {"attribute_advantage": {"max": 0.2}, "sensitive": ["group"]}
    return replace(made, plan=replace(made.plan, gates={"privacy": held}))


def test_a_column_that_remembered_labels_tell_is_guessed_better_with_the_answer(tmp_path) -> None:
    bad, good = (
        finding(
            PrivacyGate().test(telling(tmp_path / str(deep), deep=deep)), "privacy.attribute_advantage.group"
        )
        for deep in (True, False)
    )
    assert (bad.outcome, good.outcome) == (Outcome.FAILED, Outcome.PASSED)
    assert float(bad.numbers["value"]) > 0.3


def test_a_simple_model_is_copied_from_its_answers(tmp_path) -> None:
    held = {"extraction_agreement": {"max": 0.8}}
    found = finding(
        PrivacyGate().test(subject(tmp_path, BINARY, criteria=held)), "privacy.extraction_agreement"
    )
    assert found.outcome is Outcome.FAILED
    assert float(found.numbers["value"]) > 0.9


def test_losses_are_those_of_scikit_learn() -> None:
    from sklearn.metrics import log_loss, mean_squared_error

    rng = np.random.default_rng(0)
    chances = rng.dirichlet([1, 1, 1], 50)
    truth = rng.integers(0, 3, 50).astype(float)
    assert losses(MULTICLASS, truth, chances).mean() == pytest.approx(log_loss(truth, chances))
    two = (truth > 0).astype(float)
    assert losses(BINARY, two, chances[:, :1]).mean() == pytest.approx(log_loss(two, chances[:, 0]))
    assert losses(REGRESSION, truth, chances[:, :1]).mean() == pytest.approx(
        mean_squared_error(truth, chances[:, 0])
    )


def test_art_finds_the_same_area_within_noise(tmp_path) -> None:
    said: list[str] = []
    asked = replace(
        subject(tmp_path, BINARY, forest(BINARY, deep=True)), cross_checks=True, progress=said.append
    )
    drawn = sides(asked)
    ours = Attack.of(BINARY, drawn)
    theirs = privacy_art.cross_check(asked, drawn, ours, None, said.append)
    assert theirs is not None
    assert theirs.lower - 0.05 < ours.area.point < theirs.upper + 0.05
    assert "MembershipInferenceBlackBox" in said[-1]
    again = privacy_art.cross_check(asked, drawn, ours, None, said.append)
    assert again == theirs


def test_an_area_that_only_art_finds_is_an_error() -> None:
    """Members lose neither little nor much: no order of losses shows them, and a learner does."""
    rng = np.random.default_rng(0)
    near, far = rng.uniform(0.6, 0.7, 800), np.where(rng.random(800) < 0.5, 0.2, 0.95)

    def side(chances):
        table = Table(("x",), [("",)] * len(chances))
        return Side(table, np.ones(len(chances)), np.column_stack([1 - chances, chances]))

    drawn = Sides(side(near), side(far), 800, 800, 0, (), ())
    attack = Attack.of(BINARY, drawn)
    assert attack.area.upper < 0.6

    class Asked:
        task = BINARY

    with pytest.raises(EvidenceError, match="ART"):
        privacy_art.cross_check(Asked(), drawn, attack, 0.6, lambda _: None)  # type: ignore[arg-type]


def test_the_interval_covers_chance_where_there_is_nothing_to_find() -> None:
    rng = np.random.default_rng(5)
    covered = 0
    for _ in range(200):
        member = np.repeat([1, 0], 100)
        found = auc_interval(member, rng.normal(size=200))
        covered += found.lower <= 0.5 <= found.upper
    assert covered >= 186
