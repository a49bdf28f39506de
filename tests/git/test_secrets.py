"""Whatever a repository's configuration has git start sees no key of mlassay's, and a token only where git asks a remote."""

import pytest

from mlassay.git._command import KEYS, TOKENS, environment, run


@pytest.fixture
def lent(monkeypatch):
    for name in KEYS | TOKENS:
        monkeypatch.setenv(name, f"canary-{name}")


def test_what_a_configuration_has_git_start_is_shown_no_secret(tmp_path, lent):
    told = run(["spy"], tmp_path, settings=["alias.spy=!env"]).text
    assert "PATH=" in told
    assert "canary" not in told


def test_a_credential_helper_may_see_a_token_and_never_a_key(lent):
    online, offline = environment(network=True), environment()
    assert online.keys() >= TOKENS
    assert not online.keys() & KEYS
    assert not offline.keys() & (KEYS | TOKENS)
