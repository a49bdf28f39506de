"""Git's patterns, held against git itself, and against patterns that are made to take for ever."""

import subprocess
import time

import pytest

from mlassay.audit.wildmatch import matches

PATHS = [
    "a",
    "ab",
    "a/b",
    "a/b/c",
    "b",
    "ax",
    "x",
    "a-b",
    "a]b",
    "q/x",
    "q/ax",
    "q/r/x",
    "ab/c.json",
    "a/.b",
    "[a]",
]
PATTERNS = [
    *(
        "/a",
        "/*",
        "/**",
        "/a/**",
        "/**/x",
        "/a/*",
        "/a/**/c",
        "/?",
        "/a?b",
        "/[a-c]",
        "/[!a]",
        "/[^a]",
        "/[z-a]",
    ),
    *("/a[]]b", "/a[-]b", "/q/**/x", "/*/x", "/\\a", "/[[]a]", "/*.json", "/*/*.json"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("attributes")
    subprocess.run(["git", "init", "-q", made], check=True)
    return made


@pytest.mark.parametrize("pattern", PATTERNS)
def test_it_says_what_git_says(folder, pattern):
    (folder / ".gitattributes").write_text(f"{pattern} found\n")
    asked = ["git", "check-attr", "-z", "--stdin", "found"]
    told = subprocess.run(
        asked, cwd=folder, input="\0".join(PATHS), capture_output=True, text=True, check=True
    )
    words = told.stdout.split("\0")
    git = {path: value == "set" for path, value in zip(words[::3], words[2::3], strict=False)}
    assert {path: matches(pattern[1:], path) for path in PATHS} == git


def test_asterisks_on_which_gits_versions_disagree_take_whatever_any_of_them_takes():
    for pattern, paths in (("a**", ("a", "ax", "a/b/c")), ("a**/b", ("ab", "a/b")), ("**b", ("b", "a/b"))):
        assert all(matches(pattern, path) for path in paths)


def test_a_pattern_that_is_made_to_take_for_ever_does_not():
    before = time.process_time()
    assert not matches("*a" * 60 + "b", "a" * 2000)
    assert not matches("**/" * 60 + "b", "a/" * 500 + "a")
    assert time.process_time() - before < 5
