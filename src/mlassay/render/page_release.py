"""A model's pull request as a page: what its own job measured, or why there is no verdict."""

from __future__ import annotations

import re

from mlassay.evidence import Outcome, Verdict
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
from mlassay.render.text import SIGNS, WORDS
from mlassay.stages.page_facts import PullFacts

SELF_TOLD = (
    "The pull request's own job reported this, and nothing of it is signed. "
    "After a merge the main line trains and tests it again."
)
_BRANCH = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,200}")


def pull_page(facts: PullFacts) -> Page:
    """The page of ``facts``."""
    verdict = facts.verdict
    if verdict is None:
        return _no_verdict(facts)
    running = facts.running
    sections = [
        _first(facts, verdict),
        weaker_section(facts.weakenings, note="Whoever promotes it must accept each of these by name."),
        gates_section(
            verdict, running.verdict if running else None, running_now(running.environment) if running else ""
        ),
        groups_section(
            facts.groups, favourable(verdict), running_now(running.environment) if running else ""
        ),
        findings_section(verdict),
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
    blocks: list[Block] = [Para([gates_sentence(verdict), " ", worst_finding(verdict)])]
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
        Para(main_line(facts.newest, red=_is_red(facts))),
        Para("The same run on your own machine. It executes what the pull request wrote: read that first."),
        Listing(try_here(fetch, facts.head), "sh"),
    ]
    return Section("The main line, and how to see this for yourself", blocks, weight=2)


def _is_red(facts: PullFacts) -> bool:
    return facts.verdict is None or facts.verdict.outcome is Outcome.FAILED


def _no_verdict(facts: PullFacts) -> Page:
    items: list[Text] = [
        [
            Strong(f"{problem.where}: {problem.what}." if problem.path else f"{problem.what}."),
            f" It matters: {problem.why}." if problem.why else "",
            f" To do: {problem.remedy}." if problem.remedy else "",
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
