"""People and keys into ``governance/people.yaml``, as text, so that the comments people wrote stay.

Every edit is read back and compared with what was meant; an edit that would say anything else is refused.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from mlassay.config import load_people
from mlassay.errors import ConfigurationError, Problem
from mlassay.files import Document, read_yaml

PATH = "governance/people.yaml"
_PLAIN = re.compile(r"[A-Za-z][\w .@/+-]*\Z", re.ASCII)
_ID = re.compile(r"[a-z][a-z0-9-]{0,62}\Z")
_AMBIGUOUS = {"y", "n", "yes", "no", "on", "off", "true", "false", "null", "none"}


@dataclass(frozen=True, slots=True)
class NewPerson:
    """Who somebody is, for an entry that does not stand yet."""

    name: str
    team: str
    roles: tuple[str, ...]
    emails: tuple[str, ...] = ()


def add_person_key(
    text: str, id_: str, public: str, *, today: date, person: NewPerson | None = None, demo: bool = False
) -> str:
    """``text`` of people.yaml with ``public`` among the keys of ``id_``; the person is added when new."""
    _check_id(id_)
    document = _read(text)
    people = document.value.get("people") or {}
    _refuse_known(document, public)
    entry: dict[str, Any] = {"key": public, "valid_from": today.isoformat()} | (
        {"demo": True} if demo else {}
    )
    if id_ in people:
        meant = [*(people[id_].get("keys") or []), entry]
        text = _append_item(text, document, ("people", id_, "keys"), entry)
        return _held(document, text, ("people", id_, "keys"), meant)
    if person is None:
        raise _unknown_person(id_)
    value: dict[str, Any] = {"name": person.name, "team": person.team, "roles": list(person.roles)}
    value |= {"emails": list(person.emails)} if person.emails else {}
    lines = [
        f"  {id_}:",
        *(f"    {key}: {_flow(item)}" for key, item in value.items()),
        "    keys:",
        *_item(entry, 6),
    ]
    return _held(
        document, _append_block(text, document, "people", lines), ("people", id_), value | {"keys": [entry]}
    )


def check_person(text: str, id_: str, *, name: str | None, team: str | None, roles: Sequence[str]) -> None:
    """ConfigurationError when ``id_`` is new and not described in full, or stands there as somebody else.

    To be asked before a key is made: a key whose registration fails would be in the way of the next one.
    """
    _check_id(id_)
    document = _read(text)
    standing = (document.value.get("people") or {}).get(id_)
    if standing is None:
        if team is None or not roles:
            raise _unknown_person(id_)
        return
    given = {"name": name, "team": team, "roles": list(roles) or None}
    ConfigurationError.raise_if_any(
        Problem(
            f"{id_} stands here already with {key}: {_flow(standing.get(key))}, not {_flow(value)}",
            why="a key is added to the person who stands here; nothing else about them changes",
            remedy=f"leave out --{'role' if key == 'roles' else key}, or correct the file by hand first",
            path=PATH,
            line=document.line_of(("people", id_, key)),
        )
        for key, value in given.items()
        if value is not None and value != standing.get(key)
    )


def _unknown_person(id_: str) -> ConfigurationError:
    return ConfigurationError(
        Problem(
            f"there is no '{id_}' here yet",
            why="a new person needs a name, a team and roles, because policy asks for them",
            remedy="add --name, --team and --role",
            path=PATH,
        )
    )


def add_signer(
    text: str, id_: str, pem: str, predicates: Sequence[str], *, today: date, demo: bool = False
) -> str:
    """``text`` of people.yaml with a CI signer that may sign ``predicates``."""
    document = _without_signer(text, id_)
    value = {"valid_from": today.isoformat(), "signs": list(predicates)} | ({"demo": True} if demo else {})
    lines = [
        f"  {id_}:",
        "    key: |",
        *(f"      {line}" for line in pem.strip().splitlines()),
        f"    valid_from: {value['valid_from']}",
        "    signs:",
        *(f"      - {predicate}" for predicate in predicates),
        *(["    demo: true"] if demo else []),
    ]
    text = _append_block(text, document, "signers", lines)
    return _held(document, text, ("signers", id_), value | {"key": pem.strip() + "\n"})


def add_keyless_signer(
    text: str, id_: str, pins: Mapping[str, Any], predicates: Sequence[str], *, today: date
) -> str:
    """``text`` of people.yaml with a CI signer that has no key: its run's certificate must name ``pins``."""
    document = _without_signer(text, id_)
    given = {name: list(value) if isinstance(value, tuple) else value for name, value in pins.items()}
    lines = [
        f"  {id_}:",
        "    keyless:",
        *(f"      {name}: {_flow(value)}" for name, value in given.items()),
        f"    valid_from: {today.isoformat()}",
        "    signs:",
        *(f"      - {predicate}" for predicate in predicates),
    ]
    value = {"keyless": given, "valid_from": today.isoformat(), "signs": list(predicates)}
    text = _held(document, _append_block(text, document, "signers", lines), ("signers", id_), value)
    load_people(PATH, text.encode())
    return text


def _without_signer(text: str, id_: str) -> Document:
    _check_id(id_)
    document = _read(text)
    if id_ in (document.value.get("signers") or {}):
        raise ConfigurationError(
            Problem(
                f"the signer '{id_}' stands already",
                why="its key explains evidence that is in the history",
                remedy="choose another id, and `mlassay keys revoke` the old one",
                path=PATH,
                line=document.line_of(("signers", id_)),
            )
        )
    return document


def revoke_key(
    text: str, id_: str, public: str, *, at: date, because: str, compromised_since: date | None
) -> str:
    """``text`` of people.yaml with one key marked revoked; ``compromised_since`` refuses what it signed from then on."""
    document = _read(text)
    revoked = {"at": at.isoformat(), "because": because}
    revoked |= {"compromised_since": compromised_since.isoformat()} if compromised_since else {}
    pointer = _find(document, id_, public)
    if "revoked" in _at(document.value, pointer):
        raise ConfigurationError(document.problem(pointer, "this key is revoked already"))
    lines = text.splitlines()
    end = _end_of_block(lines, _line(document, pointer))
    indent = (
        _indent(lines[_line(document, pointer)].replace("- ", "  ", 1)) if isinstance(pointer[-1], int) else 4
    )
    lines.insert(end, f"{' ' * indent}revoked: {_flow(revoked)}")
    return _held(document, "\n".join(lines) + "\n", (*pointer, "revoked"), revoked)


def _read(text: str) -> Document:
    document = read_yaml(PATH, text.encode())
    if not isinstance(document.value, dict):
        raise ConfigurationError(Problem("the file holds no keys and values", path=PATH, line=1))
    return document


def _check_id(id_: str) -> None:
    if not _ID.match(id_):
        raise ConfigurationError(
            Problem(
                f"'{id_}' is no id",
                why="ids name files and stand in records for ever",
                remedy="use lower-case letters, digits and hyphens, starting with a letter",
            )
        )


def _refuse_known(document: Document, public: str) -> None:
    for id_, person in (document.value.get("people") or {}).items():
        for index, key in enumerate(person.get("keys") or []):
            if key["key"].split()[:2] == public.split()[:2]:
                raise ConfigurationError(
                    document.problem(
                        ("people", id_, "keys", index),
                        f"this key is '{id_}'s already",
                        why="one key under two ids would let one person approve twice",
                        remedy="make a key of its own for each person: mlassay keys new --id ID",
                    )
                )


def _find(document: Document, id_: str, public: str) -> tuple[str | int, ...]:
    for index, key in enumerate(((document.value.get("people") or {}).get(id_) or {}).get("keys") or []):
        if not public or key["key"].split()[:2] == public.split()[:2]:
            return ("people", id_, "keys", index)
    if id_ in (document.value.get("signers") or {}):
        return ("signers", id_)
    raise ConfigurationError(
        Problem(f"{PATH} has no such key of '{id_}'", remedy="see the keys there", path=PATH)
    )


def _at(value: Any, pointer: tuple[str | int, ...]) -> Any:
    for part in pointer:
        value = value[part]
    return value


def _held(before: Document, text: str, pointer: tuple[str | int, ...], meant: Any) -> str:
    """``text``, if it says what ``before`` said with ``meant`` at ``pointer``, and nothing else."""
    expected = copy.deepcopy(before.value)
    place = expected
    for part in pointer[:-1]:
        if isinstance(place, dict):
            place[part] = place.get(part) or {}
        place = place[part]
    place[pointer[-1]] = meant
    if _read(text).value != expected:
        raise ConfigurationError(
            Problem(
                f"the entry for {'.'.join(map(str, pointer))} cannot be written into {PATH} without changing more",
                why="its layout is not one that can be extended line by line",
                remedy="write each entry as a block, one key a line, or add this one by hand",
                path=PATH,
            )
        )
    return text


def _append_block(text: str, document: Document, key: str, block: list[str]) -> str:
    lines = text.splitlines()
    if key not in document.value:
        return "\n".join([*lines, f"{key}:", *block]) + "\n"
    start = _line(document, (key,))
    if not document.value[key]:
        lines[start] = f"{key}:"
    end = _end_of_block(lines, start)
    return "\n".join([*lines[:end], *block, *lines[end:]]) + "\n"


def _append_item(text: str, document: Document, pointer: tuple[str | int, ...], entry: dict[str, Any]) -> str:
    lines = text.splitlines()
    start = _line(document, pointer)
    indent = _indent(lines[start])
    if not _at(document.value, pointer):
        lines[start] = f"{' ' * indent}{pointer[-1]}:"
    end = _end_of_block(lines, start)
    return "\n".join([*lines[:end], *_item(entry, indent + 2), *lines[end:]]) + "\n"


def _item(entry: dict[str, Any], indent: int) -> list[str]:
    pad = " " * indent
    return [
        f"{pad}{'- ' if not index else '  '}{key}: {_flow(value)}"
        for index, (key, value) in enumerate(entry.items())
    ]


def _line(document: Document, pointer: tuple[str | int, ...]) -> int:
    """0-based line of a pointer that is there."""
    return document.lines[pointer] - 1


def _end_of_block(lines: list[str], start: int) -> int:
    """The index behind the last line that belongs to the entry at ``start``; comments and blanks after it do not."""
    indent, end = _indent(lines[start]), start + 1
    for index in range(start + 1, len(lines)):
        line = lines[index]
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if _indent(line) <= indent:
            break
        end = index + 1
    return end


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _flow(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_flow(item) for item in value)}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {_flow(item)}' for key, item in value.items())}}}"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    if re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        return str(value)
    plain = _PLAIN.match(value) and value.lower() not in _AMBIGUOUS and value == value.strip()
    return str(value) if plain else json.dumps(value, ensure_ascii=False)
