"""The command: parse, wire, call one stage, render, exit. Verbs load only when they are called."""

from __future__ import annotations

import io
import os
import signal
import sys
from importlib import import_module

import click

from mlassay import __version__
from mlassay.errors import ExitCode, MlassayError

# verb -> (module that defines it, one line of help). The list is here so that --help imports nothing.
VERBS: dict[str, tuple[str, str]] = {
    "init": ("setup", "Make a repository from the template, or adopt one."),
    "keys": ("setup", "Make or register a person's or a CI's signing key."),
    "data": ("data", "Write and check data manifests."),
    "validate": ("develop", "Read every file strictly and print all errors at once."),
    "train": ("training", "Train in a clean, isolated directory."),
    "test": ("testing", "Run every gate on the ONNX model."),
    "run": ("testing", "Validate, train and test in one go."),
    "explain": ("develop", "Say one finding in plain words."),
    "sign": ("release", "Sign what train and test left; runs no code of the repository."),
    "report": ("report", "Put what a pull request's own job measured onto its page."),
    "record": ("release", "Put a release's evidence on the main line, whatever its verdict."),
    "promote": ("promotion", "Open a promotion pull request."),
    "approve": ("promotion", "Show what is being accepted, then sign an approval."),
    "refuse": ("promotion", "Sign a refusal, which blocks."),
    "withdraw": ("promotion", "Withdraw your own approval, which blocks."),
    "decide": ("promotion", "The policy's decision, each demand met or not."),
    "merge": ("promotion", "Land a promotion whose decision is yes."),
    "propose": ("promotion", "Open a pull request for a change of policy, people or a manifest."),
    "waive": ("promotion", "Sign a reasoned, expiring exception for one gate of one release."),
    "upgrade": ("upgrade", "Bring the template's own files up to date, by a pull request."),
    "notebook": ("notebook", "Make a script and a skeleton of tests of a notebook."),
    "status": ("look", "What runs where, and what waits for whom."),
    "show": ("look", "One release: what it is, what was found, where it ran."),
    "compare": ("comparing", "Two releases side by side, and where their histories part."),
    "verify": ("release", "Check every signature and digest, from git objects alone."),
    "audit": ("audit", "Ask the history: what ran, who answered for it, has anyone touched it since."),
    "schema": ("machine", "Print the JSON Schema of a file."),
    "doctor": ("machine", "Say what is missing on this machine."),
    "completion": ("machine", "Print the shell's completion script."),
    "demo": ("demo", "Play one whole release, from ml.yaml to production, in a new folder."),
}


class ReaderGone(Exception):  # noqa: N818  it is no error
    """Whoever read what we print has gone away."""


class LazyGroup(click.Group):
    """A group whose commands are imported when they are asked for, so that ``--help`` stays quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every verb, in the order of `VERBS`."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the verb's module and return its command."""
        if cmd_name not in VERBS:
            return None
        command = getattr(import_module(f"mlassay.cli.{VERBS[cmd_name][0]}"), cmd_name)
        return command if isinstance(command, click.Command) else None

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: object
    ) -> click.Context:
        """As click's, but a reader that went away is told from a decision that was no: click answers 1 to both."""
        try:
            return super().make_context(info_name, args, parent, **extra)
        except BrokenPipeError as error:
            raise ReaderGone from error

    def invoke(self, ctx: click.Context) -> object:
        """As click's, with the same difference."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise ReaderGone from error

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click's, with a suggestion for a mistyped verb."""
        if args and args[0] not in VERBS and not args[0].startswith("-"):
            from difflib import get_close_matches

            group, dash, rest = args[0].partition("-")  # its page is called so: docs/verbs/audit-at.md
            near = (
                [f"{group} {rest}"] if dash and group == "audit" else get_close_matches(args[0], VERBS, n=1)
            )
            hint = f" Did you mean '{near[0]}'?" if near else " 'mlassay --help' lists the verbs."
            raise click.UsageError(f"there is no verb '{args[0]}'.{hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The verbs with their line of help, none of them imported."""
        with formatter.section("Verbs"):
            formatter.write_dl([(verb, line) for verb, (_, line) in VERBS.items()])


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 passed, 1 a gate failed or a decision was no, 2 usage or configuration, "
    "3 evidence or a signature is invalid, 4 forge, store or network refused, 70 a bug of ours.",
)
@click.version_option(__version__, prog_name="mlassay")
def cli() -> None:
    """Test, sign and promote models by pull request; the git history is the audit trail."""


def main() -> None:
    """Run the command and exit with the code that `ExitCode` promises."""
    _ready_streams()
    try:
        _refuse_no_text(sys.argv)
        color = False if os.environ.get("NO_COLOR") else None  # https://no-color.org
        code = cli.main(standalone_mode=False, color=color)
    except click.exceptions.Abort:
        code = ExitCode.INTERRUPTED
    except KeyboardInterrupt:
        code = ExitCode.INTERRUPTED
    except click.ClickException as error:
        error.show()
        code = ExitCode.USAGE
    except MlassayError as error:
        from mlassay.cli.common import show_error

        show_error(error)
        code = error.exit_code
    except (ReaderGone, BrokenPipeError):
        # `mlassay status | head`: nothing is wrong, but what was not said is no pass either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        code = 128 + signal.SIGPIPE
    except Exception:  # noqa: BLE001  the one place where a surprise becomes a report and exit code 70
        from mlassay.cli.common import show_bug

        show_bug()
        code = ExitCode.BUG
    sys.exit(int(code or 0))


def _ready_streams() -> None:
    """Three open streams, whatever started us: a closed one's number would go to the next file that is opened.

    A terminal that cannot show a character gets its number.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this one
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, "w" if number else "r", encoding="utf-8", closefd=False))  # noqa: SIM115  a stream stays open
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _refuse_no_text(words: list[str]) -> None:
    for word in words[1:]:
        try:
            word.encode()
        except UnicodeEncodeError:
            shown = word.encode("ascii", "backslashreplace").decode()[:80]
            raise click.UsageError(
                f"'{shown}' is no text that this locale can read; write UTF-8, or set LC_ALL=C.UTF-8"
            ) from None
