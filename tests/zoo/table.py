"""The reviewed table: what each gate must say of each model of the zoo, and its copy in the docs.

``python -m tests.zoo.table`` prints the table as it is measured now, to be read before it is believed.
"""

from __future__ import annotations

from pathlib import Path

from mlassay.evidence.verdict import GateReport, Outcome
from tests.zoo.models import ZOO

DOCS = Path(__file__).parents[2] / "docs/gates/models.md"
GATES = (
    "contract",
    "performance",
    "bias",
    "adversarial",
    "behaviour",
    "stability",
    "privacy",
    "explain",
    "champion",
)
EXPECTED = """
| model | contract | performance | bias | adversarial | behaviour | stability | privacy | explain | champion |
|---|---|---|---|---|---|---|---|---|---|
| logistic | passed | passed | passed | passed, exact | passed | passed | passed | passed | passed |
| forest | passed | passed | passed | passed, exact | passed | passed | passed | passed | passed |
| tree, full depth | passed | passed | passed | inconclusive, exact | failed | inconclusive | passed | passed | inconclusive |
| forest, full depth | passed | passed | passed | passed, exact | failed | inconclusive | failed | passed | passed |
| gradient boosting | passed | passed | passed | passed, exact | passed | passed | passed | passed | passed |
| LightGBM | passed | passed | passed | passed, exact | passed | passed | passed | passed | passed |
| AdaBoost | passed | passed | passed | inconclusive, searched | inconclusive | passed | passed | passed | passed |
| MLP, ReLU | passed | passed | passed | passed, exact | passed | passed | passed | passed | passed |
| MLP, tanh | passed | passed | passed | inconclusive, searched | inconclusive | passed | passed | passed | passed |
| network by hand | passed | passed | passed | passed, exact | passed | passed | passed | passed | passed |
| SVM, linear | passed | passed | passed | passed, exact | passed | passed | passed | passed | passed |
| SVM, RBF | passed | passed | passed | inconclusive, searched | inconclusive | passed | passed | passed | passed |
| naive Bayes | passed | passed | passed | inconclusive, searched | inconclusive | passed | passed | passed | passed |
| discriminant | passed | passed | passed | passed, exact | passed | passed | passed | passed | passed |
| nearest neighbours | refused | refused | refused | refused | refused | refused | refused | refused | refused |
| polynomials + logistic | passed | passed | passed | inconclusive, searched | failed | passed | passed | passed | passed |
| PCA + forest | passed | passed | passed | inconclusive, searched | inconclusive | passed | passed | passed | passed |
| vote of logistic and forest | passed | passed | passed | inconclusive, searched | inconclusive | passed | passed | passed | passed |
| scaler + logistic | passed | passed | passed | passed, exact | passed | passed | passed | passed | passed |
| scaler + forest | passed | passed | passed | passed, exact | passed | passed | passed | passed | passed |
| encoders + logistic | passed | passed | passed | passed, exact | passed | passed | passed | passed | passed |
| encoders + boosting | passed | passed | passed | passed, exact | passed | passed | passed | passed | passed |
| encoders + MLP | passed | passed | passed | passed, exact | passed | passed | passed | passed | passed |
| TF-IDF | refused | refused | refused | refused | refused | refused | refused | refused | refused |
| TF-IDF, StringSplit | passed | passed | passed | inconclusive | inconclusive | n/a | inconclusive | failed | passed |
| classes: logistic | passed | passed | passed | inconclusive, searched | inconclusive | passed | passed | passed | passed |
| classes: forest | passed | passed | passed | passed, exact | passed | inconclusive | inconclusive | passed | inconclusive |
| classes: LightGBM | passed | passed | passed | passed, exact | passed | inconclusive | passed | passed | passed |
| classes: MLP | passed | passed | passed | inconclusive, searched | inconclusive | passed | passed | passed | passed |
| number: linear | passed | passed | passed | passed, exact | passed | passed | passed | passed | passed |
| number: SVM, linear | failed | passed | passed | passed, exact | passed | passed | passed | passed | passed |
| number: forest | passed | passed | passed | passed, exact | passed | passed | passed | passed | passed |
| number: boosting, no threshold | passed | passed | inconclusive | n/a | n/a | n/a | passed | inconclusive | n/a |
| number: LightGBM | passed | passed | passed | passed, exact | passed | passed | passed | passed | passed |
| ranking: logistic | passed | passed | passed | n/a | n/a | passed | n/a | passed | passed |
| ranking: LightGBM | passed | passed | passed | n/a | n/a | passed | n/a | inconclusive | passed |
"""


def expected() -> dict[str, dict[str, str]]:
    """The table as ``model -> gate -> cell``."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in EXPECTED.strip().splitlines()]
    return {name: dict(zip(rows[0][1:], cells, strict=True)) for name, *cells in rows[2:]}


def cell(report: GateReport) -> str:
    """One cell: the outcome, and by what it was settled; ``does not apply`` and ``refused`` for what says so by name."""
    ids = {finding.id.partition(".")[2] for finding in report.findings}
    if "unusable" in ids or (report.gate == "contract" and "not_tested" in ids):
        assert report.outcome is Outcome.FAILED
        return "refused"
    if "not_applicable" in ids:
        assert report.outcome is Outcome.INCONCLUSIVE
        return "n/a"
    if report.gate != "adversarial" or "method" not in report.measured:
        return str(report.outcome)
    method = str(report.measured["method"])
    return f"{report.outcome}, {'searched' if 'search' in method else 'exact'}"


def rendered(found: dict[str, dict[str, str]]) -> str:
    """The table in Markdown."""
    lines = [f"| model | {' | '.join(GATES)} |", "|---" * (len(GATES) + 1) + "|"]
    lines += [f"| {name} | {' | '.join(cells[gate] for gate in GATES)} |" for name, cells in found.items()]
    return "\n".join(lines)


def measured(name: str, folder: Path) -> dict[str, GateReport]:
    """What every gate says of a model of the zoo now; one trained on other rows of the same kind is live."""
    from tests.zoo.houses import reports, subject

    kind = ZOO[name]
    model, live = (kind.make(kind.draw(kind.task, seed)) for seed in (0, 2))
    return reports(subject(folder / "house", kind, model, live))


if __name__ == "__main__":
    import tempfile
    import warnings

    warnings.simplefilter("ignore")
    made = {}
    for each in ZOO:
        with tempfile.TemporaryDirectory() as place:
            made[each] = {gate: cell(report) for gate, report in measured(each, Path(place)).items()}
    print(rendered(made))
