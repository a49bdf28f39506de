"""Prints one digest of all files below a folder: their names, sizes and bytes. Standard library only."""  # noqa: INP001

import hashlib
import sys
from pathlib import Path


def digest(folder: Path) -> str:
    """The SHA-256 over one line for each file, by name; ValueError for anything but files and folders."""
    lines = []
    for path in [folder, *folder.rglob("*")]:
        if path.is_symlink() or not (path.is_dir() or path.is_file()):
            raise ValueError(f"neither a file nor a folder: {str(path)!r}")
        if path.is_file():
            with path.open("rb") as file:
                told = hashlib.file_digest(file, "sha256").hexdigest()
            name = path.relative_to(folder).as_posix()
            lines.append(f"{told} {path.stat().st_size} {name!r}\n")
    if not lines:
        raise ValueError(f"there is nothing in {str(folder)!r}")
    return hashlib.sha256("".join(sorted(lines)).encode("utf-8", "surrogateescape")).hexdigest()


if __name__ == "__main__":
    print(digest(Path(sys.argv[1])))
