"""Keys in wrong hands that nobody names any more: none is passed over, however briefly a people.yaml told of it."""

import random
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mlassay.case.compromised import forgotten, known_by
from mlassay.config import load_people
from mlassay.errors import ConfigurationError, EvidenceError
from mlassay.evidence import layout
from mlassay.git import Identity, LineRepository, Repository, every_change, read_line
from mlassay.git import line as lines

WHO = Identity("A", "a@example.org")
START = datetime(2026, 3, 1, tzinfo=UTC)
NAMES = ("ada", "bo", "cy")
KEYS = {
    name: Ed25519PrivateKey.from_private_bytes(name.encode().ljust(32, b"."))
    .public_key()
    .public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    .decode()
    for name in NAMES
}
STOLEN = "revoked: {at: 2026-02-01, because: stolen, compromised_since: 2026-01-%02d}"


def people(**told):
    """A people.yaml that names each; with a day in January 2026 since when the key is in wrong hands."""
    entries = [
        f"  {name}:\n    name: {name}\n    team: t\n    roles: [developer]\n    emails: [{name}@example.org]\n"
        f"    keys: [{{key: {KEYS[name]}, valid_from: 2026-01-01{', ' + STOLEN % day if day else ''}}}]\n"
        for name, day in told.items()
    ]
    return f"version: 1\npeople:\n{''.join(entries)}".encode()


def grown(repo, versions, head=None):
    """A line with these versions of people.yaml, each by one commit; None: work that has nothing to do with it."""
    ids = []
    for number, version in enumerate(versions):
        changes = {"src/a": b"%d" % number} if version is None else {layout.PEOPLE: version}
        when = START + timedelta(minutes=number)
        parents = None
        if number % 3 == 2 and head:
            side = repo.write_commit(head, changes, message="Side", author=WHO, when=when)
            parents = [head, side]
        head = repo.write_commit(head, changes, message="Change", author=WHO, when=when, parents=parents)
        ids.append(head)
    return ids


def told(found):
    return {(each.holder.id, each.key.compromised_since.day) for each in found}


def as_told(repo, ids, head, about):
    """The same by reading every people.yaml of the line, in the plainest way."""
    held = lambda each: {key.public: (person, key) for person in each.people.values() for key in person.keys}  # noqa: E731
    wanted, found = (
        set(held(about)) - set(held(load_people(layout.PEOPLE, repo.read(head, layout.PEOPLE)))),
        set(),
    )
    for commit in ids[ids.index(head) :: -1]:
        try:
            here = held(load_people(layout.PEOPLE, repo.read(commit, layout.PEOPLE) or b""))
        except ConfigurationError:
            continue
        for public in wanted & set(here):
            person, key = here[public]
            found |= {(person.id, key.compromised_since.day)} if key.compromised_since else set()
        wanted -= set(here)
    return found


@pytest.fixture
def repo(tmp_path):
    return Repository.init(tmp_path / "bare.git", bare=True)


ALL = people(ada=0, bo=0, cy=0)
WITHOUT = people(bo=0, cy=0)


@pytest.mark.parametrize("quiet", [0, 1, 40])
def test_a_compromise_that_was_told_for_one_commit_is_not_passed_over(repo, monkeypatch, quiet):
    monkeypatch.setattr(lines, "WINDOW", 7)
    told_once = [
        ALL,
        *[None] * quiet,
        WITHOUT,
        *[None] * quiet,
        people(ada=15, bo=0, cy=0),
        WITHOUT,
        *[None] * quiet,
    ]
    ids = grown(repo, told_once)
    jumping = LineRepository(repo, read_line(repo, ids[-1]))
    about = load_people(layout.PEOPLE, ALL)
    for asked in (repo, jumping):
        assert told(forgotten(asked, ids[-1], about)) == {("ada", 15)}
        assert told(forgotten(asked, ids[-1])) == {("ada", 15)}
        keys = [key for person in known_by(asked, ids[-1], about).people.values() for key in person.keys]
        assert [key.compromised_since is not None for key in keys] == [False, False, True]
    # The control: a newer people.yaml that names the key without it took the compromise back.
    taken_back = grown(repo, [ALL, WITHOUT], ids[-1])
    assert forgotten(LineRepository(repo, read_line(repo, taken_back[-1])), taken_back[-1], about) == ()


def test_where_the_head_names_every_key_no_older_file_is_looked_for(repo, monkeypatch):
    ids = grown(repo, [ALL, None, people(ada=15, bo=0, cy=0), ALL, None])
    monkeypatch.setattr("mlassay.case.compromised.every_change", pytest.fail)
    for about in (ALL, WITHOUT):
        assert forgotten(repo, ids[-1], load_people(layout.PEOPLE, about)) == ()


@pytest.mark.parametrize("seed", range(12))
def test_short_ways_find_what_reading_every_people_yaml_finds(tmp_path, repo, monkeypatch, seed):
    chance = random.Random(seed)
    monkeypatch.setattr(lines, "WINDOW", chance.choice([1, 5, 1000]))

    def version():
        if (kind := chance.random()) < 0.5:
            return None
        if kind < 0.55:
            return b"people: nobody can read this"
        named = {
            name: chance.choice([0, 0, chance.randint(1, 28)]) for name in NAMES if chance.random() < 0.6
        }
        return people(**named) if named else ALL

    ids = grown(repo, [ALL, *(version() for _ in range(40)), people(bo=0)])
    jumping = LineRepository(repo, read_line(repo, ids[-1]))
    for head in chance.sample(ids, 10) + ids[-1:]:
        try:
            load_people(layout.PEOPLE, repo.read(head, layout.PEOPLE))
        except ConfigurationError:
            continue
        exact = [commit.id for commit in repo.first_parents(head, paths=[layout.PEOPLE])]
        assert [commit.id for commit in every_change(jumping, head, layout.PEOPLE)] == exact
        wanted = as_told(repo, ids, head, load_people(layout.PEOPLE, ALL))
        for asked in (repo, jumping):
            assert told(forgotten(asked, head, load_people(layout.PEOPLE, ALL))) == wanted
            assert told(forgotten(asked, head)) == wanted


def test_where_git_cannot_compare_the_line_there_is_no_answer(repo):
    ids = grown(repo, [ALL, people(ada=15, bo=0, cy=0), WITHOUT])
    jumping = LineRepository(repo, read_line(repo, ids[-1]))
    tree = repo.commit(ids[0]).tree
    (repo.git_dir / "objects" / tree[:2] / tree[2:]).unlink()
    with pytest.raises(EvidenceError, match="cannot tell which commits"):
        list(every_change(jumping, ids[-1], layout.PEOPLE))
