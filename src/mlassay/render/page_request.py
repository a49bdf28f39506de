"""A promotion or a change as a page: what is asked, what was measured, what is missing, and how to answer."""

from __future__ import annotations

from mlassay.config import RISKS
from mlassay.evidence import Outcome
from mlassay.policy import Demand, PromotionCase
from mlassay.render.page_approve import approve_section
from mlassay.render.page_blocks import (
    Block,
    Bullets,
    Folded,
    Listing,
    Page,
    Para,
    Section,
    Span,
    Strong,
    Text,
)
from mlassay.render.page_gates import details, findings_section, gates_section, groups_section
from mlassay.render.page_parts import (
    changed_section,
    favourable,
    gates_sentence,
    main_line,
    running_now,
    try_here,
    weaker_section,
    worst_finding,
)
from mlassay.render.text import SIGNS, count
from mlassay.stages.page_facts import Earlier, RequestFacts

_BY_APPROVAL = frozenset({"approvals", "questions"})


def request_page(facts: RequestFacts) -> Page:
    """The page of ``facts``."""
    seen = facts.review
    case, verdict = seen.case, seen.verdict
    sections: list[Section | None] = [_asked(facts)]
    if isinstance(case, PromotionCase):
        environment = case.request.record.environment
        sections.append(weaker_section(seen.weakenings, seen.waivers, "Approving this accepts all of it."))
        if verdict is not None:
            now = running_now(environment) if case.live else ""
            sections.append(gates_section(verdict, seen.live_verdict, now))
            sections.append(groups_section(seen.groups, favourable(verdict), now))
            sections.append(findings_section(verdict))
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
    first: list[Span] = []
    if isinstance(case, PromotionCase):
        if seen.verdict is not None:
            worst = worst_finding(seen.verdict)
            first += [gates_sentence(seen.verdict), f" {worst} " if worst else " "]
        environment = case.request.record.environment
        now = f"{environment} runs {case.live} now" if case.live else f"{environment} runs nothing yet"
        first.append(f"{now}; the risk level is {case.level or 'unknown'}. ")
    first.append(
        Strong("Every demand of policy is met.")
        if decision.allowed
        else Strong(f"{count(len(decision.unmet), 'demand')} of policy not met yet.")
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
    items: list[Text] = [[Strong(f"{question.id}:"), f" {question.question}"] for question in questions]
    return Section("Open questions, which every approval answers", [Bullets(items, most=20)], weight=2)


def _missing(facts: RequestFacts) -> Section | None:
    unmet = facts.review.decision.unmet
    if not unmet:
        return None
    weak = [demand for demand in unmet if demand.id.startswith("weakening.")]
    items: list[Text] = [_demand(demand) for demand in unmet if demand not in weak]
    if weak:
        roles = " or ".join(facts.review.case.policy.weakening_roles)
        told = f" {count(len(weak), 'is', 'are')} not accepted yet. A person with the role {roles} accepts each by name."
        items.append([Strong("weakenings:"), told])
    return Section("What is missing", [Bullets(items, most=20)], weight=2)


def _demand(demand: Demand) -> Text:
    """A demand; what an approval is told to do stands below anyway."""
    remedy = "" if demand.id in _BY_APPROVAL else f" To do: {demand.remedy}." if demand.remedy else ""
    return [Strong(f"{demand.id}:"), f" {demand.what}.{remedy}"]


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
    releases = dict.fromkeys(each.landed.name for each in facts.earlier)
    blocks += [
        _earlier([each for each in facts.earlier if each.landed.name == name], facts) for name in releases
    ]
    return Section("Who has answered", blocks, weight=3) if blocks else None


def _earlier(same: list[Earlier], facts: RequestFacts) -> Folded:
    """What changed since one promotion, for everybody whose last approval it was."""
    earlier = same[0]
    request = earlier.landed.request
    case = facts.review.case
    people = ", ".join(each.person for each in same)
    title = f"{people}: what changed since you approved {request.release} for {request.environment} on {earlier.landed.when:%Y-%m-%d}"
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
    this = case.request.record.release if isinstance(case, PromotionCase) else ""
    blocks: list[Block] = [Para(main_line(facts.newest, this))]
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
