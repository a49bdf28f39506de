"""A team's command: words without a shell."""

from __future__ import annotations

import shlex

_OPERATORS = "|&;<>()"
_REMEDY = "put it into a script of the repository, name that under 'uses', and run the script: 'sh train.sh'"


def command_fault(command: str) -> tuple[str, str] | None:
    """What a shell would do with ``command`` and mlassay does not, and what to do; None when nothing.

    Commands run without a shell, so that the same words mean the same on every machine.
    """
    try:
        words = shlex.split(command)
    except ValueError as error:
        return f"its quotes do not match ({error})", "close every quote"
    if not words:
        return "it says nothing", "write the command"
    if "\n" in command.strip():
        return "it has more than one line", _REMEDY
    name = words[0].partition("=")
    if name[1] and name[0].isidentifier():
        return f"it sets the variable {name[0]} in front of the command", "use 'parameters', or " + _REMEDY
    quote = ""
    for at, character in enumerate(command):
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif at and command[at - 1] == "\\":
            continue
        elif fault := _shell_only(character, command, at):
            return fault, _REMEDY
    return None


def _shell_only(character: str, command: str, at: int) -> str | None:
    if character in _OPERATORS:
        operator = character * 2 if command[at : at + 2] == character * 2 else character
        return f"it holds '{operator}', which only a shell knows"
    if character in "$`":
        return f"it holds '{character}', which only a shell expands"
    if character == "*" or (character == "~" and (at == 0 or command[at - 1].isspace())):
        return f"it holds '{character}', which only a shell expands"
    if character == "#" and (at == 0 or command[at - 1].isspace()):
        return "it holds a comment"
    return None
