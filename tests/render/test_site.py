"""The pages of a record: what they answer, that they hold together, and that nothing of a stranger's lives in them."""

import re
import unicodedata
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from posixpath import dirname, join, normpath

import pytest

from mlassay.audit.findings import Finding
from mlassay.errors import Problem
from mlassay.render.site import Intact, pages
from mlassay.render.site.names import path, slug
from mlassay.render.site.terms import GLOSSARY
from mlassay.render.site.text import shown
from tests.render.chronicles import EVIL, facts
from tests.render.reading import VOID, grade, prose
from tests.render.verdicts import PASSED

HARMLESS = "=ä quiet words, as many as it takes"
URLS = {
    "href",
    "src",
    "action",
    "formaction",
    "data",
    "poster",
    "srcset",
    "xlink:href",
    "srcdoc",
    "background",
}


class Skeleton(HTMLParser):
    """Elements with the names of their attributes, ids, links and the text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.shape, self.ids, self.links, self.open, self.text = [], [], [], [], ""
        self.attributes = set()
        self.feed(page)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag, attrs):
        self.shape.append((tag, tuple(name for name, _ in attrs)))
        self.attributes |= {name for name, _ in attrs}
        self.ids += [value for name, value in attrs if name == "id"]
        self.links += [value for name, value in attrs if name in URLS]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):  # <path/> inside an SVG
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.text += data

    def handle_comment(self, data):
        raise AssertionError(f"a comment: {data[:80]}")


def built(made) -> dict[str, str]:
    found = [(path, data.decode("utf-8")) for path, data in pages(made)]
    assert len(dict(found)) == len(found), "two pages at one path"
    return dict(found)


@pytest.fixture(scope="module")
def site():
    return built(facts())


@pytest.fixture(scope="module")
def hostile():
    return built(facts(EVIL))


@pytest.fixture(scope="module")
def front(site):
    return " ".join(Skeleton(site["index.html"]).text.split())


def test_the_front_page_answers_five_questions_in_their_order(front):
    asked = ["runs now?", "Who let it in?", "with what result?", "What is overdue?", "record intact?"]
    places = [front.index(question) for question in asked]
    assert places == sorted(places)


def test_it_says_what_runs_since_when_and_who_let_it_in(front):
    assert "Release 20260301-00000002 has run here since 9 March 2026, 09:00 UTC" in front
    assert "Dana asked for it." in front
    assert "Robin agreed." in front
    assert "Lee answers for the model." in front


def test_it_says_who_is_worse_off_and_which_answer_is_the_good_one():
    made = facts()
    bias = replace(
        PASSED.gates[0], gate="bias", measured=counted("deny=no", {"no": "0.9700", "yes": "0.9100"})
    )
    even = replace(bias, measured=counted("deny=no", {"no": "1.0000", "yes": "1.0000"}))
    told = [front_of(made.chronicle, replace(PASSED, gates=(gate,))) for gate in (bias, even)]
    assert "By afam, the group that got the good answer (deny=no) least often is yes." in told[0]
    assert "least often" not in told[1]
    assert "Answers by group: afam" in told[1]


def test_without_groups_nobody_can_tell_who_is_worse_off():
    told = front_of(facts().chronicle, replace(PASSED, gates=()))
    assert "nobody can tell from this who is worse off" in told


def counted(good, rates):
    groups = [
        {
            "group": name,
            "rows": 100,
            "selected": 90,
            "selection_rate": {"rate": rate, "lower": "0.8000", "upper": "1.0000"},
        }
        for name, rate in rates.items()
    ]
    return {"favourable": good, "columns": {"afam": {"groups": groups}}}


def front_of(chronicle, verdict):
    releases = tuple(replace(one, verdict=verdict) for one in chronicle.releases)
    page = built(replace(facts(), chronicle=replace(chronicle, releases=releases)))["index.html"]
    return " ".join(Skeleton(page).text.split())


def test_what_is_overdue_is_said_with_its_day(front):
    assert "1 thing is overdue" in front
    assert re.search(r"staging: a waiver of lee ?1 January 2026 ?overdue", front)
    assert "State on 1 December 2026" in front


def test_nobody_can_tell_is_said_and_is_not_nothing():
    assert "Nobody can tell" in built(facts(due=None))["index.html"]


def test_a_record_that_is_not_intact_says_so_where_it_is_asked():
    page = built(facts(intact=Intact("not intact", False, facts(HARMLESS).intact.findings)))
    assert "This record is not intact" in page["releases.html"]
    assert "Not intact" in page["index.html"]
    assert "1 thing that should not be" in page["index.html"]
    assert "quiet words" in page["findings.html"]


def test_a_finding_leads_to_the_page_of_what_it_is_about(site):
    made = facts()
    places = {
        "evidence/20260301-00000001/verdict.json": "release/20260301-00000001.html",
        "promotions/production/20260302-00000001/request.json": "promotion/production-20260302-00000001.html",
        "environments/production.yaml": "environment/production.html",
    }
    found = tuple(Finding("append-only", "1" * 40, place, "what", "", "", "") for place in places)
    page = built(replace(made, intact=Intact("not intact", False, found)))["findings.html"]
    assert all(f'href="{target}"' in page for target in places.values())


def test_what_one_commit_did_to_many_files_is_one_finding_with_all_of_them():
    found = tuple(
        Finding("append-only", "1" * 40, f"evidence/20260301-00000001/{n}", "gone", "", "", "git show X")
        for n in range(25)
    )
    page = built(replace(facts(), intact=Intact("not intact", False, found)))["findings.html"]
    told = " ".join(Skeleton(page).text.split())
    assert page.count('class="finding"') == 1
    assert page.count('href="release/20260301-00000001.html"') == 1
    assert page.count("<dd><code>evidence/") == 20
    assert "5 more are told by mlassay audit verify --json" in told
    assert "25 things that should not be" in told
    assert "git show X" in told  # a command keeps its first letter


def test_the_front_page_warns_of_a_release_that_does_not_hold():
    made = facts()
    last = replace(made.chronicle.releases[-1], problems=(Problem("its digest differs"),))
    releases = (*made.chronicle.releases[:-1], last)
    site = built(replace(made, chronicle=replace(made.chronicle, releases=releases)))
    assert "The audit found something wrong with this release" in site["index.html"]
    assert "its digest differs" in site[f"release/{last.id}.html"]


def test_each_thing_has_a_page(site):
    kinds = {name.split("/")[0] for name in site if "/" in name}
    assert kinds == {"release", "promotion", "person", "environment", "data", "change", "refused"}


@pytest.mark.parametrize("made", [facts(), facts(EVIL), facts(releases=0), facts(releases=120)])
def test_every_link_leads_to_a_page_and_a_place_on_it(made):
    site = {name: Skeleton(page) for name, page in built(made).items()}
    for name, page in site.items():
        assert len(set(page.ids)) == len(page.ids), name
        for link in page.links:
            target, _, fragment = link.partition("#")
            there = normpath(join(dirname(name), target)) if target else name
            assert there in site, (name, link)
            assert not fragment or fragment in site[there].ids, (name, link)


def test_every_page_can_be_reached_from_the_front(site):
    seen, todo = set(), ["index.html"]
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            links = (link.partition("#")[0] for link in Skeleton(site[name]).links)
            todo += [normpath(join(dirname(name), link)) for link in links if link]
    assert seen == set(site)


def test_strangers_add_no_element_and_no_attribute(hostile):
    control = built(facts(HARMLESS))
    assert [Skeleton(page).shape for page in hostile.values()] == [
        Skeleton(page).shape for page in control.values()
    ]
    assert sum(Skeleton(page).text.count("ZZZ") for page in hostile.values()) > 100


def test_no_page_has_a_script_a_style_attribute_a_handler_or_an_address(site, hostile):
    for page in (*site.values(), *hostile.values()):
        found = Skeleton(page)
        assert not {tag for tag, _ in found.shape} & {
            "script",
            "iframe",
            "img",
            "link",
            "form",
            "base",
            "object",
        }
        assert not [name for name in found.attributes if name.startswith("on") or name == "style"]
        assert all(re.fullmatch(r"[a-z0-9./#_-]+", link) for link in found.links)
        assert page.count("<style>") == 1


def test_what_is_invisible_is_spelt_out(hostile):
    text = "".join(hostile.values())
    assert "[U+202E]gnp.exe[U+2066][U+001B][31m[U+0000]" in text
    assert "[U+D800]" in text
    assert not {c for c in text if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"}} - {"\n"}


def test_a_huge_text_is_cut_and_says_so():
    huge = built(facts("x" * 200_000))
    assert max(map(len, huge.values())) < 300_000
    assert "196000 more characters stand in the file" in huge["index.html"]


def test_marks_are_not_heaped_on_one_letter():
    assert shown("a" + "\u0301" * 500 + "b") == "a" + "\u0301" * 4 + "[496 more marks]b"


def test_every_page_forbids_everything_but_its_own_style(site):
    for name, page in site.items():
        policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', page)
        assert policy, name
        assert policy[1].startswith("default-src 'none'; style-src 'sha256-")
        assert page.index("Content-Security-Policy") < page.index("<title>")


@pytest.mark.parametrize(
    "name",
    [
        "..",
        "../x",
        "-rf",
        "CON",
        "con",
        "A",
        "a",
        "é",
        "a/b",
        "a\\b",
        "",
        " ",
        "a.",
        "x-1",
        "a" * 300,
        "\0",
        ".",
    ],
)
def test_no_name_bends_a_path(name):
    assert re.fullmatch(r"[a-z0-9][a-z0-9-]{0,63}", slug(name))
    assert slug(name) != "con"


def test_names_that_differ_lie_apart_even_where_case_is_ignored():
    names = ["a", "A", "ä", "Ä", "x-ca978112ca1bbdcafac231b3", "con", "CON", "a.", "a ", "a\0"]
    assert len({slug(name) for name in names}) == len(names)
    parted = [("a", "b-20260101-00000000"), ("a-b", "20260101-00000000"), ("a\0b", "20260101-00000000")]
    assert len({path("promotion", *key) for key in parted}) == len(parted)


def test_the_prose_is_plain(site):
    hard = {name: round(grade(prose(page)), 1) for name, page in site.items()}
    assert max(hard.values()) <= 9, hard
    everything = [sentence for page in site.values() for sentence in prose(page)]
    assert grade(everything) <= 7


def test_hard_prose_is_measured_as_hard():
    hard = "<p>Notwithstanding organisational considerations, certification authorities necessarily require "
    assert grade(prose(hard + "comprehensive documentation of methodological justification.</p>")) > 15


def test_nothing_claims_that_a_model_is_fair_or_safe(site):
    for name, page in site.items():
        assert not re.search(r"\b(is|are) (fair|safe|compliant|unbiased)\b", Skeleton(page).text), name


def test_headings_go_down_one_step_at_a_time(site):
    for name, page in site.items():
        levels = [int(tag[1]) for tag, _ in Skeleton(page).shape if re.fullmatch("h[1-6]", tag)]
        assert levels[0] == 1, name
        assert levels.count(1) == 1, name
        assert all(after <= before + 1 for before, after in pairwise(levels)), name


def test_a_word_is_linked_where_a_page_first_uses_it(site):
    for name, page in site.items():
        found = re.findall(r'class="term" href="[./]*glossary.html#([a-z_-]+)"', page)
        assert len(found) == len(set(found)), name


def test_every_word_of_the_glossary_is_used_by_a_page(site):
    linked = set(
        re.findall(r"glossary.html#([a-z_-]+)", "".join([*site.values(), *built(facts(HARMLESS)).values()]))
    )
    assert {"release", "promotion", "digest", "verdict", "criteria", "waiver", "root-of-trust"} <= linked
    assert linked <= {term.replace(" ", "-") for term in GLOSSARY} | {"selection_rate_ratio"}


def test_the_glossary_has_the_words_of_the_house():
    page = (Path(__file__).parents[2] / "docs/glossary.md").read_text()
    words = set(re.findall(r"^\| ([a-z -]+) \|", page, re.MULTILINE))
    ours = {"change", "commit", "cut-out", "data set", "key", "margin", "root of trust", "signature"}
    assert GLOSSARY.keys() - ours <= words


def test_long_lists_are_turned_page_by_page():
    many = built(facts(releases=250))
    assert {"releases.html", "releases.p2.html", "releases.p3.html"} <= set(many)
    assert "releases.p4.html" not in many
    assert "Page 2 of 3" in many["releases.p2.html"]
    assert "environment/production.p3.html" in many
    rows = [id_ for name in ("releases.html", "releases.p2.html", "releases.p3.html") for id_ in
            re.findall(r'id" href="release/([0-9a-f-]+).html', many[name])]  # fmt: skip
    assert rows == sorted(set(rows), reverse=True)
    assert len(rows) == 250


def test_no_page_grows_with_the_length_of_the_history():
    few, many = built(facts(releases=101)), built(facts(releases=350))
    largest = {name: len(page) for name, page in many.items()}
    assert max(largest.values()) < 1.2 * max(map(len, few.values()))


def test_no_email_and_no_address_of_a_person_is_shown():
    made = facts()
    entry = made.chronicle.releases[0]
    told = {"buildDefinition": {"internalParameters": {"dispatcher": {"email": "dana@home.example"}}}}
    provenance = {**(entry.provenance or {}), **told}
    chronicle = replace(made.chronicle, releases=(replace(entry, provenance=provenance),))
    text = "".join(built(replace(made, chronicle=chronicle)).values())
    assert "x@y" not in text
    assert "dana@home.example" not in text


def test_a_picture_has_a_title_a_description_and_the_same_numbers_beside_it(site):
    page = site["results.html"]
    assert page.count("<svg") == page.count("<title id=") == page.count("<desc id=") == 1
    for number in ("0.4130", "0.9411", "0.3300 to 0.5000"):
        assert number in page
    assert 'class="cross"' in page
    assert 'class="dot"' in page
