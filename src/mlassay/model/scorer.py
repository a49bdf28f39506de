"""A model that training left, as a function from rows to answers and scores."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from mlassay.digest import sha256
from mlassay.model.encode import encode_column
from mlassay.model.graph import affine_columns
from mlassay.model.outputs import expected
from mlassay.model.read import parse, read_bytes
from mlassay.model.runtime import Runtime
from mlassay.model.signature import Signature, read_signature
from mlassay.model.types import BATCH, Input, Unusable, refuse
from mlassay.model.vet import vet
from mlassay.tasks import BINARY, MULTICLASS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mlassay.model.fold import Cells
    from mlassay.model.networks import Network

Rows: TypeAlias = "dict[str, NDArray[Any]]"


@dataclass(frozen=True, eq=False)
class Model:
    """An ONNX model, vetted and loaded. ``inputs`` are the columns it takes, ``digest`` and ``size`` its bytes'."""

    path: Path
    digest: str
    size: int
    inputs: tuple[Input, ...]
    proto: Any = field(repr=False)
    _data: bytes = field(repr=False)
    _signature: Signature = field(repr=False)
    _runtime: Runtime = field(repr=False)
    favourable: tuple[int, ...] = (1,)

    @classmethod
    def load(
        cls,
        path: Path,
        inputs: Sequence[Input],
        *,
        task: str = BINARY,
        labels: Sequence[str] = (),
        favourable: tuple[int, ...] = (1,),
    ) -> Model:
        """The model at ``path`` over the columns ``inputs``; Unusable says why it cannot be used.

        ``labels`` are the declared values of a label with more than two, in order, and ``favourable`` which of
        them people hope for: `score` adds up their probabilities. For other tasks neither says anything.
        """
        data = read_bytes(path)
        proto = parse(data, path)
        vet(proto, data, path)
        signature = read_signature(proto, inputs, path, expected(task, labels))
        runtime = Runtime(data, path)
        return cls(
            path, sha256(data), len(data), signature.inputs, proto, data, signature, runtime, favourable
        )

    @property
    def task(self) -> str:
        """What kind of answer the model was loaded to give."""
        return self._signature.expected.task

    def as_written(self) -> Model:
        """The same model with ONNX Runtime's graph optimisations off, to compare with."""
        runtime = Runtime(self._data, self.path, optimise=False)
        return replace(self, _runtime=runtime)

    def encode(self, columns: Mapping[str, Sequence[str]]) -> Rows:
        """Text columns as the arrays that the model takes, each of shape (n,); missing text is NaN."""
        kinds = self._signature.kinds
        return {i.name: encode_column(i, kinds[i.name], columns[i.name], self.path) for i in self.inputs}

    def score(self, rows: Rows) -> NDArray[np.float64]:
        """One number for each row, shape (n,); see `scores_of`. Unusable where an answer is not a finite number."""
        return self.scores_of(self.answers(rows))

    def scores_of(self, answers: NDArray[np.float64]) -> NDArray[np.float64]:
        """What `score` makes of the (n, k) ``answers``, shape (n,).

        The probability of class 1, the predicted value, or what rows are ordered by; for more than two labels the
        probability of a favourable one. Unusable where it is not a finite number.
        """
        import numpy as np

        if self.task == MULTICLASS:
            known = np.isfinite(answers).all(axis=1)
            scores: NDArray[np.float64] = np.where(
                known, answers[:, list(self.favourable)].sum(axis=1), np.nan
            )
        else:
            scores = answers[:, -1]
        bad = np.flatnonzero(~np.isfinite(scores))
        if bad.size:
            raise _not_finite(int(bad[0]), int(bad.size), len(scores), self.path)
        return scores

    def answers(self, rows: Rows, *, batch: int = BATCH) -> NDArray[np.float64]:
        """The model's output as it comes, shape (n, k), ``batch`` rows at a time, NaN included.

        k is 1 or 2 for two labels and rankings, the number of labels for more, 1 for a regression.
        """
        import numpy as np

        count = len(next(iter(rows.values())))
        parts = [self._batch(rows, start, min(start + batch, count)) for start in range(0, count, batch)]
        return np.concatenate(parts) if parts else np.empty((0, max(self._signature.expected.widths)))

    def affine(self) -> frozenset[str]:
        """Columns in which the score is a monotone function of an affine one, the others held."""
        columns = {tensor: column for column, tensor in self._signature.names.items()}
        found = affine_columns(self.proto, list(columns)) or frozenset()
        return frozenset(columns[tensor] for tensor in found)

    def network(self) -> Network | None:
        """The model as a linear one or a ReLU network over its columns, None where it is neither."""
        from mlassay.model.networks import read_network

        columns = {tensor: column for column, tensor in self._signature.names.items()}
        found = read_network(self.proto, list(columns), self._signature.output)
        return None if found is None else found.renamed(columns)

    @property
    def output(self) -> str:
        """The graph's name of the tensor that `answers` reads."""
        return self._signature.output

    def cells(self, tensor: str) -> Cells:
        """On which columns each column of an inner ``tensor`` depends, and how; Unfit where that cannot be followed."""
        from mlassay.model.fold import features

        return features(self.proto.graph, self._signature.names, self._signature.tensor, tensor)

    def tap(self, tensor: str) -> Callable[[Rows], NDArray[np.float64]]:
        """A function from rows to what stands in an inner ``tensor`` for them, as ONNX Runtime has it: (n, k)."""
        import numpy as np

        if tensor == self._signature.tensor:
            return lambda rows: np.column_stack([rows[i.name] for i in self.inputs]).astype(np.float64)
        proto = type(self.proto)()
        proto.CopyFrom(self.proto)
        del proto.graph.output[:]
        proto.graph.output.add().name = tensor
        runtime = Runtime(proto.SerializeToString(), self.path)

        def read(rows: Rows) -> NDArray[np.float64]:
            count = len(next(iter(rows.values())))
            starts = range(0, count, BATCH)
            parts = [runtime.run(tensor, self._feed(rows, s, min(s + BATCH, count))) for s in starts]
            return (
                np.concatenate([part.reshape(len(part), -1) for part in parts]) if parts else np.empty((0, 0))
            )

        return read

    def _batch(self, rows: Rows, start: int, stop: int) -> NDArray[np.float64]:
        values = self._runtime.run(self._signature.output, self._feed(rows, start, stop))
        count = stop - start
        expected = self._signature.expected
        widths = expected.widths
        flat = values.shape == (count,) and 1 in widths
        if not flat and values.shape not in {(count, width) for width in widths}:
            shape = " x ".join(map(str, values.shape)) or "of one number"
            what = f"for {count} rows the model answers with shape {shape}"
            raise refuse("outputs", what, why=expected.why, remedy=expected.remedy, path=self.path)
        return values.reshape(count, -1)

    def _feed(self, rows: Rows, start: int, stop: int) -> Rows:
        import numpy as np

        signature = self._signature
        parts = {i.name: rows[i.name][start:stop] for i in self.inputs}
        if signature.tensor:
            return {signature.tensor: np.column_stack(list(parts.values()))}
        return {
            signature.names[name]: part if signature.ranks[name] == 1 else part.reshape(-1, 1)
            for name, part in parts.items()
        }


def _not_finite(first: int, bad: int, count: int, path: Path) -> Unusable:
    return refuse(
        "finite",
        f"the model answers with no finite number on {bad} of {count} rows (the first is row {first + 1})",
        why="NaN is neither above nor below any threshold, so such a row would be decided by accident",
        remedy="look at that row: a missing value that the model cannot take, a division by zero, an overflow",
        path=path,
    )
