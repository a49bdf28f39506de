"""What a machine is, as far as numbers can depend on it: operating system, architecture, C library, vector units."""

from __future__ import annotations

import platform
import re
from pathlib import Path
from typing import Any

CPUINFO = Path("/proc/cpuinfo")
_LINE = re.compile(r"^(?:flags|Features)\s*:\s*(.*)$", re.MULTILINE)
_VECTOR = re.compile(r"(sse|ssse|avx|fma|f16c|amx|asimd|neon|sve|i8mm|bf16)[a-z0-9_]*")


def facts(cpuinfo: Path = CPUINFO) -> dict[str, Any]:
    """For provenance; ``cpu_features`` is empty where the system does not tell (it is Linux that does)."""
    return {
        "system": platform.system(),
        "machine": platform.machine(),
        "libc": " ".join(part for part in platform.libc_ver() if part),
        "cpu_features": _features(cpuinfo),
    }


def versions(mlassay: str) -> dict[str, str]:
    """The builder's versions for SLSA provenance: mlassay's, the interpreter's, the platform's."""
    return {
        "mlassay": mlassay,
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
    }


def _features(cpuinfo: Path) -> list[str]:
    try:
        text = cpuinfo.read_text("utf-8", "replace")
    except OSError:
        return []
    found = _LINE.search(text)
    return sorted({flag for flag in found[1].split() if _VECTOR.fullmatch(flag)}) if found else []
