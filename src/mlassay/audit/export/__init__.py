"""One file for another machine: what it holds (`gather`), and how its bytes are laid out (`write`)."""

from mlassay.audit.export.gathering import gather
from mlassay.audit.export.types import PROFILES, Export, Heading, LeftOut, Mapping
from mlassay.audit.export.writing import write

__all__ = ["PROFILES", "Export", "Heading", "LeftOut", "Mapping", "gather", "write"]
