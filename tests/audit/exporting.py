"""Exports as whoever gets them sees them: unpacked, with the page's own commands, on a machine without Python or mlassay."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

from mlassay.audit.export import gather, write
from mlassay.git import Repository
from mlassay.render.export import pages
from mlassay.render.export.check import check_script

DOCS = Path(__file__).parents[2] / "docs"
PUBLISHED = {False: DOCS / "check-full.sh", True: DOCS / "check-redacted.sh"}

TOOLS = (
    *("git", "ssh-keygen", "openssl", "sha256sum", "sh", "grep"),
    *("base64", "cat", "cmp", "cut", "dirname", "head", "mktemp", "rm", "sort", "tr", "wc"),
)


def toolbox(folder: Path) -> Path:
    """A folder with nothing but the tools that the page names; it stands for the whole PATH."""
    box = folder / "toolbox"
    if not box.exists():
        box.mkdir()
        for tool in TOOLS:
            real = shutil.which(tool)
            assert real, f"this machine has no {tool}"
            (box / tool).symlink_to(real)
    return box


def export(repo: Repository, folder: Path, profile: str = "full", at: str = "", **options: object) -> Path:
    """Export ``at`` (else HEAD) below ``folder``, unpack it there, and give the one folder in it."""
    found = gather(repo, at or repo.head() or "", profile, **options)  # type: ignore[arg-type]
    target = folder / f"{profile}.tar.gz"
    write(repo, found, pages(found), target)
    return unpack(target, folder / f"{profile}-unpacked")


def unpack(archive: Path, folder: Path) -> Path:
    """Unpack into a new folder; the one folder inside."""
    with tarfile.open(archive) as tar:
        # Python 3.11.3 and older know no filters; what is unpacked here is our own.
        tar.extractall(folder, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
    (inside,) = folder.iterdir()
    return inside


def commands(folder: Path) -> str:
    """Every command of the page, in order."""
    text = (folder / "README.md").read_text()
    blocks = re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert len(blocks) == len(re.findall(r"^### \d+\. ", text, re.MULTILINE)) > 8
    return "".join(blocks)


def follow(folder: Path, script: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run the page's commands (or ``script``) in the unpacked folder, with the tools of the toolbox and nothing else."""
    box = toolbox(folder.parent.parent)
    home = folder.parent.parent / "empty-home"
    home.mkdir(exist_ok=True)
    return subprocess.run(
        [str(box / "sh"), "-s"],
        input=commands(folder) if script is None else script,
        cwd=folder,
        env={"PATH": str(box), "HOME": str(home), "TMPDIR": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )


def resum(folder: Path) -> None:
    """Write SHA256SUMS anew, as whoever altered a file would."""
    names = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
    rows = [
        f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n"
        for name in names
        if name != "SHA256SUMS"
    ]
    (folder / "SHA256SUMS").write_text("".join(rows))


if __name__ == "__main__":  # write the published commands anew
    for redacted, path in PUBLISHED.items():
        path.write_text(check_script("COMMIT", redacted=redacted))
