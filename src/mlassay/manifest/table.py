"""Rows as they stand in the files: text, read once against the manifest's digests. No NumPy for a CSV."""

from __future__ import annotations

import csv
import hashlib
import io
import stat
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mlassay.errors import ConfigurationError, EvidenceError, Problem
from mlassay.files import inside, read_file
from mlassay.manifest.formats import format_of
from mlassay.manifest.split import assign, fields_digest
from mlassay.manifest.types import DataFile, Format, Manifest

CELLS = 1 << 27  # of one table, which is held as text: about 10 GB


@dataclass(frozen=True, slots=True)
class Table:
    """Columns of text, as in a CSV or by the rule of `mlassay.manifest.columnar`. ``sources`` are the (path, number of rows) that the rows came from, in order."""

    columns: tuple[str, ...]
    rows: list[tuple[str, ...]]
    sources: tuple[tuple[str, int], ...] = ()

    def __len__(self) -> int:
        return len(self.rows)

    def column(self, name: str) -> list[str]:
        """The column's values; KeyError when there is none of that name."""
        at = self._at(name)
        return [row[at] for row in self.rows]

    def as_mapping(self) -> dict[str, list[str]]:
        """Every column by its name, as a model encodes them."""
        return {name: [row[at] for row in self.rows] for at, name in enumerate(self.columns)}

    def without(self, columns: Collection[str]) -> Table:
        """The table without these columns; ones that it does not have are ignored."""
        keep = [at for at, name in enumerate(self.columns) if name not in columns]
        return Table(
            tuple(self.columns[at] for at in keep), [tuple(row[at] for at in keep) for row in self.rows]
        )

    def with_column(self, name: str, values: Sequence[str]) -> Table:
        """The table with one more column at its end; ValueError when the name is taken or the lengths differ."""
        if name in self.columns:
            raise ValueError(f"the column {name!r} is there already")
        return Table(
            (*self.columns, name), [(*row, value) for row, value in zip(self.rows, values, strict=True)]
        )

    def take(self, numbers: Sequence[int]) -> Table:
        """The rows of these numbers (from 0), in the order given."""
        return Table(self.columns, [self.rows[number] for number in numbers])

    def to_csv(self) -> bytes:
        """RFC 4180 with a header, but lines ended by a line feed alone."""
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self.columns)
        writer.writerows(self.rows)
        return text.getvalue().encode("utf-8")

    def row_digests(self) -> list[bytes]:
        """SHA-256 of each row, over the fields joined unambiguously (`mlassay.manifest.split`)."""
        return [fields_digest(row) for row in self.rows]

    def _at(self, name: str) -> int:
        try:
            return self.columns.index(name)
        except ValueError:
            raise KeyError(name) from None


def read_table(manifest: Manifest, root: Path) -> Table:
    """Every row of every file below ``root``, in the manifest's order.

    EvidenceError names the file whose size or digest is another; ConfigurationError a file that is not there, is not
    in the format that it should be, or has another header than the declared columns.
    """
    return _read_files(manifest, root, manifest.files)


def _read_files(manifest: Manifest, root: Path, files: Sequence[DataFile]) -> Table:
    columns = tuple(column.name for column in manifest.columns)
    rows: list[tuple[str, ...]] = []
    sources = []
    for file in files:
        before = len(rows)
        data = verified_bytes(manifest, file, root)
        rows.extend(parse_rows(file.path, format_of(file), data, columns))
        sources.append((file.path, len(rows) - before))
    return Table(columns, rows, tuple(sources))


def read_split(manifest: Manifest, root: Path, split: str) -> Table:
    """The rows of one split, in the files' order; ConfigurationError when there is no such split."""
    if split not in manifest.split.names:
        raise ConfigurationError(
            Problem(
                f"the data '{manifest.name}' has no split '{split}'",
                remedy=f"splits: {', '.join(manifest.split.names)}",
                path=manifest.path,
            )
        )
    if manifest.split.kind == "files" and any(format_of(file) != "csv" for file in manifest.files):
        # Files of these formats are large: the splits that nobody asked for are not held as text.
        wanted = set(manifest.split.files[split])
        return _read_files(manifest, root, [file for file in manifest.files if file.path in wanted])
    table = read_table(manifest, root)
    return table.take(split_rows(manifest, table)[split])


def split_rows(manifest: Manifest, table: Table) -> dict[str, list[int]]:
    """Row numbers (from 0) of each split, disjoint and complete. ``table`` is all of `read_table`'s."""
    if manifest.split.kind != "files":
        return assign(manifest.split, table.columns, table.rows)
    split_of = {path: split for split, paths in manifest.split.files.items() for path in paths}
    splits: dict[str, list[int]] = {name: [] for name in manifest.split.names}
    start = 0
    for path, number in table.sources:
        splits[split_of[path]].extend(range(start, start + number))
        start += number
    return splits


def verified_bytes(manifest: Manifest, file: DataFile, root: Path) -> bytes:
    """The bytes of one file, once their size and digest are known to be the manifest's."""
    _sized_file(manifest, file, root)
    data = read_file(root, file.path, limit=file.size)
    _hold_digest(file, hashlib.sha256(data).hexdigest())
    return data


def verified_file(manifest: Manifest, file: DataFile, root: Path) -> Path:
    """The path of one file, once its size and digest were found to be the manifest's; it is not held in memory."""
    path = _sized_file(manifest, file, root)
    with path.open("rb") as handle:
        _hold_digest(file, hashlib.file_digest(handle, "sha256").hexdigest())
    return path


def _sized_file(manifest: Manifest, file: DataFile, root: Path) -> Path:
    index = manifest.files.index(file)
    line = manifest.lines.get(f"files.{index}.path")
    path = inside(root, file.path, path=manifest.path, line=line)
    if not path.exists():
        raise ConfigurationError(
            Problem(
                f"the data file {file.path!r} is not there",
                remedy=f"fetch it from {file.url}" if file.url else "put it there, or correct the manifest",
                path=manifest.path,
                line=line,
            )
        )
    state = path.stat()
    if not stat.S_ISREG(state.st_mode):
        raise ConfigurationError(
            Problem(f"the data file {file.path!r} is no regular file", path=manifest.path, line=line)
        )
    if state.st_size != file.size:
        raise changed(file, f"it has {state.st_size:,} bytes, the manifest says {file.size:,}")
    return path


def _hold_digest(file: DataFile, found: str) -> None:
    if f"sha256:{found}" != file.digest:
        raise changed(file, f"its digest is sha256:{found}, the manifest says {file.digest}")


def parse_rows(
    path: str, format_: Format, data: bytes, columns: tuple[str, ...] | None = None
) -> Iterator[tuple[str, ...]]:
    """The rows of a file as text, after its header, which must be ``columns`` (when None, the header comes first)."""
    if format_ == "csv":
        yield from parse_csv(path, data, columns)
        return
    from mlassay.manifest.columnar import Columnar

    file = Columnar(path, format_, data)
    header = tuple(file.schema)
    if columns is None:
        yield header
    elif header != columns:
        raise ConfigurationError(other_header(path, header, columns, None))
    if file.rows * len(header) > CELLS:
        what = f"the file has {file.rows:,} rows of {len(header):,} columns; at most {CELLS:,} cells are held as text"
        remedy = "put the rows that are evaluated into a file of their own (splits)"
        raise ConfigurationError(Problem(what, remedy=remedy, path=path))
    for frame in file.texts():
        yield from frame.iter_rows()


def parse_csv(path: str, data: bytes, columns: tuple[str, ...] | None = None) -> Iterator[tuple[str, ...]]:
    """The rows of a CSV after its header, which must be ``columns`` (when None, the header comes first)."""
    try:
        text = data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise _no_text(path, data[: error.start].count(b"\n") + 1) from error
    yield from parse_lines(path, io.StringIO(text, newline=""), columns)


def parse_lines(
    path: str, lines: Iterable[str], columns: tuple[str, ...] | None = None
) -> Iterator[tuple[str, ...]]:
    """As `parse_csv`, for lines that come one by one."""
    reader = csv.reader(lines, strict=True)
    try:
        header = tuple(next(reader, ()))
        if columns is None:
            columns = header
            yield header
        elif header != columns:
            raise ConfigurationError(other_header(path, header, columns, 1))
        for row in reader:
            if len(row) != len(columns):
                what = f"the row has {len(row)} fields; the header has {len(columns)}"
                raise ConfigurationError(
                    Problem(what, remedy="quote fields that hold commas", path=path, line=reader.line_num)
                )
            yield tuple(row)
    except csv.Error as error:
        what = f"this is not CSV: {error}"
        raise ConfigurationError(
            Problem(what, remedy="check the quotes", path=path, line=reader.line_num)
        ) from error
    except UnicodeDecodeError as error:
        raise _no_text(path, reader.line_num + 1) from error


def _no_text(path: str, line: int) -> ConfigurationError:
    return ConfigurationError(
        Problem("the file is not UTF-8 text", remedy="save it as UTF-8", path=path, line=line)
    )


def changed(file: DataFile, what: str) -> EvidenceError:
    """The error for a file whose bytes are not those that its manifest names."""
    return EvidenceError(
        Problem(
            f"the data is not what the manifest says: {what}",
            why="every record of a model trained on it names other bytes",
            remedy="take the file back; new data is a change of the manifest, approved by its owner",
            path=file.path,
        )
    )


def other_header(path: str, header: tuple[str, ...], columns: tuple[str, ...], line: int | None) -> Problem:
    """What is wrong with a file's columns when they are not the declared ones."""
    gone = [name for name in columns if name not in header]
    new = [name for name in header if name not in columns]
    if gone or new:
        parts = [f"lacks {', '.join(gone[:10])}"] if gone else []
        parts += [f"has {', '.join(new[:10])} besides"] if new else []
        what = "the header " + " and ".join(parts)
    else:
        what = "the columns stand in another order, or one stands twice"
    return Problem(
        what, remedy="declare the columns in the manifest as they stand in the file", path=path, line=line
    )
