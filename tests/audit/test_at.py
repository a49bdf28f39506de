"""What was live at a time: to the second, whatever the dates claim, and never without saying what does not hold."""

import json
from datetime import UTC, date, datetime, timedelta

import pytest
from click.testing import CliRunner

from mlassay.audit.at import answer
from mlassay.audit.verify import verify
from mlassay.cli.audit_at import audit_at
from mlassay.config import load_environment
from mlassay.errors import ConfigurationError
from mlassay.evidence import layout
from mlassay.evidence.records import Waiver
from mlassay.git import Identity, Repository
from mlassay.render.audit_at import at_lines
from mlassay.render.audit_at_json import at_json
from mlassay.signers.ssh import SshSigner
from mlassay.wiring import verifiers
from tests.factory import histories

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
LIAR = Identity("Robin", "robin@example.org")
SECOND = timedelta(seconds=1)
POINTER = layout.pointer_path("production")


@pytest.fixture(scope="module")
def history(tmp_path_factory):
    """Three releases, each promoted to staging and to production; never moved, only added to beside its main line."""
    return histories.make(tmp_path_factory.mktemp("at") / "long.git", promotions=6, commits=40)


@pytest.fixture(scope="module")
def repo(history):
    return Repository.open(history.folder)


@pytest.fixture(scope="module")
def landed(repo, history):
    """``(time, commit, pointer)`` of each change of production's pointer, oldest first, read step by step."""
    steps = list(repo.first_parents(history.head, paths=[POINTER]))[::-1]
    return [(s.time, s.id, load_environment(POINTER, repo.read(s.id, POINTER))) for s in steps]


def ask(repo, head, when, environment="production", now=NOW):
    text = when if isinstance(when, str) else when.strftime("%Y-%m-%dT%H:%M:%SZ")
    return answer(repo, text, environment, head, now, verifiers())


def push(repo, base, changes, minutes=1, when=None):
    """A commit on ``base`` by somebody with a pen and no key."""
    time = when or repo.commit(base).time + timedelta(minutes=minutes)
    return repo.write_commit(base, changes, message="Tidy up", author=LIAR, when=time)


def rules(found):
    return {problem.rule for problem in found.problems}


def text(found):
    return "\n".join(at_lines(found))


def test_the_cut_is_exact_to_the_second(repo, history, landed):
    assert len(landed) == 3
    for number, (time, commit, pointer) in enumerate(landed):
        at = ask(repo, history.head, time)
        assert at.live.pointer == pointer
        assert (at.live.landed.commit, at.cut.at.commit, at.problems) == (commit, commit, ())
        before = ask(repo, history.head, time - SECOND)
        if number:
            assert before.live.pointer == landed[number - 1][2]
        else:
            assert before.live is None
        assert before.cut.after.time >= time or before.cut.after.commit != commit


def test_it_says_who_asked_who_approved_why_on_which_data_with_which_results(repo, history, landed):
    found = ask(repo, history.head, landed[1][0])
    live, release = found.live, landed[1][2].live
    assert live.evidence.release.digest == release.digest
    assert live.evidence.release.model.digest == f"sha256:{release.model_sha256}"
    (data,) = live.data
    assert (data.name, data.path) == ("applications", "data/applications.manifest.yaml")
    assert data.digest == live.evidence.release.inputs["manifest/applications"]
    assert data.root.startswith("sha256:")
    assert live.asked.request.requester == "dana"
    assert [(w.person, w.holds, w.uncounted) for w in live.asked.words] == [
        ("lee", True, ""),
        ("robin", True, ""),
    ]
    said = text(found)
    for word in live.asked.words:
        assert word.reason in said
        assert word.risk in said
        assert word.key in said
    for gate in live.evidence.verdict.gates:
        assert f"{gate.gate}: {gate.outcome}" in said
    assert "criteria: selection_rate_ratio min 0.8; sensitive group" in said
    for part in ("by signature", "by the order of commits", "only claimed", "not looked at"):
        assert part in said


def test_what_changed_since_is_told(repo, history, landed):
    first = ask(repo, history.head, landed[0][0])
    assert first.since.next.pointer == landed[1][2]
    assert first.since.now.pointer == landed[2][2]
    assert first.since.promotions == tuple(sorted(p.promotion for _, _, p in landed[1:]))
    assert (first.since.policy_changed, first.since.people_changed, first.since.changes) == (False, False, ())
    assert [(m.then == m.used, m.now == m.used) for m in first.since.manifests] == [(True, True)]
    last = ask(repo, history.head, landed[2][0])
    assert last.since.next is None
    assert last.since.now.moment.commit == landed[2][1]


def test_before_the_root_and_before_the_first_commit_nothing_was_governed(repo, history):
    line = list(repo.first_parents(history.head))[::-1]
    early = ask(repo, history.head, line[0].time - SECOND)
    assert (early.live, early.cut.at, early.governed) == (None, None, False)
    assert "the main line had not begun" in text(early)
    assert early.since.next is not None
    bare = repo.write_commit(None, {"a": b"1"}, message="One", author=LIAR, when=line[0].time)
    found = ask(repo, push(repo, bare, {"environments/production.yaml": b"no"}), line[0].time)
    assert "nothing was governed" in text(found)


def test_the_future_is_answered_by_the_end_of_the_line_and_said(repo, history, landed):
    found = ask(repo, history.head, "2027-06-01")
    assert found.cut.ahead
    assert found.live.pointer == landed[2][2]
    assert "that is in the future" in text(found)


def test_a_revision_is_a_place_and_one_off_the_line_is_refused(repo, history, landed):
    assert ask(repo, history.head, landed[1][1]).live.pointer == landed[1][2]
    assert ask(repo, history.head, f"{landed[1][1]}^").live.pointer == landed[0][2]
    side = repo.commit(landed[1][1]).parents[1]
    with pytest.raises(ConfigurationError, match="not on the first-parent line"):
        ask(repo, history.head, side)


def test_a_day_alone_tells_all_that_landed_on_it(repo, history, landed):
    found = ask(repo, history.head, f"{landed[0][0]:%Y-%m-%d}")
    assert [each.promotion for each in found.today] == [
        p.promotion for t, _, p in landed if t.date() == landed[0][0].date()
    ]
    assert "a day alone means its end" in text(found)


def test_an_environment_that_nobody_ever_named_is_a_typing_error(repo, history):
    for name, remedy in (
        ("prodution", "did you mean 'production'?"),
        ("../production", "status"),
        ("", "status"),
    ):
        with pytest.raises(ConfigurationError) as error:
            ask(repo, history.head, "now", environment=name)
        assert remedy in error.value.problems[0].remedy


def test_an_old_pointer_brought_back_by_hand_is_live_and_not_explained(repo, history, landed):
    old = repo.read(landed[0][1], POINTER)
    head = push(repo, history.head, {POINTER: old})
    found = ask(repo, head, "now")
    assert found.live.pointer == landed[0][2]
    assert "pushed-pointer" in rules(found)
    assert text(found).startswith("DOES NOT HOLD")
    assert ask(repo, head, landed[2][0]).problems == ()


def test_a_pointer_brought_back_so_soon_that_jumps_pass_over_the_other_is_not_explained_either(
    repo, history, landed
):
    """The line A … A B A: looking backwards by jumps may see A only."""
    base = repo.commit(landed[2][1]).parents[0]
    head = landed[2][1]
    for _ in range(3):
        head = push(repo, head, {POINTER: repo.read(base, POINTER)})
    found = ask(repo, head, "now")
    assert found.live.pointer == landed[1][2]
    assert "pushed-pointer" in rules(found)


@pytest.mark.parametrize("name", ["verdict.json", "provenance.dsse.json", "gates/bias.json"])
def test_altered_evidence_does_not_hold_and_verify_says_the_same(repo, history, landed, name):
    path = f"evidence/{landed[1][2].live.release}/{name}"
    data = repo.read(history.head, path)
    head = push(repo, history.head, {path: data[:40] + bytes([data[40] ^ 1]) + data[41:]})
    found = ask(repo, head, landed[1][0])
    assert any(problem.path == path for problem in found.problems)
    assert any(problem.path == path for problem in verify(repo, head, None, verifiers()).problems)
    assert ask(repo, head, landed[0][0]).problems == ()


@pytest.mark.parametrize("deleted", [False, True])
def test_words_touched_after_they_let_the_release_in_are_told_at_any_time_asked_for(
    repo, history, landed, deleted
):
    path = f"promotions/production/{landed[1][2].promotion}/approvals/robin.json"
    data = repo.read(history.head, path)
    head = push(repo, history.head, {path: None if deleted else data.replace(b"ratio holds", b"ratio falls")})
    found = ask(repo, head, landed[1][0])
    (problem,) = found.problems
    assert (problem.rule, problem.path) == ("append-only", path)
    assert ("deleted" if deleted else "changed") in problem.what
    assert "ratio holds" in text(found)
    assert ask(repo, head, landed[0][0]).problems == ()
    assert any(one.path == path for one in verify(repo, head, None, verifiers()).problems)


def test_an_approval_altered_after_the_merge_in_a_merge_of_ones_own_does_not_hold(repo, history, landed):
    _, commit, pointer = landed[2]
    path = f"promotions/production/{pointer.promotion}/approvals/robin.json"
    merge = repo.commit(commit)
    changes = {c.path: repo.blob(c.new.id) for c in repo.changes(merge.parents[0], commit)}
    forged = push(
        repo, merge.parents[0], changes | {path: changes[path].replace(b"ratio holds", b"ratio falls")}
    )
    honest = push(repo, merge.parents[0], changes)
    assert ask(repo, honest, "now").problems == ()
    assert rules(ask(repo, forged, "now")) & {"record-signature", "policy.approvals", "policy.records"}


def test_people_pushed_before_the_promotion_that_uses_them_are_no_ground(repo, history, landed):
    _, commit, _ = landed[2]
    merge = repo.commit(commit)
    changes = {c.path: repo.blob(c.new.id) for c in repo.changes(merge.parents[0], commit)}
    people = repo.read(history.head, layout.PEOPLE) + b"# nothing to see here\n"
    pushed = push(repo, merge.parents[0], {layout.PEOPLE: people}, when=merge.time - SECOND)
    head = push(repo, pushed, changes, when=merge.time)
    assert rules(ask(repo, head, "now")) == {"pushed-governance"}
    assert ask(repo, head, landed[1][0]).problems == ()


def test_a_compromise_told_later_counts_back_and_the_answer_tells_then_from_now(repo, history, landed):
    people = repo.read(history.head, layout.PEOPLE).decode()
    line = next(line for line in people[people.index("  robin:") :].splitlines() if "keys:" in line)
    told = line.replace(
        "valid_from: 2026-01-01}",
        "valid_from: 2026-01-01, revoked: {at: 2026-03-01, because: lost, compromised_since: 2026-01-15}}",
    )
    assert told != line
    head = push(repo, history.head, {layout.PEOPLE: people.replace(line, told).encode()})
    found = ask(repo, head, landed[1][0])
    assert found.problems
    assert set(found.problems) <= set(found.live.known_since)
    assert text(found).startswith("DOES NOT HOLD ANY MORE: it held by what was known then")
    assert found.live.asked.then.allowed
    assert not found.live.asked.today.allowed
    (key,) = [each for each in found.since.keys if each.involved]
    assert (key.holder, key.what) == ("robin", "in wrong hands since 2026-01-15 00:00 UTC")
    assert at_json(found)["held_then"] is True


def test_a_key_revoked_on_time_changes_nothing_about_what_it_signed_before(repo, history, landed):
    people = repo.read(history.head, layout.PEOPLE).decode()
    line = next(line for line in people[people.index("  robin:") :].splitlines() if "keys:" in line)
    told = line.replace(
        "valid_from: 2026-01-01}", "valid_from: 2026-01-01, revoked: {at: 2026-10-01, because: left}}"
    )
    head = push(repo, history.head, {layout.PEOPLE: people.replace(line, told).encode()})
    found = ask(repo, head, landed[1][0])
    assert found.problems == ()
    assert [(key.holder, key.what) for key in found.since.keys] == [("robin", "revoked on 2026-10-01: left")]
    assert found.since.people_changed


def test_the_order_counts_where_dates_contradict_it(repo, history, landed):
    """A backdated push does not change the past, and the answer says that dates contradict the order there."""
    old = {POINTER: repo.read(landed[0][1], POINTER)}
    head = push(repo, history.head, old, when=landed[1][0] + timedelta(minutes=1))
    asked = landed[2][0] - timedelta(minutes=1)
    honest, lied = ask(repo, history.head, asked), ask(repo, head, asked)
    assert lied.live.pointer == honest.live.pointer
    assert (honest.cut.contradicting, lied.cut.contradicting) == (0, 1)
    assert lied.cut.first_contradicting.commit == head
    assert [(d.moment.commit, d.close) for d in lied.cut.doubts if not d.close] == [(head, False)]
    assert "DATES CONTRADICT THE ORDER HERE" in text(lied)
    assert "DATES CONTRADICT" not in text(honest)


def test_a_commit_from_the_future_moves_what_follows_and_nothing_before(repo, history, landed):
    """What stands on a commit dated later cannot have landed before it."""
    far = push(repo, history.head, {"notes": b"1"}, when=datetime(2026, 10, 1, tzinfo=UTC))
    head = push(repo, far, {"notes": b"2"}, when=datetime(2026, 9, 1, tzinfo=UTC))
    found = ask(repo, head, "2026-09-15")
    assert found.cut.at.commit == history.head
    assert found.cut.contradicting == 1
    assert ask(repo, head, "2026-10-02").cut.at.commit == head
    assert "though it claims 2026-09-01" in text(ask(repo, head, "2026-10-02"))


def test_a_promotion_dated_back_over_a_harmless_commit_does_not_hold(repo, history, landed):
    """Its key may have counted at its own date only; the commit before it hides the record that it is dated before."""
    _, commit, _ = landed[2]
    merge = repo.commit(commit)
    base = repo.commit(merge.parents[0])
    changes = {c.path: repo.blob(c.new.id) for c in repo.changes(base.id, commit)}
    hidden = push(repo, base.id, {"notes": b"1"}, minutes=-60)
    assert rules(ask(repo, push(repo, hidden, changes, when=base.time), "now")) == set()
    late = push(repo, hidden, changes, when=base.time - timedelta(minutes=50))
    assert "backdated" in rules(ask(repo, late, "now"))


def test_a_promotion_within_tolerance_is_named_as_in_doubt(repo, history, landed):
    time, commit, _ = landed[1]
    before = ask(repo, history.head, time - timedelta(minutes=4))
    assert [(d.moment.commit, d.close) for d in before.cut.doubts] == [(commit, True)]
    assert ask(repo, history.head, time - timedelta(minutes=6)).cut.doubts == ()


def test_waivers_are_told_while_they_last_and_only_believed_when_signed(repo, history, landed):
    _, commit, pointer = landed[1]
    waiver = Waiver(
        "bias",
        pointer.live.release,
        pointer.live.digest,
        "lee",
        "Too few rows of group b.",
        date(2026, 3, 1),
        landed[1][0],
    )
    data = waiver.to_bytes()
    path = f"{layout.WAIVERS}{pointer.live.release}.bias.lee.json"
    key = SshSigner.from_file(history.folder.parent / f"{history.folder.name}.keys" / "lee")
    signed = {path: data, f"{path}.sig": key.sign(data)}
    for changes, holds in ((signed, True), ({path: data}, False)):
        head = push(repo, commit, changes)
        found = ask(repo, head, landed[1][0] + timedelta(minutes=2))
        assert [(w.waiver, w.holds, w.leaned_on) for w in found.live.waivers] == [(waiver, holds, False)]
        assert [w.path for w in found.since.waivers_ended] == [path]
        assert ("ITS SIGNATURE DOES NOT HOLD" in text(found)) is not holds
        assert ask(repo, head, "2026-03-02").live.waivers == ()
        assert ask(repo, head, landed[1][0] - SECOND).live.waivers == ()


def test_names_from_the_repository_move_no_cursor(repo, history, landed):
    name = "\x1b[2J::error::x"
    found = ask(repo, push(repo, history.head, {"environments/production.yaml": name.encode()}), "now")
    assert found.problems
    assert "\x1b" not in text(found)


def test_the_command_exits_with_3_and_says_so_first_and_its_json_has_a_version(repo, history, landed):
    repo.push(str(repo.folder), history.head, "refs/heads/honest", repo.branch("honest"))
    bad = push(repo, history.head, {POINTER: repo.read(landed[0][1], POINTER)})
    repo.push(str(repo.folder), bad, "refs/heads/bad", repo.branch("bad"))
    run = CliRunner()
    where = ["--env", "production", "-C", str(repo.folder)]
    done = run.invoke(audit_at, ["2026-06-01", *where, "--at", "honest", "--json"])
    told = json.loads(done.stdout)
    assert (done.exit_code, told["version"], told["holds"]) == (0, 1, True)
    assert told["live"]["release"] == landed[2][2].live.release
    assert told["live"]["asked"]["words"][0]["counts"] is True
    assert {"by_signature", "by_the_order_of_commits", "only_claimed", "not_looked_at"} == told[
        "proof"
    ].keys()
    done = run.invoke(audit_at, ["2026-06-01", *where, "--at", "bad"])
    assert done.exit_code == 3
    assert done.stdout.startswith("DOES NOT HOLD")
    done = run.invoke(audit_at, ["blah", *where])
    assert isinstance(done.exception, ConfigurationError)


def test_a_rebase_merge_is_judged_whole_and_its_pointer_is_live_from_its_own_commit_on(repo, history, landed):
    _, commit, pointer = landed[2]
    base = repo.commit(commit).parents[0]
    changes = {c.path: repo.blob(c.new.id) for c in repo.changes(base, commit)}
    said = {path: data for path, data in changes.items() if "/approvals/" in path}
    asked = push(repo, base, {path: data for path, data in changes.items() if path not in said}, minutes=10)
    head = push(repo, asked, said, minutes=3)
    assert verify(repo, head, None, verifiers()).problems == ()
    between = ask(repo, head, repo.commit(asked).time)
    assert (between.live.pointer, between.problems) == (pointer, ())
    assert between.live.asked.completed.commit == head
    assert "they were pushed together" in text(between)
    assert ask(repo, head, repo.commit(head).time).live.asked.completed is None
    assert ask(repo, asked, "now").problems
