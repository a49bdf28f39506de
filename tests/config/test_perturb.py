"""Which of two sets of allowed changes is narrower, in either way of writing them."""

from __future__ import annotations

import pytest

from mlassay.config.perturb import by_column, narrowed, read_perturb

LISTED = {"columns": ["a", "b"], "radius": 0.05}
WIDE = {
    "columns": {
        "a": {"radius": 0.05},
        "b": {"by": 500, "step": 10},
        "c": {"values": ["x", "y"]},
        "d": {"direction": "up", "radius": 0.1},
    },
    "constraints": ["a <= b"],
}


def changed(at, value, base=WIDE):
    made = {**base, "columns": {name: dict(said) for name, said in base["columns"].items()}}
    place, _, key = at.rpartition(".")
    target = made["columns"][place] if place else made
    if value is None:
        target.pop(key, None)
    else:
        target[key] = value
    return made


def ids(new, old=WIDE):
    return [".".join(keys) for keys, _, _ in narrowed(new, old)]


def test_the_same_in_either_form_is_no_change():
    mapped = {"columns": {"a": {}, "b": {"radius": 0.05}}, "radius": 0.05}
    assert read_perturb(LISTED).moves == read_perturb(mapped).moves
    assert ids(mapped, LISTED) == ids(LISTED, mapped) == ids(WIDE) == []
    assert by_column(LISTED, mapped)
    assert not by_column(LISTED, LISTED)
    assert not by_column(LISTED, None)


@pytest.mark.parametrize(("at", "value", "id_"), [
    ("a.radius", 0.04, "columns.a.radius"),
    ("b.by", 400, "columns.b.by"),
    ("b.step", 15, "columns.b.step"),
    ("b.step", 4, "columns.b.step"),
    ("a.step", 1, "columns.a.step"),
    ("a.direction", "down", "columns.a.direction"),
    ("d.direction", "down", "columns.d.direction"),
    ("c.values", ["x"], "columns.c.values"),
    ("constraints", ["a <= b", "b <= 2 c"], "constraints"),
])  # fmt: skip
def test_each_narrowing_is_named_alone(at, value, id_):
    assert ids(changed(at, value)) == [id_]


@pytest.mark.parametrize(("at", "value"), [
    ("a.radius", 0.06),
    ("b.by", 600),
    ("b.step", 5),
    ("b.step", None),
    ("d.direction", None),
    ("c.values", ["x", "y", "z"]),
    ("c.values", None),
    ("constraints", None),
    ("constraints", ["b >= a"]),
    ("command", {"run": "sh propose.sh"}),
])  # fmt: skip
def test_what_allows_more_or_the_same_is_not_named(at, value):
    assert ids(changed(at, value)) == []


def test_units_for_a_share_may_be_less_and_are_named():
    units = {**WIDE, "columns": {**WIDE["columns"], "a": {"by": 3}}}
    assert ids(units) == ["columns.a.radius"]
    assert ids(WIDE, units) == ["columns.a.by"]
    fewer = {**WIDE, "columns": {"a": {"radius": 0.05}}}
    assert ids(fewer) == ["columns.b", "columns.c", "columns.d"]


def test_a_command_that_goes_or_changes_is_named_and_what_cannot_be_read_never_breaks():
    with_command = {**WIDE, "command": {"run": "sh a.sh"}}
    assert ids(WIDE, with_command) == ["command"]
    assert ids({**WIDE, "command": {"run": "sh b.sh"}}, with_command) == ["command"]
    assert ids({**WIDE, "constraints": ["a <= b", "nonsense"]}) == ["constraints"]
    assert ids({"columns": {"a": {"radius": "far"}}}) == [""]
    assert ids({"columns": [1, 2]}, {"columns": {"a": 3}}) == [""]
