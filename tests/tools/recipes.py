"""How each tool of the cache is made, in a folder aside. Only the standard library."""

import base64
import functools
import hashlib
import json
import os
import re
import shutil
import stat
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.tools.catalog import BUILT, GO, OCTOKIT, cache

GITEA = Path(__file__).parent.parent / "servers" / "gitea"
GITEA_TAGS = "sqlite sqlite_unlock_notify"
SWITCHES = (1, 21)
"""The first Go that fetches a newer one by itself."""


class CannotInstallError(Exception):
    """One tool could not be made; the message is for people."""


def run(command: list[str], folder: Path, environment: Mapping[str, str] | None = None) -> str:
    """Runs one command; returns its stdout. Raises: CannotInstallError with the end of what it said."""
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        last = "\n  ".join((done.stderr or done.stdout).strip().splitlines()[-8:])
        raise CannotInstallError(f"`{' '.join(command[:3])} …` failed:\n  {last}")
    return done.stdout


@functools.cache
def go_command() -> tuple[str, str]:
    """The go to call and the value of GOTOOLCHAIN. Raises: CannotInstallError where there is none."""
    command = shutil.which("go")
    if command is None:
        raise CannotInstallError(
            f"it is built with Go, and there is no `go` here; any Go from 1.19 on fetches {GO}"
        )
    said = re.search(
        r"go(\d+)\.(\d+)(?:\.(\d+))?", run([command, "version"], Path.cwd(), {"GOTOOLCHAIN": "local"})
    )
    version = tuple(int(part or 0) for part in said.groups()) if said else (0, 0, 0)
    if version >= tuple(map(int, GO.split("."))):
        return command, "local"
    if version >= SWITCHES:
        return command, f"go{GO}"
    return str(toolchain(command)), "local"


def toolchain(old: str) -> Path:
    """Fetches the pinned Go as a module: an old Go checks its digest, but does not know how to switch to it."""
    home = cache() / f"go-{GO}"
    if not (home / "bin" / "go").exists():
        kind = run([old, "env", "GOOS", "GOARCH"], Path.cwd()).split()
        module = f"golang.org/toolchain@v0.0.1-go{GO}.{'-'.join(kind)}"
        with tempfile.TemporaryDirectory(prefix=".aside-", dir=cache()) as aside:
            folder = json.loads(run([old, "mod", "download", "-json", module], Path(aside)))["Dir"]
            copy_writable(Path(folder), Path(aside) / "go")
            for part in ("bin", "pkg/tool"):  # the archive of a module carries no execute bits
                for path in (Path(aside) / "go" / part).rglob("*"):
                    path.chmod(path.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
            (Path(aside) / "go").rename(home)
    return home / "bin" / "go"


def go(arguments: list[str], folder: Path, environment: Mapping[str, str] | None = None) -> str:
    command, chain = go_command()
    return run([command, *arguments], folder, {"GOTOOLCHAIN": chain, "GOFLAGS": "", **(environment or {})})


def go_install(name: str) -> Callable[[Path], None]:
    """A recipe: the sum database holds the bytes of a pinned version."""

    def recipe(folder: Path) -> None:
        tool = BUILT[name]
        arguments = ["install", "-trimpath", f"{tool.go}@v{tool.version}"]
        go(arguments, folder, {"GOBIN": str(folder), "CGO_ENABLED": "0"})

    return recipe


def gitea(folder: Path) -> None:
    """The server, and beside it the templates and texts that it reads while it runs."""
    if shutil.which("cc") is None:
        raise CannotInstallError("it is built with a C compiler, and there is no `cc` here")
    says = ["-ldflags", f"-X main.Version={BUILT['gitea'].version}"]
    target = ["-o", str(folder / "gitea"), "code.gitea.io/gitea"]
    go(
        ["build", "-trimpath", "-mod=readonly", "-tags", GITEA_TAGS, *says, *target],
        GITEA,
        {"CGO_ENABLED": "1"},
    )
    source = Path(go(["list", "-mod=readonly", "-m", "-f", "{{.Dir}}", "code.gitea.io/gitea"], GITEA).strip())
    for part in ("options", "public", "templates"):
        if (source / part).is_dir():
            copy_writable(source / part, folder / "static" / part)


def octokit(folder: Path) -> None:
    """GitHub's contract, from npm, held to our own digest; of nine files of 400 MB we keep the one that we use."""
    npm = shutil.which("npm")
    if npm is None:
        raise CannotInstallError("it comes from npm, and there is no `npm` here")
    package, wanted = OCTOKIT
    with tempfile.TemporaryDirectory() as aside:
        run([npm, "pack", "--silent", f"{package}@{BUILT['octokit-openapi'].version}"], Path(aside))
        archive = next(Path(aside).glob("*.tgz"))
        with archive.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha512").digest()
        if base64.b64encode(digest).decode() != wanted:
            raise CannotInstallError(f"the archive of {package} is not the one that we pinned")
        with tarfile.open(archive) as tar:
            for name in ("package.json", "LICENSE", "generated/api.github.com.json"):
                content = tar.extractfile(f"package/{name}")
                if content is None:
                    raise CannotInstallError(f"{package} holds no {name}")
                path = folder / name
                path.parent.mkdir(exist_ok=True)
                with path.open("wb") as stream:
                    shutil.copyfileobj(content, stream)


def copy_writable(source: Path, target: Path) -> None:
    """Copies a folder of Go's module cache, which is read-only, so that it can be deleted again."""
    shutil.copytree(source, target, symlinks=True)
    for path in (target, *target.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | stat.S_IWUSR)


RECIPES: dict[str, Callable[[Path], None]] = {
    "actionlint": go_install("actionlint"),
    "act": go_install("act"),
    "octokit-openapi": octokit,
    "gitea": gitea,
    "cosign": go_install("cosign"),
    "timestamp-server": go_install("timestamp-server"),
}
