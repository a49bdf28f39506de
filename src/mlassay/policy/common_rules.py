"""The rules that a promotion and a change have in common."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mlassay.config.demo import is_demo_key
from mlassay.evidence.layout import MACHINE_REQUEST, REQUEST, is_append_only
from mlassay.evidence.records import Question
from mlassay.policy.approvals import (
    TOLERANCE,
    Standing,
    excluded,
    fault_of_answer,
    same_key,
    text_fault,
)
from mlassay.policy.questions import open_questions
from mlassay.policy.types import Case, ChangeCase, Demand, PromotionCase, Touched

ANSWERS = ("approvals", "refusals", "withdrawals")


def base(case: Case) -> Iterator[Demand]:
    """The main line still holds the commit that the request was made on."""
    commit = case.request.record.base[:12]
    yield Demand(
        "base",
        case.base_on_line,
        f"the request was made on {commit}, which {'is' if case.base_on_line else 'is not'} on the main line",
        ""
        if case.base_on_line
        else "the main line was rewritten or the request comes from elsewhere: ask anew",
        final=not case.base_on_line,
    )


def readable(case: Case) -> Iterator[Demand]:
    """Everything in the request's folder is a record of this request, in its place and signed by whom it names."""
    faults = [(str(problem), problem.remedy) for problem in case.problems]
    said = [(s.path, s.record.person, s.key, s.review) for s in case.approvals]
    said += [(s.path, s.record.person, s.key, s.review) for s in (*case.refusals, *case.withdrawals)]
    signed = [(path, who, key) for path, who, key, review in said if review is None]
    faults += [
        (f"{path}: no signature of {who} over it holds", "") for path, who, key in signed if key is None
    ]
    for what, remedy in faults:
        yield Demand("records", met=False, what=what, remedy=remedy or "take that file off the branch")
    if not faults:
        yield Demand("records", met=True, what="every record of this request can be read")


def only_its_own_paths(case: Case, allowed: frozenset[str]) -> Iterator[Demand]:
    """Nothing but ``allowed`` paths and new, plain files of the request's own folder is touched."""
    strange = beside(case, allowed)
    met = bool(case.touched) and not strange
    what = "it touches its own paths only"
    if strange:
        what = f"it also touches {', '.join(strange[:5])}{' and more' if len(strange) > 5 else ''}"
    elif not case.touched:
        what = "it changes nothing"
    remedy = (
        ""
        if met
        else "take these off the branch: a request carries its own paths, as new plain files, and no other"
    )
    yield Demand("only-its-own-paths", met, what, remedy)


def beside(case: Case, allowed: frozenset[str]) -> list[str]:
    """Paths that are touched and neither ``allowed`` nor new, plain files of the request's own folder."""
    return [t.path for t in case.touched if not _own(case, t, allowed)]


def _own(case: Case, touched: Touched, allowed: frozenset[str]) -> bool:
    if touched.path in allowed and not is_append_only(touched.path):
        # A change binds what it takes away as it binds what it brings; no promotion takes a pointer away.
        return touched.plain or (touched.gone and isinstance(case, ChangeCase))
    if not touched.plain:
        return False
    if touched.path in allowed:
        return touched.added
    inside = touched.path.removeprefix(f"{case.folder}/")
    return inside != touched.path and touched.added and is_record_path(inside)


def is_record_path(inside: str) -> bool:
    """Whether ``inside`` (a path in the request's folder) is where a record or its signature belongs."""
    name = inside.removesuffix(".sig")
    if name == REQUEST or inside == MACHINE_REQUEST:
        return True
    folder, _, file = name.partition("/")
    return folder in ANSWERS and file.endswith(".json") and "/" not in file


def refusals(case: Case) -> Iterator[Demand]:
    """No refusal and no withdrawn approval: each blocks, whether or not its signature still holds."""
    said = [f"{r.record.person} refused: {r.record.reason}" for r in case.refusals]
    # A review can be taken back where it was given; what was signed stands.
    final = bool(case.withdrawals) or any(refusal.review is None for refusal in case.refusals)
    said += [f"{w.record.person} withdrew their approval: {w.record.reason}" for w in case.withdrawals]
    yield Demand(
        "refusals",
        not said,
        "; ".join(said) or "nobody refused, nobody withdrew",
        _after_refusal(final=final) if said else "",
        final=final,
    )


def _after_refusal(*, final: bool) -> str:
    again = "see to the reason, then open a new request"
    return (
        again if final else "see to the reason, then whoever refused approves, or has their review dismissed"
    )


def self_approval(case: Case, standing: Iterable[Standing]) -> Iterator[Demand]:
    """No approval by anybody whose approval can never count: one that was pushed by hand blocks by name."""
    taken = excluded(case)
    signed = [s.approval.record.person for s in standing if s.approval.review is None]
    found = [person for person in signed if person in taken]
    yield Demand(
        "own-approval",
        not found,
        "; ".join(f"{person} may not approve: {person} {taken[person]}" for person in found)
        or "nobody approved their own work",
        "take that approval off the branch: somebody else must judge" if found else "",
    )


def texts(case: Case, standing: Iterable[Standing]) -> Iterator[Demand]:
    """The demands ``reasons`` and ``questions``: every approval says why, and answers what is open."""
    poor = [
        (s.approval.record.person, text_fault(case, s.approval.record))
        for s in standing
        if s.approval.review is None and s.approval.key is not None
    ]
    bad = [f"{person}: {why}" for person, why in poor if why]
    yield Demand(
        "reasons",
        not bad,
        "; ".join(bad) or "every approval gives a reason of its own",
        "they withdraw it from the branch and approve again, in their own words" if bad else "",
    )
    questions = {question.id for question in case.request.record.questions}
    expected = {question.id for question in _must_ask(case)}
    if questions | expected:
        counted = [s for s in standing if s.counts]
        answered = {
            id_ for id_ in questions if any(not fault_of_answer(s.approval.record, id_) for s in counted)
        }
        silent = sorted((questions | expected) - answered)
        what = f"open questions: {', '.join(sorted(questions | expected))}"
        remedy = f"an approval answers each: {' '.join(f'--answer {id_}=…' for id_ in silent)}"
        if expected - questions:
            remedy = "open a new request: this one leaves questions out"
        what += f"; unanswered: {', '.join(silent)}" if silent else ""
        yield Demand("questions", not silent, what, remedy if silent else "")


def _must_ask(case: Case) -> tuple[Question, ...]:
    if not isinstance(case, PromotionCase):
        return ()
    return open_questions(case.release.gates if case.release else {}, case.level)


def keys(case: Case, standing: Iterable[Standing]) -> Iterator[Demand]:
    """The demands ``keys`` and ``demo-keys``: no key under two ids, no key that everybody has."""
    holders: dict[str, set[str]] = {}
    for person in case.people.people.values():
        for key in person.keys:
            holders.setdefault(same_key(key.public), set()).add(person.id)
    shared = sorted({" and ".join(sorted(ids)) for ids in holders.values() if len(ids) > 1})
    yield Demand(
        "keys",
        not shared,
        f"one key stands under two names: {'; '.join(shared)}"
        if shared
        else "every key belongs to one person",
        "give each person a key of their own by a change of people.yaml" if shared else "",
    )
    used = [case.request.key, *(s.approval.key for s in standing)]
    demo = not case.policy.demo and any(
        key is not None and (key.demo or is_demo_key(key.public)) for key in used
    )
    yield Demand(
        "demo-keys",
        not demo,
        "a key of the demo was used, and anybody has that" if demo else "no key of the demo, or a demo",
        "sign with keys of your own" if demo else "",
    )


def clock(case: Case) -> Iterator[Demand]:
    """Time runs forward: not judged before the parent commit, nothing dated after the judgement."""
    late = []
    if case.now < case.parent_time - TOLERANCE:
        late.append("it would land before the commit that it stands on")
    dates = [case.request.record.requested_at]
    dates += [signed.record.at for signed in case.approvals]
    dates += [signed.record.at for signed in (*case.refusals, *case.withdrawals)]
    if any(date > case.now + TOLERANCE for date in dates):
        late.append("a record is dated in the future")
    yield Demand(
        "clock",
        not late,
        " and ".join(late) or "the dates are in order",
        "set this machine's clock; if the commit or the record is wrong, ask anew" if late else "",
    )
