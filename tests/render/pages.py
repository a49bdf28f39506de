"""Facts of pages made by hand, and a real CommonMark renderer that says what a forge would make of a page."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

from markdown_it import MarkdownIt

from mlassay.evidence import Finding, GateReport, Outcome, Verdict
from mlassay.evidence.records import Question, Weakening
from mlassay.policy import decide
from mlassay.policy.approvals import excluded, standings
from mlassay.ports import PullRequest
from mlassay.stages.page_changes import Changed, DataChange, Setting
from mlassay.stages.page_facts import Earlier, Newest, PullFacts, RequestFacts, Running
from mlassay.stages.review import Review, group_rows
from tests.policy.cases import FOLDER, ID, NOW, RELEASE, REQUEST, approval, case, signed, waived_case
from tests.render.verdicts import EVIL, FAILED, PASSED, bias, evil, unit, verdict

HEAD, LIVE = "4f" * 20, "20261101-00000000"
PULL = PullRequest("", "faster", HEAD, 12, "https://forge.example/team/model/pulls/12")
ASKED = PullRequest(ID, f"promotion/production/{ID}", HEAD, 13, "")
CHANGED = Changed(
    "11" * 20,
    HEAD,
    commits=2,
    data=(DataChange("data/applications.manifest.yaml", 1, 0, 2),),
    settings=(Setting("train.parameters.seed", "7", "11"),),
)
WEAKER = Weakening("threshold", "the decision threshold was moved", "0.5", "0.4")
UNSETTLED = verdict(unit(), bias(Outcome.INCONCLUSIVE, "0.8100", "0.7200", "0.9000"))


def running(found: Verdict | None = PASSED) -> Running:
    return Running("production", LIVE, found, "11" * 20)


def pull_facts(found: Verdict | None = PASSED, live: Running | None = None, **more) -> PullFacts:
    groups = tuple(group_rows(found, live.verdict if live else None)) if found else ()
    facts = PullFacts(
        head=HEAD, pull=PULL, verdict=found, running=live, groups=groups, newest=Newest(LIVE, PASSED)
    )
    return replace(facts, **{"changed": CHANGED if live else Changed("", HEAD)} | more)


def request_facts(
    judged=None, found: Verdict | None = PASSED, live: Verdict | None = PASSED, **more
) -> RequestFacts:
    judged = judged or case()
    record = judged.request.record
    seen = Review(
        case=judged,
        decision=decide(judged),
        verdict=found,
        live_verdict=live,
        groups=tuple(group_rows(found, live)) if found else (),
        weakenings=getattr(record, "weakenings", ()),
        waivers=tuple(w.record for w in getattr(judged, "waivers", ())),
        questions=record.questions,
        changed=(),
        diff=more.pop("diff", ()),
    )
    facts = RequestFacts(
        review=seen,
        pull=ASKED,
        standing=standings(judged),
        barred=excluded(judged),
        earlier=(),
        changed=CHANGED,
        newest=Newest(LIVE, FAILED),
    )
    return replace(facts, **more)


def weakened_case():
    """A promotion that leans on a waiver, and whose threshold was moved."""
    base = waived_case()
    asked = replace(base.request.record, weakenings=(WEAKER,))
    return replace(base, request=signed(asked), approvals=(signed(approval("robin", asked)),))


def hostile_case(text: str = EVIL):
    """A promotion in which everything that somebody could write says ``text``."""
    asked = replace(
        REQUEST,
        reason=text,
        weakenings=(Weakening(text, text, text, text),),
        questions=(Question(text, text),),
        requested_at=NOW - timedelta(hours=1),
    )
    said = (signed(approval("robin", asked, reason=text, risk=text)),)
    return case(
        asked=asked, approvals=said if len(text) < 10_000 else ()
    )  # no record is longer than a mebibyte


def hostile_verdict(text: str) -> Verdict:
    finding = Finding(
        f"bias.{text}",
        Outcome.FAILED,
        text,
        text,
        text,
        text,
        3,
        {text: text, "gap": text, "lower": text, "upper": text},
    )
    group = {"group": text, "rows": 3, "selected": 1, "selection_rate": {"rate": "0.1"}}
    other = {"group": f"{text}.", "rows": 3, "selected": 2, "selection_rate": {"rate": text}}
    measured = {"favourable": text, "columns": {text: {"groups": [group, other]}}}
    report = GateReport(
        "bias", Outcome.FAILED, text, {text: {"min": text}}, measured, (finding,) * 3, (text,)
    )
    named = GateReport(text, Outcome.INCONCLUSIVE, text, {}, {}, (), (), self_reported=True)
    return Verdict(text, Outcome.FAILED, {text: text}, (report, named), {}, text)


def hostile_changed(text: str) -> Changed:
    setting = Setting(text, text, text)
    return Changed(text, text, 1, (DataChange(text, 1, 1, 1),), (), (setting,) * 5, (setting,), (text,))


# What forges make of text after Markdown was read.
MAGIC = re.compile(
    r"@[\w-]|#\d|\bGH-\d|https?://|www\.\w|[\w.]+@[\w.]+|![0-9]|:[\w+-]+:(?=\W|$)", re.IGNORECASE | re.ASCII
)
OURS = {"details", "summary"}


def tokens(page: str):
    """Every token that a CommonMark renderer with tables, HTML and bare links finds in ``page``, inline ones too."""
    for token in MarkdownIt("commonmark", {"html": True, "linkify": False}).enable(["table"]).parse(page):
        yield token
        yield from token.children or ()


def alive(page: str) -> list[str]:
    """What in ``page`` a forge would obey, beyond our own headings, tables and folds; empty for an inert page."""
    found = []
    for token in tokens(page):
        if token.type in {"link_open", "image", "html_inline", "hr", "ordered_list_open"}:
            found.append(f"{token.type}: {token.content[:60]}")
        if token.type == "html_block":
            tags = set(re.findall(r"</?\s*([\w!?-]+)", token.content))
            found += [f"html: {tag}" for tag in tags - OURS]
        if token.type == "inline":
            text = "".join(child.content for child in token.children or () if child.type == "text")
            found += [f"text: {hit}" for hit in MAGIC.findall(text)]
        if token.type in {"text", "code_inline", "fence", "html_block"}:
            found += [
                f"character {ord(c):#x}"
                for c in token.content
                if not c.isprintable() and c not in "\n\u200b\xa0"
            ]
            found += ["a workflow command"] if re.search(r"^\s*::|##\[", token.content, re.MULTILINE) else []
    return found


__all__ = ["EVIL", "FAILED", "FOLDER", "PASSED", "RELEASE", "UNSETTLED", "Earlier", "evil", "weakened_case"]
