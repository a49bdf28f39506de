"""What people find when the forge does not do as asked: one sentence, a remedy, nothing half done, and a next run that goes on."""

import re

import pytest

from tests import factory
from tests.ci_extension.cutting import wire
from tests.ci_extension.hosted import OnGitea, OnGitHub, watched
from tests.servers.github.fixture import github
from tests.stages.promoting import SAID

__all__ = ["github"]
pytestmark = pytest.mark.ci_extension

ASK = ("promote", "staging", "--reason", "It refuses fewer people by mistake than before.")


@pytest.fixture(params=["github", "gitea"])
def house(tmp_path, request):
    """A team on either forge, whose main line is not protected: what is refused here is refused for another reason."""
    server = request.getfixturevalue(request.param)
    if request.param == "github":
        return OnGitHub(tmp_path / "house", server)
    return OnGitea(tmp_path / "house", server, protect=False)


def refused(done, *words):
    """Assert that a verb ended with exit code 4 and one clear error."""
    assert done.code == 4, f"{done.code}\n{done.said}"
    assert len(re.findall("^error: ", done.err, re.MULTILINE)) == 1, done.err
    assert "  do: " in done.err
    for word in words:
        assert word in done.err, done.err
    return done


def asking(house, **more):
    return house.run(*ASK, "--ci-key", house.key("desk.pem"), "--json", code=None, **more)


def opened(house):
    """Every pull request, and every branch of a request."""
    if isinstance(house, OnGitHub):
        return [pull for pull in house.home.pulls.values() if pull.state == "open"]
    return house.server.must("GET", f"{house.at}/pulls?state=open")


# The token


@pytest.mark.parametrize("verb", ["promote", "decide", "merge", "report"])
def test_an_expired_token_is_told_once_and_never_shown(house, verb):
    asked = house.promote()
    before, gone = house.tip(), "0123456789abcdef0123456789abcdef01234567"
    words = {
        "promote": (*ASK[:1], "production", *ASK[2:], "--ci-key", house.key("desk.pem")),
        "decide": ("decide", "--head", house.head(asked), "--post"),
        "merge": ("merge", asked),
        "report": ("report", "--head", house.head(asked)),
    }[verb]
    with watched(gone, *house.secrets()):
        told = refused(house.run(*words, token=gone, code=None))
    assert gone not in told.said
    assert "token" in told.err
    assert house.tip() == before
    house.assert_silent()


def test_a_token_that_may_only_read_writes_nothing(house):
    if isinstance(house, OnGitHub):
        reader = house.server.app("reader", permissions={"contents": "read", "pull_requests": "read"})
    else:
        reader = house.server.user(f"reader-{house.owner}")
    refused(asking(house, token=reader))
    assert not opened(house)
    asked = house.promote()
    told = refused(house.run("decide", "--head", house.head(asked), "--post", token=reader, code=None))
    assert "write" in told.err
    house.approve(asked)
    before = house.tip()
    refused(house.run("merge", asked, token=reader, code=None))
    assert house.tip() == before
    house.run("merge", asked)
    house.assert_silent()


# The request


def close(house, promotion):
    if isinstance(house, OnGitHub):
        next(pull for pull in house.home.pulls.values() if promotion in pull.branch).state = "closed"
        return
    house.server.must("PATCH", f"{house.at}/pulls/{house.pull(promotion)['number']}", {"state": "closed"})


def test_what_people_closed_is_neither_landed_nor_opened_again_behind_their_backs(house):
    asked = house.promote()
    house.approve(asked)
    close(house, asked)
    before = house.tip()
    refused(house.run("merge", asked, code=None), "closed")
    refused(asking(house), "closed", "open it again")
    assert house.tip() == before
    assert not opened(house)


def test_a_request_whose_branch_was_deleted_is_not_landed(house):
    asked = house.promote()
    before, branch = house.tip(), f"promotion/staging/{asked}"
    if isinstance(house, OnGitHub):
        from tests.servers.github import bare

        bare.run(house.home.bare, "update-ref", "-d", f"refs/heads/{branch}")
        house.server.pull(house.name, 1)
    else:
        house.server.must("DELETE", f"{house.at}/branches/{branch.replace('/', '%2F')}")
    refused(house.run("merge", asked, code=None), "closed")
    reason, risk = SAID["robin"]
    words = ("approve", asked, "--reason", reason, "--risk", risk, "--key", house.key("robin"))
    refused(house.run(*words, code=None), "closed")
    assert house.tip() == before
    assert asking(house).code == 0, "asked anew it is open again"
    assert len(opened(house)) == 1


def test_a_repository_that_was_renamed_is_called_by_its_new_name(house):
    asked = house.promote()
    new = "lending"
    if isinstance(house, OnGitHub):
        owner = house.name.partition("/")[0]
        house.server.rename(house.name, f"{owner}/{new}")
        url = f"{house.server.html}/{owner}/{new}.git"
    else:
        house.server.must("PATCH", house.at, {"name": new})
        url = f"{house.server.url}/{house.owner}/{new}.git"
    told = refused(house.run("decide", asked, code=None))
    assert "git remote set-url origin" in told.err
    refused(asking(house))
    house.team.repo.set_config("remote.origin.url", url)
    assert asking(house).json["already"]


# The server


CUTS = {
    "promote, at the push": ("promote", "POST .*git-receive-pack"),
    "promote, at the pull request": ("promote", "POST .*/pulls "),
    "merge": ("merge", "POST .*git-receive-pack"),
    "record": ("record", "POST .*git-receive-pack"),
}


@pytest.mark.parametrize("after", [False, True], ids=["before it is done", "after it is done"])
@pytest.mark.parametrize("cut", CUTS)
def test_a_server_that_goes_in_the_middle_leaves_nothing_that_the_next_run_does_not_finish(
    tmp_path, gitea, cut, after
):
    house = OnGitea(tmp_path / "house", gitea, protect=False)
    verb, at = CUTS[cut]
    words = (*ASK, "--ci-key", house.key("desk.pem"), "--json")
    if verb == "merge":
        asked = house.promote()
        house.approve(asked)
        words = ("merge", asked, "--json")
    elif verb == "record":
        run = factory.run_folder(house.team.project, seed=5)
        release = factory.sign_run(house.team.project, run).release.id
        words = ("record", "--run", str(run), "--json")
    before = house.tip()
    with wire(gitea.url) as line:
        house.team.repo.set_config("remote.origin.url", house.url.replace(gitea.url, line.url))
        house.team.repo.set_config("mlassay.forge-url", line.url)
        line.cut_at(at, after=after)
        with watched(*house.secrets()):
            refused(house.run(*words, code=None))
        assert line.is_cut
        line.mend()
        house.run(*words)
    house.team.repo.set_config("remote.origin.url", house.url)
    house.team.repo.set_config("mlassay.forge-url", house.server.url)
    assert len(opened(house)) == (1 if verb == "promote" else 0)
    fresh = house.fresh(tmp_path / "fresh")
    assert fresh.run("verify", "--json").json["valid"]
    added = house.server.git(
        house.token, "-C", str(fresh.folder), "rev-list", "--first-parent", f"{before}..HEAD"
    )
    assert len(added.split()) == (0 if verb == "promote" else 1)
    if verb == "record":
        assert (fresh.folder / "evidence" / release / "verdict.json").is_file()
    house.assert_silent(fresh.folder)


def test_a_pull_request_whose_answer_was_lost_on_github_is_found_and_not_made_twice(tmp_path, github):
    house = OnGitHub(tmp_path / "house", github)
    github.misbehave("POST …/pulls", "drop-after")
    assert not asking(house).json["already"]
    assert len(opened(house)) == 1
    github.misbehave("GET …/pulls", "error", times=30)
    refused(asking(house))
    github._serving.moods._set.clear()
    assert asking(house).json["already"]
    assert len(opened(house)) == 1
