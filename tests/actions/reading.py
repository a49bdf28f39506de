"""The YAML of actions and workflows, as tests look at it."""

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
ACTIONS = ROOT / "actions"
REUSABLE = sorted((ROOT / ".github/workflows").glob("ml-*.yml"))
TEMPLATE = sorted((ROOT / "template/.github/workflows").glob("*.yml"))


class _Loader(yaml.SafeLoader):
    """YAML as GitHub reads it: `on` is a word, not a truth value."""


_Loader.yaml_implicit_resolvers = {
    first: [rule for rule in rules if rule[0] != "tag:yaml.org,2002:bool" or first in "tTfF"]
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read(path: Path) -> dict[str, Any]:
    """One YAML file."""
    return yaml.load(path.read_text(), _Loader)


def action(name: str) -> dict[str, Any]:
    """One of our actions."""
    return read(ACTIONS / name / "action.yml")


def jobs(paths: list[Path]) -> list[tuple[str, dict[str, Any]]]:
    """``(file and job, job)`` of every job of these workflows."""
    return [(f"{path.name}:{name}", job) for path in paths for name, job in read(path)["jobs"].items()]


def verbs(job: dict[str, Any]) -> list[str]:
    """The verbs of ours that a job runs."""
    used = [step.get("uses", "") for step in job.get("steps", ())]
    return [
        uses.split("@")[0].rsplit("/", 1)[1] for uses in used if uses.startswith("mlassay/mlassay/actions/")
    ]
