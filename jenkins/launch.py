# ruff: noqa: INP001
"""Starts one verb of mlassay on a Jenkins agent, in an environment of its own. Standard library only.

Called by the shared library as ``python3 -I launch.py --tools=DIR --lock=NAME [--requirements=FILE] -- [VERB …]``; without a verb it only makes
the environment, so that nothing is installed while a key is lent.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ACTIONS = ROOT / "actions"
sys.path.insert(0, str(ACTIONS))  # -I leaves it out, and the current folder is the repository's

from launcher import Refused  # noqa: E402
from launcher.environments import own_environment, team_environment  # noqa: E402

OLDEST = (3, 11)
USAGE = 2


def main(words: Sequence[str]) -> int:
    """Become the verb, or return when there is none; 2, with one clear sentence, when it cannot be started."""
    try:
        command, environment = prepared(words)
    except Refused as error:
        print(f"error: {error}", file=sys.stderr)
        return USAGE
    if words[-1] != "--":
        os.execve(command[0], command, environment)  # noqa: S606
    return 0


def prepared(words: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """The command that runs the verb, and its environment."""
    if sys.version_info < OLDEST:
        raise Refused(
            f"this agent's python3 is {sys.version_info[0]}.{sys.version_info[1]}, and mlassay needs 3.11 or newer: "
            "name another one with the parameter 'python'"
        )
    at = list(words).index("--")
    given = dict(word.removeprefix("--").split("=", 1) for word in words[:at])
    tools = Path(given["tools"])
    environment = dict(os.environ)
    environment.pop("VIRTUAL_ENV", None)
    python = own_environment(ROOT, given["lock"], tools)
    if "requirements" in given:
        team = team_environment(Path(), given["requirements"], "", tools)
        environment |= {"VIRTUAL_ENV": str(team.resolve())} if team else {}
    return [str(python), "-I", str(ACTIONS / "launcher/boot.py"), *words[at + 1 :]], environment


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
