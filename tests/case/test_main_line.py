"""The time of what is written: never before what it stands upon, never led into the future."""

from datetime import UTC, datetime, timedelta

import pytest

from mlassay.case.main_line import time_upon
from mlassay.errors import ConfigurationError
from mlassay.git import Identity, Repository

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture
def tip(tmp_path):
    repo = Repository.init(tmp_path)

    def at(when):
        return repo, repo.write_commit(None, {"a": b""}, message="x", author=Identity("a", "a@b"), when=when)

    return at


def test_what_is_written_is_dated_now(tip):
    assert time_upon(*tip(NOW - timedelta(days=3)), NOW) == NOW


def test_a_clock_that_is_a_little_behind_is_carried_by_the_main_line(tip):
    ahead = NOW + timedelta(hours=2)
    assert time_upon(*tip(ahead), NOW) == ahead


def test_a_commit_from_the_far_future_leads_nobody_there(tip):
    with pytest.raises(ConfigurationError, match="dated 2099") as error:
        time_upon(*tip(NOW.replace(year=2099)), NOW)
    assert "clock" in error.value.problems[0].remedy
