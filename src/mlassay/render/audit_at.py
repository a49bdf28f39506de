"""What was live at a time, in words: what does not hold first, then the answer, then how far each part is proven."""

from __future__ import annotations

from collections.abc import Iterator

from mlassay.audit.at import Answer
from mlassay.audit.chronicle.types import Moment, Word
from mlassay.audit.in_force import Asked, InForce
from mlassay.audit.since import Ran, Since
from mlassay.errors import Problem
from mlassay.evidence.verdict import Verdict
from mlassay.render.text import MARKS, count, criteria_text, numbers_text, plain

FEW = 6
TOLERANCE = "5 minutes"


def at_lines(answer: Answer) -> Iterator[str]:
    """The whole answer, line by line; everything from the repository escaped."""
    yield from _broken(answer)
    yield headline(answer)
    yield f"  asked: {plain(answer.when.text)} (read as {plain(answer.when.reading)})"
    yield from _cut(answer)
    live = answer.live
    if live is not None and live.pointer is not None:
        yield ""
        yield from _what(live)
        yield from _results(live)
        yield from _people(live)
        yield from _waivers(live)
    yield ""
    yield from _since(answer, answer.since)
    yield ""
    yield from _proof(answer)


def headline(answer: Answer) -> str:
    """The answer in one sentence."""
    when = f"{answer.when.time:%Y-%m-%d %H:%M:%S} UTC" if answer.when.time else answer.when.reading
    where, live = plain(answer.environment), answer.live
    if answer.cut.at is None:
        return f"{where} at {when}: nothing; the main line had not begun"
    if live is None:
        why = (
            ""
            if answer.governed
            else "; there was no policy and nobody with a key yet, so nothing was governed"
        )
        return f"{where} at {when}: nothing was live{why}"
    if live.pointer is None:
        return f"{where} at {when}: a pointer that nobody can read"
    state = "was live" if live.pointer.state == "live" else "was cut out: no answer was to be given from here"
    return f"{where} at {when}: {plain(live.pointer.live.release)} {state}"


def _broken(answer: Answer) -> Iterator[str]:
    if not answer.problems:
        return
    known = answer.live.known_since if answer.live else ()
    then = all(problem in known for problem in answer.problems)
    yield (
        "DOES NOT HOLD ANY MORE: it held by what was known then, and not by what was told since"
        if then
        else "DOES NOT HOLD: what this answer rests on was altered, or was never agreed as policy demands"
    )
    for problem in answer.problems:
        yield from _problem(problem)
    yield ""


def _problem(problem: Problem) -> Iterator[str]:
    rule = f" [{problem.rule}]" if problem.rule else ""
    yield f"  x {plain(problem)}{rule}"
    if problem.why:
        yield f"      why: {plain(problem.why)}"
    if problem.remedy:
        yield f"      do:  {plain(problem.remedy)}"


def _cut(answer: Answer) -> Iterator[str]:
    cut = answer.cut
    if cut.ahead:
        yield "  that is in the future: what follows is the end of the main line as this clone has it"
    if cut.at is not None:
        yield f"  cut:   after {_moment(cut.at)}"
    if cut.after is not None:
        yield f"         the next commit, {cut.after.commit[:12]}, came after that: {cut.after.time:%Y-%m-%d %H:%M:%S} UTC"
    for landed in answer.today:
        yield f"  that day: {plain(landed.release)} by {plain(landed.promotion)}, {landed.moment.time:%H:%M:%S} UTC"
    if cut.contradicting and cut.first_contradicting:
        yield (
            f"  DATES CONTRADICT THE ORDER HERE: {count(cut.contradicting, 'commit')} after the cut "
            f"{'claims' if cut.contradicting == 1 else 'claim'} to be older "
            f"(the first is {cut.first_contradicting.commit[:12]}, {cut.first_contradicting.claimed:%Y-%m-%d %H:%M} UTC); "
            "the order counts"
        )
    for doubt in cut.doubts:
        why = f"within {TOLERANCE} of the time asked for" if doubt.close else "against the order"
        yield (
            f"  in doubt: {doubt.moment.commit[:12]} changed what runs, and claims {doubt.moment.claimed:%Y-%m-%d %H:%M:%S} UTC, {why}"
        )


def _what(live: InForce) -> Iterator[str]:
    release, pointer = live.evidence.release if live.evidence else None, live.pointer
    if pointer is None:
        return
    yield f"What ran since {live.landed.time:%Y-%m-%d %H:%M:%S} UTC"
    yield f"  release    {plain(pointer.live.release)} {plain(pointer.live.digest)}"
    yield f"  model      sha256:{plain(pointer.live.model_sha256)}" + (
        f" ({plain(release.name)}, {release.model.size:,} bytes)" if release else ""
    )
    for other in pointer.releases:
        if other is not pointer.live:
            yield f"  beside it  {plain(other.release)} as {other.role}, {other.share} percent"
    if release is not None:
        yield f"  source     commit {release.source.commit} of {plain(release.source.date)}"
    if live.record is not None:
        yield f"  recorded   {_moment(live.record)}, signed by {plain(', '.join(live.evidence.signers) if live.evidence else '')}"
    yield f"  promoted   {_moment(live.landed)}, promotion {plain(pointer.promotion)}"
    for data in live.data:
        yield f"  data       {plain(data.name)} ({plain(data.path) or 'path unknown'}): manifest {data.digest}"
        yield f"             files together {plain(data.root) or 'cannot be read'}"


def _results(live: InForce) -> Iterator[str]:
    verdict: Verdict | None = live.evidence.verdict if live.evidence else None
    if verdict is None:
        yield "  verdict    cannot be read"
        return
    yield f"What it was tested for: {verdict.outcome}, risk {plain(verdict.risk.get('level', 'unknown'))}"
    for gate in verdict.gates:
        yield f"  {MARKS[gate.outcome]} {plain(gate.gate)}: {gate.outcome}. {numbers_text(gate)}"
        yield f"      criteria: {criteria_text(gate.criteria)}"


def _people(live: InForce) -> Iterator[str]:
    asked = live.asked
    if asked is None:
        yield "Who let it in: nobody, as far as can be read"
        return
    yield "Who let it in"
    yield f"  asked by {plain(asked.request.requester)}{_machine(asked)}: {plain(asked.request.reason) or 'no reason given'}"
    for word in asked.words:
        yield from _word(word)
    for weakening in asked.request.weakenings:
        yield f"  weaker than before: {plain(weakening.what)} (from {plain(weakening.before)} to {plain(weakening.after)})"
    for question in asked.request.questions:
        yield f"  asked of each: {plain(question.question)} [{plain(question.id)}]"
    if asked.completed is not None:
        yield f"  its last commit stands after the cut ({_moment(asked.completed)}): they were pushed together"


def _machine(asked: Asked) -> str:
    if asked.machine is None:
        return ""
    who = asked.machine.run.dispatcher
    named = who.account or who.email or "nobody it names"
    person = f", who is {', '.join(asked.setters)}" if asked.setters else ", whom people.yaml does not know"
    return plain(f" (a CI signer), in a run set off by {named}{person}")


def _word(word: Word) -> Iterator[str]:
    verb = {"approval": "approved", "refusal": "REFUSED", "withdrawal": "WITHDREW"}.get(word.kind, word.kind)
    counts = f" (does not count: {plain(word.uncounted)})" if word.uncounted else ""
    by = f"key {word.key}" if word.key else plain(word.review) if word.review else "NO SIGNATURE HOLDS"
    yield f"  {plain(word.person)} {verb}{counts}: {plain(word.reason)}"
    if word.risk:
        yield f"      accepted the risk: {plain(word.risk)}"
    for question, said in word.answers.items():
        yield f"      answered {plain(question)}: {plain(said)}"
    if word.accepts:
        yield f"      accepted weakenings: {plain(', '.join(word.accepts))}"
    yield f"      by {by}; claims {word.at:%Y-%m-%d %H:%M:%S} UTC"


def _waivers(live: InForce) -> Iterator[str]:
    yield "Waivers in force" if live.waivers else "Waivers in force: none"
    for each in live.waivers:
        waiver = each.waiver
        leaned = "" if each.leaned_on else " (the promotion does not lean on it)"
        holds = "" if each.holds else " ITS SIGNATURE DOES NOT HOLD"
        yield f"  {plain(waiver.gate)} by {plain(waiver.person)} until {waiver.until}: {plain(waiver.reason)}{leaned}{holds}"


def _since(answer: Answer, since: Since) -> Iterator[str]:
    yield f"What has changed since: {count(since.commits, 'commit')} up to {_moment(answer.head)}"
    yield f"  runs now: {_ran(since.now)}"
    if since.next is not None:
        yield f"  the next after the cut was {_ran(since.next)}"
    requests = ", ".join(since.promotions[:FEW]) + (", …" if len(since.promotions) > FEW else "")
    yield f"  requests for {plain(answer.environment)}: {len(since.promotions)}{f' ({requests})' if requests else ''}"
    if answer.live is not None and answer.live.asked is not None:
        yield f"  by what is known today the decision {_still(answer, answer.live.asked)}"
    for key in since.keys:
        involved = ", AND THIS ANSWER RESTS ON IT" if key.involved else ""
        yield f"  key of {plain(key.holder)} {key.key}: {plain(key.what)}{involved}"
    for ended in since.waivers_ended:
        yield f"  waiver of {plain(ended.waiver.gate)} by {plain(ended.waiver.person)} ended on {ended.waiver.until}"
    changes = (
        f" ({', '.join(since.changes[:FEW])}{', …' if len(since.changes) > FEW else ''})"
        if since.changes
        else ""
    )
    yield (
        f"  policy {_changed(since.policy_changed)}, people {_changed(since.people_changed)}; "
        f"change requests: {len(since.changes)}{changes}"
    )
    for each in since.manifests:
        before = (
            ""
            if each.then == each.used
            else "; it differed from the one that was used at the time asked for already"
        )
        now = (
            "is gone"
            if each.now is None
            else "is the same"
            if each.now == each.used
            else f"is now {each.now}"
        )
        yield f"  manifest {plain(each.name)} {now}{before}"


def _changed(changed: bool) -> str:
    return "changed" if changed else "unchanged"


def _still(answer: Answer, asked: Asked) -> str:
    if not answer.problems:
        return "still holds, under the policy of then"
    unmet = "; ".join(plain(demand.what) for demand in asked.today.unmet)
    return f"would be no: {unmet}" if unmet else "would be yes, but what it rests on does not hold (above)"


def _ran(ran: Ran | None) -> str:
    if ran is None:
        return "nothing"
    if ran.pointer is None:
        return f"nothing that can be read, since {_moment(ran.moment)}"
    state = "" if ran.pointer.state == "live" else " (cut out)"
    return (
        f"{plain(ran.pointer.live.release)}{state} by {plain(ran.pointer.promotion)}, {_moment(ran.moment)}"
    )


def _moment(moment: Moment) -> str:
    """A commit, its place, and its time; what its committer claims beside that where the two differ."""
    claims = (
        f", though it claims {moment.claimed:%Y-%m-%d %H:%M:%S} UTC" if moment.claimed != moment.time else ""
    )
    return f"commit {moment.commit[:12]} (number {moment.number} of the line, {moment.time:%Y-%m-%d %H:%M:%S} UTC{claims})"


def _proof(answer: Answer) -> Iterator[str]:
    yield "How far this is proven"
    for title, told in proofs(answer).items():
        for number, each in enumerate(told):
            yield f"  {title + ':' if not number else '':<26}{each}"


def proofs(answer: Answer) -> dict[str, tuple[str, ...]]:
    """What rests on signatures, on the order of commits, on somebody's word alone, and what was not looked at."""
    live, root = answer.live, answer.root
    signed = ["nothing: nothing was live, so nobody signed for anything"]
    if live is not None and live.asked is not None and not answer.problems:
        people = sorted({word.person for word in live.asked.words if word.key})
        signed = [
            "the pointer, release, model and evidence are those that the request names; each file by its digest",
            f"results and criteria, by {plain(', '.join(live.evidence.signers) if live.evidence else '')}",
            f"the request by {plain(live.asked.request.requester)}; words of {plain(', '.join(people) or 'nobody')}",
        ]
        if any(word.review for word in live.asked.words):
            signed.append("reviews on the forge by the CI that recorded them, not by the reviewers' own keys")
    elif live is not None:
        signed = ["nothing that this answer could rest on (see above)"]
    order = ["which release came before which, and that nothing after the cut is in this answer"]
    order.append(
        f"whose keys count: from the root of trust {root.commit[:12]} on"
        if root
        else "there is no root of trust: no commit brings policy and people with keys"
    )
    claimed = [
        f"every time: committers write the dates (used here: never earlier than any before them; clocks may differ by {TOLERANCE})",
        "when people approved and asked, as they wrote it; names and addresses in commits",
        "what training said of itself (its isolation, its own metrics)",
    ]
    if answer.demo:
        claimed.append("who really signed: this is a demonstration, and everybody has its keys")
    unseen = [
        "whether this history replaced another one: mlassay audit verify --anchor FILE",
        "the commits between those named here, which are as git lists them: mlassay audit verify reads each",
    ]
    unseen += [f"{plain(each.what)}; it was ignored" for each in answer.replaced]
    return {
        "by signature": tuple(signed),
        "by the order of commits": tuple(order),
        "only claimed": tuple(claimed),
        "not looked at": tuple(unseen),
    }
