"""Frozen values of a data manifest: what the data is, where it lies, its digests, who answers for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

ColumnType = Literal["number", "integer", "category", "text"]
Role = Literal["feature", "label", "weight", "id", "ignored"]
AvailableAt = Literal["before", "after"]
SplitKind = Literal["files", "seeded", "stratified", "key"]
Use = Literal["train", "weigh", "test"]
Format = Literal["csv", "parquet", "arrow"]


@dataclass(frozen=True, slots=True)
class Column:
    """One declared column. A yes/no column is a category with the values ``no`` and ``yes``.

    ``values`` are a category's values in declared order: the index is the numeric code that a model sees.
    ``available_at`` says whether the value is known ``before`` the decision; one known ``after`` is no input.
    """

    name: str
    type: ColumnType
    role: Role
    available_at: AvailableAt
    minimum: float | None = None
    maximum: float | None = None
    values: tuple[str, ...] = ()
    missing_allowed: bool = False


@dataclass(frozen=True, slots=True)
class DataFile:
    """One file: its path in the repository's folder, size in bytes, digest, and where to fetch it from, if anywhere.

    ``format`` is None where the end of the name says it (`mlassay.manifest.formats`).
    """

    path: str
    size: int
    digest: str
    url: str = ""
    format: Format | None = None


@dataclass(frozen=True, slots=True)
class SplitRule:
    """How rows are given to splits; see `mlassay.manifest.split` for the rules, byte by byte.

    ``fractions`` are decimal strings that sum to 1, in declared order; ``by`` the columns of strata or key;
    ``files`` the paths of each split where whole files are given.
    """

    kind: SplitKind
    fractions: Mapping[str, str] = field(default_factory=dict)
    seed: int = 0
    by: tuple[str, ...] = ()
    files: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """The splits, in declared order."""
        return tuple(self.files if self.kind == "files" else self.fractions)


@dataclass(frozen=True, slots=True)
class PersonalData:
    """On what basis data about people is held, until when, and which columns together could point at somebody."""

    basis: str
    delete_by: date
    quasi_identifiers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SpecialCategories:
    """Columns that law or policy protects, and the only uses that they are held for."""

    columns: tuple[str, ...]
    basis: str
    use: tuple[Use, ...]
    delete_by: date


@dataclass(frozen=True, slots=True)
class LabelInfo:
    """Where the labels come from, who or what gave them, how late, and what is known to be wrong with them."""

    source: str
    labeller: str
    delay: str
    known_errors: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """A data manifest, whole. ``root`` is the digest over the sorted file list, ``digest`` that of the manifest."""

    name: str
    description: str
    owner: str
    licence: str
    terms: str
    purpose: str
    collected_from: date
    collected_to: date
    jurisdiction: str
    origin: str
    contains_model_outputs: bool
    public: bool
    public_why: str
    personal_data: PersonalData | None
    special_categories: SpecialCategories | None
    label: LabelInfo | None
    missing: str
    columns: tuple[Column, ...]
    split: SplitRule
    files: tuple[DataFile, ...]
    root: str
    lines: Mapping[str, int]
    digest: str
    path: str
    consents: str = ""

    def column(self, name: str) -> Column:
        """The declared column; KeyError when there is none of that name."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    @property
    def features(self) -> tuple[Column, ...]:
        """The columns that a model may take as input, in declared order."""
        return tuple(column for column in self.columns if column.role == "feature")

    @property
    def sensitive(self) -> tuple[str, ...]:
        """The special-category columns."""
        return self.special_categories.columns if self.special_categories else ()
