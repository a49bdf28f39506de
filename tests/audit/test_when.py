"""Times as people write them: what each text means, and what is refused because git would guess."""

from datetime import UTC, datetime

import pytest

from mlassay.audit.when import read_when
from mlassay.errors import ConfigurationError
from mlassay.git import Identity, Repository

NOW = datetime(2026, 11, 18, 11, 6, 40, tzinfo=UTC)  # a Wednesday


@pytest.fixture(scope="module")
def repo(tmp_path_factory):
    made = Repository.init(tmp_path_factory.mktemp("when"), bare=True)
    commit = made.write_commit(None, {"a": b"a"}, message="One", author=Identity("A", "a@b.c"), when=NOW)
    made.push(str(made.folder), commit, "refs/heads/main", None)
    made.push(str(made.folder), commit, "refs/heads/2026-03-03", None)
    made.push(str(made.folder), commit, "refs/heads/yesterday", None)
    return made


EXACT = {
    "2026-03-03T14:00:05Z": "2026-03-03 14:00:05",
    "2026-03-03T14:00Z": "2026-03-03 14:00:00",
    "2026-03-03t14:00:05z": "2026-03-03 14:00:05",
    "2026-03-03 14:00": "2026-03-03 14:00:00",
    "2026-03-03 14:00 +0100": "2026-03-03 13:00:00",
    "2026-03-03 14:00+01:00": "2026-03-03 13:00:00",
    "2026-03-03T14:00:00.999-05": "2026-03-03 19:00:00",
    "2026-03-03 02:30 pm UTC": "2026-03-03 14:30:00",
    "2026-03-03 12 am": "2026-03-03 00:00:00",
    "2026-03-03 noon": "2026-03-03 12:00:00",
    "20260303T140000Z": "2026-03-03 14:00:00",
    "3 March 2026 14:00": "2026-03-03 14:00:00",
    "3rd Mar 2026 at 2pm": "2026-03-03 14:00:00",
    "March 3, 2026, 14:00 GMT": "2026-03-03 14:00:00",
    "Tue, 3 Mar 2026 14:00:00 +0100": "2026-03-03 13:00:00",
    "Tue Mar 3 14:00:00 2026 +0100": "2026-03-03 13:00:00",
    "@1772546400": "2026-03-03 14:00:00",
    "@0": "1970-01-01 00:00:00",
    "now": "2026-11-18 11:06:40",
    "yesterday 14:00": "2026-11-17 14:00:00",
    "yesterday noon": "2026-11-17 12:00:00",
    "yesterday 23:30 +1300": "2026-11-18 10:30:00",
    "last friday 9:05": "2026-11-13 09:05:00",
    "wednesday 9:05": "2026-11-11 09:05:00",
    "3 days ago 14:00": "2026-11-15 14:00:00",
    "2 weeks ago": "2026-11-04 11:06:40",
    "two weeks ago": "2026-11-04 11:06:40",
    "2.weeks.ago": "2026-11-04 11:06:40",
    "1 day 2 hours ago": "2026-11-17 09:06:40",
    "90 minutes ago": "2026-11-18 09:36:40",
    "1 month ago": "2026-10-18 11:06:40",
    "last week": "2026-11-11 11:06:40",
}
DAYS = {
    "2026-03-03": ("2026-03-03 00:00:00", "2026-03-03 23:59:59"),
    "20260303": ("2026-03-03 00:00:00", "2026-03-03 23:59:59"),
    "2026-03-03 +0100": ("2026-03-02 23:00:00", "2026-03-03 22:59:59"),
    "3 March 2026": ("2026-03-03 00:00:00", "2026-03-03 23:59:59"),
    "29 February 2024": ("2024-02-29 00:00:00", "2024-02-29 23:59:59"),
    "Yesterday": ("2026-11-17 00:00:00", "2026-11-17 23:59:59"),
    "today": ("2026-11-18 00:00:00", "2026-11-18 23:59:59"),
    "last friday": ("2026-11-13 00:00:00", "2026-11-13 23:59:59"),
    "friday": ("2026-11-13 00:00:00", "2026-11-13 23:59:59"),
    "yesterday +1300": ("2026-11-17 11:00:00", "2026-11-18 10:59:59"),
}
REFUSED = [
    *("blah", "", " ", "nwo", "a week ago", "fortnight ago", "2 weeks", "weeks ago", "never", "tea", "3 March"),
    *("2026-02-31", "31 February 2026", "2026-13-01", "2026-03-03 25:00", "2026-03-03 14:60", "2026-03-03 13 pm"),
    *("2026-03-03 14:00 CET", "2026-03-03 14:00 +2500", "2026-03-03 14:00 +0160", "03/04/2026", "3.4.2026", "26-03-03"),
    *("2026-03-03 14:00 blah", "2026-03", "2026", "14:00", "@-5", "@99999999999999", "٢٠٢٦-٠٣-٠٣", "0000-01-01", "HEAD@{1 day ago}"),
    *("--help", "-1", "2 weeks ago; rm -rf /", "x" * 5000, "2026-03-03\x1b[31m"),
]  # fmt: skip


def utc(text):
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)


@pytest.mark.parametrize("text", EXACT)
def test_a_time_is_read_exactly_and_as_utc_where_it_names_no_zone(repo, text):
    found = read_when(repo, text, NOW)
    assert (found.time, found.day, found.commit) == (utc(EXACT[text]), None, "")
    assert f"{EXACT[text]} UTC" in found.reading


@pytest.mark.parametrize("text", DAYS)
def test_a_day_alone_means_its_end_and_the_answer_says_so(repo, text):
    found = read_when(repo, text, NOW)
    assert (found.day, found.time) == tuple(map(utc, DAYS[text]))
    assert "a day alone means its end" in found.reading


@pytest.mark.parametrize("text", REFUSED)
def test_what_git_would_guess_is_refused(repo, text):
    with pytest.raises(ConfigurationError) as raised:
        read_when(repo, text, NOW)
    assert (
        "2 weeks ago" in raised.value.problems[0].remedy or "write the day" in raised.value.problems[0].remedy
    )


def test_the_zone_of_this_machine_changes_nothing(repo, monkeypatch):
    for zone in ("Asia/Tokyo", "America/New_York"):
        monkeypatch.setenv("TZ", zone)
        assert read_when(repo, "2 weeks ago", NOW).time == utc(EXACT["2 weeks ago"])
        assert read_when(repo, "2026-03-03 14:00", NOW).time == utc("2026-03-03 14:00:00")


def test_a_revision_names_its_commit_and_a_branch_named_like_a_time_does_not_hide_the_time(repo):
    head = repo.resolve("main")
    assert read_when(repo, "main", NOW).commit == head
    assert read_when(repo, head, NOW).commit == head
    assert read_when(repo, head[:9] + "^0", NOW).commit == head
    assert read_when(repo, "2026-03-03", NOW).commit == ""
    assert read_when(repo, "yesterday", NOW).commit == ""


def test_digits_that_are_a_day_and_a_branch_are_refused_rather_than_guessed(repo):
    repo.push(str(repo.folder), repo.resolve("main"), "refs/heads/20260304", None)
    with pytest.raises(ConfigurationError, match="beginning of a commit's id"):
        read_when(repo, "20260304", NOW)
    assert read_when(repo, "2026-03-04", NOW).day == utc("2026-03-04 00:00:00")
