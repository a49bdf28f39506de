"""The page of a pull request, where people decide: a model's own, and that of a promotion or a change.

The answer comes first, then what must not be overlooked, the numbers, who is worse off, and what to do. Both pages
are one value each, written as Markdown and as lines for a terminal.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from mlassay.config import RISKS
from mlassay.evidence import Outcome, Verdict
from mlassay.policy import PromotionCase
from mlassay.render.page_approve import approve_section
from mlassay.render.page_blocks import (
    Block,
    Bullets,
    Folded,
    Listing,
    Mono,
    Page,
    Para,
    Section,
    Strong,
    Text,
)
from mlassay.render.page_gates import SIGNS, details, findings_section, gates_section, groups_section
from mlassay.render.page_lines import lines
from mlassay.render.page_markdown import markdown
from mlassay.render.page_parts import (
    changed_section,
    gates_sentence,
    main_line,
    try_here,
    weaker_section,
    worst_finding,
)
from mlassay.render.text import WORDS, count
from mlassay.stages.page_facts import Earlier, PullFacts, RequestFacts

MARKER = "mlassay-report"
SELF_TOLD = "The pull request's own job reported this, and nothing of it is signed. After a merge the main line trains and tests it again."
_BRANCH = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,200}")


def release_page(facts: PullFacts) -> str:
    """The comment on a model's pull request, as Markdown."""
    return markdown(_release(facts))


def release_lines(facts: PullFacts) -> Iterator[str]:
    """The same for a terminal."""
    return lines(_release(facts))


def promotion_page(facts: RequestFacts) -> str:
    """The body of a promotion or a change, as Markdown: what is true at this moment."""
    return markdown(_request(facts))


def promotion_lines(facts: RequestFacts) -> Iterator[str]:
    """The same for a terminal."""
    return lines(_request(facts))


def _release(facts: PullFacts) -> Page:
    verdict = facts.verdict
    if verdict is None:
        return _no_verdict(facts)
    running = facts.running
    sections = [
        _first(facts, verdict),
        weaker_section(facts.weakenings, note="Whoever promotes it must accept each of these by name."),
        gates_section(
            verdict, running.verdict if running else None, _now(running.environment) if running else ""
        ),
        findings_section(verdict),
        groups_section(facts.groups, _favourable(verdict), _now(running.environment) if running else ""),
        changed_section(
            facts.changed,
            f"{running.release}, which {running.environment} runs" if running else "",
            "This clone does not have the pull request's commit. Its page of changed files says what it changes.",
        ),
        _try(facts),
        Section("", [Folded("Every finding, and what was not looked at", details(verdict))], weight=9),
    ]
    title = f"{SIGNS[verdict.outcome]} {verdict.model_name}: {WORDS[verdict.outcome]}"
    return Page(title, [section for section in sections if section], whole="the run's artifact mlassay-test")


def _first(facts: PullFacts, verdict: Verdict) -> Section:
    blocks: list[Block] = [Para([*gates_sentence(verdict)[0], " ", worst_finding(verdict)])]
    if facts.agreed is False:
        text = f"Not of this commit: {', '.join(facts.differing)} in the report are not what the commit itself says. Do not rely on it."
        blocks.append(Para([Strong(text)]))
    running = facts.running
    told = f" {running.environment} runs {running.release} now." if running else " Nothing runs anywhere yet."
    blocks.append(Para(["Commit ", Mono(facts.head[:12]), ".", told]))
    blocks.append(Para(SELF_TOLD, quoted=True))
    return Section("", blocks, weight=0)


def _try(facts: PullFacts) -> Section:
    number = facts.pull.number if facts.pull else 0
    branch = facts.pull.branch if facts.pull else ""
    fetch = f"refs/pull/{number}/head" if number else branch if _BRANCH.fullmatch(branch) else facts.head
    blocks: list[Block] = [
        Para(main_line(facts.newest)),
        Para("The same run on your own machine. It executes what the pull request wrote: read that first."),
        Listing(try_here(fetch, facts.head), "sh"),
    ]
    return Section("The main line, and how to see this for yourself", blocks, weight=2)


def _no_verdict(facts: PullFacts) -> Page:
    items: list[Text] = [
        [
            Strong(problem.what),
            f" ({problem.where})" if problem.path else "",
            f". {problem.why}" if problem.why else "",
            f". To do: {problem.remedy}" if problem.remedy else "",
        ]
        for problem in facts.problems
    ]
    blocks: list[Block] = [
        Para([Strong("There is no verdict, and nothing untested counts as passed.")]),
        Bullets(items),
    ]
    blocks.append(Para(["Commit ", Mono(facts.head[:12]), ". ", SELF_TOLD], quoted=True))
    sections = [Section("", blocks, weight=0)]
    if facts.log:
        log = Listing(facts.log, "text", most=60)
        sections.append(Section("The last lines of the training's log", [log], weight=4))
    return Page("🔴 No verdict", [*sections, _try(facts)], whole="the run's log")


def _request(facts: RequestFacts) -> Page:
    seen = facts.review
    case, verdict = seen.case, seen.verdict
    sections: list[Section | None] = [_asked(facts)]
    if isinstance(case, PromotionCase):
        environment = case.request.record.environment
        sections.append(weaker_section(seen.weakenings, seen.waivers, "Approving this accepts all of it."))
        if verdict is not None:
            now = _now(environment) if case.live else ""
            sections.append(gates_section(verdict, seen.live_verdict, now))
            sections.append(findings_section(verdict))
            sections.append(groups_section(seen.groups, _favourable(verdict), now))
        else:
            text = "The release's verdict cannot be read, and nothing unread counts as passed."
            sections.append(Section("Gates", [Para([Strong(text)])]))
        unknown = "The source commits are not both in this clone, so what changed is unknown here."
        since = f"{case.live}, which {environment} runs"
        sections.append(changed_section(facts.changed, since, unknown))
    else:
        sections.append(Section("What changes", [Listing(seen.diff, "diff", most=150)], weight=1))
    sections += [
        _questions(facts),
        _missing(facts),
        _answers(facts),
        approve_section(case, facts.pull.branch),
    ]
    sections += [_ground(facts), _more(facts)]
    return Page(
        _title(facts), [section for section in sections if section], whole=f"mlassay approve {case.id}"
    )


def _title(facts: RequestFacts) -> str:
    case, verdict = facts.review.case, facts.review.verdict
    if isinstance(case, PromotionCase):
        record = case.request.record
        sign = SIGNS[verdict.outcome] if verdict else SIGNS[Outcome.FAILED]
        return f"{sign} Promote {record.release} to {record.environment}"
    return f"Change {', '.join(path.path for path in case.request.record.paths)}"


def _asked(facts: RequestFacts) -> Section:
    seen = facts.review
    case, decision = seen.case, seen.decision
    record = case.request.record
    first: list[str | Strong | Mono] = []
    if isinstance(case, PromotionCase):
        if seen.verdict is not None:
            worst = worst_finding(seen.verdict)
            first += [*gates_sentence(seen.verdict)[0], f" {worst} " if worst else " "]
        environment = case.request.record.environment
        now = f"{environment} runs {case.live} now" if case.live else f"{environment} runs nothing yet"
        first.append(f"{now}; the risk level is {case.level or 'unknown'}. ")
    first.append(
        Strong("Every demand of policy is met.")
        if decision.allowed
        else Strong(f"Not yet: {count(len(decision.unmet), 'demand')} of policy not met.")
    )
    when = f"{record.requested_at:%Y-%m-%d %H:%M} UTC"
    blocks: list[Block] = [
        Para(first),
        Para(f"{record.requester} asked on {when}: {record.reason or 'no reason given'}", quoted=True),
    ]
    return Section("", blocks, weight=0)


def _questions(facts: RequestFacts) -> Section | None:
    questions = facts.review.questions
    if not questions:
        return None
    items: list[Text] = [[Strong(f"{question.id}: "), question.question] for question in questions]
    return Section("Open questions, which every approval answers", [Bullets(items, most=20)], weight=2)


def _missing(facts: RequestFacts) -> Section | None:
    unmet = facts.review.decision.unmet
    if not unmet:
        return None
    items: list[Text] = [
        [Strong(f"{demand.id}: "), demand.what, f". To do: {demand.remedy}" if demand.remedy else ""]
        for demand in unmet
    ]
    return Section("What is missing", [Bullets(items, most=20)], weight=2)


def _answers(facts: RequestFacts) -> Section | None:
    case = facts.review.case
    items: list[Text] = [
        [
            Strong(
                f"{each.approval.record.person} approved"
                if each.counts
                else f"{each.approval.record.person}: does not count"
            ),
            f" on {each.approval.record.at:%Y-%m-%d}",
            f", because {each.why_not}" if each.why_not else "",
            f". {each.approval.record.reason} Accepts: {each.approval.record.risk}",
        ]
        for each in facts.standing
    ]
    for word, answers in (("refused", case.refusals), ("withdrew their approval", case.withdrawals)):
        items += [
            [Strong(f"{each.record.person} {word}"), f" on {each.record.at:%Y-%m-%d}. {each.record.reason}"]
            for each in answers
        ]
    blocks: list[Block] = [Bullets(items, most=20)] if items else []
    blocks += [_earlier(each, facts) for each in facts.earlier]
    return Section("Who has answered", blocks, weight=3) if blocks else None


def _earlier(earlier: Earlier, facts: RequestFacts) -> Folded:
    request = earlier.landed.request
    case = facts.review.case
    title = f"{earlier.person}: what changed since your approval of {request.release} for {request.environment} ({earlier.landed.when:%Y-%m-%d})"
    items: list[Text] = [
        f"{new.gate}: {new.summary}; {f'was: {old.summary}' if old else 'did not run then'}"
        for new, old in earlier.differing
    ]
    if isinstance(case, PromotionCase) and request.release == case.request.record.release:
        return Folded(title, [Para("It is the same release.")])
    if not items:
        return Folded(title, [Para("Every gate says what it said then.")])
    return Folded(title, [Bullets(items)])


def _ground(facts: RequestFacts) -> Section:
    case = facts.review.case
    blocks: list[Block] = [Para(main_line(facts.newest))]
    if isinstance(case, PromotionCase) and facts.changed is not None and facts.changed.after:
        blocks.append(Para("The same tests on your own machine:"))
        blocks.append(Listing(try_here("main", facts.changed.after), "sh"))
    return Section("The main line, and how to see this for yourself", blocks, weight=3)


def _more(facts: RequestFacts) -> Section:
    seen = facts.review
    case = seen.case
    met: list[Text] = [f"{demand.id}: {demand.what}" for demand in seen.decision.demands if demand.met]
    blocks: list[Block] = [Folded(f"The {count(len(met), 'demand')} of policy that are met", [Bullets(met)])]
    barred: list[Text] = [f"{person} {why}" for person, why in sorted(facts.barred.items())]
    blocks.append(Folded("Who may not approve this", [Bullets(barred)]))
    if isinstance(case, PromotionCase) and case.terms is not None:
        risks: list[Text] = []
        for name in RISKS:
            probability, impact = case.terms.risk.probability_impact[name]
            risks.append(f"{name.replace('_', ' ')}: probability {probability} x impact {impact}")
        risks.append(f"to be looked at again by {case.terms.risk.review_by}")
        blocks.append(Folded("The risks as its owner rated them", [Bullets(risks)]))
    if seen.verdict is not None:
        blocks.append(Folded("Every finding, and what was not looked at", details(seen.verdict)))
    return Section("", blocks, weight=9)


def _favourable(verdict: Verdict) -> str:
    bias = next((report for report in verdict.gates if report.gate == "bias"), None)
    return str(bias.measured.get("favourable", "")) if bias else ""


def _now(environment: str) -> str:
    return f"{environment} now"
