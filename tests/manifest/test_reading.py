from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from mlassay.errors import ConfigurationError, Problem
from mlassay.manifest import DataFile, Manifest, load_manifest, root_digest

PATH = "data/applications.manifest.yaml"
TEXT = (Path(__file__).parents[2] / "template" / PATH).read_text()
DENY = '  - {name: deny,      type: category, values: ["no", "yes"],  role: label,   available_at: after}\n'


def load(text: str) -> Manifest:
    return load_manifest(PATH, text.encode())


def problems(old: str, new: str) -> list[Problem]:
    assert old in TEXT
    with pytest.raises(ConfigurationError) as caught:
        load(TEXT.replace(old, new, 1))
    return list(caught.value.problems)


def test_the_templates_manifest_is_read_whole() -> None:
    manifest = load(TEXT)
    assert manifest.column("deny").values == ("no", "yes")
    assert manifest.column("pirat").maximum == 3.0
    assert len(manifest.features) == 13
    assert manifest.sensitive == ("afam",)
    assert manifest.split.names == ("train", "test")
    assert manifest.public
    assert manifest.files[0].digest.startswith("sha256:78e7f9c7")
    with pytest.raises(KeyError):
        manifest.column("nobody")


def test_the_root_digest_can_be_had_with_stock_tools() -> None:
    files = [DataFile("b", 2, "sha256:" + "b" * 64), DataFile("a", 1, "sha256:" + "a" * 64)]
    lines = f"sha256:{'a' * 64} 1 a\nsha256:{'b' * 64} 2 b\n"
    assert root_digest(files) == "sha256:" + hashlib.sha256(lines.encode()).hexdigest()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            "purpose: Research",
            'purpose: "TODO: what for?" #',
            "'purpose' is not written yet: TODO: what for?",
        ),
        ("purpose: Research", "prupose: Research", "unknown key 'prupose'"),
        ('from: "1990-01-01"', 'from: "1990-02-30"', "no day of the calendar"),
        ("public_why: Published", "# ", "said to be public, but not why"),
        (DENY, DENY + DENY, "'deny' is declared 2 times"),
        (DENY, DENY.replace('values: ["no", "yes"], ', ""), "declares no values"),
        (DENY, DENY.replace("category", "integer"), "has values, but is no category"),
        (DENY, DENY.replace("role: label", "role: feature"), "known only after the decision"),
        ("min: 0,    max: 2,", "min: 2,    max: 0,", "the range of 'lvrat' is empty"),
        ("columns: [afam]", "columns: [afan]", "there is no column 'afan'"),
        ("by: [deny, afam]", "by: [denied]", "there is no column 'denied'"),
        ("  by: [deny, afam]\n", "", "needs 'by'"),
        ("kind: stratified", "kind: seeded", "a seeded split has no 'by'"),
        ("test: 0.5", "test: 0.4", "sum to 0.9"),
        ("path: data/hmda.csv", "path: ../hmda.csv", "leaves its folder"),
        ("size: 159653", "size: 159654", "root digest is not that of the file list"),
        ("use: [train, weigh, test]", "use: [sell]", "special_categories.use.0 is"),
        ("label:\n", "labels:\n", "'deny' is a label, but"),
    ],
)
def test_each_trap_is_named_with_its_line(old: str, new: str, words: str) -> None:
    (problem, *_) = [problem for problem in problems(old, new) if words in problem.what]
    assert problem.path == PATH
    assert problem.line


def test_a_question_left_open_is_told_once_not_as_a_wrong_spelling() -> None:
    found = problems("owner: lee", 'owner: "TODO: who?"')
    assert [problem.what for problem in found] == ["'owner' is not written yet: TODO: who?"]


def two_files(splits: str) -> str:
    at = TEXT.index("split: ")
    files = [DataFile("data/a.csv", 1, "sha256:" + "a" * 64), DataFile("data/b.csv", 1, "sha256:" + "b" * 64)]
    listed = "".join(f"  - {{path: {f.path}, size: 1, digest: {f.digest}}}\n" for f in files)
    return f"{TEXT[:at]}{splits}files:\n{listed}root: {root_digest(files)}\n"


def test_whole_files_can_be_splits() -> None:
    split = load(two_files("splits: {train: [data/a.csv], test: [data/b.csv]}\n")).split
    assert split.kind == "files"
    assert split.names == ("train", "test")


@pytest.mark.parametrize(
    ("splits", "words"),
    [
        ("splits: {train: [data/a.csv], test: [data/a.csv]}\n", "is in two splits"),
        ("splits: {train: [data/a.csv]}\n", "'data/b.csv' is in no split"),
        ("splits: {train: [data/a.csv], test: [data/b.csv, data/c.csv]}\n", "not listed under 'files'"),
        ("", "neither 'split' nor 'splits'"),
    ],
)
def test_each_file_is_in_exactly_one_split(splits: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        load(two_files(splits))


def test_two_paths_that_differ_in_case_only_are_refused() -> None:
    text = two_files("splits: {train: [data/a.csv], test: [data/A.csv]}\n").replace(
        "path: data/b.csv", "path: data/A.csv"
    )
    with pytest.raises(ConfigurationError, match="one file on some machines"):
        load(text)
