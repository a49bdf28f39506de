"""What the verbs around a request share: where it is handled, what is asked on a terminal, what is printed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mlassay.cli.common import chosen_forge, note, print_json, printable
from mlassay.errors import ConfigurationError, ExitCode, Problem, RemoteError
from mlassay.render.width import fold, terminal_width

if TYPE_CHECKING:
    from mlassay.case.requests import RequestName
    from mlassay.ports import PullRequest, Signer
    from mlassay.stages.answer import Kind, Words
    from mlassay.stages.merge import Merged
    from mlassay.stages.requests import Desk
    from mlassay.stages.review import Review

BEHIND = "Your checkout stays as it was (other branch, or uncommitted work): see git status, then git pull --ff-only"


def open_desk(directory: Path) -> Desk:
    """The repository at ``directory`` with its forge, where people review on it too, and verifiers."""
    from mlassay.git import Repository
    from mlassay.stages.requests import Desk
    from mlassay.wiring import forge, forge_kind, reviewing, verifiers

    repository, wanted = Repository.open(directory), chosen_forge()
    reviewed = reviewing(repository, wanted, progress)
    kind = forge_kind(repository, wanted) if reviewed is not None else ""
    return Desk(
        repository, forge(repository, wanted, progress), verifiers(), reviewing=reviewed, reviews_on=kind
    )


def progress(text: str) -> None:
    """One line of what a forge is waited for, or warned of, on standard error."""
    note(printable(text))


def ask_for_reviews(desk: Desk, name: RequestName, pull: PullRequest | None, *, already: bool) -> None:
    """Ask on the forge whoever policy would count; a request that stands is not taken back because nobody was asked."""
    from mlassay.stages.requests import Found
    from mlassay.stages.reviewers import ask_reviewers

    if pull is None or already or desk.reviewing is None:
        return
    try:
        asked = ask_reviewers(desk, desk.reviewing, Found(name, pull), desk.reviews_on)
    except RemoteError as error:
        progress(f"nobody was asked for a review: {error}; ask on the page: {pull.url}")
        return
    if asked:
        progress(f"asked for a review: {', '.join(asked)}")


def gather_words(
    seen: Review, reason: str | None, risk: str | None, answer: tuple[str, ...], accept: tuple[str, ...]
) -> Words:
    """What the options say, and what they leave open asked for on a terminal."""
    from mlassay.stages.answer import Words

    answers = {}
    for each in answer:
        id_, equals, text = each.partition("=")
        if not equals:
            raise click.UsageError(f"--answer takes QUESTION=TEXT, not {each!r}")
        answers[id_] = text
    for question in seen.questions:
        if question.id not in answers:
            answers[question.id] = _ask(f"--answer {question.id}=…", question.question)
    reason = reason if reason is not None else _ask("--reason", "Why may it go ahead?")
    risk = risk if risk is not None else _ask("--risk", "Which risk remains, that you accept?")
    accepts = list(accept)
    for weakening in seen.weakenings:
        if weakening.id not in accepts and sys.stdin.isatty():
            told = f"Do you accept that {weakening.what}, from {weakening.before} to {weakening.after}?"
            if not click.confirm(printable(told), default=False, err=True):
                raise ConfigurationError(
                    Problem(
                        f"you did not accept that {weakening.what}, so nothing was signed",
                        why="an approval stands for the whole of what was asked",
                        remedy=f"mlassay refuse {seen.case.id} --reason … says so for the record",
                    )
                )
            accepts.append(weakening.id)
    return Words(reason, risk, answers, accepts)


def _ask(option: str, question: str) -> str:
    """An answer from the terminal; one that would not count is asked for again while its author is still there."""
    from mlassay.policy.reasons import fault

    if not sys.stdin.isatty():
        raise click.UsageError(f"{option} is missing: {printable(question)}")
    while True:
        text = str(click.prompt(printable(question), err=True))
        if not (why_not := fault(text)):
            return text
        note(f"  This will not do: {why_not}.")


def give_objection(
    promotion: str,
    kind: Kind,
    reason: str,
    key: Path | None,
    *,
    dry_run: bool,
    as_json: bool,
    directory: Path,
) -> None:
    """Refuse or withdraw: sign the reason and push it."""
    from mlassay.stages.answer import Words
    from mlassay.wiring import person_signer

    desk = open_desk(directory)
    signer = person_signer(key, desk.repository)
    give_answer(desk, signer, promotion, kind, Words(reason), dry_run=dry_run, shown={} if as_json else None)


def give_answer(
    desk: Desk,
    signer: Signer,
    promotion: str,
    kind: Kind,
    words: Words,
    *,
    dry_run: bool,
    shown: dict[str, Any] | None,
) -> None:
    """Sign and push one answer; ``shown`` is what JSON says besides (None: print for people)."""
    from mlassay.stages.answer import answer

    done = answer(desk, signer, promotion, kind, words, dry_run=dry_run)
    if done.no:
        refused(done.no, shown)
    elif shown is not None:
        said = {"person": done.person, "path": done.path, "already": done.already, "no": None}
        print_json(shown | {"id": promotion} | said)
    elif dry_run and not done.already:
        would(f"the branch of {promotion}", (done.path, f"{done.path}.sig"), "")
    else:
        verb = {"approve": "approved", "refuse": "refused", "withdraw": "withdrew from"}[kind]
        say(f"{done.person} {verb} {promotion}{' already' if done.already else ''}.")
        say(f"Next: mlassay decide {promotion}")


def show_merge(promotion: str, done: Merged, *, dry_run: bool) -> None:
    """What came of a merge, for people."""
    from mlassay.render.decision import decision_lines

    if not done.decision.allowed and not (done.already and done.unrecorded):
        for line in decision_lines(promotion, done.decision):
            say(line)
        if done.winner:
            say(f"Somebody else was quicker: {done.winner}")
        return
    if dry_run and not done.already:
        would("main", done.paths, done.message)
        return
    say(f"{promotion} {'had landed already' if done.already else 'has landed'}: {done.commit[:12]}")
    if done.unrecorded:
        say(f"It rests on reviews, which must be recorded: mlassay record --reviews {promotion}")
    if not done.local_is_current:
        note(BEHIND)


def would(where: str, paths: tuple[str, ...], message: str) -> None:
    """What a dry run would have written."""
    say(f"Would write one commit to {where} with:")
    for path in paths:
        say(f"  {path}")
    if message:
        say("")
        say(message.rstrip("\n"))


def refused(why: str, shown: dict[str, Any] | None) -> None:
    """Say why the answer is no (as JSON beside ``shown``, if given), and exit with 1."""
    if shown is not None:
        print_json(shown | {"no": why})
    else:
        note(f"no: {printable(why)}")
    exit_no(allowed=False)


def exit_no(allowed: bool) -> None:
    """Exit with 1 unless the answer is yes."""
    if not allowed:
        click.get_current_context().exit(ExitCode.NO)


def say(text: str) -> None:
    """One line for people on standard output, whoever wrote the words in it."""
    click.echo(fold(printable(text), terminal_width(sys.stdout)))
