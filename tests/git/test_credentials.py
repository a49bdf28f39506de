"""A token reaches its own host through git's environment, and shows nowhere."""

from __future__ import annotations

import base64
import subprocess

import pytest

from mlassay.errors import ConfigurationError
from mlassay.git._command import environment
from mlassay.git._credentials import Credential

TOKEN = "ghp_secretsecretsecret"
BASIC = base64.b64encode(f"x-access-token:{TOKEN}".encode()).decode()


@pytest.fixture
def credential():
    return Credential("https://github.example", "x-access-token", TOKEN)


def headers(credential, url, tmp_path, *options):
    """What git itself would send to this address."""
    done = subprocess.run(
        ["git", *options, "config", "--get-urlmatch", "http.extraHeader", url],
        cwd=tmp_path,
        env=environment(network=True, extra=credential.environment()),
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip()


def test_git_shows_it_to_its_own_host(credential, tmp_path):
    assert (
        headers(credential, "https://github.example/team/x.git", tmp_path) == f"Authorization: Basic {BASIC}"
    )


@pytest.mark.parametrize(
    "url",
    [
        "https://github.example.evil.example/team/x.git",
        "https://evil.example/github.example/x.git",
        "http://github.example/team/x.git",
        "https://github.example:8443/team/x.git",
    ],
)
def test_git_shows_it_to_no_other(credential, tmp_path, url):
    assert headers(credential, url, tmp_path) == ""


def test_it_goes_behind_settings_that_are_there_already(credential, monkeypatch):
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "protocol.version")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "2")
    env = environment(network=True, extra=credential.environment())
    assert env["GIT_CONFIG_COUNT"] == "4"
    assert env["GIT_CONFIG_KEY_0"] == "protocol.version"


def test_what_a_checkout_left_for_the_host_is_taken_away(credential):
    env = credential.environment()
    assert env["GIT_CONFIG_VALUE_0"] == ""
    assert env["GIT_CONFIG_KEY_0"] == env["GIT_CONFIG_KEY_1"]


def test_no_redirect_is_followed(credential):
    assert ("http.https://github.example.followRedirects", "false") in [
        (value, credential.environment()[key.replace("KEY", "VALUE")])
        for key, value in credential.environment().items()
        if "_KEY_" in key
    ]


def test_it_is_taken_out_of_whatever_is_said(credential):
    told = credential.redacted(f"fatal: {TOKEN} and {BASIC}")
    assert TOKEN not in told
    assert BASIC not in told
    assert TOKEN not in repr(credential)


@pytest.mark.parametrize("url", ["http://github.example", "ftp://x", "github.example"])
def test_it_is_not_sent_in_the_clear(url):
    with pytest.raises(ConfigurationError, match="not an https address") as caught:
        Credential(url, "x", TOKEN)
    assert TOKEN not in str(caught.value)


def test_this_very_machine_may_be_spoken_to_in_the_clear():
    Credential("http://127.0.0.1:3000", "x", TOKEN)
