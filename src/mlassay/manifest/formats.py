"""In which format a data file is: as its manifest declares, or by the end of its name."""

from __future__ import annotations

from collections.abc import Mapping

from mlassay.errors import ConfigurationError, Problem
from mlassay.manifest.types import DataFile, Format

_ENDINGS: Mapping[str, Format] = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".arrow": "arrow",
    ".ipc": "arrow",
    ".feather": "arrow",
}


def format_of(file: DataFile) -> Format:
    """The declared format, else what the name's end says; CSV where it says nothing."""
    return file.format or format_of_name(file.path)


def format_of_name(path: str) -> Format:
    """The format that the end of a name says, in any case; CSV where it says nothing."""
    name = path.lower()
    return next((format_ for end, format_ in _ENDINGS.items() if name.endswith(end)), "csv")


def malformed(
    path: str, what: str, remedy: str = "write the file again, or take it back"
) -> ConfigurationError:
    """The one error for a file that is not what it says it is."""
    return ConfigurationError(
        Problem(
            what,
            why="a file that readers understand differently is not the same data",
            remedy=remedy,
            path=path,
        )
    )
