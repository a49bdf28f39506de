"""``promote`` to ``waive``: asking, answering, deciding and landing, over any git remote."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from mlassay.cli import told
from mlassay.cli.common import Command, directory_option, forge_option, json_option, note, print_json
from mlassay.cli.desk import ci_key_option, decide_all, decide_at, told_decision
from mlassay.cli.requests import (
    BEHIND,
    ask_for_reviews,
    exit_no,
    gather_words,
    give_answer,
    give_objection,
    open_desk,
    refused,
    say,
    show_merge,
    would,
)


def _dry_run(command: Command) -> Command:
    return click.option("--dry-run", is_flag=True, help="Say what would be written, and write nothing.")(
        command
    )


def _key(command: Command) -> Command:
    return click.option(
        "--key",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="Your SSH key; else git's user.signingkey, else the agent's only key.",
    )(command)


@click.command(epilog="Example: mlassay promote staging --reason 'It refuses fewer people by mistake.'")
@click.argument("environment")
@click.argument("release", required=False)
@click.option("--reason", default="", help="Why; everybody who is asked reads it.")
@click.option("--question", multiple=True, help="Something that every approval must answer; may be repeated.")
@_key
@ci_key_option
@_dry_run
@forge_option
@json_option
@directory_option
def promote(
    environment: str,
    release: str | None,
    reason: str,
    question: tuple[str, ...],
    key: Path | None,
    ci_key: Path | None,
    dry_run: bool,
    as_json: bool,
    directory: Path,
) -> None:
    """Open a promotion of RELEASE (by default the newest that has not been there) to ENVIRONMENT.

    Running it again finds the open promotion instead of opening another one. With a desk's key (--ci-key, or
    MLASSAY_DESK_KEY and no --key) the CI asks; whoever set that run off may not approve.
    """
    from mlassay import ci
    from mlassay.evidence.records import Question
    from mlassay.render.page import promotion_page
    from mlassay.stages._sealed import run_now
    from mlassay.stages.promote import promote as stage
    from mlassay.wiring import desk_signer, person_signer

    if key is not None and ci_key is not None:
        raise click.UsageError("a person asks (--key) or a CI does (--ci-key), not both.")
    desk = open_desk(directory)
    asked = [Question(f"asked.{number}", text) for number, text in enumerate(question, 1)]
    machine = ci_key is not None or (key is None and bool(ci.desk_key()))
    signer = desk_signer(ci_key) if machine else person_signer(key, desk.repository)
    done = stage(
        desk,
        signer,
        environment,
        release,
        reason=reason,
        questions=asked,
        page=promotion_page,
        run=run_now(desk.repository, ci.context()),
        dry_run=dry_run,
    )
    if done.pull is not None:
        number = str(done.pull.number) if done.pull.number else ""
        told.outputs("promote", promotion=done.name.id, number=number, url=done.pull.url)
    ask_for_reviews(desk, done.name, done.pull, already=done.already)
    if as_json:
        print_json(
            {
                "promotion": done.name.id,
                "environment": environment,
                "release": done.request.release,
                "branch": done.name.branch,
                "already": done.already,
                "weakenings": [weakening.id for weakening in done.request.weakenings],
                "questions": [each.id for each in done.request.questions],
                "paths": list(done.paths),
            }
        )
        return
    if dry_run and not done.already:
        would(done.name.branch, done.paths, done.message)
        return
    state = "is open already" if done.already else "is open"
    say(f"Promotion {done.name.id} of {done.request.release} to {environment} {state}.")
    for weakening in done.request.weakenings:
        say(f"  weakened: {weakening.what}, from {weakening.before} to {weakening.after}")
    answers = "".join(f" --answer {each.id}=…" for each in done.request.questions)
    say(f"Next, somebody else: mlassay approve {done.name.id} --reason … --risk …{answers}")
    say(f"What it still lacks: mlassay decide {done.name.id}")


@click.command(epilog="Example: mlassay approve 20261121-5e6f7a8b --reason 'I read …' --risk 'It may …'")
@click.argument("promotion")
@click.option("--reason", help="Why it may go ahead, in your own words.")
@click.option("--risk", help="The residual risk that you accept.")
@click.option(
    "--answer", multiple=True, metavar="Q=TEXT", help="Your answer to an open question; may be repeated."
)
@click.option(
    "--accept", multiple=True, metavar="WEAKENING", help="A weakening that you accept; may be repeated."
)
@_key
@_dry_run
@forge_option
@json_option
@directory_option
def approve(
    promotion: str,
    reason: str | None,
    risk: str | None,
    answer: tuple[str, ...],
    accept: tuple[str, ...],
    key: Path | None,
    dry_run: bool,
    as_json: bool,
    directory: Path,
) -> None:
    """Show what is being accepted, then sign your approval of PROMOTION (or of a change).

    What the options do not give is asked for on a terminal. Nobody approves their own work.
    """
    from mlassay.render.review import review_json, review_lines
    from mlassay.stages.answer import may_not
    from mlassay.stages.requests import signing_person
    from mlassay.stages.review import review
    from mlassay.wiring import person_signer

    desk = open_desk(directory)
    signer = person_signer(key, desk.repository)
    person = signing_person(desk, signer)
    seen = review(desk, promotion, person.id)
    shown = review_json(seen) | {"person": person.id}
    if not as_json:
        for line in review_lines(seen):
            say(line)
        say("")
    if no := may_not(seen.case, person):
        refused(no, shown if as_json else None)
        return
    words = gather_words(seen, reason, risk, answer, accept)
    give_answer(desk, signer, promotion, "approve", words, dry_run=dry_run, shown=shown if as_json else None)


@click.command(
    epilog="Example: mlassay refuse 20261121-5e6f7a8b --reason 'The interval is too wide because …'"
)
@click.argument("promotion")
@click.option("--reason", required=True, help="Why not; it stands in the record.")
@_key
@_dry_run
@forge_option
@json_option
@directory_option
def refuse(
    promotion: str, reason: str, key: Path | None, dry_run: bool, as_json: bool, directory: Path
) -> None:
    """Sign a refusal of PROMOTION (or of a change), which blocks it."""
    give_objection(promotion, "refuse", reason, key, dry_run=dry_run, as_json=as_json, directory=directory)


@click.command(epilog="Example: mlassay withdraw 20261121-5e6f7a8b --reason 'I misread the report because …'")
@click.argument("promotion")
@click.option("--reason", required=True, help="Why you no longer agree.")
@_key
@_dry_run
@forge_option
@json_option
@directory_option
def withdraw(
    promotion: str, reason: str, key: Path | None, dry_run: bool, as_json: bool, directory: Path
) -> None:
    """Withdraw your own approval of PROMOTION (or of a change), which blocks it."""
    give_objection(promotion, "withdraw", reason, key, dry_run=dry_run, as_json=as_json, directory=directory)


@click.command(epilog="Example: mlassay decide 20261121-5e6f7a8b")
@click.argument("promotion", required=False)
@click.option(
    "--head", metavar="SHA", help="Decide about the open request whose branch stands at this commit."
)
@click.option("--all", "every", is_flag=True, help="Decide about every open request.")
@click.option(
    "--post", is_flag=True, help="With --head or --all: post the answer as the check mlassay/decide."
)
@forge_option
@json_option
@directory_option
def decide(
    promotion: str | None, head: str | None, every: bool, post: bool, as_json: bool, directory: Path
) -> None:
    """Print the policy's decision about PROMOTION (or a change): each demand met or not, and what to do.

    Exits with 0 for yes and 1 for no; with --all, 0 once all are decided. With --head, a pull request that is no request
    may not touch guarded paths.
    """
    from mlassay.render.decision import decision_json, decision_lines
    from mlassay.stages.merge import decided

    ways = sum((promotion is not None, head is not None, every))
    if ways != 1 or (post and promotion is not None):
        raise click.UsageError(
            "name a promotion or a change, or a commit with --head SHA, or say --all (the last two with --post)."
        )
    if every:
        decide_all(directory, post=post, as_json=as_json)
        return
    if head is not None:
        decide_at(directory, head, post=post, as_json=as_json)
        return
    wanted = promotion or ""
    _, decision = decided(open_desk(directory), wanted)
    told_decision(wanted, decision)
    if as_json:
        print_json(decision_json(wanted, decision))
    else:
        for line in decision_lines(wanted, decision):
            say(line)
    exit_no(decision.allowed)


@click.command(epilog="Example: mlassay merge 20261121-5e6f7a8b")
@click.argument("promotion")
@_dry_run
@forge_option
@json_option
@directory_option
def merge(promotion: str, dry_run: bool, as_json: bool, directory: Path) -> None:
    """Land PROMOTION (or a change) on the main line if the decision is yes.

    One commit with exactly its own paths; when the main line has moved on meanwhile, it is decided anew.
    """
    from mlassay.render.decision import decision_json
    from mlassay.stages.merge import merge as stage

    done = stage(open_desk(directory), promotion, dry_run=dry_run)
    if as_json:
        landed: dict[str, object] = {"commit": done.commit or None, "already": done.already}
        landed |= {"winner": done.winner or None, "unrecorded": done.unrecorded}
        print_json(decision_json(promotion, done.decision) | landed)
    else:
        show_merge(promotion, done, dry_run=dry_run)
    exit_no(done.decision.allowed or (done.already and done.unrecorded))


@click.command(epilog="Example: mlassay propose --reason 'Sam joins the reviewers because Robin is away.'")
@click.option("--reason", required=True, help="Why; everybody who is asked reads it.")
@_key
@_dry_run
@forge_option
@json_option
@directory_option
def propose(reason: str, key: Path | None, dry_run: bool, as_json: bool, directory: Path) -> None:
    """Open a pull request with the work tree's changes under governance/ and of data manifests, and nothing else.

    It is approved, decided and merged as a promotion is, by the policy and people before it.
    """
    from mlassay.render.page import promotion_page
    from mlassay.stages.propose import propose as stage
    from mlassay.wiring import person_signer

    desk = open_desk(directory)
    done = stage(desk, person_signer(key, desk.repository), reason, page=promotion_page, dry_run=dry_run)
    ask_for_reviews(desk, done.name, done.pull, already=done.already)
    if as_json:
        print_json(
            {
                "change": done.name.id,
                "branch": done.name.branch,
                "files": list(done.files),
                "already": done.already,
                "no": done.no or None,
            }
        )
    elif done.no:
        refused(done.no, None)
    elif dry_run and not done.already:
        would(done.name.branch, (*done.files, done.name.request), "")
    else:
        say(f"Change {done.name.id} is open{' already' if done.already else ''}: {', '.join(done.files)}")
        say(f"Next, somebody else: mlassay approve {done.name.id} --reason … --risk …")
        say(f"What it still lacks: mlassay decide {done.name.id}")
    exit_no(not done.no)


@click.command(
    epilog="Example: mlassay waive bias 20261120-1a2b3c4d --until 2027-01-31 --reason 'Too few rows …'"
)
@click.argument("gate")
@click.argument("release")
@click.option("--reason", required=True, help="Why the release may go on without this gate.")
@click.option(
    "--until", required=True, type=click.DateTime(["%Y-%m-%d"]), help="The last day on which it holds."
)
@_key
@_dry_run
@json_option
@directory_option
def waive(
    gate: str,
    release: str,
    reason: str,
    until: datetime,
    key: Path | None,
    dry_run: bool,
    as_json: bool,
    directory: Path,
) -> None:
    """Sign an exception for one GATE of one RELEASE, which ends by itself and is shown wherever the release is."""
    from mlassay.stages.waive import waive as stage
    from mlassay.wiring import person_signer

    desk = open_desk(directory)
    signer = person_signer(key, desk.repository)
    done = stage(desk, signer, gate, release, reason, until.date(), dry_run=dry_run)
    if as_json:
        print_json(
            {"path": done.path, "commit": done.commit or None, "already": done.already, "no": done.no or None}
        )
    elif done.no:
        refused(done.no, None)
    elif dry_run and not done.already:
        would("main", (done.path, f"{done.path}.sig"), "")
    else:
        say(
            f"{'Waived already' if done.already else 'Waived'}: {gate} of {release} until {until:%Y-%m-%d} ({done.path})"
        )
        if not (dry_run or done.local_is_current):
            note(BEHIND)
    exit_no(not done.no)
