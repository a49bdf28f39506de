"""What somebody with time found in the code itself: an assumption each, with the same story where it holds."""

from __future__ import annotations

import hashlib
import re
from datetime import datetime, timedelta
from itertools import count

import pytest

from mlassay.audit.at import answer
from mlassay.audit.verify import NOT_INTACT, Report, verify
from mlassay.case import reading
from mlassay.errors import ConfigurationError
from mlassay.git import Repository
from mlassay.git._parse import parse_commit
from mlassay.wiring import verifiers
from tests.threats.attacks_line import STAGING
from tests.threats.attacks_requests import FOLDER
from tests.threats.liar import PEOPLE, POLICY, Liar

both = pytest.mark.parametrize("lying", [True, False], ids=["lie", "control"])


def verified(liar: Liar, now: datetime | None = None) -> Report:
    repo = Repository.open(liar.folder)
    try:
        return verify(repo, repo.resolve("main"), None, verifiers(), now=now)
    finally:
        repo.close()


def asked(liar: Liar, environment: str = "staging"):
    """What `audit at` answers of the head."""
    repo = Repository.open(liar.folder)
    try:
        later = liar.clock + timedelta(days=1)
        return answer(repo, "main", environment, repo.resolve("main"), later, verifiers())
    finally:
        repo.close()


def rules(problems) -> set[str]:
    return {problem.rule for problem in problems}


# audit at jumps along the line


def looks_like_an_end() -> bytes:
    """A blob whose id has a zero byte where, in a root folder, it makes what follows look like another entry."""
    for number in count():
        data = b"%d\n" % number
        if hashlib.sha1(b"blob %d\0" % len(data) + data).digest()[5] == 0:
            return data
    raise AssertionError


@both
def test_a_folder_whose_name_looks_like_an_entry_hides_no_pushed_pointer(liar, lying):
    """Read by a search for bytes, ``40000 environments`` after such an id is the folder ``environments``."""
    text = liar.read(STAGING)
    liar.push({"40000 environment": looks_like_an_end(), "40000 environments/staging.yaml": text})
    if lying:
        liar.push({STAGING: text.replace(b"url: evidence/", b"url: elsewhere/")})
    assert rules(asked(liar).problems) == ({"pushed-pointer"} if lying else set())


def founded_anew(liar: Liar, pause: int) -> None:
    """Governance goes, and comes back with a key of Mallory's in the place of Lee's, who so approves a promotion."""
    liar.new_key("mallory")
    lee, mallory = ((liar.keys / f"{who}.pub").read_bytes().split()[1] for who in ("lee", "mallory"))
    people, policy = liar.read(PEOPLE), liar.read(POLICY)
    assert lee in people
    liar.push({PEOPLE: None, POLICY: None})
    for number in range(pause):
        liar.push({"notes": str(number)})
    liar.push({PEOPLE: people.replace(lee, mallory), POLICY: policy})
    files = liar.promotion(approvals=("robin",))
    liar.push(files | liar.approval(FOLDER, "lee", files, key="mallory"))


@both
def test_governance_that_was_gone_for_a_while_is_no_new_root_of_trust(liar, lying):
    if lying:
        founded_anew(liar, pause=30)  # a bisection of the line looks at places without governance first
    else:
        liar.push(liar.promotion())
    root = verified(liar).root
    told = asked(liar)
    assert told.root is not None
    assert told.root.commit == root == liar.names["root"]
    assert rules(told.problems) == ({"pushed-governance"} if lying else set())


@both
def test_a_pointer_that_was_put_back_is_not_passed_over_where_all_trace_of_what_ran_was_deleted(liar, lying):
    """A runs, B runs for one commit, A is pushed again with B's promotion deleted: a jump from A to A sees nothing."""
    for number in range(40):
        liar.push({"notes": f"before {number}"})
    old, files = liar.read(STAGING), liar.promotion()
    if lying:
        liar.push(files)
        liar.push({STAGING: old} | {path: None for path in files if path.startswith("promotions/")})
    for number in range(10):
        liar.push({"notes": f"after {number}"})
        assert rules(asked(liar).problems) == ({"pushed-pointer"} if lying else set()), number


# A key in wrong hands


def stolen(liar: Liar, since_days: int) -> bytes:
    since = (liar.clock + timedelta(days=since_days)).strftime("%Y-%m-%d")
    told = f'revoked: {{at: "2026-11-25", because: stolen, compromised_since: "{since}"}}'
    return liar.read(PEOPLE).replace(b"valid_until: 2026-12-31", told.encode())


def without_ada(people: bytes) -> bytes:
    gone = re.sub(rb"  ada:\n(?:    .*\n)+", b"", people)
    assert gone != people
    return gone


@both
def test_a_compromise_is_not_forgotten_when_its_holder_leaves(liar, lying):
    """Ada's key was stolen and approved; then she leaves, and nothing in people.yaml tells of it any more."""
    liar.push(liar.promotion(approvals=("ada",)))
    people = stolen(liar, -1 if lying else 1)
    liar.clock += timedelta(days=5)
    liar.push(liar.change({PEOPLE: people}, id_="20261120-0badc0d0"))
    liar.push(liar.change({PEOPLE: without_ada(people)}, id_="20261120-0badc0d1"))
    liar.push({"notes": "later"})
    wanted = {"policy.approvals"} if lying else set()
    assert rules(verified(liar).problems) == wanted
    assert rules(asked(liar).problems) == wanted


@both
def test_a_compromise_that_was_told_for_a_moment_after_its_holder_left_is_not_passed_over(liar, lying):
    """Ada leaves, her key is found to be stolen, and the change that says so is followed by one that tidies her away."""
    liar.push(liar.promotion(approvals=("ada",)))
    before, people = liar.read(PEOPLE), stolen(liar, -1 if lying else 1)
    liar.clock += timedelta(days=5)
    for number, told in enumerate((without_ada(before), people, without_ada(before))):
        for quiet in range(5):
            liar.push({"notes": f"{number} {quiet}"})
        liar.push(liar.change({PEOPLE: told}, id_=f"20261120-0badc0d{number}"))
    liar.push({"notes": "later"})
    wanted = {"policy.approvals"} if lying else set()
    assert rules(verified(liar).problems) == wanted
    assert rules(asked(liar).problems) == wanted


def test_a_compromise_that_was_taken_back_before_its_holder_left_is_none(liar):
    liar.push(liar.promotion(approvals=("ada",)))
    people, before = stolen(liar, -1), liar.read(PEOPLE)
    liar.clock += timedelta(days=5)
    liar.push(liar.change({PEOPLE: people}, id_="20261120-0badc0d0"))
    liar.push(liar.change({PEOPLE: before}, id_="20261120-0badc0d1"))
    liar.push(liar.change({PEOPLE: without_ada(before)}, id_="20261120-0badc0d2"))
    assert not verified(liar).problems


# Names


@both
def test_a_branch_called_like_the_beginning_of_an_id_chooses_nothing(liar, lying):
    commit = liar.names["before-three"]
    if lying:
        liar.git("update-ref", f"refs/heads/{commit[:10]}", liar.names["root"])
    repo = Repository.open(liar.folder)
    if lying:
        with pytest.raises(ConfigurationError, match="is called so as well"):
            repo.resolve(commit[:10])
        assert repo.resolve(f"refs/heads/{commit[:10]}") == liar.names["root"]
    else:
        assert repo.resolve(commit[:10]) == commit
    repo.close()


def test_a_branch_whose_name_is_hexadecimal_is_still_a_branch(liar):
    liar.git("update-ref", "refs/heads/deadbeef", liar.names["root"])
    repo = Repository.open(liar.folder)
    assert repo.resolve("deadbeef") == liar.names["root"]
    repo.close()


@both
def test_a_name_that_windows_parts_at_its_backslash_is_a_lookalike(liar, lying):
    liar.push({"environments\\production.yaml" if lying else "notes\\production.yaml": "version: 1\n"})
    assert rules(verified(liar).problems) == ({"lookalike"} if lying else set())


PASSING = {".gitattributes": "*.yaml ident\n", "Environments/production.yaml": "version: 1\n"}


@pytest.mark.parametrize("name", PASSING)
def test_what_altered_guarded_files_for_a_while_is_told_when_it_is_gone(liar, name):
    """No record is untrue by it; an agent that followed a checkout in between read other bytes all the same."""
    liar.push({name: PASSING[name]})
    there = verified(liar)
    assert rules(there.problems) == {"lookalike" if name.startswith("E") else "tree"}
    liar.push({name: None})
    gone = verified(liar)
    assert not gone.problems
    commit = liar.git("rev-parse", "main~1")[:12]
    told = [text for text in gone.not_checked if commit in text]
    assert len(told) == 1
    assert name.partition("/")[0] in told[0]


def test_harmless_names_and_attributes_are_not_told(liar):
    liar.push({".gitattributes": "*.yaml text\n", "notes/a.txt": "a"})
    liar.push({".gitattributes": None, "notes/a.txt": None})
    assert not any("gone by now" in text for text in verified(liar).not_checked)


@both
def test_a_date_that_has_not_come_yet_is_told(liar, lying):
    """Keys that are not valid yet count on such a day; without a witness no date is wrong by itself."""
    now = liar.clock + timedelta(hours=1)
    liar.push(liar.promotion(), when=liar.clock + timedelta(days=400 if lying else 0, minutes=9))
    report = verified(liar, now)
    assert not report.problems
    assert any("has not come yet" in text for text in report.not_checked) is lying


@both
def test_approvals_that_came_long_after_what_they_approve_are_told(liar, lying):
    """From git alone it may be a branch that was landed whole, as it was written: no finding, and no silence either."""
    files = liar.promotion(approvals=())
    liar.push(files)
    liar.clock += timedelta(days=60 if lying else 0)
    liar.push(liar.approval(FOLDER, "robin", files) | liar.approval(FOLDER, "lee", files))
    report = verified(liar)
    assert not report.problems
    assert any("before it landed" in text for text in report.not_checked) is lying


# Time and memory


def test_a_flood_of_strays_takes_no_longer_than_its_number(liar):
    """Each is a finding; when each was held against all others, 8,000 took forty seconds."""
    liar.push({f"promotions/note{number}": "a" for number in range(5_000)})
    report = verified(liar)
    assert len(report.problems) == 5_000
    assert report.verdict == NOT_INTACT


def test_a_flood_of_requests_in_one_commit_takes_no_longer_than_its_number(liar):
    liar.push({f"promotions/staging/20261120-{number:08x}/request.json": "{}\n" for number in range(3_000)})
    assert rules(verified(liar).problems) == {"request"}


@both
def test_patterns_that_take_long_to_match_are_named_and_not_tried(liar, lying):
    """Each star may take as long as the path is; hundreds of such lines held an audit for hours."""
    stars = "*a" * 40 if lying else "*a" * 4
    lines = "".join(f"b{stars}{number} ident\n" for number in range(3))
    paths = {f"promotions/staging/20261120-0badc0de/{'a' * 120}{number}": "" for number in range(300)}
    liar.push({".gitattributes": lines} | paths)
    assert ("tree" in rules(verified(liar).problems)) is lying


@both
def test_many_files_that_are_just_small_enough_are_not_read_at_once(liar, lying, monkeypatch):
    monkeypatch.setattr(reading, "FOLDER_BYTES", 100_000)
    files = {
        f"evidence/20261120-0badc0de/{number}.json": bytes(30_000) for number in range(5 if lying else 3)
    }
    liar.push(files)
    report = verified(liar)
    folder = [problem for problem in report.problems if "together" in problem.what]
    assert bool(folder) is lying
    assert report.verdict == NOT_INTACT


@pytest.mark.parametrize(
    ("encoding", "read"),
    [
        ("punycode", "b-\ufffd"),
        ("unicode_escape", "b-\ufffd"),
        ("ISO-8859-2", "b-š"),
        ("windows-1250", "b-ą"),
    ],
)
def test_a_message_is_read_by_charsets_that_people_write_in(encoding, read):
    """Python's punycode takes time by the square of the length: a message of a megabyte held an audit for an hour."""
    person = b"a <a@example.org> 1 +0000"
    raw = b"tree %s\nauthor %s\ncommitter %s\nencoding %s\n\nb-\xb9"
    raw %= (b"0" * 40, person, person, encoding.encode())
    assert parse_commit("", raw).message == read
