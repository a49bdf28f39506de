"""What a forge should enforce: each thing missing is named, alone, and nothing unseen counts as there."""

from __future__ import annotations

import dataclasses

import pytest

from mlassay.ports import Place, Protection, RequiredCheck
from mlassay.stages.guarding import ACTIONS_APP, CHECK, DESK, SIGN, guards

GOOD = Protection(
    forge="GitHub",
    repository="acme/mortgage",
    branch="main",
    page="https://github.com/acme/mortgage/settings",
    protected=True,
    force_push=False,
    deletion=False,
    pull_request=True,
    checks=(RequiredCheck(CHECK, 4711),),
    bypass=("Integration 4711", "DeployKey"),
    places=(
        Place(SIGN, ("main",), frozenset({"MLASSAY_SIGNING_KEY"})),
        Place(DESK, ("main",), frozenset({"MLASSAY_DESK_KEY"})),
    ),
    secrets=frozenset({"SLACK"}),
    token_writes=False,
)


def missing(**change) -> list[str]:
    return [each.name for each in guards(dataclasses.replace(GOOD, **change)) if not each.met]


def test_one_that_enforces_everything_lacks_nothing():
    assert missing() == []


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"protected": False}, "protection"),
        ({"force_push": True}, "force-push"),
        ({"deletion": True}, "deletion"),
        ({"pull_request": False}, "pull-request"),
        ({"checks": ()}, "required-check"),
        ({"checks": (RequiredCheck("build", 4711),)}, "required-check"),
        ({"checks": (RequiredCheck(CHECK),)}, "required-check"),
        ({"checks": (RequiredCheck(CHECK, ACTIONS_APP),)}, "required-check"),
        ({"checks": (RequiredCheck(CHECK, 4711), RequiredCheck(CHECK, 0))}, "required-check"),
        ({"bypass": ("RepositoryRole 5",)}, "bypass"),
        ({"bypass": ("administrators (branch protection)",)}, "bypass"),
        ({"bypass": None}, "bypass"),
        ({"places": GOOD.places[1:]}, f"environment {SIGN}"),
        ({"places": (GOOD.places[0], Place(DESK, None))}, f"environment {DESK}"),
        ({"places": (Place(SIGN, ("main", "*")), GOOD.places[1])}, f"environment {SIGN}"),
        ({"places": None, "unknown": ("environments",)}, "environments"),
        ({"secrets": frozenset({"MLASSAY_SIGNING_KEY"})}, "secrets"),
        ({"secrets": None}, "secrets"),
        ({"token_writes": True}, "workflow-token"),
        ({"token_writes": None, "unknown": ("default workflow permissions",)}, "workflow-token"),
        ({"force_push": None}, "force-push"),
        ({"checks": None}, "required-check"),
    ],
)
def test_each_thing_that_lacks_is_named_with_its_remedy(change, name):
    assert missing(**change) == [name]
    assert all(each.remedy for each in guards(dataclasses.replace(GOOD, **change)) if not each.met)


def test_a_forge_without_environments_and_sources_is_not_blamed_for_it():
    change = {"forge": "Gitea", "places": None, "token_writes": None, "checks": (RequiredCheck(CHECK),)}
    assert missing(**change) == []
