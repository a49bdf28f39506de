"""``check.sh``: the page's commands in one file, each step announced."""

from __future__ import annotations

from mlassay.render.export.steps import steps

HEAD = """#!/bin/sh
# The commands of README.md, in order. Run it in this folder: sh check.sh [COMMIT]
# COMMIT is the id that you know from elsewhere; without it, compare the one that is printed.
cd "$(dirname "$0")"
"""

EXPECTED = """
if [ -n "${1:-}" ] && [ "$1" != "$commit" ]; then fail "this export is about commit $commit, not about $1"; fi
"""

TAIL = """
rm -rf "$work"
echo
echo 'Everything that these commands can see holds. README.md says what they cannot see.'
"""


def check_script(commit: str, *, redacted: bool) -> str:
    """The whole script for an export of ``commit``; it ends with 1 and says FAILED at the first thing that does not hold."""
    parts = [HEAD]
    for number, step in enumerate(steps(commit, redacted=redacted), 1):
        parts.append(f"\necho\necho '== {number}. {step.title}'\n{step.commands.strip()}\n")
        if number == 1:
            parts.append(EXPECTED)
    return "".join([*parts, TAIL])
