"""The options of ``keys add`` for a signer without a key, and what becomes of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import click

from mlassay.cli.common import Command

GITHUB = "https://token.actions.githubusercontent.com"


@dataclass(frozen=True, slots=True)
class Pins:
    """What was said on the command line of the run whose certificate may sign."""

    keyless: bool
    identity: str | None
    issuer: str
    repository_id: int | None
    ref: str
    event: tuple[str, ...]

    def __post_init__(self) -> None:
        given = [self.identity, self.repository_id, self.event]
        if not self.keyless and any(given):
            raise click.UsageError(
                "--identity, --repository-id and --event are a keyless signer's: say --ci --keyless."
            )

    def as_mapping(self) -> dict[str, Any]:
        """The pins as people.yaml holds them; a usage error when one is missing that has no default."""
        if not self.identity or self.repository_id is None:
            raise click.UsageError(
                "a keyless signer needs --identity (the workflow that signs, at its commit) and --repository-id "
                "(gh api repos/OWNER/NAME --jq .id)."
            )
        pins = {
            "identity": self.identity,
            "issuer": self.issuer,
            "repository_id": self.repository_id,
            "ref": self.ref,
        }
        return pins | ({"events": self.event} if self.event else {})


def keyless_options(command: Command) -> Command:
    """``--ci --keyless`` and its pins."""
    for option in (
        click.option(
            "--event", multiple=True, help="What may set its run off (push, …); anything, unless given."
        ),
        click.option(
            "--ref", default="refs/heads/main", show_default=True, help="The ref that its run is for."
        ),
        click.option(
            "--repository-id",
            type=click.IntRange(min=1),
            help="The number of the repository whose run it is.",
        ),
        click.option("--issuer", default=GITHUB, show_default=True, help="Who vouches for its run."),
        click.option("--identity", help="The workflow that signs, as a URI that ends in @COMMIT."),
        click.option(
            "--keyless", is_flag=True, help="With --ci: no key, but a certificate of each run (Sigstore)."
        ),
        click.option("--ci", is_flag=True, help="A CI's signer for evidence instead of a person."),
    ):
        command = option(command)
    return command
