# ruff: noqa: INP001 - a script, called by path
"""Installs mlassay into an environment of its own and runs the verb of one action; the actions' YAML holds no logic.

Called as ``python3 -I launch.py ACTION``, with the inputs in ``MLASSAY_INPUT_*``. Standard library only, and ``-I``
everywhere: the current folder is the repository's, and nothing in it may be imported.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))  # -I leaves it out

from launcher import Refused  # noqa: E402
from launcher.artifact import NAME, empty_place, fetch  # noqa: E402
from launcher.environments import own_environment, team_environment, without_secrets  # noqa: E402
from launcher.inputs import ACTIONS, arguments, read, truth  # noqa: E402

OLDEST = (3, 11)
NO = 1  # the exit code of a gate that failed, or of a decision that was no


def main(words: Sequence[str]) -> int:
    """The exit code of the verb; 2, with one clear sentence, when it cannot be run."""
    try:
        return launch(_name(words))
    except Refused as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def _name(words: Sequence[str]) -> str:
    if sys.version_info < OLDEST:
        raise Refused(
            f"this runner's python3 is {sys.version_info[0]}.{sys.version_info[1]}, and mlassay needs 3.11 or newer: "
            "put actions/setup-python before this step, or choose another runner or container"
        )
    if len(words) != 1 or words[0] not in ACTIONS:
        raise Refused(f"there is no action {' '.join(words)!r}; there are: {', '.join(sorted(ACTIONS))}")
    return words[0]


def launch(name: str) -> int:
    """Make what the action needs, run its verb, and hand its exit code on."""
    started = time.monotonic()
    action = ACTIONS[name]
    given = read(action, os.environ)
    if not os.environ.get("RUNNER_TEMP"):
        raise Refused(
            "RUNNER_TEMP is not set: this is for a GitHub Actions runner; elsewhere use mlassay itself"
        )
    command = arguments(name, action, given)
    forgiving = truth(given, "allow-no")
    temporary, folder = Path(os.environ["RUNNER_TEMP"]), Path(given["directory"])
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MLASSAY_INPUT_")}
    environment.pop("VIRTUAL_ENV", None)
    if given.get("run-id") and not _artifact(given, folder, environment):
        return 0
    # The team's own tests measure nothing of ours, so their job needs none of the gates' libraries.
    lock = "light" if truth(given, "part") else action.lock
    python = own_environment(HERE.parent, lock, temporary)
    if action.team:
        team = team_environment(folder, given["requirements"], given["python"], temporary)
        environment |= {"VIRTUAL_ENV": str(team)} if team else {}
        _isolation()
    if action.commits:
        _identity(folder, without_secrets(environment))
    print(f"mlassay {name}: ready after {time.monotonic() - started:.1f} s", flush=True)
    code = subprocess.run(
        [str(python), "-I", str(HERE / "launcher/boot.py"), *command], env=environment, check=False
    ).returncode
    return 0 if forgiving and code == NO else code


def _artifact(given: Mapping[str, str], folder: Path, environment: Mapping[str, str]) -> bool:
    """Fetch what the other run left; False when it had nothing to test, so that there is nothing to report."""
    there = fetch(given["run-id"], empty_place(folder, given["run"] or ".mlassay/run"), environment)
    if not there:
        print(f"run {given['run-id']} left no artifact {NAME}")
    return there or given["conclusion"] != "success"


def _isolation() -> None:
    """On GitHub's own runners, which are thrown away, let bubblewrap work; elsewhere that is for the owner to do."""
    if os.environ.get("RUNNER_ENVIRONMENT") == "github-hosted" and sys.platform == "linux":
        script = str(HERE / "launcher/isolation.sh")
        subprocess.run(["bash", script], env=without_secrets(os.environ), check=False)


def _identity(folder: Path, environment: Mapping[str, str]) -> None:
    """A name for the commits that this verb writes; who may write them is held by signatures, not by names."""
    git = ["git", "-C", str(folder), "config"]
    for key, value in (("user.name", "mlassay"), ("user.email", "mlassay@users.noreply.github.com")):
        if subprocess.run([*git, key], env=environment, capture_output=True, check=False).returncode:
            subprocess.run([*git, "--local", key, value], env=environment, check=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
