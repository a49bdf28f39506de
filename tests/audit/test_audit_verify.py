"""`audit verify`: every finding under a rule, the verdict first, and honest histories that must stay clean."""

from __future__ import annotations

import json
import subprocess
from datetime import timedelta

import pytest
from click.testing import CliRunner

from mlassay.audit.anchor_pin import make_anchor
from mlassay.audit.findings import finding_of, rule_of
from mlassay.audit.rules import RULES, of_demand
from mlassay.audit.verify import Known, verify
from mlassay.cli import cli
from mlassay.errors import Problem
from mlassay.git import Identity, Repository
from mlassay.render.audit_sarif import audit_sarif
from mlassay.render.audit_verify import audit_json, finding_blocks, verdict_lines
from mlassay.stages.propose import propose
from mlassay.wiring import verifiers
from tests import factory
from tests.audit.story import git
from tests.factory.project import POLICY, ci_key, signer_yaml
from tests.stages.promoting import SAID, make_team
from tests.stages.test_promotion_attacks import branch

LIAR = Identity("Mal", "mal@example.org")
PEOPLE = "governance/people.yaml"
POINTER = "environments/staging.yaml"


@pytest.fixture
def team(tmp_path):
    return make_team(tmp_path)


def audit(team, **known):
    team.repo.fetch("origin")
    return verify(team.repo, team.main(), None, verifiers(), known=Known(**known), worktree=False)


def rules(report):
    return sorted({finding.rule for finding in report.findings})


def pulled(team):
    team.repo.fetch("origin")
    assert team.repo.fast_forward("main", team.main())


def plainly(team, *words):
    """Plain git in the checkout, at the team's own time."""
    when = f"{team.project.now().timestamp():.0f} +0000"
    env = {"GIT_COMMITTER_DATE": when, "GIT_AUTHOR_DATE": when, "PATH": "/usr/bin:/bin", "GIT_EDITOR": "true"}
    subprocess.run(["git", "-C", team.project.folder, *words], check=True, capture_output=True, env=env)


def changed(team, files, reason="The team agreed on this in its last meeting."):
    """A change that is asked for, approved and merged; ``files`` maps paths to texts."""
    pulled(team)
    for path, text in files.items():
        (team.project.folder / path).write_text(text)
    id_ = propose(team.desk, team.key("dana"), reason=reason).name.id
    assert not team.say(id_, "lee").no
    assert team.merge(id_).decision.allowed
    plainly(team, "checkout", "-q", "--", ".")
    pulled(team)


# Rules


def test_every_demand_of_policy_has_a_rule(team):
    """All that policy may demand, as far as a promotion and a change show it; families by their rule."""
    id_ = team.promote().name.id
    demands = {demand.id for demand in team.merge(id_, dry_run=True).decision.demands}
    (team.project.folder / "governance/policy.yaml").write_text(POLICY + "# read\n")
    change = propose(
        team.desk, team.key("dana"), reason="The team agreed on this in its last meeting."
    ).name.id
    demands |= {demand.id for demand in team.merge(change, dry_run=True).decision.demands}
    demands |= {
        "waiver.bias",
        "weakening.threshold",
        "owner.data/x.manifest.yaml",
        "reviews",
        "questions",
        "waivers",
    }
    assert {of_demand(demand) for demand in demands} <= RULES.keys()


def test_a_problem_that_names_no_rule_gets_that_of_its_place():
    places = {
        "evidence/20261120-1a2b3c4d/verdict.json": "evidence-bytes",
        "promotions/staging/20261120-1a2b3c4d/request.json": "record-bytes",
        "promotions/staging/20261120-1a2b3c4d/record.dsse.json": "review-record",
        "governance/waivers/x.json": "waiver",
        "governance/people.yaml": "pushed-governance",
        "environments/staging.yaml": "pushed-pointer",
        "data/a.manifest.yaml": "pushed-manifest",
        "ml.yaml": "evidence-source",
        "": "object",
    }
    assert {path: rule_of(Problem("x", path=path)) for path in places} == places
    assert rule_of(Problem("x", rule="no rule of ours", path="ml.yaml")) == "evidence-source"


def test_every_rule_says_what_it_means_innocently_how_and_what_to_do():
    for rule in RULES.values():
        for text in (rule.what, rule.breaks, rule.innocent, rule.remedy):
            assert len(text.split()) >= 4, rule.id
            assert not text.endswith("."), rule.id
        finding = finding_of(Problem("something", rule=rule.id))
        assert finding.rule == rule.id
        assert finding.why
        assert finding.remedy == rule.remedy


# The verdict


def test_without_anything_from_elsewhere_it_is_consistent_since_its_root_and_no_more(team):
    report = audit(team)
    assert report.verdict == f"consistent since root {report.root[:12]}"
    assert any("replaced whole" in text for text in report.not_checked)


def test_with_an_anchor_it_is_intact_since_that_and_says_how_much_came_after(team):
    from mlassay.evidence.anchors import AnchorFile

    at = team.main()
    anchor = make_anchor(team.repo, at, date=team.project.now(), findings=0, signer=None, previous=None)
    team.land()
    report = audit(team, anchors=[anchor if isinstance(anchor, AnchorFile) else AnchorFile(anchor)])
    assert report.verdict == f"intact since anchor {at[:12]}"
    assert report.anchored[0].behind > 0
    assert any("after the anchor" in text for text in report.not_checked)
    assert not any("replaced whole" in text for text in report.not_checked)


def test_an_anchored_commit_that_was_merged_beside_the_line_is_a_finding(team):
    at = team.main()
    anchor = make_anchor(team.repo, at, date=team.project.now(), findings=0, signer=None, previous=None)
    other = team.repo.write_commit(
        None, {"README.md": b"x"}, message="Another", author=LIAR, when=team.project.now()
    )
    merge = team.repo.write_commit(
        at, {}, message="Merge", author=LIAR, when=team.project.now(), parents=[other, at]
    )
    report = verify(team.repo, merge, None, verifiers(), known=Known([anchor]), worktree=False)
    assert "anchor" in rules(report)
    assert report.verdict == "not intact"


def test_the_root_that_the_auditor_knows_must_be_the_one(team):
    root = audit(team).root
    good = audit(team, root=root[:10])
    assert good.verdict == f"consistent since root {root[:12]}"
    assert any(root in line for line in verdict_lines(good))
    bad = audit(team, root=team.main())
    assert rules(bad) == ["root"]


def test_a_history_without_policy_and_people_has_no_root(tmp_path):
    repo = Repository.init(tmp_path / "bare")
    commit = repo.write_commit(None, {"a": b"b"}, message="x", author=LIAR, when=factory.project.START)
    report = verify(repo, commit, None, verifiers(), known=Known(), worktree=False)
    assert rules(report) == ["root"]


# One problem, one rule


def test_a_revert_of_a_promotion_is_a_finding(team):
    landed = team.land()
    pulled(team)
    plainly(
        team,
        "-c",
        "user.name=x",
        "-c",
        "user.email=x@example.org",
        "revert",
        "--no-edit",
        "-m",
        "1",
        landed.commit,
    )
    plainly(team, "push", "-q", "origin", "main")
    assert rules(audit(team)) == ["pushed-pointer", "append-only"][::-1]


def test_a_record_altered_after_it_was_recorded_is_told_once_by_the_commit_that_did_it(team):
    team.land()
    path = f"evidence/{team.release}/verdict.json"
    commit = team.push("main", {path: b"{}\n"})
    report = audit(team)
    assert [(f.rule, f.path, f.commit) for f in report.findings] == [("append-only", path, commit)]
    (item,) = [each for each in report.confirmed if each.kind == "release"]
    assert item.problems, "and what it says may no longer be relied on"


def test_a_file_added_to_a_release_later_is_told_by_the_commit_that_did_it(team):
    path = f"evidence/{team.release}/gates/extra.json"
    commit = team.push("main", {path: b"{}\n"})
    assert [(f.rule, f.path, f.commit) for f in audit(team).findings] == [("evidence-extra", path, commit)]


@pytest.mark.parametrize("adjacent", [True, False])
@pytest.mark.parametrize(
    ("what", "rule"), [("change", "append-only"), ("delete", "append-only"), ("add", "pushed-request")]
)
def test_who_goes_on_to_alter_what_has_landed_is_told_so_next_to_it_or_later(team, adjacent, what, rule):
    name = team.land()
    folder = next(path for path in team.repo.tree(team.main(), "promotions") if path.endswith("request.json"))
    folder = folder.rpartition("/")[0]
    assert name
    if not adjacent:
        team.push("main", {"notes.txt": b"nothing\n"})
    path = f"{folder}/approvals/{'eve' if what == 'add' else 'robin'}.json"
    commit = team.push("main", {path: None if what == "delete" else b"{}\n"})
    assert [(f.rule, f.path, f.commit) for f in audit(team).findings] == [(rule, path, commit)]


def test_a_forged_approval_is_one_finding_and_not_also_one_too_few(team):
    id_ = team.promote().name.id
    team.say(id_, "robin")
    head = team.repo.refs("refs/remotes/origin/")[f"refs/remotes/origin/{branch(id_)}"]
    files = {c.path: team.repo.read(head, c.path) for c in team.repo.changes(team.main(), head)}
    signature = next(path for path in files if path.endswith("robin.json.sig"))
    request = next(data for path, data in files.items() if path.endswith("request.json.sig"))
    team.push("main", files | {signature: request})
    assert rules(audit(team)) == ["record-signature"]


def test_a_self_approval_pushed_by_hand_is_named_once(team):
    id_ = team.promote().name.id
    team.say(id_, "robin")
    head = team.repo.refs("refs/remotes/origin/")[f"refs/remotes/origin/{branch(id_)}"]
    files = {c.path: team.repo.read(head, c.path) for c in team.repo.changes(team.main(), head)}
    from mlassay.digest import sha256
    from mlassay.evidence.records import Approval

    base = next(path for path in files if "/approvals/" in path).rpartition("/")[0]
    asked = next(data for path, data in files.items() if path.endswith("request.json"))
    said = Approval(
        sha256(asked), "dana", *SAID["dana"], team.project.now().replace(microsecond=0)
    ).to_bytes()
    mine = {f"{base}/dana.json": said, f"{base}/dana.json.sig": team.key("dana").sign(said)}
    others = {path: data for path, data in files.items() if "/approvals/" not in path}
    team.push("main", others | mine)
    assert rules(audit(team)) == ["policy.own-approval"]


def test_a_landing_dated_before_an_earlier_record_is_found_though_another_commit_lies_between(team):
    pulled(team)
    run = factory.run_folder(team.project, seed=5)
    signed = factory.sign_run(team.project, run)
    files = {
        f"evidence/{signed.release.id}/{path.relative_to(signed.folder).as_posix()}": path.read_bytes()
        for path in signed.folder.rglob("*")
        if path.is_file()
    }
    old = team.repo.commit(team.main()).time - timedelta(days=30)
    between = team.repo.write_commit(team.main(), {"a.txt": b"a"}, message="a", author=LIAR, when=old)
    commit = team.repo.write_commit(between, files, message="Record", author=LIAR, when=old)
    report = verify(team.repo, commit, None, verifiers(), worktree=False)
    assert rules(report) == ["backdated"]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("evidence/** text eol=crlf", True),
        ("*.json filter=clean", True),
        ("[attr]odd ident\n*.yaml odd", True),
        ("* text=auto", False),
        ("*.onnx filter=lfs diff=lfs merge=lfs -text", False),
        ("*.md eol=crlf export-subst\nevidence/** -diff linguist-generated", False),
    ],
)
def test_attributes_that_alter_guarded_files_are_found_and_others_are_not(team, line, found):
    if "md" in line:
        line = line.replace("*.md", "/README.md")
    team.push("main", {".gitattributes": f"# ours\n{line}\n".encode()})
    assert rules(audit(team)) == (["tree"] if found else [])


# Honest histories


@pytest.mark.parametrize("how", ["squash", "rebase"])
def test_who_approves_again_before_the_merge_alters_no_record(team, how):
    id_ = team.promote().name.id
    team.say(id_, "robin")
    team.say(id_, "robin", reason="I looked at all of it once more, row by row.")
    team.say(id_, "lee")
    team.project.commit({"train.py": "print('main moves on')\n"})
    pulled(team)
    if how == "rebase":
        plainly(team, "checkout", "-q", "-b", "work", f"origin/{branch(id_)}")
        plainly(team, "rebase", "-q", "main")
        plainly(team, "checkout", "-q", "main")
        plainly(team, "merge", "-q", "--ff-only", "work")
    else:
        plainly(team, "merge", "-q", "--squash", f"origin/{branch(id_)}")
        plainly(team, "commit", "-q", "-m", "Promote")
    plainly(team, "push", "-q", "origin", "main")
    assert rules(audit(team)) == []


def test_a_promotion_taken_back_by_another_two_environments_in_one_day_and_an_older_release_stay_clean(team):
    first = team.release
    team.land("staging", first)
    team.land("production", first)
    other = factory.record(team.project, seed=2).release.id
    team.land("staging", other)
    team.land("staging", first)
    assert rules(audit(team)) == []


def test_a_rotated_ci_key_an_older_release_promoted_after_it_and_a_person_who_left_stay_clean(team):
    pulled(team)
    people = team.project.read(PEOPLE)
    end = team.project.now() + timedelta(days=1)
    fresh = "\n".join(signer_yaml("fresh", ci_key(team.project.keys, "fresh"))) + "\n"
    old = "valid_from: 2026-01-01\n    signs"
    ended = people.replace(old, f"valid_from: 2026-01-01\n    valid_until: {end:%Y-%m-%d}\n    signs") + fresh
    assert ended != people + fresh
    changed(team, {PEOPLE: ended})
    team.project.clock += timedelta(days=3)
    team.land("staging", team.release)
    gone = team.project.read(PEOPLE)
    start, stop = gone.index("  robin:"), gone.index("  lee:")
    changed(team, {PEOPLE: gone[:start] + gone[stop:]})
    assert rules(audit(team)) == []


def test_an_environment_renamed_by_propose_and_main_moving_on_stay_clean(team):
    team.land()
    waiting = team.promote("production").name.id
    for who in ("robin", "lee"):
        team.say(waiting, who)
    pulled(team)
    team.project.commit({"train.py": "print('main moves on')\n"})
    assert team.merge(waiting).decision.allowed
    pulled(team)
    changed(
        team,
        {"governance/policy.yaml": team.project.read("governance/policy.yaml").replace("production", "live")},
    )
    team.land("live")
    assert rules(audit(team)) == []


def test_an_imported_history_with_submodules_odd_names_and_clocks_stays_clean(tmp_path):
    project = factory.make(tmp_path, remote=True)
    repo = project.repo
    tip = repo.head()
    listed = f"{git(project.folder, 'ls-tree', tip)}\n160000 commit {tip}\tvendor\n"
    tree = git(project.folder, "mktree", data=listed.encode())
    who = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
    commit = git(project.folder, *who, "commit-tree", tree, "-p", tip, "-m", "x")
    repo.push("origin", commit, "refs/heads/main", tip)
    report = verify(repo, commit, None, verifiers(), known=Known(), worktree=False)
    assert rules(report) == []


# What people and machines read


def test_the_terminal_shows_the_verdict_first_and_needs_no_help(team):
    team.land()
    team.push("main", {POINTER: b"by hand\n"})
    pulled(team)
    done = CliRunner().invoke(cli, ["audit", "verify", "-C", str(team.project.folder)])
    assert done.exit_code == 3
    lines = done.output.splitlines()
    assert lines[0] == "NOT INTACT: 1 finding under 1 rule"
    assert lines[3].startswith("pushed-pointer: ")
    for label in ("why:", "innocent:", "do:", "look:"):
        assert any(line.strip().startswith(label) for line in lines)


def test_json_and_sarif_tell_the_same_findings(team, tmp_path):
    team.land()
    team.push("main", {POINTER: b"by hand\n"})
    report = audit(team)
    told = audit_json(report)
    sarif = json.loads(audit_sarif(report))["runs"][0]
    assert told["verdict"] == sarif["properties"]["verdict"] == "not intact"
    assert (
        [f["rule"] for f in told["findings"]] == [r["ruleId"] for r in sarif["results"]] == ["pushed-pointer"]
    )
    location = sarif["results"][0]["locations"][0]["physicalLocation"]
    assert location["artifactLocation"]["uri"] == POINTER
    assert audit_sarif(report) == audit_sarif(audit(team))
    assert next(heading for heading, _ in finding_blocks(report)).startswith("pushed-pointer")


def test_a_clean_history_exits_with_nothing_and_writes_sarif_all_the_same(team, tmp_path):
    out = tmp_path / "audit.sarif"
    pulled(team)
    done = CliRunner().invoke(cli, ["audit", "verify", "--sarif", str(out), "-C", str(team.project.folder)])
    assert done.exit_code == 0, done.output
    assert done.output.startswith("Consistent since root ")
    assert json.loads(out.read_text())["runs"][0]["results"] == []


def test_without_fsck_an_object_that_nothing_rests_on_is_not_looked_at_and_the_report_says_so(team):
    team.promote()
    pulled(team)
    folder = team.project.folder
    id_ = git(folder, "hash-object", "-w", "--stdin", data=b"nobody refers to this\n")
    loose = folder / ".git/objects" / id_[:2] / id_[2:]
    loose.chmod(0o644)
    loose.write_bytes(b"not even compressed")
    asked = ["audit", "verify", "-C", str(folder)]
    whole, less = CliRunner().invoke(cli, asked), CliRunner().invoke(cli, [*asked, "--no-fsck"])
    assert (whole.exit_code, less.exit_code) == (3, 0)
    assert id_ in whole.output
    assert "git fsck was left out" not in whole.output
    assert "git fsck was left out" in " ".join(less.output.split())
