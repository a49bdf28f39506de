"""docs/model.md and docs/gates/contract.md say what the code holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlassay.gates.contract import _ANSWERS, _HELD
from mlassay.model.operators import ALLOWED
from mlassay.model.types import IR_VERSIONS, MAX_BYTES, MEMORY_BYTES, OPSETS
from mlassay.model.vet import RULES

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("domain", ["", "ai.onnx.ml"])
def test_every_allowed_operator_is_listed_and_no_other(domain):
    text = (DOCS / "model.md").read_text()
    listed = text.partition(f"`{domain or 'ai.onnx'}`: ")[2].partition(".\n")[0]
    assert {name.strip(" `\n") for name in listed.split(",")} == ALLOWED[domain]


def test_bounds_are_told_as_they_are():
    text = (DOCS / "model.md").read_text()
    low, high = OPSETS[""]
    assert f"IR version {IR_VERSIONS[0]} to {IR_VERSIONS[1]}, opset {low} to {high}" in text
    assert f"{MAX_BYTES >> 20} MiB" in text
    assert f"{MEMORY_BYTES >> 30} GiB" in text


def test_every_rule_of_the_contract_is_explained():
    text = (DOCS / "gates" / "contract.md").read_text()
    for rule in (*_HELD, *_ANSWERS, *RULES, "pickle", "not_tested"):
        assert f"`contract.{rule}`" in text
    assert set(RULES) <= set(_HELD)
