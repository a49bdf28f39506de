"""Honest histories that look odd: nothing may be found in them."""

from datetime import timedelta

import pytest

from tests.threats.attacks_evidence import revoke
from tests.threats.evidence import placed, taken
from tests.threats.liar import PEOPLE, POLICY
from tests.threats.play import Story, audited, shown

TODAY = "20261120-0badc0d0"


def rotated(liar):
    """The CI's key ends, another takes over, and a release that the old one signed is promoted afterwards."""
    after = liar.head
    revoke(liar, days=0)
    assert after == liar.names["short"]
    liar.clock += timedelta(days=9)
    liar.push(liar.promotion())


def left(liar):
    """A person leaves, and what they once approved stays."""
    liar.push(liar.promotion(approvals=("ada",), id_=TODAY))
    people = liar.read(PEOPLE).decode()
    start = people.index("  ada:\n")
    liar.push(liar.change({PEOPLE: people[:start] + people[people.index("signers:", start) :]}))


def renamed(liar):
    """An environment gets another name by a change of policy, and its next promotion goes there."""
    text = liar.read(POLICY).replace(b"staging", b"trial")
    liar.push(liar.change({POLICY: text}, id_=TODAY))
    liar.push(liar.promotion("trial"))


def taken_back(liar):
    liar.push(liar.promotion(id_=TODAY))
    liar.push(liar.promotion(release=liar.names["one"]))


def moved_on(liar):
    """The main line moves on while a promotion waits: other work, another record."""
    asked = liar.promotion()
    liar.push({"train.py": "print('more')\n"})
    liar.push(placed(taken(liar, liar.names["failed"], liar.names["head"]), liar.names["failed"]))
    liar.push(asked)


def rebased(liar):
    """Request and approvals as three commits, as a rebase button leaves them."""
    files = liar.promotion()
    for word in ("request.json", "robin", "lee"):
        liar.push(
            {p: e for p, e in files.items() if word in p or (word == "request.json" and p.startswith("env"))}
        )


def imported(liar):
    """Years of commits before the first with a policy, with guarded-looking names of other tools among them."""
    root = liar.names["root"]
    when = liar.time(root) - timedelta(days=900)
    start = {
        path: liar.read(path, root) for path in [*liar.paths("governance", root), *liar.paths("data", root)]
    }
    other = {"environments/dev.yaml": "name: conda\n"} | dict.fromkeys(start)
    liar.move(liar.commit(other, base=root, parents=[], when=when))
    liar.push(start, when=liar.time(root))
    liar.push({"train.py": "print('work')\n"})


def clocks_differ(liar):
    """Machines whose clocks differ by minutes."""
    liar.clock += timedelta(minutes=4)
    liar.push({"train.py": "print('ahead')\n"})
    liar.clock -= timedelta(minutes=4)
    liar.push(liar.promotion())


HISTORIES = [rotated, left, renamed, taken_back, moved_on, rebased, imported, clocks_differ]


@pytest.mark.parametrize("history", HISTORIES, ids=lambda history: history.__name__)
def test_nothing_is_found(liar, history):
    story = Story(history.__name__, lambda copy, _: history(copy), "", "", frozenset(), "")
    report = audited(liar, story, lying=False)
    assert not report.problems, shown(report)
