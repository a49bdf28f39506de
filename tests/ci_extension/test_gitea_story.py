"""From a pull request to production on a real Gitea: what it enforces, what people do there, and what is left in git."""

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from mlassay.forges._address import Address
from mlassay.forges._patience import Patience
from mlassay.forges.gitea import GiteaForge
from mlassay.git import Credential, Repository
from mlassay.ports import Check
from mlassay.stages.promote import promote
from mlassay.stages.requests import Desk
from mlassay.wiring import verifiers
from tests import factory
from tests.ci_extension.hosted import CHECK, FromTemplate, OnGitea, press
from tests.stages.promoting import SAID

pytestmark = pytest.mark.ci_extension


@pytest.fixture
def house(tmp_path, gitea):
    return OnGitea(tmp_path, gitea)


def decided(house, promotion, environment="staging"):
    """Have the desk decide about the head of a promotion and post that; whether it said yes."""
    done = house.run("decide", "--head", house.head(promotion, environment), "--post", "--json", code=None)
    assert done.code in (0, 1), done.said
    return done.json


def unmet(answer):
    return {demand["id"] for demand in answer["demands"] if not demand["met"]}


def verified(house, folder):
    """What `verify` says in a new clone."""
    return house.fresh(folder).run("verify", "--json").json


# From the template to production

SAID_IN_PRODUCTION = {
    "robin": "Reason: I read both reports beside each other, line by line.\nRisk: Rural applicants are few in it.",
    "lee": "Reason: The board wants the doubtful ones seen first.\nRisk: A downturn would age the labels.",
}
ANSWERS = {
    "robin": "It favours those with a high income; applicants from thin files bear most of its errors.",
    "lee": "Salaried people gain by it, and whoever was refused wrongly waits for a second look.",
}


def test_the_template_goes_from_a_strangers_pull_request_to_production(tmp_path, gitea, stage):
    house = FromTemplate(tmp_path, gitea)
    runner = {"GITEA_ACTIONS": "true"}  # as Gitea's own runner tells

    # A stranger proposes a better model from a copy of their own; its run has a token that may do nothing.
    head, pull = house.proposed()
    played = stage.play(
        house.folder, "pull_request", house.event(pull, head), "pull-request.yml", None, runner
    )
    assert played.code == 0, played.log
    artifact = played.artifacts / "mlassay-test"
    stranger = ("--head", head, "--head-repository", pull["head"]["repo"]["full_name"])
    (tmp_path / "run").mkdir()
    artifact.rename(tmp_path / "run/test")
    house.git("switch", "--quiet", "main")
    for _ in range(2):
        assert house.run("report", "--run", str(tmp_path / "run"), *stranger, "--json").json["posted"]
    (comment,) = gitea.must("GET", f"{house.at}/issues/{pull['number']}/comments")
    assert comment["user"]["login"] == house.names["desk"]
    assert "passed" in comment["body"]
    assert press(gitea, house.at, pull, house.tokens["lee"]).status == 405, "the check has to be there first"
    house.run("decide", "--head", head, "--post")
    assert press(gitea, house.at, pull, house.tokens["lee"]).status == 200

    # The main line: signed, recorded on Gitea past the protection, and asked for.
    house.git("pull", "--quiet")
    secrets = {
        "MLASSAY_SIGNING_KEY": (house.keys / "mlassay-ci.pem").read_text(),
        "MLASSAY_DESK_KEY": (house.keys / "mlassay-desk.pem").read_text(),
        "GITHUB_TOKEN": house.token,
    }
    push = {
        "ref": "refs/heads/main",
        "after": house.tip(),
        "repository": house.event(pull, head)["repository"],
    }
    released = stage.play(house.folder, "push", push, "main.yml", secrets, runner)
    assert released.code == 0, released.log
    house.told.append(released.log)
    assert not [key for key in secrets.values() if key.splitlines()[-1] in released.log]
    house.git("pull", "--quiet")
    (evidence,) = (house.folder / "evidence").iterdir()
    verdict = (evidence / "verdict.json").read_bytes()
    assert verdict == (tmp_path / "run/test/verdict.json").read_bytes(), (
        "the pull request's own run said the same"
    )
    house.run("run", "--run", str(tmp_path / "here"))
    assert verdict == (tmp_path / "here/test/verdict.json").read_bytes(), "and this machine does"

    # Staging takes a signature, production two reviews.
    (asked,) = gitea.must("GET", f"{house.at}/pulls?state=open")
    promotion = asked["head"]["ref"].rpartition("/")[2]
    assert evidence.name in asked["title"] + asked["body"]
    house.approve(promotion, answers=[f"{each}={ANSWERS['lee']}" for each in house.questions(promotion)])
    assert decided(house, promotion)["allowed"]
    house.run("merge", promotion)
    desk = ("--ci-key", str(house.keys / "mlassay-desk.pem"))
    second = house.run("promote", "production", *desk, "--json").json["promotion"]
    for who, body in SAID_IN_PRODUCTION.items():
        answers = [f"Answer {each}: {ANSWERS[who]}" for each in house.questions(second, "production")]
        house.review(second, who, body="\n".join([body, *answers]))
    assert decided(house, second, "production")["allowed"]
    assert house.button(second, "lee").status == 200
    house.run("record", "--reviews", second, *desk)
    assert verified(house, tmp_path / "auditor")["valid"]
    auditor = Repository.open(tmp_path / "auditor")
    assert promotion in auditor.read(house.tip(), "environments/staging.yaml").decode()
    assert second in auditor.read(house.tip(), "environments/production.yaml").decode()
    house.assert_silent(tmp_path / "auditor")


# What Gitea refuses, as decide does


def test_a_signed_promotion_lands_by_mlassay_and_a_reviewed_one_by_giteas_own_button(house, tmp_path):
    first = house.promote()
    assert "How to answer" in house.pull(first)["body"]
    assert unmet(decided(house, first)) == {"approvals"}
    refused = house.button(first)
    assert refused.status == 405, refused.text
    assert house.approve(first).code == 0
    assert house.button(first).status == 405, "the green check must be of the newest commit"
    assert decided(house, first)["allowed"]
    landed = house.run("merge", first, "--json").json
    assert landed["commit"] == house.tip()
    assert verified(house, tmp_path / "signed")["valid"]

    second = house.promote(environment="production")
    for who in ("robin", "lee"):
        assert not decided(house, second, "production")["allowed"]
        house.review(second, who)
    assert decided(house, second, "production")["allowed"]
    pressed = house.button(second)
    assert pressed.status == 200, pressed.text
    assert house.pull(second)["merged"]
    missing = house.fresh(tmp_path / "unrecorded").run("verify", code=3)
    assert f"mlassay record --reviews {second}" in missing.said
    recorded = house.run("record", "--reviews", second, "--ci-key", house.key("desk.pem"), "--json").json
    assert {each["state"] for each in recorded["recorded"][0]["reviews"]} == {"approved"}
    assert verified(house, tmp_path / "reviewed")["valid"]
    assert (
        house.run("record", "--reviews", "*", "--ci-key", house.key("desk.pem"), "--json").json["recorded"]
        == []
    )
    house.assert_silent(tmp_path / "reviewed")


@pytest.mark.parametrize("method", ["squash", "rebase", "rebase-merge"])
def test_each_of_giteas_ways_to_merge_leaves_what_verifies(house, tmp_path, method):
    promotion = house.promote()
    house.review(promotion, "robin")
    assert decided(house, promotion)["allowed"]
    pressed = house.button(promotion, method=method)
    assert pressed.status == 200, pressed.text
    house.run("record", "--reviews", promotion, "--ci-key", house.key("desk.pem"))
    assert verified(house, tmp_path / "clone")["valid"]


def test_somebody_without_a_right_to_push_merges_by_gitea_and_never_without_the_check(house, tmp_path):
    promotion = house.promote()
    house.approve(promotion)
    told = house.run("merge", promotion, token=house.tokens["robin"], code=4)
    assert "the main line is protected" in told.said
    before = house.tip()
    assert decided(house, promotion)["allowed"]
    assert house.tip() == before
    house.run("merge", promotion, token=house.tokens["robin"])
    assert house.pull(promotion)["merged"]
    assert verified(house, tmp_path / "clone")["valid"]


def test_a_push_past_the_pull_request_is_refused_to_all_but_the_desk(house):
    house.team.project.folder.joinpath("README.md").write_text("more\n")
    repo = house.team.repo
    repo.add_and_commit(["README.md"], "Say more", author=factory.project.AUTHOR)
    for who, taken in (("lee", False), ("desk", True)):
        push = ["git", "-C", str(house.folder), "push", "--quiet", "origin", "HEAD:main"]
        environment = house.environment() | house.credentials(house.tokens[who])
        done = subprocess.run(push, env=environment, capture_output=True, text=True, check=False)
        assert (done.returncode == 0) is taken, done.stderr


# What a review is worth


def test_a_review_of_an_older_commit_does_not_count(house):
    promotion = house.promote()
    house.review(promotion, "robin")
    assert decided(house, promotion)["allowed"]
    old = house.head(promotion)
    repo = house.team.repo
    repo.authenticate(Credential(house.server.url, "x-access-token", house.token))
    repo.fetch("origin")
    repo.push("origin", empty(repo, old), f"refs/heads/promotion/staging/{promotion}", old)
    assert house.head(promotion) != old
    house.server.eventually("GET", f"{house.at}/commits/{house.head(promotion)}/status")
    answer = decided(house, promotion)
    assert unmet(answer) == {"approvals"}
    assert f"it was of {old[:12]}" in json.dumps(answer)
    assert house.button(promotion).status == 405
    house.review(promotion, "robin")
    assert decided(house, promotion)["allowed"]


def empty(repo, head):
    """A commit on ``head`` that changes nothing: Gitea itself leaves a review standing then."""
    when = repo.commit(head).time
    return repo.write_commit(head, {}, message="Nothing\n", author=factory.project.AUTHOR, when=when)


def test_a_review_that_was_dismissed_does_not_count(house):
    promotion = house.promote()
    review = house.review(promotion, "robin")
    assert decided(house, promotion)["allowed"]
    pull = house.pull(promotion)["number"]
    path = f"{house.at}/pulls/{pull}/reviews/{review['id']}/dismissals"
    house.server.must("POST", path, {"message": "It was of another model"})
    assert "approvals" in unmet(decided(house, promotion))
    assert house.button(promotion).status == 405
    house.run("merge", promotion, code=1)


def test_a_review_that_asks_for_changes_blocks_until_it_is_taken_back(house):
    promotion = house.promote()
    house.review(promotion, "robin")
    house.review(promotion, "lee", "REQUEST_CHANGES", "Reason: The interval is too wide for so few rows.")
    assert unmet(decided(house, promotion)) == {"refusals"}
    assert house.button(promotion).status == 405
    house.review(promotion, "lee")
    assert decided(house, promotion)["allowed"]


def test_whoever_asks_or_brings_no_words_does_not_count(house):
    promotion = house.promote()
    house.review(promotion, "robin", body="LGTM")
    assert unmet(decided(house, promotion)) == {"approvals"}
    house.server.user("passerby")
    house.server.collaborator(house.owner, house.name, "passerby")
    wish = {"event": "APPROVED", "body": f"Reason: {SAID['lee'][0]}\nRisk: {SAID['lee'][1]}"}
    path = f"{house.at}/pulls/{house.pull(promotion)['number']}/reviews"
    house.server.must("POST", path, wish, token=house.server.user("passerby"))
    assert unmet(decided(house, promotion)) == {"approvals"}
    house.review(promotion, "lee")
    assert decided(house, promotion)["allowed"]


# Many at once

RACERS = 20


def opened(house, environment, release):
    """A promotion that somebody signed for and whose check is green, by the stages themselves: twenty are many."""
    forge = forge_of(house)
    desk = Desk(house.team.repo, forge, verifiers(), reviewing=forge, reviews_on="gitea")
    team = house.team
    asked = promote(desk, team.key("dana"), environment, release, reason="It refuses fewer by mistake.")
    team.desk = desk
    for who in ("robin", "lee") if environment == "production" else ("robin",):
        assert not team.say(asked.name.id, who).no
    return asked.name.id


def forge_of(house):
    house.team.repo.authenticate(Credential(house.server.url, "x-access-token", house.token))
    address = Address(house.server.url, f"{house.server.url}/api/v1", f"{house.owner}/{house.name}")
    quick = Patience(between_requests=0, between_writes=0, pause=0.1, memory=0)
    return GiteaForge(house.team.repo, address, house.token, quick)


def test_of_twenty_racing_promotions_one_lands_for_each_pointer_and_the_others_are_told(tmp_path, gitea):
    house = OnGitea(tmp_path, gitea, releases=RACERS)
    first, *releases = house.releases
    house.run("merge", opened(house, "staging", first))
    asked = {opened(house, "production", first): "production"}
    asked |= {opened(house, "staging", release): "staging" for release in releases}
    forge = forge_of(house)
    for promotion, environment in asked.items():
        forge.check(house.head(promotion, environment), Check(CHECK, True, "every demand is met", ""))

    # Half of them push, as the desk may; the others have Gitea merge: both ways race each other.
    clones = [house.fresh(tmp_path / f"racer-{number}") for number in range(RACERS)]
    tokens = [house.token if number % 2 else house.tokens["robin"] for number in range(RACERS)]

    def race(place):
        clone, token, promotion = place
        return promotion, clone.run("merge", promotion, "--json", code=None, token=token)

    with ThreadPoolExecutor(RACERS) as pool:
        ends = dict(pool.map(race, zip(clones, tokens, asked, strict=True)))

    won = {promotion for promotion, done in ends.items() if done.code == 0}
    assert sorted(asked[promotion] for promotion in won) == ["production", "staging"]
    for promotion in asked.keys() - won:
        done = ends[promotion]
        assert done.code in (1, 4), done.said
        told = done.json["winner"] or unmet(done.json) if done.code == 1 else "error: " in done.err
        assert told, done.said
    shown = house.fresh(tmp_path / "after")
    status = shown.run("status", "--json").json
    assert verified(house, tmp_path / "audited")["valid"]
    assert sum(promotion in json.dumps(status) for promotion in asked.keys() - won) == RACERS - 2, (
        "none is lost"
    )
    tree = Repository.open(tmp_path / "after")
    landed = {path.split("/")[2] for path in tree.tree(house.tip(), "promotions")}
    assert landed & asked.keys() == won
