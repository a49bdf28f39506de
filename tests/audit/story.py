"""A main line with one of everything: releases, a promotion, a waiver, a change of policy; made by the public verbs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from mlassay.evidence.verdict import Outcome
from tests import factory

REASON = "I read the report and its numbers, and the ratio holds for both groups."
WHY = "It sends fewer people by mistake to a second look than a person alone does."
RISK = "It may refuse people whose income varies much over the year."


def mlassay(folder: Path, *arguments: str, code: int = 0) -> str:
    """Run a verb in ``folder`` and give what it prints."""
    command = [sys.executable, "-m", "mlassay", *arguments, "-C", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def git(folder: Path, *arguments: str, data: bytes | None = None) -> str:
    """Run git in ``folder`` and give what it prints, stripped."""
    done = subprocess.run(["git", *arguments], cwd=folder, input=data, capture_output=True, check=True)
    return done.stdout.decode().strip()


def play(folder: Path, *, forked: bool = False) -> dict[str, str]:
    """Play it below ``folder``: ``remote.git``, ``team`` and ``keys``; ids by what they are."""
    project = factory.make(folder, remote=True, forked=forked)
    team, keys = project.folder, project.keys
    passed = factory.record(project).release.id
    unsure = factory.record(project, outcome=Outcome.INCONCLUSIVE, seed=2).release.id
    until = ("--until", "2027-01-15", "--reason", "Too few rows of group b to settle it before spring.")
    mlassay(team, "waive", "bias", unsure, *until, "--key", str(keys / "lee"))
    asked = mlassay(
        team, "promote", "staging", passed, "--reason", WHY, "--key", str(keys / "dana"), "--json"
    )
    promotion = json.loads(asked)["promotion"]
    mlassay(team, "approve", promotion, "--reason", REASON, "--risk", RISK, "--key", str(keys / "robin"))
    mlassay(team, "merge", promotion)
    git(team, "pull", "-q", "--ff-only")
    policy = team / "governance/policy.yaml"
    policy.write_text(policy.read_text() + "# read by everybody\n")
    asked = mlassay(team, "propose", "--reason", WHY, "--key", str(keys / "dana"), "--json")
    change = json.loads(asked)["change"]
    mlassay(team, "approve", change, "--reason", REASON, "--risk", RISK, "--key", str(keys / "lee"))
    mlassay(team, "merge", change)
    git(team, "checkout", "-q", "--", "governance")
    git(team, "pull", "-q", "--ff-only")
    return {"passed": passed, "unsure": unsure, "promotion": promotion, "change": change}
