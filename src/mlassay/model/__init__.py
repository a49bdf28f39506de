"""The ONNX model as a scored function: read within bounds, held to rules before anything is loaded."""

from mlassay.model.scorer import Model, Rows
from mlassay.model.types import Input, Unusable

__all__ = ["Input", "Model", "Rows", "Unusable"]
