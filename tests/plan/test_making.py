from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mlassay.config import Level, load_config, load_people, load_policy
from mlassay.errors import ConfigurationError, Problem
from mlassay.manifest import load_manifest
from mlassay.plan import Plan, make_plan

TEMPLATE = Path(__file__).parents[2] / "template"
FILES = {
    name: (TEMPLATE / name).read_text()
    for name in (
        "ml.yaml",
        "governance/policy.yaml",
        "governance/people.yaml",
        "data/applications.manifest.yaml",
    )
}
ML, POLICY, PEOPLE, DATA = FILES


def plan(**changes: tuple[str, str]) -> Plan:
    """The template's plan, with one replacement in each of the files named."""
    texts = dict(FILES)
    for key, (old, new) in changes.items():
        path = {"ml": ML, "policy": POLICY, "people": PEOPLE, "data": DATA}[key.rstrip("_2")]
        assert old in texts[path]
        texts[path] = texts[path].replace(old, new, 1)
    config = load_config(ML, texts[ML].encode())
    manifests = {name: load_manifest(path, texts[DATA].encode()) for name, path in config.data.items()}
    policy = load_policy(POLICY, texts[POLICY].encode())
    return make_plan(config, manifests, policy, load_people(PEOPLE, texts[PEOPLE].encode()))


def problems(**changes: tuple[str, str]) -> list[Problem]:
    with pytest.raises(ConfigurationError) as caught:
        plan(**changes)
    return list(caught.value.problems)


def test_the_template_makes_a_plan() -> None:
    made = plan()
    assert made.level is Level.MAJOR
    assert made.favourable == 0
    assert set(made.gates) == {"data", "contract", "unit", "performance", "bias", "adversarial"}
    assert set(made.inputs) == {"ml.yaml", "policy", "people", "manifest/applications"}
    assert "afam" not in [column.name for column in made.model_columns]


def test_what_ml_yaml_does_not_say_policys_floors_say() -> None:
    made = plan(ml=("  performance: {roc_auc: {min: 0.70}, accuracy: {min: 0.85, max_drop: 0.02}}\n", ""))
    assert made.gates["performance"] == {"roc_auc": {"min": 0.65}, "accuracy": {"min": 0.80}}
    made = plan(ml=("roc_auc: {min: 0.70}, ", ""))
    assert made.gates["performance"] == {
        "accuracy": {"min": 0.85, "max_drop": 0.02},
        "roc_auc": {"min": 0.65},
    }


@pytest.mark.parametrize(
    ("old", "new", "name", "floor"),
    [
        (
            "selection_rate_ratio: {min: 0.8}",
            "selection_rate_ratio: {min: 0.79}",
            "gates.bias.selection_rate_ratio.min",
            "0.8",
        ),
        ("sensitive: [afam]", "sensitive: [single]", "gates.bias.sensitive", "[afam]"),
        ("radius: 0.05", "radius: 0.01", "gates.adversarial.perturb.radius", "0.02"),
        (
            "columns: [pirat, hirat, lvrat]",
            "columns: [pirat]",
            "gates.adversarial.perturb.columns",
            "[pirat, lvrat]",
        ),
        (
            "sensitive: [afam],",
            "sensitive: [afam], intersections: false,",
            "gates.bias.intersections",
            "true",
        ),
    ],
)
def test_a_criterion_looser_than_its_floor_names_both_lines(
    old: str, new: str, name: str, floor: str
) -> None:
    (problem,) = problems(ml=(old, new))
    assert problem.what.startswith(f"{name} is ")
    assert f"looser than policy's {floor} (governance/policy.yaml" in problem.what
    assert problem.path == "ml.yaml"
    assert problem.line
    assert problem.line == FILES[ML][: FILES[ML].index(old)].count("\n") + 1


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("selection_rate_ratio: {min: 0.8}", "selection_rate_ratio: {min: 0.9}"),
        ("sensitive: [afam]", "sensitive: [single, afam]"),
        ("radius: 0.05", "radius: 0.1"),
    ],
)
def test_a_tighter_criterion_is_taken(old: str, new: str) -> None:
    assert plan(ml=(old, new)).gates


def test_a_maximum_may_shrink_and_not_grow() -> None:
    floor = ("  performance: {roc_auc", "  performance: {brier: {max: 0.2}, roc_auc")
    ml = "  performance: {roc_auc"
    assert plan(policy=floor, ml=(ml, "  performance: {brier: {max: 0.1}, roc_auc"))
    (problem,) = problems(policy=floor, ml=(ml, "  performance: {brier: {max: 0.3}, roc_auc"))
    assert "gates.performance.brier.max is 0.3" in problem.what


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        ("ml", "owner: lee ", "owner: nobody ", "owner: 'nobody' is nobody in governance/people.yaml"),
        ("data", "owner: lee", "owner: nobody", "owner: 'nobody' is nobody"),
        ("ml", "applications/train", "applications/trian", "no split 'trian'"),
        ("ml", "withhold: [afam]", "withhold: [afm]", "no column 'afm'"),
        ("ml", "withhold: [afam]", "withhold: [single]", "'afam' is weighed by, but not withheld"),
        ("ml", "withhold: [afam]", "withhold: [afam, deny]", "the label 'deny' is withheld"),
        ("ml", "weigh: {by: [afam],", "weigh: {by: [race],", "no column 'race'"),
        ("ml", "label: deny", "label: denied", "no column 'denied'"),
        ("ml", "label: deny", "label: single", "has the role feature"),
        ("ml", 'favourable: "no" ', 'favourable: "maybe" ', "'maybe' is no value of 'deny'"),
        ("ml", 'favourable: "no" ', "favourable: 2 ", "2 is no label"),
        ("ml", "sensitive: [afam]", "sensitive: [afam, pirat]", "'pirat' is no category"),
        ("ml", "sensitive: [afam]", "sensitive: [afam, race]", "no column 'race'"),
        ("ml", "columns: [pirat, hirat,", "columns: [pirat, afam,", "'afam' is no input of the model"),
        ("ml", "threshold: 0.5", "inputs: [pirat, afam]\n  threshold: 0.5", "'afam' is no input"),
        ("ml", "  unit: ", "  unti: ", "there is no gate 'unti'"),
        (
            "policy",
            "minimum_risk: moderate",
            "minimum_risk: severe",
            "the level is major; policy takes no model",
        ),
        ("policy", "exemptions: {}", "exemptions: {baias: why}", "there is no gate 'baias'"),
        ("policy", "weakenings: [risk-lead]", "weakenings: [risk-led]", "nobody has the role 'risk-led'"),
        (
            "data",
            "use: [train, weigh, test]",
            "use: [train, test]",
            "afam is used to weigh rows, but is held only for",
        ),
        (
            "data",
            "use: [train, weigh, test]",
            "use: [weigh]",
            "afam is used to compare groups, but is held only for",
        ),
    ],
)
def test_what_does_not_fit_together_is_named_with_its_line(file: str, old: str, new: str, words: str) -> None:
    (problem, *_) = [problem for problem in problems(**{file: (old, new)}) if words in problem.what]
    assert problem.line
    assert problem.path


def test_a_protected_column_reaches_training_only_if_it_is_held_for_that() -> None:
    shown = (
        "  withhold: [afam]                          # a column that it never finds\n  weigh: {by: [afam], method: reweighing} ",
        "  # ",
    )
    assert plan(ml=shown)
    (problem,) = problems(ml=shown, data=("use: [train, weigh, test]", "use: [weigh, test]"))
    assert "afam is given to training, but is held only for: weigh, test" in problem.what


def test_a_gate_that_policy_demands_and_nothing_describes_is_refused() -> None:
    unit = ("  unit:        {run: pytest -q tests, uses: [tests]}\n", "")
    (problem,) = problems(ml=unit)
    assert "policy demands the gate 'unit' at the level major" in problem.what
    assert plan(ml=unit, policy=("exemptions: {}", "exemptions: {unit: no code of our own}"))


def test_test_rows_cannot_come_in_under_another_name() -> None:
    again = (
        "  applications: data/applications.manifest.yaml\n",
        "  applications: data/applications.manifest.yaml\n  more: data/applications.manifest.yaml\n",
    )
    found = [
        problem.what
        for problem in problems(ml=again, ml_2=("data: [applications/train]", "data: [more/test]"))
    ]
    assert any("'more' and 'applications' are one manifest" in what for what in found)
    assert any("hold the same file" in what for what in found)


def test_a_step_may_not_read_the_evaluation_rows() -> None:
    step = (
        "train:\n",
        "prepare:\n  - {name: a, run: sh a.sh, reads: [applications/test], writes: [x]}\ntrain:\n",
    )
    (problem,) = problems(ml=step)
    assert "the step 'a' reads 'applications/test'" in problem.what


def test_a_range_is_needed_where_a_radius_is_a_share_of_it() -> None:
    (problem,) = problems(data=("type: number,   min: 0,    max: 2,", "type: number,"))
    assert "'lvrat' has no declared range" in problem.what


def test_all_problems_between_files_come_at_once() -> None:
    found = problems(
        ml=("owner: lee ", "owner: nobody "), policy=("minimum_risk: moderate", "minimum_risk: severe")
    )
    assert len(found) == 2


def test_a_gate_of_a_strangers_own_is_taken_when_it_is_known() -> None:
    config = load_config(
        ML, FILES[ML].replace("  unit: ", "  haiku: {syllables: {min: 17}}\n  unit: ").encode()
    )
    manifests = {"applications": load_manifest(DATA, FILES[DATA].encode())}
    policy, people = load_policy(POLICY, FILES[POLICY].encode()), load_people(PEOPLE, FILES[PEOPLE].encode())
    with pytest.raises(ConfigurationError, match="no gate 'haiku'"):
        make_plan(config, manifests, policy, people)
    known = ("data", "contract", "unit", "performance", "bias", "adversarial", "haiku")
    assert make_plan(config, manifests, policy, people, known_gates=known).gates["haiku"]
    odd = replace(policy, floors={**policy.floors, "haiku": {"syllables": {"min": "seventeen"}}})
    with pytest.raises(ConfigurationError, match=r"gates\.haiku\.syllables\.min is 17, looser"):
        make_plan(config, manifests, odd, people, known_gates=known)
