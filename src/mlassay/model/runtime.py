"""ONNX Runtime, one thread, within a bound of memory, with its many exceptions made one."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from threading import Timer
from typing import TYPE_CHECKING, Any

from mlassay.model.types import MEMORY_BYTES, Unusable, refuse

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RUN_SECONDS = 120.0  # a batch of 4096 rows of a table takes milliseconds; this only ends what would never end


class Runtime:
    """A session over the bytes of one vetted model. ``optimise`` off runs the graph as it was written."""

    def __init__(self, data: bytes, path: Path, *, optimise: bool = True) -> None:
        import onnxruntime as ort

        _bound_memory()
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
        options.log_severity_level = 4  # what it has to say comes as an exception; stderr is for people
        options.add_session_config_entry("session.use_env_allocators", "1")
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        if not optimise:
            options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
        self._path = path
        self._errors = _errors()
        self._late = False
        try:
            self._session = ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        except self._errors as error:
            raise self._refusal("ONNX Runtime cannot load the model", error) from error

    def run(self, output: str, feed: dict[str, NDArray[Any]]) -> NDArray[np.float64]:
        """``output`` for one batch as float64; Unusable when ONNX Runtime refuses."""
        import numpy as np
        import onnxruntime as ort

        if self._late:  # ended once already: each gate that asks again would wait as long
            raise self._refusal("", RuntimeError(), late=True)
        options = ort.RunOptions()
        timer = Timer(RUN_SECONDS, setattr, (options, "terminate", True))
        timer.daemon = True
        timer.start()
        try:
            (values,) = self._session.run([output], feed, options)
        except self._errors as error:
            self._late = options.terminate
            raise self._refusal("ONNX Runtime cannot run the model", error, late=self._late) from error
        finally:
            timer.cancel()
        return np.asarray(values, dtype=np.float64)

    def _refusal(self, what: str, error: Exception, *, late: bool = False) -> Unusable:
        text = str(error)
        if late:
            what, text = f"the model needs more than {RUN_SECONDS:g} seconds for one batch of rows", ""
        if "Available memory" in text or "allocate" in text:
            what = f"the model needs more than {MEMORY_BYTES >> 30} GiB of memory for one batch of rows"
            text = ""
        lines = text.strip().splitlines()
        detail = lines[0].rpartition("onnxruntime_src/")[2] if lines else ""
        return refuse(
            "runtime",
            f"{what}: {detail}" if detail else what,
            why="a release runs in ONNX Runtime; a model that it refuses cannot be measured or served",
            remedy="run the model once with onnxruntime in train.py, on the columns that training saw",
            path=self._path,
        )


@cache
def _bound_memory() -> None:
    """Give all sessions of this process one allocator with an upper end."""
    import onnxruntime as ort

    info = ort.OrtMemoryInfo("Cpu", ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, ort.OrtMemType.DEFAULT)
    ort.create_and_register_allocator(info, ort.OrtArenaCfg(MEMORY_BYTES, -1, -1, -1))


def _errors() -> tuple[type[Exception], ...]:
    """ONNX Runtime's exceptions have no common base but Exception; pybind turns others into built-in ones."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    own = [e for e in vars(state).values() if isinstance(e, type) and issubclass(e, Exception)]
    return (*own, RuntimeError, ValueError, TypeError, MemoryError, OverflowError)
