from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mlassay.config import (
    Environment,
    EnvironmentRelease,
    dump_environment,
    environment_mapping,
    load_environment,
)
from mlassay.config.environment import _read, _usual
from mlassay.errors import ConfigurationError
from mlassay.files import read_yaml

ONE = EnvironmentRelease("20261121-5e6f7a8b", "sha256:" + "5e6f7a8b" * 8, "1" * 64, "evidence/x/model.onnx")
ENVIRONMENT = Environment(
    "production", "live", datetime(2026, 11, 21, 9, tzinfo=UTC), "20261121-5e6f7a8b-1", (ONE,)
)


def test_what_is_written_is_read_back_the_same() -> None:
    data = dump_environment(ENVIRONMENT)
    assert load_environment("environments/production.yaml", data) == ENVIRONMENT
    assert dump_environment(load_environment("x", data)) == data
    assert ENVIRONMENT.live is ONE


def test_other_programs_read_the_same_text() -> None:
    read = yaml.safe_load(dump_environment(ENVIRONMENT))
    assert read["since"] == "2026-11-21T09:00:00Z"
    assert read["releases"][0]["model"] == {"sha256": "1" * 64, "url": "evidence/x/model.onnx"}


def test_another_share_is_a_diff_of_one_line() -> None:
    before = dump_environment(ENVIRONMENT).splitlines()
    after = dump_environment(replace(ENVIRONMENT, releases=(replace(ONE, share=50),))).splitlines()
    assert len(before) == len(after)
    assert sum(a != b for a, b in zip(before, after, strict=True)) == 1


def outcome(read, data: bytes) -> object:
    try:
        return read("environments/production.yaml", data)
    except ConfigurationError:
        return "refused"


WHOLE = dump_environment(replace(ENVIRONMENT, promotion="20261121-5e6f7a8b"))


def test_mlassays_own_spelling_is_read_without_a_yaml_parser() -> None:
    assert _usual(WHOLE) == _read("x", WHOLE)
    assert environment_mapping(_read("x", WHOLE)) == read_yaml("x", WHOLE).value


@given(st.integers(0, len(WHOLE) - 1), st.binary(max_size=3), st.integers(0, 3))
def test_whatever_is_read_without_one_is_what_yaml_says(at: int, put: bytes, cut: int) -> None:
    data = WHOLE[:at] + put + WHOLE[at + cut :]
    if (usual := _usual(data)) is not None:
        assert usual == outcome(_read, data)


@pytest.mark.parametrize("word", ["no", "null", "true", "y", "on", "0123", "1e5", "a\n"])
@pytest.mark.parametrize("old", ["production", "evidence/x/model.onnx", "20261121-5e6f7a8b", "1" * 64, "100"])
def test_words_that_are_no_text_in_yaml_are_left_to_it(old: str, word: str) -> None:
    data = WHOLE.replace(old.encode(), word.encode())
    assert outcome(load_environment, data) == outcome(_read, data)


@given(st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), min_size=1, max_size=40))
def test_any_promotion_and_place_survive(text: str) -> None:
    changed = replace(ENVIRONMENT, promotion=text, releases=(replace(ONE, model_url=text),))
    assert load_environment("x", dump_environment(changed)) == changed


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("role: live", "role: shadow", "0 releases are live"),
        ("state: live", "state: gone", "state is"),
        ("share: 100", "share: 101", "share is 101"),
        ("sha256:5e", "sha256:zz", "digest is"),
        ("T09:00:00Z", "T25:00:00Z", "no time"),
    ],
)
def test_a_pointer_that_points_nowhere_is_refused(old: str, new: str, words: str) -> None:
    text = dump_environment(ENVIRONMENT).decode()
    assert old in text
    with pytest.raises(ConfigurationError, match=words):
        load_environment("x", text.replace(old, new).encode())
