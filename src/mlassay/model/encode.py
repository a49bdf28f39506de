"""Text columns to the arrays that a model takes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlassay.model.types import Input, Unusable, refuse

if TYPE_CHECKING:
    from numpy.typing import NDArray


def encode_column(column: Input, kind: str, texts: Sequence[str], path: Path) -> NDArray[Any]:
    """One column as an array of NumPy ``kind`` and shape (n,); missing is NaN. Unusable names the first bad row."""
    import numpy as np

    if kind == "str":
        return np.array(texts, dtype=object)
    if column.values:
        codes = {value: float(index) for index, value in enumerate(column.values)} | {"": np.nan}
        try:
            numbers = np.array([codes[text] for text in texts], dtype=np.float64)
        except KeyError as error:
            raise _bad_value(column, texts, {t for t in texts if t not in codes}, path) from error
    else:
        try:
            numbers = np.array([float(text) if text else np.nan for text in texts], dtype=np.float64)
        except ValueError as error:
            raise _bad_value(column, texts, {t for t in texts if not _is_number(t)}, path) from error
    if kind.startswith("int"):
        if not np.isfinite(numbers).all() or (numbers != np.floor(numbers)).any():
            bad = {t for t, n in zip(texts, numbers, strict=True) if not np.isfinite(n) or n != np.floor(n)}
            raise _bad_value(column, texts, bad, path)
        return numbers.astype(kind)
    with np.errstate(over="ignore"):
        return numbers.astype(kind)


def _is_number(text: str) -> bool:
    try:
        float(text or "nan")
    except ValueError:
        return False
    return True


def _bad_value(column: Input, texts: Sequence[str], bad: set[str], path: Path) -> Unusable:
    row = next(i for i, text in enumerate(texts) if text in bad)
    return refuse(
        "values",
        f"the model cannot be given {texts[row]!r} of column {column.name} (row {row + 1})",
        why="a value that cannot be turned into the model's input cannot be scored",
        remedy="correct the data or the column's type and values in its manifest (mlassay data check)",
        path=path,
    )
