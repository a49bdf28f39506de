"""Git's cache of who is whose parent: ``git log`` believes it without a look at the commits, so it may lie."""

from __future__ import annotations

from pathlib import Path

from mlassay.git import _command


def lying_graph(folder: Path, common_dir: Path) -> str:
    """What the commit-graph of this clone says otherwise than its commits, in git's own words; "" when nothing."""
    info = common_dir / "objects/info"
    if not (info / "commit-graph").exists() and not (info / "commit-graphs").exists():
        return ""
    result = _command.run(["commit-graph", "verify"], folder, settings=["core.commitGraph=true"])
    return _command.words(result.err) or "it cannot be read" if result.code else ""
