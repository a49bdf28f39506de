"""The pages of an export: how to check it, what is missing from it, and what it is evidence for."""

from __future__ import annotations

from mlassay.audit.export import Export
from mlassay.render.export.check import check_script
from mlassay.render.export.left_out import left_out_page
from mlassay.render.export.mapping import mapping_page
from mlassay.render.export.page import readme


def pages(export: Export) -> dict[str, str]:
    """Every page of an export by its name."""
    found = {"README.md": readme(export), "check.sh": check_script(export.commit, redacted=export.redacted)}
    if export.redacted:
        found["LEFT-OUT.md"] = left_out_page(export)
    if export.mapping is not None:
        found["MAPPING.md"] = mapping_page(export.mapping)
    return found
