"""A line read in one call, walked by jumps: the same answers as step by step, and nothing git says is taken on trust."""

import subprocess
from datetime import UTC, datetime, timedelta

import pytest

from mlassay.errors import ConfigurationError, EvidenceError
from mlassay.git import Identity, Line, LineRepository, Repository, read_line

WHO = Identity("A", "a@example.org")
START = datetime(2026, 3, 1, tzinfo=UTC)


def grow(repo, changes, base=None, minutes=0, parents=None):
    when = START + timedelta(minutes=minutes)
    return repo.write_commit(base, changes, message="Change", author=WHO, when=when, parents=parents)


@pytest.fixture(scope="module")
def grown(tmp_path_factory):
    """A line of 60 commits with merges of branches; ``p`` changes at some, ``r/<n>`` are only added."""
    repo = Repository.init(tmp_path_factory.mktemp("line"), bare=True)
    head, ids = None, []
    for number in range(60):
        changes = {f"src/{number % 5}": b"%d" % number}
        if number in (3, 4, 17, 40, 41, 58):
            changes |= {"p": b"%d" % number, f"r/{number:08d}-x/request": b"x"}
        side = grow(repo, changes, head, number)
        if number % 7 == 6:
            side = grow(repo, {}, side, number, parents=[head, side])
        head = side
        ids.append(head)
    return repo, ids


def test_the_line_is_that_of_first_parents_oldest_first_with_running_dates(grown):
    repo, ids = grown
    line = read_line(repo, ids[-1])
    assert list(line.ids) == ids
    assert [line.number(id_) for id_ in ids] == list(range(60))
    assert line.claimed[5] - line.claimed[4] == 60
    assert line.number("0" * 40) is None
    assert list(Line(["a", "b", "c", "d"], [5, 3, 9, 8]).latest) == [5, 5, 9, 9]


@pytest.mark.parametrize(
    "path", ["p", "r", "r/00000017-x", "r/00000058-x/request", "src/0", "nothing", "p/below"]
)
@pytest.mark.parametrize("top", [0, 3, 16, 17, 41, 59])
def test_jumps_find_what_steps_find(grown, path, top):
    repo, ids = grown
    jumping = LineRepository(repo, read_line(repo, ids[-1]))
    stepped = [commit.id for commit in repo.first_parents(ids[top], paths=[path])]
    jumped = [commit.id for commit in jumping.first_parents(ids[top], paths=[path])]
    assert jumped == stepped
    until = ids[min(top, 10)]
    assert [c.id for c in jumping.first_parents(ids[top], paths=[path], until=until)] == [
        c.id for c in repo.first_parents(ids[top], paths=[path], until=until)
    ]
    first = jumping.first_with(path, top)
    assert (ids[first] if first is not None else None) == (
        stepped[-1] if stepped and repo.entry(ids[top], path) else None
    )


def test_the_next_change_is_the_first_after_a_place(grown):
    repo, ids = grown
    jumping = LineRepository(repo, read_line(repo, ids[-1]))
    assert [jumping.next_change(at, "p") for at in (0, 3, 4, 16, 17, 39, 41, 58, 59)] == [
        *(3, 4, 17, 17, 40, 40, 58, None, None)
    ]
    assert jumping.differs(17, "p")
    assert not jumping.differs(18, "p")
    assert jumping.names(ids[17], "r") == ("00000003-x", "00000004-x", "00000017-x")
    assert jumping.names(ids[17], "p") == ()


def test_a_commit_that_is_not_on_the_line_is_walked_step_by_step(grown):
    repo, ids = grown
    jumping = LineRepository(repo, read_line(repo, ids[50]))
    assert next(c.id for c in jumping.first_parents(ids[59], paths=["p"])) == ids[58]
    assert jumping.on_first_parent_line(ids[3], ids[59])
    assert jumping.on_first_parent_line(ids[3], ids[40])
    assert not jumping.on_first_parent_line(ids[41], ids[40])


def test_a_name_in_a_tree_is_not_found_inside_an_id_or_another_name(grown):
    repo, ids = grown
    head = grow(repo, {"x p": b"no", "pp": b"no", "a/p": b"no"}, None)
    jumping = LineRepository(repo, read_line(repo, head))
    assert jumping.first_with("p", 0) is None
    assert jumping.first_with("a/p", 0) == 0
    assert ids


def test_a_date_that_git_tells_otherwise_than_the_commit_is_no_answer(grown):
    repo, ids = grown
    true = read_line(repo, ids[-1])
    lied = Line(true.ids, [*true.claimed[:10], true.claimed[10] + 1, *true.claimed[11:]])
    jumping = LineRepository(repo, lied)
    assert jumping.held(9).id == ids[9]
    with pytest.raises(EvidenceError, match="another date or parent"):
        jumping.held(10)
    skipped = Line([*true.ids[:10], *true.ids[11:]], [*true.claimed[:10], *true.claimed[11:]])
    with pytest.raises(EvidenceError, match="another date or parent"):
        LineRepository(repo, skipped).held(10)


def test_dates_before_1970_are_read_from_the_commit_itself(tmp_path):
    repo = Repository.init(tmp_path, bare=True)
    tree = repo.commit(grow(repo, {"a": b"1"})).tree
    raw = f"tree {tree}\nauthor A <a@b.c> -86400 +0000\ncommitter A <a@b.c> -86400 +0000\n\nOld\n".encode()
    command = ["git", "hash-object", "-t", "commit", "-w", "--literally", "--stdin"]
    old = (
        subprocess.run(command, cwd=tmp_path, input=raw, capture_output=True, check=True)
        .stdout.decode()
        .strip()
    )
    new = grow(repo, {"a": b"2"}, old)
    line = read_line(repo, new)
    assert line.claimed[0] == -86400
    assert LineRepository(repo, line).held(0).id == old


def test_half_a_line_is_none(grown, tmp_path):
    repo, ids = grown
    repo.push(str(repo.folder), ids[-1], "refs/heads/main", None)
    cut = Repository.clone(f"file://{repo.folder}", tmp_path / "cut", depth=2)
    with pytest.raises(ConfigurationError, match="shallow"):
        read_line(cut, cut.head())


def test_marks_that_lie_anywhere_and_in_any_order_change_nothing(grown):
    repo, ids = grown
    whole = read_line(repo, ids[-1])
    aside = repo.commit(ids[20]).parents[1]
    for marks in (
        [ids[40], ids[20], ids[5]],
        [ids[5], ids[40]],
        [ids[40], aside],
        [ids[40], ids[40]],
        [aside, "0" * 40],
    ):
        parts = read_line(repo, ids[-1], *marks)
        assert (list(parts.ids), parts.claimed, parts.latest) == (ids, whole.claimed, whole.latest)


def test_ids_are_found_as_in_a_list_and_dates_as_one_by_one(grown):
    repo, ids = grown
    line, plain = read_line(repo, ids[-1]), Line(ids, read_line(repo, ids[-1]).claimed)
    assert type(line.ids) is not list
    assert (line.ids[0], line.ids[-1], line.ids[3:6], line.ids[60:]) == (ids[0], ids[-1], ids[3:6], [])
    with pytest.raises(IndexError):
        line.ids[60]
    for _ in range(3):  # searched one by one, then by a table of all
        assert [line.number(id_) for id_ in [*ids, "0" * 40, "no id"]] == [*range(60), None, None]
    shuffled = Line(ids, [*line.claimed[30:], *line.claimed[:30]])
    assert (line.ordered, plain.ordered, shuffled.ordered) == (True, True, False)
    low, high = line.claimed[20], line.claimed[40]
    for places in (range(60), range(25, 30), range(50, 60), range(5)):
        wanted = [place for place in places if low < line.claimed[place] <= high]
        assert list(line.claiming(low, high, places)) == wanted
        wanted = [place for place in places if low < shuffled.claimed[place] <= high]
        assert list(shuffled.claiming(low, high, places)) == wanted


def test_a_line_in_two_halves_is_the_same_wherever_the_middle_lies(grown):
    repo, ids = grown
    whole = read_line(repo, ids[-1])
    side = grow(repo, {"side": b"1"}, ids[30])
    merged = repo.commit(ids[20]).parents[1]
    for middle in (ids[0], ids[1], ids[30], ids[58], ids[59], side, merged, "0" * 40):
        halves = read_line(repo, ids[-1], middle)
        assert (list(halves.ids), halves.claimed, halves.latest) == (ids, whole.claimed, whole.latest)
