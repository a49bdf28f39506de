"""``audit trace``: up and down the chain from a model, a data set, a person or a commit."""

from __future__ import annotations

from pathlib import Path

import click

from mlassay.cli.audit_reading import at_option, end, no_check_option, read, say
from mlassay.cli.common import directory_option, json_option, print_json

KINDS = ("model", "data", "person", "commit")


@click.command(epilog="Example: mlassay audit trace data applications")
@click.argument("kind", type=click.Choice(KINDS))
@click.argument("what", metavar="X")
@click.option(
    "--commits",
    is_flag=True,
    help="With a person: list commits that name them too, which nobody proves; takes long on a long history.",
)
@no_check_option
@at_option
@json_option
@directory_option
def audit_trace(
    kind: str, what: str, commits: bool, no_check: bool, revision: str, as_json: bool, directory: Path
) -> None:
    """Follow X through the record, up and down.

    A model (a release's id, or a digest) leads to its data, source, tests, promotions and where it ran; data (a name, a
    manifest's path, or a digest) to every release made with it and where those ever ran; a person to all their acts; a
    commit to what it brought and caused. Digests may be cut short. Exits with 3 when something on the main line does not
    hold.
    """
    from mlassay.render import audit_trace as render
    from mlassay.render import audit_trace_json as machines

    if commits and kind != "person":
        raise click.UsageError("--commits is for a person")
    repository, chronicle = read(directory, revision, no_check=no_check)
    if kind == "model":
        from mlassay.audit.trace import trace_model

        model = trace_model(chronicle, what)
        told, lines = machines.model_json(model), render.model_lines(model)
    elif kind == "data":
        from mlassay.audit.trace import trace_data

        data = trace_data(chronicle, what)
        told, lines = machines.data_json(data), render.data_lines(data)
    elif kind == "person":
        from mlassay.audit.trace_person import trace_person, with_commits

        person = trace_person(chronicle, what)
        if commits:
            person = with_commits(person, chronicle, repository)
        told, lines = machines.person_json(person), render.person_lines(person)
    else:
        from mlassay.audit.trace_commit import trace_commit

        commit = trace_commit(chronicle, repository, repository.resolve(what))
        told, lines = machines.commit_json(commit), render.commit_lines(commit)
    if as_json:
        head = {"version": machines.VERSION, "kind": kind, "asked": what, "head": chronicle.head.commit}
        print_json({**head, "checked": chronicle.judged, **told})
    else:
        for line in lines:
            say(line)
    end(chronicle)
