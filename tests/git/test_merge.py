"""Three versions of one text made into one."""

import pytest

from mlassay.git import Repository

BASE = b"".join(b"%d\n" % n for n in range(12))


def test_changes_of_both_sides_come_together():
    merged, clean = Repository.merge_file(BASE.replace(b"1\n", b"one\n", 1), BASE, BASE + b"12\n")
    assert clean
    assert merged == BASE.replace(b"1\n", b"one\n", 1) + b"12\n"


def test_a_collision_is_told_with_all_three_sides():
    merged, clean = Repository.merge_file(b"a\nmine\n", b"a\nb\n", b"a\nthine\n")
    assert not clean
    for line in (
        b"<<<<<<< yours\nmine",
        b"||||||| the template that you took\nb",
        b"thine\n>>>>>>> the template now",
    ):
        assert line in merged


@pytest.mark.parametrize("conflicts", [1, 40, 200])
def test_no_number_of_collisions_is_taken_for_a_clean_merge(conflicts):
    def text(word):
        return b"".join(b"%s %d\n" % (word, n) + b"-\n" * 9 for n in range(conflicts))

    merged, clean = Repository.merge_file(text(b"ours"), text(b"base"), text(b"theirs"))
    assert not clean
    assert merged.count(b"<<<<<<<") == conflicts


def test_what_is_no_text_is_not_merged():
    assert Repository.merge_file(b"\0a", b"\0b", b"\0c") == (b"\0a", False)
