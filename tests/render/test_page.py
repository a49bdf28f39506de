"""The page where people decide: what stands first, what it never leaves out, and that hostile text stays text."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mlassay.errors import Problem
from mlassay.evidence import Outcome
from mlassay.render.page import promotion_lines, promotion_page, release_lines, release_page
from mlassay.render.page_blocks import Bullets, Grid, Page, Para, Section
from mlassay.render.page_lines import lines
from mlassay.render.page_markdown import LIMIT, markdown
from mlassay.stages.page_facts import Newest
from tests.policy.cases import case, change_case, signed
from tests.render.pages import (
    EVIL,
    FAILED,
    LIVE,
    PASSED,
    UNSETTLED,
    WEAKER,
    alive,
    hostile_case,
    hostile_changed,
    hostile_verdict,
    pull_facts,
    request_facts,
    running,
    tokens,
    weakened_case,
)
from tests.render.verdicts import bias, unit, verdict

MEBIBYTE = EVIL * 8_000  # no signed record is longer


def test_a_model_that_passed(snapshot):
    assert release_page(pull_facts(PASSED, running())) == snapshot


def test_a_model_whose_bias_gate_failed(snapshot):
    assert release_page(pull_facts(FAILED, running())) == snapshot


def test_a_model_that_is_inconclusive(snapshot):
    assert release_page(pull_facts(UNSETTLED, running())) == snapshot


def test_the_first_release_ever(snapshot):
    assert release_page(pull_facts(PASSED, newest=None)) == snapshot


def test_a_run_without_a_verdict(snapshot):
    problem = Problem("nothing was tested", "training left no model", "read the log")
    facts = pull_facts(
        None, problems=(problem,), log=("Traceback", "  KeyError: 'afam'", "::error::``` <b>@root")
    )
    assert release_page(facts) == snapshot


def test_a_promotion_that_may_land(snapshot):
    assert promotion_page(request_facts()) == snapshot


def test_a_promotion_with_a_weakened_criterion_and_a_waiver(snapshot):
    assert promotion_page(request_facts(weakened_case(), UNSETTLED)) == snapshot


def test_a_promotion_with_hostile_names(snapshot):
    assert promotion_page(request_facts(hostile_case(), hostile_verdict(EVIL))) == snapshot


def test_a_change_of_the_rules(snapshot):
    diff = (
        "--- governance/policy.yaml now",
        "+++ governance/policy.yaml then",
        "-count: 2",
        "+count: 1  # ``` <b>",
    )
    assert promotion_page(request_facts(change_case(), None, None, diff=diff)) == snapshot


def test_a_promotion_on_a_terminal(snapshot):
    assert "\n".join(promotion_lines(request_facts(weakened_case(), UNSETTLED))) == snapshot


def test_a_line_of_a_table_says_what_the_table_leaves_to_the_cell_above():
    grid = Grid(("gate", "result"), [["bias", "failed"], ["", "passed"], ["unit", "passed"]])
    told = list(lines(Page("failed", [Section("Gates", [grid])])))
    assert told[3:] == ["  - bias: result failed", "  - bias: result passed", "  - unit: result passed"]


def test_the_answer_comes_first_and_says_whom_it_is_about():
    lines = [line for line in release_page(pull_facts(FAILED, running())).split("\n") if line]
    assert "failed" in lines[0]
    assert lines[1].startswith("**1 of 2 gates failed: bias.** The answer deny=no goes to fewer of afam=yes")


def test_a_page_says_that_a_pull_requests_word_is_not_signed():
    for facts in (pull_facts(PASSED), pull_facts(None)):
        assert "nothing of it is signed" in release_page(facts)


def test_a_report_of_another_commit_is_said_in_bold():
    page = release_page(pull_facts(PASSED, agreed=False, differing=("ml.yaml",)))
    assert "**Not of this commit: ml.yaml in the report" in page
    assert "Not of this commit" not in release_page(pull_facts(PASSED, agreed=True))


def test_a_group_that_lost_is_told_with_counts():
    table = dict(PASSED.gates[1].measured["columns"]["afam"])
    table["groups"] = [{**g, "selected": 150, "selection_rate": {"rate": "0.8876"}} if g["group"] == "afam=yes" else g for g in table["groups"]]  # fmt: skip
    worse = replace(PASSED, gates=(PASSED.gates[0], replace(PASSED.gates[1], measured={"favourable": "deny=no", "columns": {"afam": table}})))  # fmt: skip
    page = release_page(pull_facts(worse, running()))
    assert (
        "- **afam=yes**: 150 of 169 get deny=no (0.8876); what runs now gives it to 155 (0.9745), 5 more."
        in page
    )
    assert "**afam=no**" not in page


def test_what_is_weaker_and_waived_is_bold_and_above_the_gates():
    page = promotion_page(request_facts(weakened_case(), UNSETTLED))
    assert page.index("**The decision threshold was moved**") < page.index("### Gates")
    assert page.index("**Waived: bias**") < page.index("### Gates")
    assert "Judged less strictly" not in promotion_page(request_facts())


def test_a_criterion_that_was_another_is_bold_in_the_table():
    loose = replace(PASSED.gates[1], criteria={"selection_rate_ratio": {"min": "0.7"}})
    page = release_page(pull_facts(replace(PASSED, gates=(PASSED.gates[0], loose)), running()))
    assert "**at least 0.7** (was at least 0.8)" in page


def test_a_gate_that_what_runs_had_and_this_has_not_is_inconclusive():
    page = release_page(
        pull_facts(verdict(unit()), running(verdict(unit(), bias(Outcome.PASSED, "0.9", "0.8", "1"))))
    )
    assert "| bias | 🟡&nbsp;**inconclusive** | did not run; what runs now had it |" in page


@pytest.mark.parametrize(
    ("found", "told"), [(FAILED, "The main line is red too"), (PASSED, "passed"), (None, "cannot be read")]
)
def test_whether_the_main_line_is_red_too(found, told):
    page = release_page(pull_facts(FAILED, newest=Newest(LIVE, found)))
    assert told in next(line for line in page.split("\n") if "main line" in line.lower() and LIVE in line)


def test_the_way_from_the_page_is_told_only_where_policy_counts_reviews():
    assert "From this page" not in promotion_page(request_facts())
    counted = case(policy=replace(case().policy, reviews="github"))
    page = promotion_page(request_facts(counted))
    assert "From this page" in page
    for line in ("Reason: …", "Risk: …", "Answer whom: …"):
        assert f"\n{line}\n" in page


def test_names_that_a_shell_would_read_are_in_no_command():
    page = promotion_page(request_facts(hostile_case("$(id)`id`'; id #")))
    assert "ssh-keygen" not in page
    assert "Do not approve it" in page


@pytest.mark.parametrize("render", [release_page, lambda f: "\n".join(release_lines(f))])
def test_every_section_is_in_markdown_and_on_the_terminal(render):
    text = render(pull_facts(FAILED, running(), weakenings=(WEAKER,)))
    for title in (
        "Judged less strictly",
        "Gates",
        "Who is worse off",
        "What to do",
        "What changed",
        "The main line",
    ):
        assert title in text


def _pages(text):
    changed = hostile_changed(text)
    problem = Problem(text, text, text, text)
    yield release_page(
        pull_facts(
            hostile_verdict(text), replace(running(hostile_verdict(text)), release=text), changed=changed
        )
    )
    yield release_page(pull_facts(None, problems=(problem,), log=(text, text)))
    yield promotion_page(
        request_facts(hostile_case(text), hostile_verdict(text), hostile_verdict(text), changed=changed)
    )
    yield promotion_page(request_facts(signed_change(text), None, None, diff=(text, f"+{text}")))


def signed_change(text):
    base = change_case()
    asked = replace(base.request.record, reason=text)
    return replace(base, request=signed(asked), approvals=base.approvals if len(text) < 10_000 else ())


SIGNS = [
    *("@root", "#12", "GH-7", "a/b#3", "!5", ":shipit:", "http://x.y", "www.x.y", "a@b.cd", "<script>", "<!--", "-->", "</details>", "<img src=x>"),
    *("![i](x)", "[l](x)", "[r]: x", "]]>", "```", "~~~", "`", "**", "__", "\\", "::error::x", "##[group]", "&lt;", "&#64;x", "---", "===", "- a", "1. a", "> q", "# h", "$x$", "a", "é", "日本"),
]  # fmt: skip
BREAKS = ["|", "\n", "\n\n", "\r", "\t", " ", "\x1b[31m", "\u202e", "\u2028", "\x00"]
DANGEROUS = st.lists(st.sampled_from([*SIGNS, *BREAKS]), max_size=12).map("".join)


@settings(max_examples=60, deadline=None)
@given(DANGEROUS | st.text(max_size=40))
@example(EVIL)
@example("</summary></details>\n\n# Owned\n\n<img src=http://evil.example/x.png>@root")
@example("`" * 7 + "\n@root #1")
def test_whatever_anybody_wrote_nothing_of_it_is_obeyed(text):
    for page in _pages(text):
        assert alive(page) == []


def test_the_control_a_page_that_did_not_escape_would_be_found_out():
    for text in (
        "@root",
        "#12",
        "<b>x</b>",
        "[l](x)",
        "![i](x)",
        "http://x.y",
        "\x1b[31m",
        ":shipit: x",
        "<img src=x>",
    ):
        assert alive(f"## {text}\n\n| {text} |\n| --- |\n")


def test_headings_are_only_ours():
    for page in _pages("x\n# Owned\n\nOwned\n===\n"):
        headings = [token for token in tokens(page) if token.type == "heading_open"]
        assert len(headings) == page.count("\n### ") + 1


def test_ten_megabytes_are_a_page_that_fits():
    huge = MEBIBYTE * 10
    log = release_page(
        pull_facts(None, problems=(Problem(huge, huge, huge, huge),), log=(huge, *["x"] * 100_000))
    )
    for page in (log, release_page(pull_facts(hostile_verdict(huge))), *_pages(MEBIBYTE)):
        assert len(page) <= 65_536
        assert alive(page) == []


def test_what_does_not_fit_is_left_out_as_whole_sections_and_named():
    rows = [["x" * 200] * 4 for _ in range(40)]
    page = Page(
        "T",
        [Section(f"S{n}", [Grid(["a", "b", "c", "d"], rows)], weight=n) for n in range(1, 5)],
        whole="the log",
    )
    text = markdown(page)
    assert len(text.encode()) <= LIMIT
    assert "### S1" in text
    assert "### S4" not in text
    assert (
        "Left out, because a page must end somewhere: S3, S4" in text
        or "end somewhere: S2, S3, S4" in text
        or "end somewhere: S4" in text
    )
    assert "See the log." in text


def test_a_page_that_fits_leaves_nothing_out():
    page = Page("T", [Section("S", [Para("x"), Bullets(["y"])])])
    assert markdown(page) == "## T\n\n### S\n\nx\n\n- y\n"
