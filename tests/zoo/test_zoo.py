"""Every model of the zoo before every gate that looks at models, held to a table that people have read."""

from __future__ import annotations

import numpy as np
import pytest

from mlassay.evidence.verdict import Outcome
from tests.zoo import table
from tests.zoo.models import ZOO
from tests.zoo.rows import numbers

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.mark.parametrize("name", ZOO)
def test_each_gate_says_of_each_model_what_the_table_says(name, tmp_path) -> None:
    reports = table.measured(name, tmp_path)
    found = {gate: table.cell(report) for gate, report in reports.items()}
    assert found.pop("data") == "passed"
    assert found == table.expected()[name], [
        f"{each.id}: {each.outcome}: {each.what}"
        for report in reports.values()
        for each in report.findings
        if each.outcome is not Outcome.PASSED
    ]
    for report in reports.values():
        assert report.findings
        for each in report.findings:
            assert each.what
            assert each.outcome is Outcome.PASSED or (each.why and each.remedy)


def test_the_table_has_every_model_and_stands_in_the_docs() -> None:
    assert list(table.expected()) == list(ZOO)
    assert table.rendered(table.expected()) == table.EXPECTED.strip()
    assert table.EXPECTED.strip() in table.DOCS.read_text()


def test_histogram_boosting_is_still_not_exported() -> None:
    """The day it is, it belongs into the zoo, and docs/model.md and docs/gates/models.md have to say so."""
    import skl2onnx
    from sklearn.ensemble import HistGradientBoostingClassifier

    drawn = numbers("binary-classification", 0)
    model = HistGradientBoostingClassifier(max_iter=3).fit(
        drawn.x, (np.asarray(drawn.y) == "yes").astype(int)
    )
    with pytest.raises(ValueError, match="TreeEnsembleClassifier"):
        skl2onnx.to_onnx(model, drawn.x[:1], target_opset={"": 17, "ai.onnx.ml": 3})
