"""Whatever a repository's configuration has git start sees no key of mlassay's, and a token only where git asks a remote."""

import subprocess

import pytest

from mlassay.git import Repository
from mlassay.git._command import KEYS, TOKENS, environment


@pytest.fixture
def lent(monkeypatch):
    for name in KEYS | TOKENS:
        monkeypatch.setenv(name, f"canary-{name}")


def test_a_filter_that_a_checkout_names_is_shown_no_secret(tmp_path, lent):
    def git(*words):
        subprocess.run(["git", "-C", tmp_path, *words], check=True, capture_output=True)

    git("init", "--quiet", "--initial-branch=main")
    git("config", "user.name", "A")
    git("config", "user.email", "a@example.org")
    (tmp_path / ".gitattributes").write_text("*.txt filter=spy\n")
    (tmp_path / "a.txt").write_text("one\n")
    git("add", ".")
    git("commit", "--quiet", "-m", "First")
    git("config", "filter.spy.clean", f"env > {tmp_path}/seen; cat")
    (tmp_path / "a.txt").write_text("two\n")
    assert "a.txt" in Repository.open(tmp_path).uncommitted()
    seen = (tmp_path / "seen").read_text()
    assert "PATH=" in seen  # the filter ran
    assert "canary" not in seen


def test_a_credential_helper_may_see_a_token_and_never_a_key(lent):
    online, offline = environment(network=True), environment()
    assert online.keys() >= TOKENS
    assert not online.keys() & KEYS
    assert not offline.keys() & (KEYS | TOKENS)
