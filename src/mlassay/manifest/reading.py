"""``data/<name>.manifest.yaml`` into a frozen `Manifest`; everything that is wrong with the file alone, at once."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import Any

from mlassay.digest import sha256
from mlassay.errors import ConfigurationError
from mlassay.files import check, read_yaml
from mlassay.files.document import Document
from mlassay.manifest.rules import file_of, rule_problems
from mlassay.manifest.types import (
    Column,
    LabelInfo,
    Manifest,
    PersonalData,
    SpecialCategories,
    SplitRule,
)


@lru_cache(maxsize=64)  # a history holds the same few of them hundreds of times
def load_manifest(path: str, data: bytes) -> Manifest:
    """Read a manifest; ConfigurationError with every problem of it. The data itself is not looked at."""
    document = read_yaml(path, data)
    ConfigurationError.raise_if_any([*check(document, "manifest"), *rule_problems(document)])
    return _build(document, sha256(data))


def _build(document: Document, digest: str) -> Manifest:
    value = document.value
    personal, special, label = (value.get(key) for key in ("personal_data", "special_categories", "label"))
    return Manifest(
        name=value["name"],
        description=value["description"],
        owner=value["owner"],
        licence=value["licence"],
        terms=value["terms"],
        purpose=value["purpose"],
        collected_from=date.fromisoformat(value["collected"]["from"]),
        collected_to=date.fromisoformat(value["collected"]["to"]),
        jurisdiction=value["jurisdiction"],
        origin=value["origin"],
        contains_model_outputs=value["contains_model_outputs"],
        public=value["public"],
        public_why=value.get("public_why", ""),
        personal_data=PersonalData(
            personal["basis"],
            date.fromisoformat(personal["delete_by"]),
            tuple(personal.get("quasi_identifiers", [])),
        )
        if personal
        else None,
        special_categories=SpecialCategories(
            tuple(special["columns"]),
            special["basis"],
            tuple(special["use"]),
            date.fromisoformat(special["delete_by"]),
        )
        if special
        else None,
        label=LabelInfo(**label) if label else None,
        missing=value["missing"],
        columns=tuple(_built_column(column) for column in value["columns"]),
        split=_built_split(value),
        files=tuple(file_of(entry) for entry in value["files"]),
        root=value["root"],
        lines=document.dotted_lines(),
        digest=digest,
        path=document.path,
        consents=value.get("consents", ""),
    )


def _built_column(column: dict[str, Any]) -> Column:
    least, most = column.get("min"), column.get("max")
    return Column(
        name=column["name"],
        type=column["type"],
        role=column["role"],
        available_at=column["available_at"],
        minimum=None if least is None else float(least),
        maximum=None if most is None else float(most),
        values=tuple(column.get("values", [])),
        missing_allowed=column.get("missing_allowed", False),
    )


def _built_split(value: dict[str, Any]) -> SplitRule:
    if "splits" in value:
        return SplitRule("files", files={split: tuple(paths) for split, paths in value["splits"].items()})
    rule = value["split"]
    return SplitRule(
        kind=rule["kind"],
        fractions={split: str(share) for split, share in rule["fractions"].items()},
        seed=int(rule["seed"]),
        by=tuple(rule.get("by", [])),
    )
