"""What `doctor` reads: protection in both its forms, environments, names of secrets, Apps and their tokens."""

from __future__ import annotations

import github as pygithub
import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.servers.github.fixture import github
from tests.servers.github.world import NAME, World, client

__all__ = ["github"]
pytestmark = pytest.mark.ci_extension


@pytest.fixture
def world(github, tmp_path):
    world = World(github, tmp_path)
    github.permit(NAME, "lee", "admin")
    return world


def get(world, path, token=None):
    headers = {"Authorization": f"Bearer {token or world.lee}"}
    return requests.get(f"{world.github.url}/repos/{NAME}{path}", headers=headers, timeout=5)


def test_classic_protection_is_told_as_it_was_set(world):
    branch = world.repo().get_branch("main")
    with pytest.raises(pygithub.GithubException, match="not protected"):
        branch.get_protection()
    world.github.protect(
        NAME,
        reviews=2,
        checks=["mlassay/decide"],
        app=world.app,
        push=[world.app, "sam"],
        style="branch",
        strict=True,
    )
    found = world.repo().get_branch("main").get_protection()
    assert found.required_pull_request_reviews.required_approving_review_count == 2
    assert found.required_status_checks.strict
    assert [(one.context, one.app_id) for one in found.required_status_checks.checks] == [
        ("mlassay/decide", world.app.account.app.id)
    ]
    assert found.enforce_admins
    assert not found.allow_force_pushes
    raw = get(world, "/branches/main/protection").json()["restrictions"]
    assert [one["login"] for one in raw["users"]] == ["sam"]
    assert [one["slug"] for one in raw["apps"]] == ["mlassay"]


def test_a_ruleset_is_told_as_it_was_set_and_who_gets_past_it_only_to_administrators(world):
    rule = world.github.protect(NAME, reviews=1, checks=["mlassay/decide"], app="mlassay", push=[world.app])
    rules = {one["type"]: one for one in get(world, "/rules/branches/main").json()}
    assert set(rules) == {"deletion", "non_fast_forward", "pull_request", "required_status_checks"}
    checks = rules["required_status_checks"]["parameters"]["required_status_checks"]
    number = world.app.account.app.id
    assert checks == [{"context": "mlassay/decide", "integration_id": number}]
    assert [one["id"] for one in get(world, "/rulesets").json()] == [rule.id]
    whole = get(world, f"/rulesets/{rule.id}")
    assert whole.json()["bypass_actors"] == [
        {"actor_id": number, "actor_type": "Integration", "bypass_mode": "always"}
    ]
    assert "bypass_actors" not in get(world, f"/rulesets/{rule.id}", world.sam).json()
    assert get(world, "/rules/branches/promote/x").json() == []
    assert get(world, "/branches/main/protection").status_code == 404


def test_environments_their_branches_and_the_names_of_their_secrets(world):
    world.github.environment(
        NAME, "mlassay-sign", branches=["main"], secrets=["MLASSAY_SIGNING_KEY"], reviewers=["sam"]
    )
    world.github.environment(NAME, "open", secrets=["MLASSAY_DESK_KEY"])
    world.github.secret(NAME, "LEFT_OUTSIDE")
    repo = world.repo()
    sign = repo.get_environment("mlassay-sign")
    assert sign.deployment_branch_policy.custom_branch_policies
    assert {rule.type for rule in sign.protection_rules} == {"branch_policy", "required_reviewers"}
    assert repo.get_environment("open").deployment_branch_policy is None
    assert repo.get_environments().totalCount == 2
    assert [one.name for one in sign.get_secrets()] == ["MLASSAY_SIGNING_KEY"]
    assert [one.name for one in repo.get_secrets()] == ["LEFT_OUTSIDE"]
    policies = get(world, "/environments/mlassay-sign/deployment-branch-policies").json()["branch_policies"]
    assert [one["name"] for one in policies] == ["main"]
    assert get(world, "/environments/none").status_code == 404


def test_what_workflows_may_do_is_told_to_administrators(world):
    assert get(world, "/actions/permissions/workflow").json() == {
        "default_workflow_permissions": "read",
        "can_approve_pull_request_reviews": False,
    }
    assert get(world, "/actions/permissions").json()["enabled"]
    assert get(world, "/actions/permissions", world.sam).status_code == 404
    assert get(world, "/branches/main/protection", world.app).status_code == 403


def test_an_apps_key_buys_a_token_for_its_installation(world):
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    world.github.app("desk", id=77, public_key=pem)
    auth = pygithub.Auth.AppAuth(77, private)
    hub = pygithub.GithubIntegration(auth=auth, base_url=world.github.url)
    installation = hub.get_repo_installation("acme", "mortgage")
    token = hub.get_access_token(installation.id, permissions={"checks": "write"})
    assert token.permissions == {"checks": "write", "metadata": "read"}
    desk = pygithub.Github(auth=pygithub.Auth.Token(token.token), base_url=world.github.url, retry=None)
    assert desk.get_repo(NAME).create_check_run("mlassay/decide", world.first).app.slug == "desk"
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    forged = pygithub.GithubIntegration(
        auth=pygithub.Auth.AppAuth(77, other.decode()), base_url=world.github.url, retry=None
    )
    with pytest.raises(pygithub.GithubException) as caught:
        forged.get_repo_installation("acme", "mortgage")
    assert caught.value.status == 401


def test_an_apps_token_is_no_user_and_learns_who_it_is_from_graphql(world):
    with pytest.raises(pygithub.GithubException) as caught:
        client(world.github, world.app).get_user().login  # noqa: B018  the property calls
    assert caught.value.status == 403
    answer = requests.post(
        f"{world.github.html}/api/graphql",
        json={"query": "{viewer{login databaseId}}"},
        headers={"Authorization": f"Bearer {world.app}"},
        timeout=5,
    )
    assert answer.json()["data"]["viewer"] == {"login": "mlassay[bot]", "databaseId": world.app.account.id}
