"""Everything on a main line read back from a clone, and attacked."""

from __future__ import annotations

import re
import shutil
import subprocess
import zlib
from datetime import timedelta
from pathlib import Path

import pytest

from mlassay.audit import clone as clone_room
from mlassay.audit.verify import Report, verify
from mlassay.errors import ConfigurationError
from mlassay.evidence import layout
from mlassay.git import Identity, Repository
from mlassay.wiring import verifiers
from tests import factory
from tests.audit.story import git, play
from tests.factory.project import NOBODY, POLICY

LIAR = Identity("Robin", "robin@example.org")


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """The folder of the story, and its ids; never changed."""
    folder = tmp_path_factory.mktemp("played")
    return folder, play(folder)


@pytest.fixture
def ids(played):
    return played[1]


@pytest.fixture
def clone(played, tmp_path):
    """A fresh clone of the story's remote."""
    return Repository.clone(played[0] / "remote.git", tmp_path / "clone")


def check(repo, release=None, at=None, **options):
    return verify(repo, at or repo.head(), release, verifiers(), **options)


def push(repo, changes, *, base=None, parents=None, later=timedelta(minutes=1)):
    """A commit on top of HEAD (or ``base``) by somebody with a pen and no key."""
    base = base or repo.head()
    when = repo.commit(base).time + later
    return repo.write_commit(base, changes, message="Tidy up", author=LIAR, when=when, parents=parents)


def paths(report):
    return {problem.path for problem in report.problems}


def flipped(data, at=None):
    place = len(data) // 2 if at is None else min(at, len(data) - 2)
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


def evidence_files(repo, *prefixes):
    prefixes = prefixes or ("evidence", "promotions", "changes", "governance/waivers")
    return [path for prefix in prefixes for path in repo.tree(repo.head(), prefix)]


def test_a_true_history_is_confirmed_whole(clone, ids):
    report = check(clone)
    assert report.problems == ()
    told = [(item.kind, item.name, item.by) for item in report.confirmed]
    assert told == [
        ("release", ids["passed"], ("ci",)),
        ("release", ids["unsure"], ("ci",)),
        ("waiver", f"{ids['unsure']}.bias.lee", ("lee",)),
        ("promotion", f"staging/{ids['promotion']}", ("dana", "robin")),
        ("change", ids["change"], ("dana", "lee")),
    ]
    assert [item.signatures for item in report.confirmed] == [7, 7, 1, 2, 2]


def test_a_bare_clone_says_the_same_and_that_no_file_was_looked_at(clone, played, tmp_path):
    bare = Repository.clone(played[0] / "remote.git", tmp_path / "bare.git", bare=True)
    report, other = check(bare), check(clone)
    assert (report.confirmed, report.problems) == (other.confirmed, ())
    assert any("work tree" in text for text in report.not_checked)


def test_it_says_what_nobody_can_tell_from_a_clone(clone):
    report = check(clone)
    root = next(c.id for c in clone.first_parents(clone.head()) if not c.parents)
    assert report.root == root
    assert f"consistent since root commit {root[:12]}" in report.not_checked[0]


def test_one_release_is_confirmed_alone(clone, ids):
    report = check(clone, ids["passed"])
    assert [item.name for item in report.confirmed] == [ids["passed"]]
    assert "anything but this release" in report.not_checked[0]


@pytest.mark.parametrize("name", ["20200101-00000000", "staging", "../../etc", ""])
def test_a_release_that_nobody_recorded_is_a_mistake_of_the_caller(clone, name):
    with pytest.raises(ConfigurationError, match="ever recorded"):
        check(clone, name)


def test_a_flipped_bit_in_any_record_of_the_work_tree_is_named(clone):
    for path in evidence_files(clone):
        file = clone.worktree / path
        before = file.read_bytes()
        file.write_bytes(flipped(before))
        assert paths(check_disk(clone)) == {path}
        file.write_bytes(before)
    assert check_disk(clone).problems == ()


def check_disk(repo):
    """Only what lies on the disk: the rest of `verify` is tried elsewhere, and takes its time."""
    problems = tuple(clone_room.on_disk(repo, repo.head(), clone_room.guarded(repo, repo.head())))
    return Report(repo.head(), None, (), problems, ())


def test_a_file_added_removed_linked_or_made_executable_on_the_disk_is_named(clone, ids):
    folder = clone.worktree / layout.evidence_dir(ids["passed"])
    (folder / "notes.txt").write_text("hello")
    (folder / "report.md").unlink()
    (folder / "verdict.json").chmod(0o755)
    (folder / "model.sig").unlink()
    (folder / "model.sig").symlink_to("verdict.json")
    names = ("notes.txt", "report.md", "verdict.json", "model.sig")
    expected = {f"{layout.evidence_dir(ids['passed'])}/{name}" for name in names}
    assert paths(check(clone)) == expected == paths(check(clone, ids["passed"]))


def test_a_flipped_bit_in_a_pack_is_named(clone, ids):
    """The bytes of one blob, compressed again, put over its own in the pack."""
    path = f"{layout.evidence_dir(ids['passed'])}/report.md"
    entry = clone.entry(clone.head(), path)
    clone.close()
    git(clone.folder, "gc", "-q", "--no-cruft", "--prune=now")
    (pack,) = (clone.git_dir / "objects/pack").glob("*.pack")
    listed = git(clone.folder, "verify-pack", "-v", str(pack.with_suffix(".idx")))
    found = re.search(rf"^{entry.id} blob +\d+ (\d+) (\d+)", listed, re.MULTILINE)
    assert found is not None
    size, offset = int(found[1]), int(found[2])
    pack.chmod(0o644)
    whole = bytearray(pack.read_bytes())
    whole[offset + size - 3] ^= 1
    pack.write_bytes(bytes(whole))
    for release in (None, ids["passed"]):
        report = check(Repository.open(clone.folder), release, worktree=False)
        assert path in paths(report)


def test_a_flipped_bit_in_a_loose_object_is_named(clone, ids):
    path = f"{layout.evidence_dir(ids['passed'])}/gates/bias.json"
    entry = clone.entry(clone.head(), path)
    data = clone.blob(entry.id)
    loose = clone.git_dir / "objects" / entry.id[:2] / entry.id[2:]
    loose.parent.mkdir(exist_ok=True)
    packs = clone.git_dir / "objects/pack"
    clone.close()
    for pack in list(packs.glob("*.pack")):
        pack.rename(clone.folder / pack.name)
        git(clone.folder, "unpack-objects", "-q", data=(clone.folder / pack.name).read_bytes())
        for rest in packs.glob(f"{pack.stem}.*"):
            rest.unlink()
        (clone.folder / pack.name).unlink()
    changed = flipped(data)
    loose.chmod(0o644)
    loose.write_bytes(zlib.compress(b"blob %d\0" % len(changed) + changed))
    report = check(Repository.open(clone.folder), worktree=False)
    assert path in paths(report)


def test_a_flipped_bit_committed_on_top_is_named_for_every_record(clone, ids):
    head = clone.head()
    for path in evidence_files(clone, f"evidence/{ids['unsure']}", "promotions", "changes", layout.WAIVERS):
        commit = push(clone, {path: flipped(clone.read(head, path))})
        assert path in paths(check_history(clone, commit)), path
    assert paths(check_history(clone, head)) == set()


def check_history(repo, commit):
    """All but fsck and the work tree, which are tried elsewhere: fsck takes its time."""
    repo = _Quick(repo.worktree, repo.git_dir, repo.git_dir)
    return verify(repo, commit, None, verifiers(), worktree=False)


class _Quick(Repository):
    def fsck(self):
        return []


def rewrite(repo, path, data):
    """The whole main line made anew with other bytes for ``path`` from its first appearance on; new head."""
    line = list(repo.first_parents(repo.head()))[::-1]
    above = None
    for commit in line:
        files = {p: repo.blob(e.id) for p, e in repo.tree(commit.id).items()}
        if path in files:
            files[path] = data
        above = repo.write_commit(
            None,
            files,
            message=commit.message,
            author=commit.author,
            when=commit.time,
            parents=[above] if above else [],
        )
    return above


def test_a_flipped_bit_in_a_history_made_anew_is_named_for_every_signed_record(clone, ids):
    """Nothing is older than the lie: git agrees with itself, and only signatures tell. Bindings break as well."""
    head = clone.head()
    for path in evidence_files(clone, "promotions", "changes", layout.WAIVERS, f"evidence/{ids['passed']}"):
        report = check_history(clone, rewrite(clone, path, flipped(clone.read(head, path), at=70)))
        named = path.removesuffix(".sig")
        assert {path, named} & paths(report), path


@pytest.mark.parametrize("prefix", ["evidence", "promotions", "changes", "governance/waivers"])
def test_a_record_deleted_is_named(clone, prefix):
    path = evidence_files(clone, prefix)[0]
    assert path in paths(check(clone, at=push(clone, {path: None}), worktree=False))


def test_a_whole_release_deleted_is_told_although_nothing_of_it_is_left(clone, ids):
    folder = layout.evidence_dir(ids["unsure"])
    commit = push(clone, dict.fromkeys(clone.tree(clone.head(), folder)))
    report = check(clone, at=commit, worktree=False)
    assert f"{folder}/release.json" in paths(report)


def test_a_file_added_to_recorded_evidence_is_named(clone, ids):
    path = f"{layout.evidence_dir(ids['passed'])}/card.md"
    assert path in paths(check(clone, at=push(clone, {path: b"# great\n"}), worktree=False))


def test_a_file_that_belongs_to_no_release_is_named(clone):
    assert paths(check(clone, at=push(clone, {"evidence/README.md": b"hi\n"}), worktree=False)) == {
        "evidence/README.md"
    }


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("environments/staging.yaml", "no promotion explains"),
        ("environments/production.yaml", "no promotion explains"),
        ("governance/policy.yaml", "no change request explains"),
        ("governance/people.yaml", "no change request explains"),
        ("data/applications.manifest.yaml", "no change request explains"),
        ("data/new.manifest.yaml", "no change request explains"),
    ],
)
def test_a_bare_push_to_a_guarded_path_is_a_finding(clone, path, told):
    before = clone.read(clone.head(), path) or b""
    report = check(clone, at=push(clone, {path: before + b"# mine\n"}), worktree=False)
    assert [(p.path, told in p.what) for p in report.problems] == [(path, True)]


def test_ordinary_commits_are_no_findings(clone):
    commit = push(
        clone,
        {"train.py": b"print(2)\n", "ml.yaml": b"version: 1\n", "docs/x.md": b"x", "data/more.csv": b"1\n"},
    )
    assert check(clone, at=commit, worktree=False).problems == ()


def test_going_back_by_git_revert_is_a_finding(clone, ids):
    """The pointer as it was before the promotion: nothing at all."""
    commit = push(clone, {"environments/staging.yaml": None})
    assert paths(check(clone, at=commit, worktree=False)) == {"environments/staging.yaml"}


def test_an_approval_added_after_the_merge_is_a_finding(clone, ids):
    folder = layout.promotion_dir("staging", ids["promotion"])
    between = push(clone, {"train.py": b"print(3)\n"})
    path = f"{folder}/approvals/lee.json"
    report = check(clone, at=push(clone, {path: b"{}\n"}, base=between), worktree=False)
    assert path in paths(report)


def test_a_merged_side_history_cannot_bring_guarded_changes_in_by_its_second_parent(clone):
    side = push(clone, {"governance/people.yaml": b"version: 1\n"})
    tree = {"governance/people.yaml": b"version: 1\n"}
    merge = push(clone, tree, parents=[clone.head(), side], later=timedelta(minutes=2))
    assert "governance/people.yaml" in paths(check(clone, at=merge, worktree=False))


def test_a_rebase_merge_of_one_request_in_several_commits_is_judged_whole(played, tmp_path):
    """The promotion's files come in two commits, as a forge's rebase button leaves them."""
    repo = Repository.clone(played[0] / "remote.git", tmp_path / "rebased")
    merge = next(c for c in repo.first_parents(repo.head()) if c.subject.startswith("Promote"))
    files = {c.path: repo.blob(c.new.id) for c in repo.changes(merge.parents[0], merge.id)}
    late = {path: data for path, data in files.items() if "/approvals/" in path}
    first = repo.write_commit(
        merge.parents[0],
        {path: data for path, data in files.items() if path not in late},
        message="Promote",
        author=LIAR,
        when=merge.time,
    )
    second = repo.write_commit(first, late, message="Approve", author=LIAR, when=merge.time)
    report = check(repo, at=second, worktree=False)
    assert report.problems == ()
    assert report.confirmed[-1].by == ("dana", "robin")
    # The control: without the second commit nobody had approved.
    assert "policy.approvals" in {p.rule for p in check(repo, at=first, worktree=False).problems}


def test_a_shallow_clone_is_refused_with_the_command_that_completes_it(played, tmp_path):
    repo = Repository.clone(f"file://{played[0]}/remote.git", tmp_path / "shallow", depth=1)
    with pytest.raises(ConfigurationError, match="shallow") as caught:
        check(repo)
    assert caught.value.problems[0].remedy == "git fetch --unshallow"


def test_replaced_objects_and_grafts_are_reported_and_not_believed(clone, ids):
    path = f"{layout.evidence_dir(ids['passed'])}/report.md"
    entry = clone.entry(clone.head(), path)
    other = git(clone.folder, "hash-object", "-w", "--stdin", data=b"# something else\n")
    git(clone.folder, "replace", entry.id, other)
    (clone.git_dir / "info").mkdir(exist_ok=True)
    (clone.git_dir / "info/grafts").write_text(f"{clone.head()}\n")
    report = check(Repository.open(clone.folder))
    assert paths(report) == {"refs/replace", ".git/info/grafts"}
    assert len(report.confirmed) == 5


def test_an_older_commit_is_read_as_it_was(clone, ids):
    promoted = next(c for c in clone.first_parents(clone.head()) if c.subject.startswith("Promote"))
    report = check(clone, at=promoted.parents[0], worktree=False)
    assert report.problems == ()
    assert [item.kind for item in report.confirmed] == ["release", "release", "waiver"]


def test_a_repository_without_anything_recorded_is_valid_and_says_that_nobody_may_decide(tmp_path):
    repo = Repository.init(tmp_path / "empty")
    (tmp_path / "empty/x").write_text("x")
    repo.add_and_commit(["x"], "Start", author=LIAR)
    report = check(repo)
    assert (report.problems, report.root) == ((), None)
    assert "who may decide" in report.not_checked[0]


def test_the_work_of_the_team_is_left_as_it_is(played, tmp_path):
    shutil.copytree(played[0] / "team", tmp_path / "team", symlinks=True)
    before = {p: p.read_bytes() for p in Path(tmp_path / "team").rglob("*") if p.is_file()}
    check(Repository.open(tmp_path / "team"))
    after = {p: p.read_bytes() for p in Path(tmp_path / "team").rglob("*") if p.is_file()}
    assert after == before


def test_a_file_beside_the_waivers_is_named(clone):
    path = "governance/waivers/everything.txt"
    report = check(clone, at=push(clone, {path: b"all is waived\n"}), worktree=False)
    assert paths(report) == {path}


def test_a_waiver_that_nobody_signed_is_named(clone, ids):
    path = f"governance/waivers/{ids['passed']}.bias.lee.json"
    true = f"governance/waivers/{ids['unsure']}.bias.lee.json"
    forged = clone.read(clone.head(), true).replace(ids["unsure"].encode(), ids["passed"].encode())
    commit = push(clone, {path: forged, f"{path}.sig": clone.read(clone.head(), f"{true}.sig")})
    assert paths(check(clone, at=commit, worktree=False)) == {path}


def test_a_demonstration_is_told_to_be_one(tmp_path):
    for policy, told in ((factory.project.POLICY, False), (factory.project.POLICY + "demo: true\n", True)):
        project = factory.make(tmp_path / str(told), policy=policy)
        report = check(project.repo)
        assert any("demonstration" in text for text in report.not_checked) is told


@pytest.mark.parametrize(
    "path", ["Environments/staging.yaml", "GOVERNANCE/people.yaml", "data/Applications.Manifest.yaml"]
)
def test_a_guarded_path_in_other_letters_is_named(clone, path):
    commit = push(clone, {path: b"version: 1\n"})
    assert paths(check(clone, at=commit, worktree=False)) == {path}


@pytest.mark.parametrize("mode", ["120000", "160000"])
def test_guarded_folders_swapped_for_a_link_or_a_submodule_are_named(clone, mode):
    """The folder itself becomes something else; what lay in it is gone."""
    tree = git(clone.folder, "ls-tree", clone.head())
    id_ = (
        clone.head()
        if mode == "160000"
        else git(clone.folder, "hash-object", "-w", "--stdin", data=b"elsewhere")
    )
    kind = "commit" if mode == "160000" else "blob"
    lines = [
        line if not line.endswith("\tgovernance") else f"{mode} {kind} {id_}\tgovernance"
        for line in tree.split("\n")
    ]
    made = git(clone.folder, "mktree", data=("\n".join(lines) + "\n").encode())
    commit = git(
        clone.folder,
        "-c",
        "user.name=x",
        "-c",
        "user.email=x@y.z",
        "commit-tree",
        made,
        "-p",
        "HEAD",
        "-m",
        "x",
    )
    report = check(clone, at=commit, worktree=False)
    assert {"governance/people.yaml", "governance/policy.yaml"} <= paths(report)


def test_two_entries_of_one_name_in_a_folder_are_refused(clone):
    """git would show one of them, other readers the other."""
    tree = git(clone.folder, "rev-parse", "HEAD^{tree}")
    raw = subprocess.run(
        ["git", "cat-file", "tree", tree], cwd=clone.folder, capture_output=True, check=True
    ).stdout
    node = b"100644 ml.yaml\0" + bytes.fromhex(git(clone.folder, "rev-parse", "HEAD:ml.yaml"))
    assert node in raw
    doubled = raw.replace(node, node + node)
    made = git(clone.folder, "hash-object", "-w", "-t", "tree", "--literally", "--stdin", data=doubled)
    commit = git(
        clone.folder,
        "-c",
        "user.name=x",
        "-c",
        "user.email=x@y.z",
        "commit-tree",
        made,
        "-p",
        "HEAD",
        "-m",
        "x",
    )
    told = [problem.what for problem in check(clone, at=commit, worktree=False).problems]
    assert any("twice" in what for what in told)


def test_the_root_of_a_fork_is_the_commit_that_brings_the_first_key_in(tmp_path):
    project = factory.make(tmp_path, forked=True)
    root = project.repo.head()
    factory.record(project)
    report = check(project.repo)
    assert report.root == root
    assert not report.problems
    people = project.repo.read(root, layout.PEOPLE) + b"# mine\n"
    report = check(project.repo, at=push(project.repo, {layout.PEOPLE: people}))
    assert report.root == root
    assert paths(report) == {layout.PEOPLE}, "from the first key on, keys change by approval alone"


def test_a_fork_goes_all_the_way_once_somebody_has_a_key(tmp_path):
    ids = play(tmp_path, forked=True)
    report = check(Repository.clone(tmp_path / "remote.git", tmp_path / "clone"))
    assert not report.problems
    assert {ids["passed"], f"staging/{ids['promotion']}"} <= {item.name for item in report.confirmed}


def test_a_root_with_keys_stays_the_root_when_they_are_taken_away(tmp_path):
    project = factory.make(tmp_path)
    root, people = project.repo.head(), project.repo.read(project.repo.head(), layout.PEOPLE)
    bare = push(project.repo, {layout.PEOPLE: NOBODY.encode()})
    again = push(project.repo, {layout.PEOPLE: people + b"# mine\n"}, base=bare)
    report = check(project.repo, at=again)
    assert report.root == root
    pushed = [problem.commit for problem in report.problems if problem.rule == "pushed-governance"]
    assert pushed == [bare, again]


def test_a_fork_where_nobody_has_a_key_yet_has_the_templates_root(tmp_path):
    repo = Repository.init(tmp_path)
    repo.set_config("user.name", LIAR.name)
    repo.set_config("user.email", LIAR.email)
    for path, text in ((layout.PEOPLE, NOBODY), (layout.POLICY, POLICY)):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    root = repo.add_and_commit(["governance"], "The template")
    assert check(repo).root == root
