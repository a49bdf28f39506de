"""What is evidence for which heading of a framework: every file named is there, every gap is named, nothing is praised."""

from __future__ import annotations

import re

import pytest

from mlassay.audit.export import gather
from mlassay.audit.export.facts import UNANSWERED
from mlassay.git import Repository
from mlassay.render.export import pages
from tests.audit.exporting import export, follow
from tests.factory import histories
from tests.factory.project import AUTHOR

FRAMEWORKS = ["ai-act", "model-risk"]
PRAISE = re.compile(
    r"\b(compl(y|ies|iant|iance|ied)|conforms?|conformant|satisf(y|ies|ied)|fulfil\w*)\b", re.IGNORECASE
)


@pytest.fixture(scope="module")
def history(tmp_path_factory):
    made = histories.make(tmp_path_factory.mktemp("long") / "long.git", promotions=2)
    return Repository.open(made.folder)


@pytest.fixture(scope="module", params=FRAMEWORKS)
def packed(request, history, tmp_path_factory):
    return export(history, tmp_path_factory.mktemp("packed"), request.param), request.param


def mapping(repo, profile, at=None, **options):
    return gather(repo, at or repo.head(), profile, **options).mapping


def gaps(found):
    return [gap for heading in found.headings for gap in heading.gaps]


def test_every_file_that_is_named_lies_there_with_its_digest(packed):
    folder, _ = packed
    sums = dict(line.split("  ")[::-1] for line in (folder / "SHA256SUMS").read_text().splitlines())
    rows = re.findall(
        r"^\| `([^`]+)` \| .* \| `sha256:([0-9a-f]{64})` \|$",
        (folder / "MAPPING.md").read_text(),
        re.MULTILINE,
    )
    assert len(rows) > 15
    assert all(sums[f"files/{path}"] == digest for path, digest in rows)
    assert follow(folder).returncode == 0


def test_nothing_is_said_to_be_met(packed):
    folder, _ = packed
    for page in folder.glob("*.md"):
        assert not PRAISE.search(page.read_text()), page
    assert "evidence for" in (folder / "MAPPING.md").read_text()


def test_every_heading_has_evidence_or_a_gap_and_the_source_is_named(packed):
    folder, _ = packed
    text = (folder / "MAPPING.md").read_text()
    parts = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    assert all("evidence for it" in part or "**Missing:**" in part for part in parts)
    assert "read on 2026-11-21" in text


def test_annex_iv_stands_there_point_by_point(history):
    numbers = [heading.number for heading in mapping(history, "ai-act").headings]
    assert numbers == ["1", *(f"2({letter})" for letter in "abcdefgh"), *(str(n) for n in range(3, 10))]


def test_the_four_topics_of_the_agencies_stand_there(history):
    titles = [heading.title for heading in mapping(history, "model-risk").headings]
    for topic in (
        "Model development and use",
        "Validation and monitoring",
        "Governance and controls",
        "Vendor",
        "Effective challenge",
    ):
        assert any(title.startswith(topic) for title in titles), topic


@pytest.mark.parametrize("profile", FRAMEWORKS)
def test_only_what_runs_counts_as_evidence_of_what_runs(history, profile):
    first = list(history.first_parents(history.head()))[-1].id
    found = mapping(history, profile, first)
    assert not found.about
    assert "No environment runs anything." in gaps(found)
    assert not [
        path for heading in found.headings for path, _, _ in heading.found if path.startswith("evidence/")
    ]
    assert "Nothing runs in any environment" in pages(gather(history, first, profile))["MAPPING.md"]


def test_a_gate_that_never_ran_is_a_gap_and_one_that_ran_is_none(history):
    said = gaps(mapping(history, "ai-act"))
    assert "Nothing in this repository says how robust it is." in said
    assert "Nothing in this repository says how it treats groups of people." not in said


def test_deliberations_count_once_they_hold_answers(history):
    def with_text(text):
        path = "governance/deliberations/0001.md"
        when = history.commit(history.head()).time
        at = history.write_commit(history.head(), {path: text}, message="Say why", author=AUTHOR, when=when)
        return mapping(history, "ai-act", at)

    none, asked, told = (
        mapping(history, "ai-act"),
        with_text(UNANSWERED + b" who own it.*\n"),
        with_text(b"Because.\n"),
    )
    missing = "Nothing in this repository says why a model was chosen, for whom, and at whose cost."
    assert missing in gaps(none)
    assert missing in gaps(asked)
    assert any("still holds the template's questions" in gap for gap in gaps(asked))
    assert missing not in gaps(told)
    assert not any("template's questions" in gap for gap in gaps(told))


def test_one_environment_can_be_asked_for_alone(history):
    about = mapping(history, "model-risk", environment="production").about
    assert [line.split(":")[0] for line in about] == ["production"]
