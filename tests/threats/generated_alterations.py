"""What may be done to a history behind a team's back: each alteration gives the altered history, or None where it cannot be done.

``told`` recommits every later commit, so that all ids fit; nobody has anybody's key.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from mlassay.evidence import layout
from tests.threats.generated_objects import (
    LINK,
    MODULE,
    SCRIPT,
    Entry,
    History,
    Node,
    plain,
    read,
    told,
    with_delta,
)


@dataclass(frozen=True)
class Dice:
    """Four numbers that an alteration picks by: where, what, how, and from where else."""

    where: int
    what: int
    how: int
    other: int


Alteration = Callable[[History, Dice], History | None]
ALTERATIONS: dict[str, Alteration] = {}


def _entered(function: Alteration) -> Alteration:
    ALTERATIONS[function.__name__.strip("_")] = function
    return function


def spoilt(entry: Entry, how: int) -> Entry:
    """Other bytes: one bit, one sign more, one less, other line ends, nothing, or one sign inside for another."""
    data = read(entry)
    at = how // 8 % max(1, len(data))
    flipped = bytes([(data[at] if data else 0) ^ (1 << (how // 3 % 7))])
    ways = (
        data[:at] + flipped + data[at + 1 :],
        data + b"\n",
        data[:-1],
        data.replace(b"\n", b"\r\n"),
        b"",
        data[:at] + b" " + data[at:],
        data.replace(b"=\n", b"\n", 1),
        data.replace(b"2026", b"2025", 1),
    )
    return entry[0], plain(ways[how % len(ways)])[1]


def changed_mode(entry: Entry, how: int) -> Entry:
    """The same object under another mode."""
    return [mode for mode in (SCRIPT, LINK, MODULE, "100664") if mode != entry[0]][how % 4], entry[1]


def _guarded(node: Node) -> list[str]:
    return [path for path, entry in node.delta if layout.is_guarded(path) and entry is not None]


def _line_with_guarded(history: History) -> list[int]:
    return [at for at in history.line()[1:] if _guarded(history.nodes[at])]


def _pick(history: History, dice: Dice) -> tuple[int, str] | None:
    """A commit of the main line, newest ones more often, and a guarded file that it brings."""
    line = _line_with_guarded(history)
    if not line:
        return None
    at = line[-1 - dice.where % len(line)]
    paths = _guarded(history.nodes[at])
    return at, paths[dice.what % len(paths)]


def _with(history: History, at: int, node: Node) -> History:
    return told([*history.nodes[:at], node, *history.nodes[at + 1 :]], history.tip)


def _changed(history: History, dice: Dice, change: Callable[[str, Entry], Entry | None]) -> History | None:
    """One guarded file of one commit is another, or is not there."""
    found = _pick(history, dice)
    if found is None:
        return None
    at, path = found
    delta = dict(history.nodes[at].delta)
    entry = delta.pop(path)
    assert entry is not None
    if (other := change(path, entry)) is not None:
        delta[path] = other
    return _with(history, at, with_delta(history.nodes[at], delta))


@_entered
def edit(history: History, dice: Dice) -> History | None:
    """Other bytes in a guarded file."""
    return _changed(history, dice, lambda _, entry: spoilt(entry, dice.how))


@_entered
def drop(history: History, dice: Dice) -> History | None:
    """A guarded file that a commit brought is not there."""
    return _changed(history, dice, lambda *_: None)


@_entered
def mode(history: History, dice: Dice) -> History | None:
    """A guarded file is a link, a submodule, or a program."""
    return _changed(history, dice, lambda _, entry: changed_mode(entry, dice.how))


@_entered
def transplant(history: History, dice: Dice) -> History | None:
    """A record stands in the place of one of its kind, of another promotion or release."""
    return _changed(history, dice, lambda path, entry: _sibling(history, path, entry, dice.other))


def _sibling(history: History, path: str, entry: Entry, number: int) -> Entry:
    name = path.rpartition("/")[2]
    files = history.files[history.tip]
    others = [e for p, e in sorted(files.items()) if p != path and p.endswith(f"/{name}") and e != entry]
    return others[number % len(others)] if others else entry


@_entered
def move(history: History, dice: Dice) -> History | None:
    """A guarded file comes with another commit than the one that brought it."""
    found, line = _pick(history, dice), _line_with_guarded(history)
    if found is None or (to := line[dice.other % len(line)]) == found[0]:
        return None
    at, path = found
    nodes = list(history.nodes)
    delta = dict(nodes[at].delta)
    entry = delta.pop(path)
    nodes[at] = with_delta(nodes[at], delta)
    nodes[to] = with_delta(nodes[to], dict(nodes[to].delta) | {path: entry})
    return told(nodes, history.tip)


@_entered
def omit(history: History, dice: Dice) -> History | None:
    """A commit of the main line never was."""
    found = _pick(history, dice)
    if found is None or found[0] == history.tip:
        return None
    return relined(history, [at for at in history.line() if at != found[0]])


@_entered
def swap(history: History, dice: Dice) -> History | None:
    """Two neighbours of the main line in the other order, each with its own date."""
    line = history.line()
    if len(line) < 3:
        return None
    at = len(line) - 2 - dice.where % (len(line) - 2)
    line[at], line[at + 1] = line[at + 1], line[at]
    return relined(history, line)


@_entered
def reorder(history: History, dice: Dice) -> History | None:
    """A commit of the main line comes sooner or later, and the dates still run forward."""
    found = _pick(history, dice)
    if found is None:
        return None
    line = history.line()
    dates = [history.nodes[at].when for at in line]
    line.remove(found[0])
    line.insert(1 + dice.other % len(line), found[0])
    return relined(history, line, dates)


@_entered
def duplicate(history: History, dice: Dice) -> History | None:
    """What a commit brought is brought once more, later."""
    found = _pick(history, dice)
    if found is None:
        return None
    line = history.line()
    first = line.index(found[0])
    line.insert(first + 2 + dice.other % max(1, len(line) - first), found[0])
    return relined(history, line)


@_entered
def join(history: History, dice: Dice) -> History | None:
    """Two neighbours of the main line in one commit."""
    found = _pick(history, dice)
    line = history.line()
    if found is None or line.index(found[0]) < 2:
        return None
    at = line.index(found[0])
    one, two = history.nodes[line[at - 1]], history.nodes[line[at]]
    del line[at]
    joined = with_delta(one, dict(one.delta) | dict(two.delta))
    copied = history.copy()
    copied.nodes[line[at - 1]] = replace(joined, when=two.when)
    return relined(copied, line)


@_entered
def split(history: History, dice: Dice) -> History | None:
    """A commit of the main line in two: some of its files first."""
    found = _pick(history, dice)
    if found is None:
        return None
    copied, line = history.copy(), history.line()
    delta = dict(history.nodes[found[0]].delta)
    first = {path: delta.pop(path) for path in list(delta) if (hash_of(path) + dice.how) % 2}
    node = history.nodes[found[0]]
    copied.nodes[found[0]] = with_delta(node, delta)
    copied.nodes.append(with_delta(node, first))
    line.insert(line.index(found[0]), len(copied.nodes) - 1)
    return relined(copied, line)


def hash_of(path: str) -> int:
    """A number for a path, the same in every process."""
    return sum(path.encode())


@_entered
def first_parent(history: History, dice: Dice) -> History | None:
    """A merge with its parents in the other order: the branch becomes the main line."""
    merges = [at for at in history.line() if len(history.nodes[at].parents) > 1]
    if not merges:
        return None
    at = merges[-1 - dice.where % len(merges)]
    node, nodes = history.nodes[at], list(history.nodes)
    other = node.parents[1]
    delta = differing(history.files[other], history.files[at])
    nodes[at] = replace(node, parents=node.parents[::-1], delta=tuple(delta.items()))
    return told(nodes, history.tip)


@_entered
def fork(history: History, dice: Dice) -> History | None:
    """A commit of the main line stands upon an older one and keeps its files, so that those between vanish as steps."""
    found = _pick(history, dice)
    line = history.line()
    if found is None or line.index(found[0]) < 2:
        return None
    at = line.index(found[0])
    onto = line[max(0, at - 2 - dice.other % 3)]
    node, nodes = history.nodes[found[0]], list(history.nodes)
    delta = differing(history.files[onto], history.files[found[0]])
    nodes[found[0]] = replace(node, parents=(onto, *node.parents[1:]), delta=tuple(delta.items()))
    return told(nodes, history.tip)


def differing(before: Mapping[str, Entry], after: Mapping[str, Entry]) -> dict[str, Entry | None]:
    """The delta between two sets of files."""
    paths = sorted(before.keys() | after.keys())
    return {path: after.get(path) for path in paths if before.get(path) != after.get(path)}


def relined(history: History, line: list[int], dates: list[object] | None = None) -> History:
    """A main line of these commits in this order (one may stand twice), each with what it brought; branches as they were."""
    made, now = History(), {}
    for place, at in enumerate(line):
        node = history.nodes[at]
        for side in node.parents[1:]:
            _grown(history, made, now, side)
        parents = (*([made.tip] if made.tip >= 0 else []), *(now[side] for side in node.parents[1:]))
        when = dates[place] if dates else node.when
        made.tip = made.add(replace(node, parents=parents, when=when))
        now[at] = made.tip
    return made


def _grown(history: History, made: History, now: dict[int, int], at: int) -> None:
    """A commit of a branch, upon whatever of its parents the new history holds."""
    waiting = [at]
    while waiting:
        one = waiting[-1]
        needs = [p for p in history.nodes[one].parents if p not in now]
        if one in now:
            waiting.pop()
        elif needs:
            waiting += needs
        else:
            node = history.nodes[one]
            now[one] = made.add(replace(node, parents=tuple(now[p] for p in node.parents)))
            waiting.pop()
