"""Bytes of a model file to a protobuf message, within bounds and without following anything."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

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
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise _not_regular(path, "it is not a regular file")
    with os.fdopen(descriptor, "rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
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

    if kind := pickle_kind(data[:4096]):
        raise refuse(
            "format",
            f"the model file is no ONNX model but {kind}",
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


def pickle_kind(head: bytes) -> str | None:
    """What executable format the first bytes of a file give away, or None. By content, never by name alone."""
    if head[:1] == b"\x80" and len(head) > 2 and 2 <= head[1] <= 5 and head[2:3] in _PICKLE_OPENERS:
        return "a pickle"
    if head[:6] == b"\x93NUMPY" and (b"'O'" in head[:512] or b"|O" in head[:512]):
        return "a NumPy file with pickled objects"
    if head[:8] == b"\x89HDF\r\n\x1a\n":
        return "an HDF5 file (Keras models in it can hold code)"
    if head[:4] == b"PK\x03\x04":
        if b"data.pkl" in head:
            return "a PyTorch archive of pickles"
        return "a zip archive"
    return None


# The opcodes with which the pickler opens a stream after PROTO: FRAME, or the first value of protocol 2 and 3.
_PICKLE_OPENERS = frozenset(bytes([c]) for c in b"\x95c}]()\x8a\x8bKMJGXUNq\x88\x89TBC\x8c\x8e\x8f")


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
