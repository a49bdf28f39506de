"""The tutorial is true: every command on the page is run, in order, and what it shows is what they print."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "tutorial.md"
RELEASE = r"\d{8}-[0-9a-f]{8}"
COMMIT = r"\b[0-9a-f]{12}\b"
NUMBER = r"\d+\.\d+|(?<=\()\d+(?= of )"  # measured: the last place may differ from machine to machine
TOKEN = re.compile(f"(?P<release>{RELEASE})|(?P<commit>{COMMIT})|(?P<number>{NUMBER})")


@dataclass
class Command:
    """One ``$`` line of the page, the exit code that it says, and the lines that it shows."""

    text: str
    code: int
    shown: list[str] = field(default_factory=list)


def commands() -> list[Command]:
    found: list[Command] = []
    for block in re.findall(r"```console\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL):
        for line in block.splitlines():
            if line.startswith("$ "):
                text, _, comment = line[2:].partition("    # ")
                found.append(Command(text, int(comment.removeprefix("exit code ") or 0)))
            elif line != "…":
                found[-1].shown.append(line)
    return found


def pattern(line: str, ids: dict[str, str]) -> re.Pattern[str]:
    """What a shown line means: ids stand for those of this run, an ellipsis at the end for the rest of the line."""
    text, ellipsis, _ = line.partition("…")
    parts, at = [], 0
    for found in TOKEN.finditer(text):
        parts.append(re.escape(text[at : found.start()]))
        at, shown = found.end(), found[0]
        name = f"id_{shown.replace('-', '_')}"
        if found["number"]:
            parts.append(r"\d+(?:\.\d+)?")
        elif shown in ids:
            parts.append(re.escape(ids[shown]))
        elif f"(?P<{name}>" in "".join(parts):
            parts.append(f"(?P={name})")
        else:
            parts.append(f"(?P<{name}>{RELEASE if found['release'] else COMMIT})")
    return re.compile("".join(parts) + re.escape(text[at:]) + ("" if ellipsis else r"\s*$"))


def test_every_command_runs_in_order_and_prints_what_the_page_shows(tmp_path):
    environment = {
        name: value for name, value in os.environ.items() if name in {"LANG", "TMPDIR", "GIT_CONFIG_SYSTEM"}
    }
    environment |= {
        "HOME": str(tmp_path),
        "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
        "GIT_CONFIG_GLOBAL": os.devnull,
    }
    folder, ids = tmp_path, {}
    for command in commands():
        text = command.text
        for shown, real in ids.items():
            text = text.replace(shown, real)
        if text.startswith("cd "):
            folder = folder / shlex.split(text)[1]
            continue
        done = subprocess.run(
            ["bash", "-c", text],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == command.code, f"$ {text}\n{done.stdout}"
        printed = done.stdout.splitlines()
        for line in command.shown:
            wanted = pattern(line, ids)
            at = next((n for n, each in enumerate(printed) if wanted.match(each)), None)
            assert at is not None, f"$ {text}\ndoes not print, in this order: {line}\nbut:\n{done.stdout}"
            found = wanted.match(printed[at]).groupdict()
            ids |= {name.removeprefix("id_").replace("_", "-"): value for name, value in found.items()}
            printed = printed[at + 1 :]


def test_the_page_has_commands_from_init_to_audit():
    verbs = [command.text.split()[1] for command in commands() if command.text.startswith("mlassay")]
    assert verbs[0] == "init"
    assert verbs[-1] == "audit"
    assert {"verify", "run", "explain", "sign", "record", "promote", "approve", "merge"} <= set(verbs)
