"""All rows of a data set in bounded batches, each with the split of its rows, in any format; needs polars."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlassay.errors import ConfigurationError
from mlassay.files import inside
from mlassay.manifest.columnar import Columnar, text_of
from mlassay.manifest.formats import format_of
from mlassay.manifest.placing import Placing
from mlassay.manifest.table import (
    changed,
    other_header,
    parse_csv,
    parse_lines,
    verified_bytes,
    verified_file,
)
from mlassay.manifest.types import DataFile, Manifest

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

WHOLE = 1 << 26  # bytes of a file that is read whole, once its digest is known
CSV_ROWS = 1 << 16


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows: ``start`` is the number (from 0) of the first, ``splits`` the place of each row's split in its names.

    ``frame`` has the declared columns. Each is text, with missing values empty, or a number of the file's own type,
    with missing values null; a column has one type in all batches.
    """

    frame: pl.DataFrame
    start: int
    splits: NDArray[np.uint8]

    def of(self, code: int) -> pl.DataFrame:
        """The rows of one split."""
        import polars as pl

        chosen = self.splits == code
        if chosen.all():
            return self.frame
        return self.frame.filter(pl.Series(chosen)) if chosen.any() else self.frame.clear()


class Rows:
    """The rows of a manifest's files; every file's size and digest is the manifest's when this stands.

    EvidenceError and ConfigurationError as `mlassay.manifest.read_table`. Memory stays bounded whatever the size,
    but for 16 bytes a row under a stratified split.
    """

    def __init__(self, manifest: Manifest, root: Path) -> None:
        self.manifest, self.root = manifest, root
        self.columns = tuple(column.name for column in manifest.columns)
        self.files = [_opened(manifest, file, root, self.columns) for file in manifest.files]
        self._texts = self._text_columns()
        self._placing = Placing(manifest.split, self.columns, self._plain)

    def batches(self) -> Iterator[Batch]:
        """Every row, in the manifest's order."""
        import numpy as np

        start = 0
        for file in self.files:
            for frame in file.frames():
                shown = self._normal(frame)
                if self.manifest.split.kind == "files":
                    code = self._placing.of_file(file.path)
                    splits = np.full(shown.height, code, dtype=np.uint8)
                else:
                    splits = self._placing.of_rows(shown, start)
                yield Batch(shown, start, splits)
                start += shown.height

    def _plain(self) -> Iterator[pl.DataFrame]:
        for file in self.files:
            for frame in file.frames():
                yield self._normal(frame)

    def _normal(self, frame: pl.DataFrame) -> pl.DataFrame:
        import polars as pl

        return pl.DataFrame(
            [text_of(frame[name]) if name in self._texts else frame[name] for name in frame.columns]
        )

    def _text_columns(self) -> frozenset[str]:
        """Columns that are compared as text: what is no number, or has two types in two files."""
        import polars as pl

        kinds: dict[str, set[Any]] = {name: set() for name in self.columns}
        for file in self.files:
            for name, dtype in file.schema.items():
                kinds[name].add(dtype)
        return frozenset(
            name
            for name, found in kinds.items()
            if len(found) > 1
            or not all(dtype.is_numeric() and not isinstance(dtype, pl.Decimal) for dtype in found)
        )


class _Csv:
    """A CSV in batches of text; as strict as `parse_csv`, whose messages it gives."""

    def __init__(self, manifest: Manifest, file: DataFile, root: Path, columns: tuple[str, ...]) -> None:
        import polars as pl

        self.path = file.path
        self.schema: dict[str, Any] = dict.fromkeys(columns, pl.String())
        self._columns = columns
        small = file.size <= WHOLE
        self._data = verified_bytes(manifest, file, root) if small else b""
        self._place = None if small else _Place(manifest, file, root)

    def frames(self) -> Iterator[pl.DataFrame]:
        """The rows."""
        import polars as pl

        with self._lines() as rows:
            while some := list(islice(rows, CSV_ROWS)):
                held = zip(self._columns, zip(*some, strict=True), strict=True)
                yield pl.DataFrame([pl.Series(name, values, dtype=pl.String) for name, values in held])

    @contextmanager
    def _lines(self) -> Iterator[Iterator[tuple[str, ...]]]:
        if self._place is None:
            yield parse_csv(self.path, self._data, self._columns)
            return
        with self._place.path.open(encoding="utf-8-sig", newline="") as handle:
            yield parse_lines(self.path, handle, self._columns)
        self._place.check()


class _Columns:
    """A Parquet or Arrow file; read whole where it is small, else held to be the same file at the end as before."""

    def __init__(self, manifest: Manifest, file: DataFile, root: Path, columns: tuple[str, ...]) -> None:
        self.path = file.path
        small = file.size <= WHOLE
        self._place = None if small else _Place(manifest, file, root)
        source = verified_bytes(manifest, file, root) if self._place is None else self._place.path
        self._file = Columnar(file.path, format_of(file), source)
        self.schema: dict[str, Any] = self._file.schema
        if (header := tuple(self.schema)) != columns:
            raise ConfigurationError(other_header(file.path, header, columns, None))

    def frames(self) -> Iterator[pl.DataFrame]:
        """The rows."""
        yield from self._file.batches()
        if self._place:
            self._place.check()


class _Place:
    """A large file whose digest was right, and what tells that it is still the same."""

    def __init__(self, manifest: Manifest, file: DataFile, root: Path) -> None:
        self._file = file
        self.path = inside(root, file.path, path=manifest.path)
        before = self._state()
        verified_file(manifest, file, root)
        self._seen = before
        self.check()

    def check(self) -> None:
        """EvidenceError when the file was touched since its digest was found right."""
        if self._state() != self._seen:
            raise changed(self._file, "it was written to while it was read")

    def _state(self) -> tuple[int, ...] | None:
        try:
            state = self.path.lstat()
        except OSError:
            return None
        return state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns


def _opened(manifest: Manifest, file: DataFile, root: Path, columns: tuple[str, ...]) -> _Csv | _Columns:
    kind = _Csv if format_of(file) == "csv" else _Columns
    return kind(manifest, file, root, columns)
