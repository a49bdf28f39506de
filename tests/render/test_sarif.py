"""SARIF of a verdict: rules, results, places and fingerprints as version 2.1.0 has them, hostile text inert."""

from __future__ import annotations

import json
from dataclasses import replace
from urllib.parse import unquote

import pytest

from mlassay.evidence import Outcome
from mlassay.render.sarif import sarif
from tests.render import verdicts


def run_of(verdict):
    value = json.loads(sarif(verdict))
    assert value["version"] == "2.1.0"
    (run,) = value["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert len({rule["id"] for rule in rules}) == len(rules)
    for rule in rules:
        assert rule["help"]["text"]
        assert rule["shortDescription"]["text"]
        assert rule["helpUri"].startswith("https://")
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in ("error", "warning")
        assert result["message"]["text"]
        (location,) = result["locations"]
        place = location["physicalLocation"]
        assert place["region"]["startLine"] >= 1
        uri = place["artifactLocation"]["uri"]
        assert ":" not in uri
        assert ".." not in unquote(uri).split("/")
        assert all(isinstance(value, str) for value in result["partialFingerprints"].values())
    return run


def test_a_finding_stands_at_the_line_that_set_its_criterion():
    run = run_of(verdicts.FAILED)
    (result,) = run["results"]
    assert result["ruleId"] == "bias.selection_rate_ratio"
    assert result["level"] == "error"
    place = result["locations"][0]["physicalLocation"]
    assert (place["artifactLocation"]["uri"], place["region"]["startLine"]) == ("ml.yaml", 33)
    assert "mlassay explain bias.selection_rate_ratio" in run["tool"]["driver"]["rules"][0]["help"]["text"]


def test_what_passed_is_no_result_and_what_is_open_is_a_warning():
    assert run_of(verdicts.PASSED)["results"] == []
    open_ = verdicts.verdict(verdicts.bias(Outcome.INCONCLUSIVE, "0.9", "0.7", "1.0"))
    assert [result["level"] for result in run_of(open_)["results"]] == ["warning"]


def test_a_finding_keeps_its_fingerprint_when_its_line_and_its_numbers_move():
    def prints(verdict):
        return [result["partialFingerprints"] for result in run_of(verdict)["results"]]

    gate = verdicts.bias(Outcome.FAILED, "0.4", "0.3", "0.5")
    moved = replace(gate, findings=(replace(gate.findings[0], line=99, what="other words"),))
    other = replace(gate, findings=(replace(gate.findings[0], id="bias.selection_rate_ratio.single=yes"),))
    assert prints(verdicts.verdict(gate)) == prints(verdicts.verdict(moved))
    assert prints(verdicts.verdict(gate)) != prints(verdicts.verdict(other))
    assert prints(verdicts.verdict(gate)) != prints(verdicts.verdict(gate, name="another"))


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../../x", "https://evil.example/x", "a\nb", "", ".git/config"]
)
def test_a_place_outside_the_repository_is_never_named(path):
    gate = verdicts.bias(Outcome.FAILED, "0.4", "0.3", "0.5")
    outside = replace(gate, findings=(replace(gate.findings[0], path=path, line=-3),))
    place = run_of(verdicts.verdict(outside))["results"][0]["locations"][0]["physicalLocation"]
    assert (place["artifactLocation"]["uri"], place["region"]["startLine"]) == ("ml.yaml", 1)


def test_a_path_that_reads_like_an_address_is_none():
    gate = verdicts.bias(Outcome.FAILED, "0.4", "0.3", "0.5")
    odd = replace(gate, findings=(replace(gate.findings[0], path="javascript:alert(1)"),))
    place = run_of(verdicts.verdict(odd))["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "javascript%3Aalert%281%29"


def test_hostile_text_is_inert_capped_and_the_same_each_time():
    text = sarif(verdicts.evil())
    run_of(verdicts.evil())
    assert "\\u001b" not in text
    assert "\\u202e" not in text
    assert "::error::" not in text
    assert text == sarif(verdicts.evil())
    huge = verdicts.bias(Outcome.FAILED, "0" * 10_000_000, "0", "1")
    assert len(sarif(verdicts.verdict(huge))) < 10_000
