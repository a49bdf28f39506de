"""What makes no sense of the data's columns is said at its line before anything is measured."""

from __future__ import annotations

import pytest

from tests.plan.test_making import FILES, ML, POLICY, plan, problems

OLD = next(line for line in FILES[ML].splitlines() if "adversarial:" in line)
FLOOR = next(line for line in FILES[POLICY].splitlines() if line.startswith("  adversarial:"))


def without_floor(perturb):
    new = f"  adversarial: {{perturb: {{{perturb}}}, robust_rate: {{min: 0.8}}}}"
    return {"ml": (OLD, new), "policy": (FLOOR, "")}


def test_columns_by_name_with_what_fits_them_pass():
    perturb = "columns: {pirat: {by: 0.05, direction: up}, lvrat: {}, hirat: {radius: 0.1}}, radius: 0.05"
    made = plan(**without_floor(f"{perturb}, constraints: [hirat <= pirat]"))
    assert made.gates["adversarial"]["perturb"]["columns"]["pirat"] == {"by": 0.05, "direction": "up"}


@pytest.mark.parametrize(("perturb", "what"), [
    ("columns: {pirrat: {}}, radius: 0.05", "pirrat"),
    ("columns: {pirat: {}}", "nothing says how far"),
    ("columns: {pirat: {by: 0.1, radius: 0.1}}", "has a radius and a by"),
    ("columns: {pirat: {by: 0.1, step: 0.2}}", "never fits"),
    ("columns: {pirat: {values: [a]}}, radius: 0.05", "no category"),
    ("columns: {pirat: {}}, radius: 0.05, constraints: [hirat < pirat]", "no single <= or >="),
    ("columns: {pirat: {}}, radius: 0.05, constraints: [hirat <= piratt]", "piratt"),
    ("columns: {afam: {}}, radius: 0.05", "afam"),
])  # fmt: skip
def test_what_does_not_fit_is_named(perturb, what):
    found = problems(**without_floor(perturb))
    assert any(what in problem.what for problem in found)
    assert all(problem.line for problem in found if what in problem.what)
