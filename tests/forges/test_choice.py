"""Which forge is used: what was said, else what git's configuration says, else what the remote and a token tell."""

import pytest

from mlassay.errors import ConfigurationError
from mlassay.forges.gitea import GiteaForge
from mlassay.forges.github import GitHubForge
from mlassay.forges.local import LocalForge
from mlassay.git import Repository
from mlassay.wiring import forge, forge_kind, guarded, page, reviewing


@pytest.fixture
def repo(tmp_path, monkeypatch):
    for name in ("GITHUB_TOKEN", "GH_TOKEN", "GITEA_TOKEN", "GITHUB_ACTIONS", "GITEA_ACTIONS"):
        monkeypatch.delenv(name, raising=False)
    repo = Repository.init(tmp_path)
    repo.set_config("remote.origin.url", "git@github.com:team/x.git")
    return repo


def test_without_a_token_it_is_plain_git(repo):
    assert isinstance(forge(repo), LocalForge)
    assert reviewing(repo) is page(repo) is guarded(repo) is None


@pytest.mark.parametrize("name", ["GITHUB_TOKEN", "GH_TOKEN"])
def test_a_token_and_a_remote_on_github_make_it_github(repo, monkeypatch, name):
    monkeypatch.setenv(name, "made-up")
    assert isinstance(forge(repo), GitHubForge)


def test_a_token_alone_does_not(repo, monkeypatch):
    monkeypatch.setenv("GITHUB_TOKEN", "made-up")
    repo.set_config("remote.origin.url", "https://git.example/team/x.git")
    assert forge_kind(repo) == "local"


def test_what_is_said_goes_before_what_is_configured(repo, monkeypatch):
    monkeypatch.setenv("GITEA_TOKEN", "made-up")
    repo.set_config("remote.origin.url", "https://git.example/team/x.git")
    repo.set_config("mlassay.forge", "gitea")
    assert isinstance(forge(repo), GiteaForge)
    assert isinstance(forge(repo, "local"), LocalForge)


def test_where_giteas_runner_plays_githubs_its_token_is_giteas(repo, monkeypatch):
    repo.set_config("remote.origin.url", "https://git.example/team/x.git")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_TOKEN", "made-up")
    assert forge_kind(repo) == "github"
    monkeypatch.setenv("GITEA_ACTIONS", "true")
    assert isinstance(forge(repo), GiteaForge)
    monkeypatch.delenv("GITHUB_TOKEN")
    assert forge_kind(repo) == "local"


def test_a_forge_that_nobody_knows_is_refused(repo):
    repo.set_config("mlassay.forge", "gitub")
    with pytest.raises(ConfigurationError, match="gitub"):
        forge(repo)


def test_a_token_is_not_sent_in_the_clear(repo, monkeypatch):
    monkeypatch.setenv("GITEA_TOKEN", "made-up")
    repo.set_config("remote.origin.url", "http://git.example/team/x.git")
    with pytest.raises(ConfigurationError, match="not an https address"):
        forge(repo, "gitea")
