"""``audit``: what a stranger asks of a clone. Each of its verbs is a module that loads only when it is called."""

from __future__ import annotations

from importlib import import_module

import click

# verb -> (module below mlassay.cli that defines it, one line of help)
AUDITS: dict[str, tuple[str, str]] = {
    "verify": (
        "audit_verify",
        "The whole main line: is there an explanation for everything that was recorded?",
    ),
    "at": ("audit_at", "What was live at a time, on which data, with which results, by whose approval."),
    "trace": ("audit_trace", "Up and down the chain from a model, a data set, a person or a commit."),
    "people": ("audit_people", "Who could do and sign what, when."),
    "list": (
        "audit_list",
        "Releases, promotions, waivers, refusals or changes, for a spreadsheet or a sample.",
    ),
    "anchor": ("audit_anchor", "A small signed file that pins the history, to be kept elsewhere."),
    "site": ("audit_site", "The record as static pages that anybody can read."),
    "export": ("audit_export", "One file that another machine checks without mlassay."),
}


class Audits(click.Group):
    """A group whose verbs are imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every verb, in the order of `AUDITS`."""
        return list(AUDITS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the verb's module and return its command, which is named after its module."""
        if cmd_name not in AUDITS:
            return None
        module = AUDITS[cmd_name][0]
        command = getattr(import_module(f"mlassay.cli.{module}"), module)
        return command if isinstance(command, click.Command) else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click's, with a suggestion for a mistyped verb."""
        if args and args[0] not in AUDITS and not args[0].startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(args[0], AUDITS, n=1)
            hint = f" Did you mean '{near[0]}'?" if near else f" They are: {', '.join(AUDITS)}."
            raise click.UsageError(f"there is no verb '{args[0]}' of audit.{hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The verbs with their line of help, none of them imported."""
        with formatter.section("Verbs"):
            formatter.write_dl([(verb, line) for verb, (_, line) in AUDITS.items()])


@click.group(cls=Audits, epilog="Example: mlassay audit verify --anchor year.anchor")
def audit() -> None:
    """Ask the history. A clone is all that it takes: no server, no network, no trust in anybody."""
