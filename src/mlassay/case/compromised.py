"""What is known today of keys in wrong hands, those among them that people.yaml names no more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

from mlassay.case.remembered import Remembered
from mlassay.config import CiSigner, Key, People, Person, load_people
from mlassay.errors import ConfigurationError, EvidenceError
from mlassay.evidence import layout
from mlassay.evidence.keys import key_id
from mlassay.git import Repository, every_change

_TOLD = b"compromised_since"  # a people.yaml without these bytes tells of no compromise, and need not be read


@dataclass(frozen=True)
class Forgotten:
    """A key that was told to be in wrong hands by the last people.yaml that named it, and whose it was."""

    holder: Person | CiSigner
    key: Key

    @property
    def id(self) -> str:
        """The key's id."""
        return key_id(self.key.public)


def known_by(repo: Repository, head: str, about: People | None = None) -> People | None:
    """The people.yaml of ``head`` (None where there is none), and with it what `forgotten` keys were told of.

    Whoever leaves is taken out of people.yaml, and the thief of their key must not be cleared by that. With ``about``
    only for keys that are named there. For asking about compromises only: nobody may sign by it. ConfigurationError when
    the file cannot be read.
    """
    data = repo.read(head, layout.PEOPLE)
    if data is None:
        return None
    people, gone = load_people(layout.PEOPLE, data), forgotten(repo, head, about)
    persons = {f"{each.holder.id} {each.id}": each for each in gone if isinstance(each.holder, Person)}
    signers = {f"{each.holder.id} {each.id}": each for each in gone if isinstance(each.holder, CiSigner)}
    return replace(
        people,
        people={**people.people, **{id_: _person(each) for id_, each in persons.items()}},
        signers={**people.signers, **{id_: _signer(each) for id_, each in signers.items()}},
    )


def forgotten(repo: Repository, head: str, about: People | None = None) -> tuple[Forgotten, ...]:
    """Keys in wrong hands that the people.yaml of ``head`` does not name, as the newest that did tells of them.

    With ``about`` only keys that are named there: where ``head`` still names them all, no older file can tell anything,
    and none is looked for.
    """
    if about is None:
        return _all_forgotten(repo, head)
    wanted = _ids(about) - _ids(_read(_bytes(repo, head)))
    if not wanted:
        return ()
    return _ASKED.get(repo, (head, wanted), partial(_newest_words, repo, head, wanted))


def _newest_words(repo: Repository, head: str, wanted: frozenset[str]) -> tuple[Forgotten, ...]:
    """What the newest people.yaml that names each wanted key tells of it, where that is a compromise."""
    found: list[Forgotten] = []
    for step in every_change(repo, head, layout.PEOPLE):
        before = _read(_bytes(repo, step.parents[0])) if step.parents else None
        named = [Forgotten(holder, key) for holder, key in _keys(before) if key_id(key.public) in wanted]
        found += [each for each in named if each.key.compromised_since is not None]
        if not (wanted := wanted - {each.id for each in named}):
            break
    return tuple(found)


def _all_forgotten(repo: Repository, head: str) -> tuple[Forgotten, ...]:
    steps: list[str] = []
    known: tuple[Forgotten, ...] = ()
    for step in every_change(repo, head, layout.PEOPLE):
        if (found := _KNOWN.known(repo, step.id)) is not None:
            known = found
            break
        steps.append(step.id)
    for id_ in reversed(steps):
        known = _after(repo, id_, known)
        _KNOWN.keep(repo, id_, known)
    return known


_KNOWN: Remembered[tuple[Forgotten, ...]] = Remembered(1024)
_ASKED: Remembered[tuple[Forgotten, ...]] = Remembered(1024)


def _after(repo: Repository, step: str, before: tuple[Forgotten, ...]) -> tuple[Forgotten, ...]:
    """What is forgotten after a commit that changed people.yaml, by what was before it."""
    parents = repo.commit(step).parents
    old = _bytes(repo, parents[0]) if parents else None
    if not before and (old is None or _TOLD not in old):
        return ()
    named = _ids(_read(_bytes(repo, step)))
    gone = [Forgotten(holder, key) for holder, key in _keys(_read(old)) if key.compromised_since is not None]
    return tuple(each for each in (*before, *gone) if each.id not in named)


def _ids(people: People | None) -> frozenset[str]:
    return frozenset(key_id(key.public) for _, key in _keys(people))


def _bytes(repo: Repository, commit: str) -> bytes | None:
    try:
        return repo.read(commit, layout.PEOPLE)
    except EvidenceError:
        return None  # the audit of the line names it


def _read(data: bytes | None) -> People | None:
    try:
        return load_people(layout.PEOPLE, data) if data is not None else None
    except ConfigurationError:
        return None


def _keys(people: People | None) -> Iterator[tuple[Person | CiSigner, Key]]:
    if people is None:
        return
    for person in people.people.values():
        for key in person.keys:
            yield person, key
    for signer in people.signers.values():
        yield signer, signer.key


def _person(gone: Forgotten) -> Person:
    assert isinstance(gone.holder, Person)  # noqa: S101  sorted so above
    return replace(gone.holder, keys=(gone.key,))


def _signer(gone: Forgotten) -> CiSigner:
    assert isinstance(gone.holder, CiSigner)  # noqa: S101  sorted so above
    return gone.holder
