"""Train a model: imputed, scaled numbers and one-hot categories into a logistic regression, exported to ONNX.

mlassay runs this in a clean folder. It finds there what ml.yaml grants, and nothing else:
  MLASSAY_DATA        folder with <data name>/<split>.csv, without the withheld columns
  MLASSAY_PARAMETERS  JSON file with `train.parameters`
  MLASSAY_OUT         folder to leave the model in
Only model.onnx is required. Whatever else is left here is kept as the training's own word, and not believed.
"""

import json
import os
from pathlib import Path

import pandas as pd
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

DATA = "applications"
LABEL, POSITIVE = "deny", "yes"
TEXT = [LABEL]  # columns that pandas would take for numbers or truth values, and that are names


def main() -> None:
    """Read what was granted, fit, and leave model.onnx."""
    parameters = json.loads(Path(os.environ["MLASSAY_PARAMETERS"]).read_text())
    rows = read(Path(os.environ["MLASSAY_DATA"]) / DATA / "train.csv")
    out = Path(os.environ["MLASSAY_OUT"])

    # There when ml.yaml asks mlassay to weigh the rows; a weight, never an input.
    weight = rows.pop("sample_weight") if "sample_weight" in rows else None
    target = (rows.pop(LABEL) == POSITIVE).astype(int)

    model = build(rows, parameters)
    model.fit(rows, target, logisticregression__sample_weight=weight)

    (out / "model.onnx").write_bytes(export(model, rows).SerializeToString())
    (out / "metrics.json").write_text(json.dumps({"training_accuracy": model.score(rows, target)}))
    print(f"{len(rows)} rows, {len(rows.columns)} columns: {', '.join(rows.columns)}")


def read(path: Path) -> pd.DataFrame:
    """The granted rows; a missing number is NaN, a missing category empty text, as the gates will give them."""
    rows = pd.read_csv(path, dtype=dict.fromkeys(TEXT, str), keep_default_na=False, na_values=[""])
    texts = rows.select_dtypes(exclude="number").columns
    rows[texts] = rows[texts].fillna("")
    return rows


def build(rows: pd.DataFrame, parameters: dict):
    """Numbers imputed and scaled, everything else one-hot, then a logistic regression."""
    numbers = rows.select_dtypes("number").columns.tolist()
    categories = [name for name in rows.columns if name not in numbers]
    return make_pipeline(
        make_column_transformer(
            (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
            (OneHotEncoder(handle_unknown="ignore"), categories),
        ),
        LogisticRegression(
            max_iter=1000, class_weight=parameters.get("class_weight"), random_state=parameters["seed"]
        ),
    )


def export(model, rows: pd.DataFrame):
    """One ONNX input for each column, under its own name, so that the preprocessing travels inside the model."""
    inputs = [
        (name, FloatTensorType([None, 1]) if pd.api.types.is_numeric_dtype(kind) else StringTensorType([None, 1]))
        for name, kind in rows.dtypes.items()
    ]
    return to_onnx(model, initial_types=inputs, options={"zipmap": False}, target_opset={"": 17, "ai.onnx.ml": 3})


if __name__ == "__main__":
    main()
