"""Histories made anew: they agree with themselves, and only what was kept elsewhere can tell."""

from __future__ import annotations

from mlassay.audit.verify import Known
from mlassay.evidence.anchors import read_anchor
from tests.threats.liar import MAIN, Liar
from tests.threats.play import story

KEPT = "kept.anchor"
BOUND = ("evidence-source", "policy.base", "policy.reviews", "review-record")
"""What people and machines signed names commits: made anew, a history with records does not even agree with itself."""


def anchored(liar: Liar, edit: tuple[bytes, bytes] = (b"", b"")) -> Known:
    """The anchor of the short history, as the auditor kept it (or as somebody edited it)."""
    data = liar.world.anchor
    assert edit[0] in data
    return Known((read_anchor(data.replace(*edit) if edit[0] else data, KEPT),))


def made_anew(liar: Liar, message: str) -> str:
    """The whole line written again, commit by commit, with the same trees and dates."""
    above: list[str] = []
    for commit in liar.git("rev-list", "--first-parent", "--reverse", MAIN).splitlines():
        tree, when = liar.git("rev-parse", f"{commit}^{{tree}}"), liar.time(commit)
        above = [liar.commit(tree=tree, parents=above, base=commit, when=when, message=message)]
    return above[0]


@story("rewritten", "anchor", *BOUND, path=KEPT)
def the_history_is_made_anew_with_all_its_files(liar: Liar, lying: bool) -> Known:
    liar.move(made_anew(liar, "The same") if lying else liar.push({"notes.md": "x\n"}))
    return anchored(liar)


@story("rewritten", "anchor", path=KEPT)
def the_last_commits_are_pushed_away(liar: Liar, lying: bool) -> Known:
    if lying:
        liar.move(liar.names["before-three"])
    liar.push({"notes.md": "x\n"})
    return anchored(liar)


@story("rewritten", "anchor", *BOUND, path=KEPT)
def an_orphan_history_takes_the_true_one_as_its_second_parent(liar: Liar, lying: bool) -> Known:
    """Every old commit is still an ancestor, which is all that git merge-base asks."""
    true = liar.head
    other = made_anew(liar, "Another past")
    parents = [other, true] if lying else [true, other]
    liar.push(parents=parents)
    liar.git("merge-base", "--is-ancestor", true, MAIN)
    return anchored(liar)


@story("rewritten", "anchor", path=KEPT)
def a_merge_turned_round_drops_what_was_on_the_line(liar: Liar, lying: bool) -> Known:
    """An old branch takes the main line in as its second parent, keeps its own files, and is pushed as the main line."""
    true, old = liar.head, liar.names["before-three"]
    branch = liar.commit({"train.py": "print('mine')\n"}, base=old, when=liar.now())
    if lying:
        liar.move(liar.commit(base=branch, parents=[branch, true], message="Merge branch 'main'"))
    else:
        liar.push({"train.py": "print('mine')\n"}, parents=[true, branch])
    return anchored(liar)


@story("rewritten", "anchor", *BOUND, path=KEPT)
def the_anchor_was_edited_to_fit(liar: Liar, lying: bool) -> Known:
    """Its head is put to a commit that is on the new line: the rest of what it pins fits no more."""
    true = liar.head
    liar.move(made_anew(liar, "The same") if lying else liar.push({"notes.md": "x\n"}))
    return anchored(liar, (true.encode(), liar.head.encode()) if lying else (b"", b""))


@story("root", "root", *BOUND)
def the_root_of_trust_is_another(liar: Liar, lying: bool) -> Known:
    """The new root holds a policy that asks for less; all that follows was judged by that, and agrees."""
    if lying:
        liar.move(made_anew(liar, "The same"))
    return Known(root=liar.names["root"])
