"""What a CI's desk does: decides about the commit that a forge asks about, and records reviews after the merge."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mlassay import ci
from mlassay.cli import told
from mlassay.cli.common import Command, chosen_forge, note, print_json, printable
from mlassay.cli.requests import BEHIND, exit_no, open_desk, progress, say
from mlassay.errors import ConfigurationError, EvidenceError, Problem

if TYPE_CHECKING:
    from mlassay.policy import Decision
    from mlassay.stages.decide_head import HeadDecision
    from mlassay.stages.requests import Desk
    from mlassay.stages.review_record import ReviewsRecorded

ALL = "*"


def ci_key_option(command: Command) -> Command:
    """The desk's key in a file."""
    return click.option(
        "--ci-key",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        metavar="FILE",
        help="The desk's private key (PEM) of a CI signer; otherwise its text is taken from MLASSAY_DESK_KEY.",
    )(command)


def told_decision(request: str, decision: Decision) -> None:
    """Outputs and summary of a decision."""
    from mlassay.render.decision import decision_markdown

    told.outputs("decide", decision="yes" if decision.allowed else "no", promotion=request)
    ci.summary(decision_markdown(request, decision))


def decide_at(directory: Path, head: str, *, post: bool, as_json: bool) -> None:
    """Decide about the commit ``head``, say so, and post it to the forge with ``post``."""
    from mlassay.render.decision import decision_json, decision_lines

    desk = open_desk(directory)
    done = _decide(desk, desk.repository.resolve(head) if len(head) < 40 else head, post=post)
    if done.decision is None:
        told.outputs("decide", decision="yes", promotion="")
        if as_json:
            print_json({"id": None, "allowed": True, "demands": []})
        else:
            say(f"nothing is to decide about {done.head[:12]}")
        return
    shown = done.request or f"pull request {done.pull.number}" if done.pull else done.request
    told_decision(done.request, done.decision)
    if as_json:
        print_json(decision_json(done.request, done.decision))
    else:
        for line in decision_lines(shown, done.decision):
            say(line)
    exit_no(done.allowed)


def decide_all(directory: Path, *, post: bool, as_json: bool) -> None:
    """Decide anew about every open request, because the main line has moved on; a no is no failure of this."""
    from mlassay.render.decision import decision_json, decision_lines

    desk = open_desk(directory)
    done = [_decide(desk, pull.head, post=post) for pull in desk.forge.requests()]
    decisions = [(each.request, each.decision) for each in done if each.decision is not None]
    told.outputs("decide", decision="yes" if all(each.allowed for each in done) else "no", promotion="")
    if as_json:
        print_json({"decided": [decision_json(request, decision) for request, decision in decisions]})
        return
    for request, decision in decisions:
        for line in decision_lines(request, decision):
            say(line)
    if not decisions:
        say("no request is open")


def _decide(desk: Desk, head: str, *, post: bool) -> HeadDecision:
    from mlassay.stages.decide_head import decide_head
    from mlassay.wiring import page

    forge = page(desk.repository, chosen_forge(), progress)
    if post and forge is None:
        raise ConfigurationError(
            Problem(
                "there is no forge to post to",
                why="a plain git remote has no checks",
                remedy="git config mlassay.forge github (or gitea), and give a token",
            )
        )
    done = decide_head(desk, forge, head)
    if post and forge is not None and done.pull is not None:
        forge.check(done.head, _check(desk, done))
    return done


def _check(desk: Desk, done: HeadDecision) -> Any:
    from mlassay.ports import Check
    from mlassay.stages.decide_head import CHECK

    if done.decision is None:
        return Check(CHECK, True, "nothing to decide", "It touches nothing that only requests may change.")
    unmet = len(done.decision.unmet)
    title = (
        "every demand is met" if done.allowed else f"no: {unmet} demand{'' if unmet == 1 else 's'} not met"
    )
    return Check(CHECK, done.allowed, title, _page(desk, done, done.decision))


def _page(desk: Desk, done: HeadDecision, decision: Decision) -> str:
    """The whole page as it is true now, where a request was decided; else the decision alone."""
    from mlassay.case.requests import name_of_branch
    from mlassay.render.decision import decision_markdown
    from mlassay.render.page import promotion_page
    from mlassay.stages.page_facts import facts_at
    from mlassay.stages.requests import Found

    name = name_of_branch(done.pull.branch) if done.pull is not None else None
    if done.pull is None or name is None or name.id != done.request:
        return decision_markdown(done.request, decision)
    try:
        facts = facts_at(desk, desk.line(), Found(name, done.pull))
    except EvidenceError:
        return decision_markdown(done.request, decision)  # it says what cannot be read
    if facts.review.decision.allowed is not decision.allowed:
        return decision_markdown(done.request, decision)  # somebody answered meanwhile: another run says so
    return promotion_page(facts)


def record_reviews(directory: Path, request: str, key: Path | None, *, dry_run: bool, as_json: bool) -> None:
    """Record the reviews of one landed request, or of each whose record is missing."""
    from mlassay import wiring
    from mlassay.signers.p256 import refuse_inside
    from mlassay.stages._sealed import run_now
    from mlassay.stages.review_record import record_reviews as stage
    from mlassay.stages.review_record import unrecorded

    desk = open_desk(directory)
    wanted = [request]
    if request == ALL:
        wanted = [name.id for name in unrecorded(desk.repository, desk.line().tip, desk.verifiers)]
    done: list[ReviewsRecorded] = []
    if wanted:
        if key is not None:
            refuse_inside(key, desk.repository.folder)
        signer, run = wiring.desk_signer(key), run_now(desk.repository, ci.context())
        done = [stage(desk, signer, run, each, dry_run=dry_run) for each in wanted]
    if as_json:
        print_json({"recorded": [_json(each) for each in done], "dry_run": dry_run})
    else:
        for each in done:
            _say_recorded(each, dry_run=dry_run)
        if not done:
            say("every record of reviews that is needed is there")
    exit_no(all(each.decision.allowed for each in done))


def record_refused(directory: Path, request: str, *, dry_run: bool, as_json: bool) -> None:
    """Record on the main line that an open request was refused or withdrawn."""
    from mlassay.stages.refused import record_refused as stage

    done = stage(open_desk(directory), request, dry_run=dry_run)
    if as_json:
        print_json(
            {
                "id": done.name.id,
                "environment": done.name.environment or None,
                "commit": done.commit or None,
                "already": done.already,
                "dry_run": dry_run,
                "paths": list(done.paths),
            }
        )
    elif dry_run and not done.already:
        say(f"would commit to main:\n\n{done.message}")
        for path in done.paths:
            say(f"  {path}")
    else:
        state = "is recorded already" if done.already else "is recorded"
        say(f"That {done.name.id} was refused {state} (commit {done.commit[:12]}).")
    if not dry_run and not done.already:
        note(f"The branch {done.name.branch} is no longer needed: close its pull request, or delete it.")
    if not dry_run and not done.local_is_current:
        note(printable(BEHIND))


def _json(done: ReviewsRecorded) -> dict[str, Any]:
    return {
        "id": done.name.id,
        "environment": done.name.environment or None,
        "commit": done.commit or None,
        "already": done.already,
        "allowed": done.decision.allowed,
        "unmet": [{"id": d.id, "what": d.what, "remedy": d.remedy} for d in done.decision.unmet],
        "reviews": [{"id": w.id, "account": w.account, "state": w.state} for w in done.record.reviews],
    }


def _say_recorded(done: ReviewsRecorded, *, dry_run: bool) -> None:
    if not done.decision.allowed:
        say(f"{done.name.id}: the reviews on {done.record.forge} do not suffice, and were not recorded:")
        for demand in done.decision.unmet:
            say(f"  x {demand.id}: {demand.what}")
        return
    if dry_run and not done.already:
        say(f"would commit to main:\n\n{done.message}")
        return
    state = "are recorded already" if done.already else "are recorded"
    say(f"The reviews of {done.name.id} {state} (commit {done.commit[:12]}).")
    if not done.local_is_current:
        note(printable(BEHIND))
