"""Data manifests: what the data is, where it lies, its digests, and the rows of each split."""

from mlassay.manifest.checking import check_data
from mlassay.manifest.checks import check_splits, check_table
from mlassay.manifest.reading import load_manifest
from mlassay.manifest.rules import root_digest
from mlassay.manifest.table import Table, read_split, read_table, split_rows
from mlassay.manifest.types import (
    Column,
    DataFile,
    LabelInfo,
    Manifest,
    PersonalData,
    SpecialCategories,
    SplitRule,
)
from mlassay.manifest.weights import reweigh

__all__ = [
    "Column",
    "DataFile",
    "LabelInfo",
    "Manifest",
    "PersonalData",
    "SpecialCategories",
    "SplitRule",
    "Table",
    "check_data",
    "check_splits",
    "check_table",
    "load_manifest",
    "read_split",
    "read_table",
    "reweigh",
    "root_digest",
    "split_rows",
]
