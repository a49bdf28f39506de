"""Two virtual environments: mlassay's own, from its lock, and the team's, from theirs; both with hashes."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from launcher import Refused
from launcher.locks import refuse_code

USUAL = "requirements.lock"
NONE = "none"
# What an installer has no use for. mlassay's own verbs get them, and nothing else does.
SECRETS = (
    *("MLASSAY_SIGNING_KEY", "MLASSAY_DESK_KEY", "GITHUB_TOKEN", "GH_TOKEN", "GITEA_TOKEN"),
    *("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_RUNTIME_TOKEN"),
)
OWN_PIP = (22, 3)  # the first that knows `--python`
READY = "mlassay-ready"  # written last: an environment without it was left half made


def without_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """``environment`` as an installer may see it."""
    return {key: value for key, value in environment.items() if key not in SECRETS}


def own_environment(root: Path, lock: str, temporary: Path) -> Path:
    """The interpreter of an environment with all that mlassay needs, made once for each job. mlassay stays in ``root``."""
    path = root / "requirements" / f"{lock}.lock"
    folder = temporary / f"mlassay-{lock}-{_key(path.read_bytes())}"
    if not (folder / READY).is_file():
        _install(_fresh(folder), path, temporary)
        (folder / READY).touch()
    return folder / "bin/python"


def team_environment(folder: Path, requirements: str, python: str, temporary: Path) -> Path | None:
    """An environment with the team's locked packages, or None where it has none (its commands need no Python)."""
    path = folder / (requirements or USUAL)
    if requirements == NONE or (not requirements and not path.is_file()):
        print(
            "no environment for the team's commands: they find what mlassay's own has and what the runner has"
        )
        return None
    if not path.is_file():
        raise Refused(f"there is no {path}, which the input 'requirements' names")
    interpreter = shutil.which(python or sys.executable)
    if interpreter is None:
        raise Refused(f"there is no {python}, which the input 'python' names")
    refuse_code(path)
    made = temporary / f"mlassay-team-{_key(path.read_bytes(), os.fsencode(interpreter))}"
    if not (made / READY).is_file():
        _install(_fresh(made, interpreter), path, temporary)
        (made / READY).touch()
    return made


def _key(*parts: bytes) -> str:
    told = (sys.version.encode(), os.fsencode(sys.executable), *parts)
    return hashlib.sha256(b"\0".join(told)).hexdigest()[:16]


def _fresh(folder: Path, interpreter: str = "") -> Path:
    """The interpreter of a new environment in ``folder``, made with ours or with ``interpreter``."""
    made_by = interpreter or sys.executable
    command = [
        made_by,
        "-I",
        "-m",
        "venv",
        "--clear",
        *(["--without-pip"] if _has_pip() else []),
        str(folder),
    ]
    if code := subprocess.run(command, env=without_secrets(os.environ), check=False).returncode:
        raise Refused(
            f"{made_by} cannot make a virtual environment (exit code {code}); "
            "on Debian and Ubuntu the package python3-venv lacks"
        )
    return folder / "bin/python"


def _install(python: Path, lock: Path, temporary: Path) -> None:
    """What ``lock`` names, as wheels, each held against its hash, a downloaded one out of the cache too.

    Wheels that pip itself built are never held against a hash, so a cache that was restored must bring none.
    """
    cache = temporary / "mlassay-pip"
    _remove(cache / "wheels")
    pip = (
        [sys.executable, "-I", "-m", "pip", "--python", str(python)]
        if _has_pip()
        else [str(python), "-I", "-m", "pip"]
    )
    command = [*pip, "install", "--quiet", "--disable-pip-version-check", "--no-input", "--no-compile"]
    command += ["--require-hashes", "--only-binary", ":all:", "--cache-dir", str(cache), "-r", str(lock)]
    environment = without_secrets(os.environ)
    if code := subprocess.run(command, env=environment, check=False).returncode:
        raise Refused(
            f"the packages of {lock.name} could not be installed (pip ended with {code}, see above); "
            "only wheels are taken, because building a package runs its code"
        )


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _has_pip() -> bool:
    """Whether our own interpreter has a pip that installs for others, so that no environment needs a copy of it."""
    try:
        return tuple(map(int, version("pip").split(".")[:2])) >= OWN_PIP
    except (PackageNotFoundError, ValueError):
        return False
