"""Where a forge is, told from a remote's address; a token goes only where somebody said that it belongs."""

import pytest

from mlassay.ci import ForgeAccess
from mlassay.errors import ConfigurationError
from mlassay.forges._address import gitea, github, of_remote

NOWHERE = ForgeAccess()
WORKFLOW = ForgeAccess(
    github_token="t",
    github_api="https://ghe.example/api/v3",
    github_server="https://ghe.example",
    github_repository="team/x",
    on_github=True,
)


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://github.com/team/x.git", ("https://github.com", "team/x")),
        ("https://user:pw@github.com/team/x/", ("https://github.com", "team/x")),
        ("git@github.com:team/x.git", ("https://github.com", "team/x")),
        ("ssh://git@git.example:2222/team/x.git", ("https://git.example", "team/x")),
        ("http://127.0.0.1:3000/team/x.git", ("http://127.0.0.1:3000", "team/x")),
        ("https://git.example/sub/team/x.git", ("https://git.example", "team/x")),
        ("/srv/git/team/x.git", None),
        ("file:///srv/git/team/x.git", None),
        ("https://github.com/../x", None),
        ("https://github.com/x", None),
    ],
)
def test_a_remotes_address_tells_host_and_name(url, found):
    assert of_remote(url) == found


def test_github_com_has_an_api_of_its_own():
    found = github("git@github.com:team/x.git", "", NOWHERE)
    assert (found.api, found.name) == ("https://api.github.com", "team/x")


def test_another_host_is_github_only_when_somebody_said_so():
    with pytest.raises(ConfigurationError, match=r"on ghe\.example"):
        github("https://ghe.example/team/x.git", "", NOWHERE)
    found = github("git@ghe.example:team/x.git", "https://ghe.example", NOWHERE)
    assert (found.web, found.api) == ("https://ghe.example", "https://ghe.example/api/v3")


def test_a_workflow_knows_where_it_runs_and_the_remote_which_repository():
    assert github("/some/where", "", WORKFLOW).name == "team/x"
    assert github("https://ghe.example/team/other.git", "", WORKFLOW).name == "team/other"
    assert github("https://evil.example/team/other.git", "", WORKFLOW).web == "https://ghe.example"


def test_gitea_is_where_the_remote_is_or_where_somebody_said():
    assert gitea("http://127.0.0.1:3000/team/x.git", "").api == "http://127.0.0.1:3000/api/v1"
    assert (
        gitea("ssh://git@git.example:2222/team/x", "https://git.example/sub/").api
        == "https://git.example/sub/api/v1"
    )
    with pytest.raises(ConfigurationError):
        gitea("/srv/git/x.git", "")
