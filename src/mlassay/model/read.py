"""Bytes of a model file to a protobuf message, within bounds and without following anything."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

from mlassay.model.pickles import pickle_in
from mlassay.model.types import MAX_BYTES, refuse

_EXPORT = "export the model to ONNX in one file (for scikit-learn: skl2onnx.to_onnx) and write it whole"


def read_bytes(path: Path) -> bytes:
    """All bytes of a regular file of at most 512 MiB; Unusable for anything else, symbolic links included."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise refuse(
            "file",
            f"there is no model file {path.name}",
            why="every gate measures the model that training left",
            remedy="let training write it to MLASSAY_OUT, or correct model.file in ml.yaml",
            path=path,
        ) from None
    except OSError as error:
        raise _not_regular(path, error.strerror or "it cannot be opened") from error
    told = os.fstat(descriptor)
    if not stat.S_ISREG(told.st_mode):
        os.close(descriptor)
        raise _not_regular(path, "it is not a regular file")
    with os.fdopen(descriptor, "rb") as file:
        # A file that tells less than it holds is still read no further.
        data = b"" if told.st_size > MAX_BYTES else file.read(MAX_BYTES + 1)
    if max(len(data), told.st_size) > MAX_BYTES:
        raise refuse(
            "size",
            f"the model is larger than {MAX_BYTES >> 20} MiB",
            why="a model for tables of this size is a mistake, and reading it could exhaust the machine",
            remedy="export fewer or smaller parameters",
            path=path,
        )
    return data


def parse(data: bytes, path: Path) -> Any:
    """``onnx.ModelProto`` of ``data``; no external data is opened. Unusable when these bytes are no ONNX model."""
    import onnx
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    if kind := _executable(data):
        raise refuse(
            "format",
            f"the model file is no ONNX model: {kind}",
            why="such a file runs code when it is opened, so it is never opened",
            remedy=_EXPORT,
            path=path,
        )
    try:
        proto = onnx.ModelProto.FromString(data)
    except (DecodeError, RuntimeError, ValueError) as error:
        raise _not_onnx(path, "the bytes do not parse; the file is truncated or of another kind") from error
    if proto.ir_version <= 0 or not proto.HasField("graph") or not proto.graph.output:
        raise _not_onnx(path, "it holds no graph with an output; the file is truncated or of another kind")
    return proto


def _executable(data: bytes) -> str | None:
    """What in these bytes runs when it is loaded. A protobuf of a model begins otherwise than all of these."""
    return None if data[:1] == b"\x08" else pickle_in(data)


def _not_regular(path: Path, detail: str) -> Exception:
    return refuse(
        "file",
        f"the model file {path.name} cannot be read as a plain file: {detail}",
        why="a link or a device could stand for other bytes at each reading",
        remedy="let training write the model itself, as a regular file",
        path=path,
    )


def _not_onnx(path: Path, detail: str) -> Exception:
    return refuse(
        "format",
        f"the model file is not an ONNX model: {detail}",
        why="gates measure the ONNX model that will run, and nothing else",
        remedy=_EXPORT,
        path=path,
    )
