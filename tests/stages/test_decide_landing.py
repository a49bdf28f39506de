"""What a merge by the forge's button would change counts, and not only what a branch's difference shows."""

import os
import subprocess

import pytest

from mlassay.ports import PullRequest
from mlassay.stages.decide_head import decide_head
from tests.stages.reviewing import make_reviewed
from tests.stages.test_decide_head import Pages

POLICY = "governance/policy.yaml"


@pytest.fixture
def team(tmp_path):
    return make_reviewed(tmp_path)


def _git(team, *words):
    now = f"{team.project.now():%Y-%m-%dT%H:%M:%SZ}"
    who = {
        f"GIT_{role}_{what}": "a@example.org"
        for role in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    }
    done = subprocess.run(
        ["git", "-C", team.repo.folder, *words],
        env=dict(os.environ) | who | {"GIT_COMMITTER_DATE": now, "GIT_AUTHOR_DATE": now},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def _joined(team, branch, tree_of, *parents):
    """A merge commit with the tree of ``tree_of``, pushed to ``branch``."""
    options = [word for parent in parents for word in ("-p", parent)]
    commit = _git(team, "commit-tree", f"{tree_of}^{{tree}}", *options, "-m", "Merge")
    _git(team, "push", "--quiet", "origin", f"+{commit}:refs/heads/{branch}")
    return commit


def _decided(team, head):
    team.repo.fetch("origin")
    pull = PullRequest("", "feature", head, 12, "https://forge.example/12")
    return decide_head(team.desk, Pages({head: pull}), head)


def _two_bases(team, keep):
    """A branch and a main line that each merged the other: ``keep`` says whose governance the branch kept."""
    root = team.main()
    old = team.push("feature", {"train.py": b"print(1)\n"}, onto=root)
    strict = team.push("main", {POLICY: team.repo.read(root, POLICY) + b"# stricter\n"})
    both = team.push("scratch", {"train.py": b"print(1)\n"}, onto=strict)
    main = _joined(team, "main", both, strict, old)
    head = _joined(team, "feature", old if keep == "old" else both, old, strict)
    return main, head


def test_a_branch_with_two_merge_bases_cannot_bring_an_old_policy_back(team):
    main, head = _two_bases(team, "old")
    merged = _git(team, "merge-tree", "--write-tree", main, head)
    assert _git(team, "show", f"{merged}:{POLICY}") != _git(
        team, "show", f"{main}:{POLICY}"
    )  # the attack works
    done = _decided(team, head)
    assert not done.allowed
    assert POLICY in done.decision.unmet[0].what


def test_a_change_of_a_file_that_the_main_line_moved_under_guard_is_seen(team):
    text = b"".join(b"line %d of what we think\n" % n for n in range(30))
    root = team.push("main", {"notes.md": text})
    head = team.push("feature", {"notes.md": text.replace(b"line 3 ", b"line three ")}, onto=root)
    assert _decided(team, head).allowed
    team.push("main", {"notes.md": None, "governance/deliberations/notes.md": text})
    done = _decided(team, head)
    assert not done.allowed
    assert "governance/deliberations/notes.md" in done.decision.unmet[0].what


def test_a_commit_that_a_rebase_would_land_counts_though_the_next_takes_it_back(team):
    root = team.main()
    policy = team.repo.read(root, POLICY)
    first = team.push("feature", {POLICY: policy + b"# weaker\n"}, onto=root)
    head = team.push("feature", {POLICY: policy, "train.py": b"print(1)\n"})
    assert team.repo.commit(head).parents == (first,)
    assert [change.path for change in team.repo.changes(root, head)] == ["train.py"]
    assert not _decided(team, head).allowed


def test_a_branch_that_took_in_the_main_line_may_pass(team):
    root = team.main()
    old = team.push("feature", {"train.py": b"print(1)\n"}, onto=root)
    strict = team.push("main", {POLICY: team.repo.read(root, POLICY) + b"# stricter\n"})
    both = team.push("scratch", {"train.py": b"print(1)\n"}, onto=strict)
    head = _joined(team, "feature", both, old, strict)
    assert _decided(team, head).allowed


def test_a_request_whose_merge_would_change_more_than_its_difference_shows_is_refused(team):
    id_ = team.ask().name.id
    team.review(id_, "robin")
    branch, asked, root = team.pull(id_).branch, team.pull(id_).head, team.main()
    assert decide_head(team.desk, Pages(), asked).allowed

    new = team.push("main", {"train.py": b"print('better')\n"})
    team.project.now()
    noted = team.push("noted", {"README.md": b"more\n"}, onto=root)
    main = _joined(team, "main", team.push("a", {"README.md": b"more\n"}, onto=new), new, noted)
    files = {change.path: team.repo.read(asked, change.path) for change in team.repo.changes(root, asked)}
    head = _joined(team, branch, team.push("b", files, onto=noted), asked, new, noted)
    assert "train.py" not in {c.path for c in team.repo.changes(noted, head)}
    team.repo.fetch("origin")
    assert "train.py" in {c.path for c in team.repo.merged_changes(main, head)}

    team.review(id_, "robin")
    done = decide_head(team.desk, Pages(), head)
    assert not done.allowed
    assert any("also change" in d.what and "train.py" in d.what for d in done.decision.unmet)
