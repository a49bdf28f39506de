"""What a CI may sign: what it was asked to build from the main line, and nothing else."""

from __future__ import annotations

from mlassay.case.main_line import BRANCH, REF
from mlassay.ci import Context
from mlassay.errors import ConfigurationError, Problem


def refuse_side_branches(context: Context) -> None:
    """ConfigurationError unless the CI says that it runs for the main line; a person's machine says nothing."""
    if context.kind == "local" or context.ref == REF:
        return
    told = f"runs for {context.ref!r}" if context.ref else "does not say for which branch it runs"
    raise ConfigurationError(
        Problem(
            f"the CI {told}, and only what it runs for '{REF}' is signed",
            why="a pull request or a side branch is not reviewed yet, and may have changed the very job that signs",
            remedy=f"let only the branch '{BRANCH}' reach this stage and its key",
        )
    )
