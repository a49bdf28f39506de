from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from mlassay.errors import Problem
from mlassay.files import check, read_yaml, schema, schema_names


def problems(text: str, name: str = "policy") -> list[Problem]:
    return check(read_yaml("x.yaml", text.encode()), name)


def told(found: list[Problem], words: str) -> Problem:
    return next(problem for problem in found if words in problem.what)


@pytest.mark.parametrize("name", schema_names())
def test_each_schema_is_one_and_describes_every_key(name: str) -> None:
    Draft202012Validator.check_schema(schema(name))
    assert schema(name)["properties"]["version"] == {
        "const": 1,
        "description": "The version of this format; 1 is the only one.",
    }
    assert [at for at, part in parts(schema(name), name) if "description" not in part] == []


def parts(part: Any, at: str) -> Iterator[tuple[str, Any]]:
    if isinstance(part, dict):
        for key, value in part.get("properties", {}).items():
            if set(value) != {"$ref"}:
                yield f"{at}.{key}", value
        for key, value in part.items():
            yield from parts(value, f"{at}.{key}")


def test_the_names_hold_every_file_that_people_write_and_no_part_of_one() -> None:
    assert {"environment", "manifest", "ml", "people", "policy"} <= set(schema_names())
    assert not [name for name in schema_names() if name.startswith("_")]


def test_a_number_in_quotes_is_told_by_its_path_and_line() -> None:
    problem = told(
        problems('version: 1\nfloors:\n  bias:\n    selection_rate_ratio: {min: "0.8"}\n'), "ratio"
    )
    assert problem.what == 'floors.bias.selection_rate_ratio.min must be a number, not "0.8"'
    assert (problem.path, problem.line) == ("x.yaml", 4)
    assert "quotes" in problem.remedy


def test_an_unknown_key_gets_a_suggestion_and_the_known_keys() -> None:
    problem = told(problems("versio: 1\nwaivers:\n  dayz: 3\n"), "waivers.dayz")
    assert problem.line == 3
    assert problem.remedy == "did you mean 'days'? known here: days, failed, inconclusive"


def test_all_problems_come_at_once_in_the_order_of_lines() -> None:
    found = problems("version: 2\nminimum_risk: modest\nwaivers: 3\n")
    assert [problem.line for problem in found] == sorted(problem.line or 0 for problem in found)
    assert told(found, "minimum_risk").remedy.startswith("did you mean 'moderate'?")
    assert told(found, "waivers must be a mapping")
    assert told(found, "'environments' is missing").why


def test_true_where_text_is_expected_says_to_quote_it() -> None:
    found = problems("version: 1\nenvironments: [true, 1]\n")
    assert told(found, "environments.0").remedy == 'quote it: "true"'
    assert told(found, "environments.1").remedy == 'quote it: "1"'


def test_no_where_true_or_false_is_expected_says_so() -> None:
    assert "write false" in told(problems("version: 1\ndemo: no\n"), "demo").remedy


@pytest.mark.parametrize("spelling", ["1_0", "010", "0x1F", "1:30", ".nan"])
def test_a_number_that_programs_read_differently_is_no_number(spelling: str) -> None:
    found = problems(f"version: 1\nwaivers: {{inconclusive: [], failed: [], days: {spelling}}}\n")
    assert told(found, "waivers.days").what == f'waivers.days must be a whole number, not "{spelling}"'


def test_a_newline_at_the_end_of_a_name_is_not_overlooked() -> None:
    assert told(problems('version: 1\nenvironments: ["staging\\n"]\n'), "environments.0")
    assert not [p for p in problems('version: 1\nenvironments: ["staging"]\n') if "environments" in p.what]


def test_hundreds_of_problems_are_cut_and_counted() -> None:
    found = problems("version: 1\n" + "".join(f"k{n}: 1\n" for n in range(300)))
    assert len(found) == 51
    assert "more problems" in found[-1].what
