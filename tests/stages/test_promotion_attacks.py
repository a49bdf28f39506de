"""What a liar with the right to push may try on a promotion; each attack beside the control that it spoils."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mlassay.case.promotion import judge_merged
from mlassay.digest import canonical
from mlassay.evidence.records import Approval, Request, Waiver
from mlassay.evidence.verdict import Outcome
from mlassay.policy import Decision
from mlassay.wiring import verifiers
from tests import factory
from tests.factory.project import CONFIG, POLICY, people_yaml
from tests.stages.promoting import SAID, make_team


@pytest.fixture
def team(tmp_path):
    return make_team(tmp_path)


@pytest.fixture
def approved(team):
    """A promotion to staging that would land; every test here spoils it."""
    id_ = team.promote().name.id
    team.say(id_, "robin")
    assert team.unmet(id_) == set(), "the control: without an attack the decision is yes"
    return id_


def branch(id_, environment="staging"):
    return f"promotion/{environment}/{id_}"


def folder(id_, environment="staging"):
    return f"promotions/{environment}/{id_}"


def request_of(team, id_, environment="staging"):
    team.repo.fetch("origin")
    head = team.repo.refs("refs/remotes/origin/promotion/")[f"refs/remotes/origin/{branch(id_, environment)}"]
    path = f"{folder(id_, environment)}/request.json"
    return Request.parse(team.repo.read(head, path), path)


def forced(team, id_, environment="staging") -> Decision:
    """Land a promotion past the verbs, as somebody with the right to push to main can, and judge it from git."""
    team.repo.fetch("origin")
    refs = team.repo.refs("refs/remotes/origin/")
    main, head = refs["refs/remotes/origin/main"], refs[f"refs/remotes/origin/{branch(id_, environment)}"]
    base = team.repo.merge_base(main, head)
    files = {c.path: team.repo.read(head, c.path) for c in team.repo.changes(base, head)}
    commit = team.repo.write_commit(
        main,
        files,
        message="Promote\n",
        author=factory.project.AUTHOR,
        when=team.project.now(),
        parents=[main, head],
    )
    team.repo.push("origin", commit, "refs/heads/main", main)
    return judge_merged(team.repo, commit, verifiers())


def approval_files(team, id_, who, *, signer=None, name=None, environment="staging", **more):
    request = request_of(team, id_, environment)
    record = Approval(request.digest, who, *SAID[who], team.project.now(), **more)
    path = f"{folder(id_, environment)}/approvals/{name or who}.json"
    return {path: record.to_bytes(), f"{path}.sig": team.key(signer or who).sign(record.to_bytes())}


def test_the_developers_own_approval_pushed_by_hand_is_refused_also_after_the_merge(team):
    id_ = team.promote().name.id
    team.push(branch(id_), approval_files(team, id_, "dana"))
    assert {"own-approval", "approvals"} <= team.unmet(id_)
    assert not forced(team, id_).allowed


def test_an_approval_signed_by_another_than_its_person_does_not_count(team):
    id_ = team.promote().name.id
    team.push(branch(id_), approval_files(team, id_, "robin", signer="dana"))
    assert "approvals" in team.unmet(id_)


def test_an_approval_under_another_name_of_file_is_refused(team, approved):
    team.push(branch(approved), approval_files(team, approved, "lee", name="sam"))
    assert "records" in team.unmet(approved)


def test_an_unsigned_approval_does_not_count(team):
    id_ = team.promote().name.id
    files = approval_files(team, id_, "robin")
    team.push(branch(id_), {path: data for path, data in files.items() if not path.endswith(".sig")})
    assert "approvals" in team.unmet(id_)


def test_an_approval_of_another_promotion_replayed_does_not_count(team, approved):
    team.merge(approved)
    other = team.promote("production").name.id
    old = {
        path.replace(folder(approved), folder(other, "production")): team.repo.read(team.main(), path)
        for path in team.repo.tree(team.main(), f"{folder(approved)}/approvals")
    }
    team.push(branch(other, "production"), old)
    team.say(other, "lee")
    assert "approvals" in team.unmet(other)


@pytest.mark.parametrize(
    "files",
    [
        {"governance/policy.yaml": b"version: 1\n"},
        {"train.py": b"print('owned')\n"},
        {"evidence/20200101-00000000/release.json": b"{}\n"},
        {"environments/production.yaml": b"version: 1\n"},
    ],
)
def test_other_paths_on_the_branch_are_refused(team, approved, files):
    team.push(branch(approved), files)
    assert "only-its-own-paths" in team.unmet(approved)
    assert not forced(team, approved).allowed


def test_files_beside_the_records_are_refused(team, approved):
    team.push(branch(approved), {f"{folder(approved)}/approvals/notes.txt": b"hello\n"})
    assert {"only-its-own-paths", "records"} <= team.unmet(approved)


def test_a_pointer_changed_after_the_approval_is_refused(team, approved):
    pointer = team.repo.read(team.push(branch(approved), {}), "environments/staging.yaml")
    team.push(branch(approved), {"environments/staging.yaml": pointer.replace(b"share: 100", b"share: 99")})
    assert "pointer" in team.unmet(approved)
    team.push(branch(approved), {"environments/staging.yaml": pointer + b"# a comment\n"})
    assert "pointer" in team.unmet(approved)
    assert not forced(team, approved).allowed


def test_a_request_changed_after_the_approval_loses_it(team, approved):
    request = replace(request_of(team, approved), reason="Another reason than the one that was approved.")
    path = f"{folder(approved)}/request.json"
    team.push(
        branch(approved), {path: request.to_bytes(), f"{path}.sig": team.key("dana").sign(request.to_bytes())}
    )
    assert team.unmet(approved) == {"approvals"}


def test_a_request_in_another_spelling_or_unsigned_is_refused(team, approved):
    path = f"{folder(approved)}/request.json"
    team.push(branch(approved), {f"{path}.sig": None})
    assert "request-signature" in team.unmet(approved)
    assert not forced(team, approved).allowed


def test_an_old_pointer_is_not_brought_back_by_replaying_its_request(team, approved):
    first = team.merge(approved)
    team.project.commit({"train.py": "print('again')\n"})
    second = factory.record(team.project, seed=2).release.id
    team.land("staging", second)
    # A, B, and now A again: the branch of the first promotion, as it was.
    head = team.repo.commit(first.commit).parents[1]
    old = {
        c.path: team.repo.read(head, c.path)
        for c in team.repo.changes(team.repo.commit(first.commit).parents[0], head)
    }
    replay = team.repo.write_commit(
        team.main(),
        old | {f"{folder(approved)}/request.json.sig": None},
        message="Again\n",
        author=factory.project.AUTHOR,
        when=team.project.now(),
    )
    team.repo.push("origin", replay, "refs/heads/main", team.main())
    again = team.repo.write_commit(
        replay, old, message="Again\n", author=factory.project.AUTHOR, when=team.project.now()
    )
    with pytest.raises(Exception, match="requests") as caught:
        judge_merged(team.repo, again, verifiers())
    assert "0 requests" in str(caught.value)
    moved = {p.replace(folder(approved), folder("20261120-99999999")): d for p, d in old.items()}
    copied = team.repo.write_commit(
        team.main(), moved, message="Again\n", author=factory.project.AUTHOR, when=team.project.now()
    )
    unmet = {demand.id for demand in judge_merged(team.repo, copied, verifiers()).unmet}
    assert {"previous-pointer", "pointer"} <= unmet


def test_a_key_added_in_the_change_that_it_signs_does_not_count(team):
    id_ = team.promote().name.id
    factory.project.person_key(team.project.keys, "mallory")
    people = people_yaml(team.project.keys).replace(
        (team.project.keys / "robin.pub").read_text().rsplit(" ", 1)[0],
        (team.project.keys / "mallory.pub").read_text().rsplit(" ", 1)[0],
    )
    files = approval_files(team, id_, "robin", signer="mallory")
    team.push(branch(id_), files | {"governance/people.yaml": people.encode()})
    assert {"only-its-own-paths", "approvals"} <= team.unmet(id_)
    assert not forced(team, id_).allowed


def test_evidence_that_was_edited_on_the_main_line_stops_the_promotion(team, approved):
    report = f"evidence/{team.release}/report.md"
    team.push("main", {report: b"# toy: passed, and how!\n"})
    assert {"evidence-valid", "evidence-tree"} <= team.unmet(approved)


def test_a_policy_changed_meanwhile_stops_the_promotion(team, approved):
    team.push("main", {"governance/policy.yaml": POLICY.replace("days: 90", "days: 60").encode()})
    assert team.unmet(approved) == {"policy-unchanged", "main-line"}


def test_whoever_committed_to_the_sources_does_not_approve(team):
    team.project.commit({"train.py": "print('more')\n"})
    sneaky = team.repo.write_commit(
        team.main(), {"train.py": b"print('by robin')\n"}, message="Help\n",
        author=replace(factory.project.AUTHOR, name="R.", email="ROBIN@example.org"), when=team.project.now(),
    )  # fmt: skip
    team.repo.push("origin", sneaky, "refs/heads/main", team.main())
    team.repo.fetch("origin")
    assert team.repo.fast_forward("main", sneaky)
    second = factory.record(team.project, seed=2).release.id
    id_ = team.promote("staging", second).name.id
    assert "wrote or committed" in team.say(id_, "robin").no
    assert not team.say(id_, "lee").no
    assert team.merge(id_).commit


def test_training_without_isolation_is_refused_at_this_risk(tmp_path):
    team = make_team(tmp_path)
    team.project.commit({"train.py": "print('more')\n"})
    loose = factory.record(team.project, seed=2, isolation="none").release.id
    id_ = team.promote("staging", loose).name.id
    team.say(id_, "robin")
    assert team.unmet(id_) == {"isolation"}


@pytest.mark.parametrize(
    ("edit", "id_"),
    [
        (("probability: 3, impact: 3", "probability: 3, impact: 2"), "risk.bad_prediction"),
        (("threshold: 0.5", "threshold: 0.6"), "threshold"),
        (("withhold: [group]", "withhold: []"), "withheld.group"),
        (('favourable: "no"', 'favourable: "yes"'), "favourable"),
        (("accuracy: {min: 0.8}", "accuracy: {min: 0.75}"), "criteria.performance.accuracy.min"),
        (("data: applications/test", "data: applications/easy"), "evaluation.data"),
    ],
)
def test_a_weakening_pushed_before_the_promotion_is_named_and_needs_its_own_approval(team, edit, id_):
    team.land()
    team.project.commit({"ml.yaml": CONFIG.replace(*edit)})
    weaker = factory.record(team.project, seed=2).release.id
    asked = team.promote("staging", weaker)
    assert id_ in [weakening.id for weakening in asked.request.weakenings]
    named = [weakening.id for weakening in asked.request.weakenings]
    team.say(asked.name.id, "robin", accepts=named)
    assert {f"weakening.{each}" for each in named} <= team.unmet(asked.name.id), "robin is no risk lead"
    team.say(asked.name.id, "lee", accepts=named)
    assert team.unmet(asked.name.id) == set()


def test_editing_the_manifest_and_its_split_is_named(team):
    team.land()
    path = "data/applications.manifest.yaml"
    team.project.commit({path: team.project.read(path).replace("seed: 1", "seed: 2")})
    weaker = factory.record(team.project, seed=2).release.id
    named = {weakening.id for weakening in team.promote("staging", weaker).request.weakenings}
    assert named == {"manifest.applications", "split.applications"}


def test_a_weakening_left_out_of_the_request_is_found(team):
    team.land()
    team.project.commit({"ml.yaml": CONFIG.replace("threshold: 0.5", "threshold: 0.6")})
    weaker = factory.record(team.project, seed=2).release.id
    id_ = team.promote("staging", weaker).name.id
    silent = replace(request_of(team, id_), weakenings=())
    path = f"{folder(id_)}/request.json"
    team.push(branch(id_), {path: silent.to_bytes(), f"{path}.sig": team.key("dana").sign(silent.to_bytes())})
    team.say(id_, "lee")
    assert "weakenings" in team.unmet(id_)


def test_a_failed_release_is_refused_and_an_inconclusive_one_needs_a_waiver(team):
    team.project.commit({"train.py": "print('failed')\n"})
    failed = factory.record(team.project, seed=2, outcome=Outcome.FAILED).release.id
    id_ = team.promote("staging", failed).name.id
    answers = {"waived.bias": "It cannot, and this answer is here to show that."}
    team.say(id_, "robin", answers=answers)
    assert {"gates", "waiver.bias"} <= team.unmet(id_)


def test_a_waiver_whose_bytes_changed_on_the_main_line_does_not_carry(team):
    from tests.stages.test_waive import inconclusive, waived

    release = inconclusive(team)
    done = waived(team, release)
    id_ = team.promote("staging", release).name.id
    team.say(id_, "robin", answers={"waived.bias": "The next quarter brings enough rows to settle it."})
    assert team.unmet(id_) == set()
    longer = replace(
        Waiver.parse(team.repo.read(team.main(), done.path), done.path), reason="Another reason altogether."
    )
    team.push("main", {done.path: longer.to_bytes()})
    assert {"waiver.bias", "waivers"} <= team.unmet(id_)


def test_a_compromise_told_later_counts_back_to_the_day_it_names(team):
    from mlassay.config import load_people

    done = team.land()
    text = people_yaml(team.project.keys)
    assert judge_merged(team.repo, done.commit, verifiers(), later=load_people("p", text.encode())).allowed
    told = text.replace(
        "valid_from: 2026-01-01}]",
        "valid_from: 2026-01-01, revoked: {at: 2026-11-22, because: compromised, compromised_since: 2026-11-01}}]",
    )
    later = load_people("p", told.encode())
    assert not judge_merged(team.repo, done.commit, verifiers(), later=later).allowed


def test_noise_in_every_place_of_a_record_is_a_no_and_never_a_crash(team, approved):
    from mlassay.errors import EvidenceError

    path = f"{folder(approved)}/approvals/lee.json"
    for noise in (b"", b"\xff\xfe", b"[]\n", canonical({"version": 1}), b"{" * 10_000):
        team.push(branch(approved), {path: noise, f"{path}.sig": b"-----BEGIN SSH SIGNATURE-----\n"})
        assert "records" in team.unmet(approved)
    team.push(branch(approved), {f"{folder(approved)}/request.json": b"{}\n"})
    with pytest.raises(EvidenceError):
        team.merge(approved)
