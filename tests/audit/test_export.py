"""One file for another machine: its page's commands hold it without mlassay, and stop at anything that was altered."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest

from mlassay.audit.export import gather, write
from mlassay.audit.export.names import LONGEST, quoted, stored
from mlassay.digest import canonical, parse_canonical
from mlassay.errors import ConfigurationError
from mlassay.files import Document, check
from mlassay.git import Identity, Repository
from mlassay.render.export import pages
from mlassay.render.export.check import check_script
from tests.audit.exporting import PUBLISHED, commands, export, follow, resum, unpack
from tests.audit.story import git, play
from tests.factory import histories

LIAR = Identity("Robin", "robin@example.org")


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """The bare remote of the story (a waiver, a promotion, a change), and its ids."""
    folder = tmp_path_factory.mktemp("played")
    ids = play(folder)
    return Repository.open(folder / "remote.git"), ids


@pytest.fixture(scope="module")
def packed(played, tmp_path_factory):
    return export(played[0], tmp_path_factory.mktemp("packed"))


@pytest.fixture
def unpacked(packed, tmp_path):
    """A copy of the export to be altered."""
    return shutil.copytree(packed, tmp_path / "got" / packed.name, copy_function=shutil.copy2)


@pytest.fixture(scope="module")
def history(tmp_path_factory):
    """A bare repository with two promotions, made in moments."""
    made = histories.make(tmp_path_factory.mktemp("long") / "long.git", promotions=2, commits=12)
    return Repository.open(made.folder)


def refused(folder, *words):
    done = follow(folder)
    assert done.returncode != 0, done.stdout
    assert "Everything" not in done.stdout
    text = done.stdout + done.stderr
    assert all(word in text for word in words), text
    return text


def rewritten(repo, tmp_path, changes, *, base=None, name="rewritten"):
    """An export of the history with one more commit by somebody with a pen and no key."""
    base = base or repo.head()
    data = {
        path: change(repo.read(base, path)) if callable(change) else change
        for path, change in changes.items()
    }
    when = repo.commit(base).time
    at = repo.write_commit(base, data, message="Tidy up", author=LIAR, when=when)
    (tmp_path / name).mkdir()
    return export(repo, tmp_path / name, at=at)


def replayed(repo, tmp_path, path, change):
    """An export of a history in which the last commit that touched ``path`` brought something else instead."""
    (commit, *_) = repo.first_parents(repo.head(), paths=[path])
    parent = commit.parents[0]
    files = {c.path: None if c.new is None else repo.blob(c.new.id) for c in repo.changes(parent, commit.id)}
    files[path] = change(files[path])
    at = repo.write_commit(parent, files, message=commit.subject, author=LIAR, when=commit.time)
    (tmp_path / "replayed").mkdir()
    return export(repo, tmp_path / "replayed", at=at)


# What holds


def test_the_pages_commands_confirm_everything_with_stock_tools(packed):
    done = follow(packed)
    assert done.returncode == 0, done.stdout + done.stderr
    for said in (
        "ok: approval of robin, promotions/staging/",
        "ok: approval of lee, changes/",
        "ok: waiver of lee, governance/waivers/",
        "ok: https://slsa.dev/verification_summary/v1 by ci, evidence/",
        "ok: https://model_signing/signature/v1.0 by ci, evidence/",
        "verdict inconclusive, 15 files",
        "staging runs ",
        "approved by robin",
    ):
        assert said in done.stdout
    assert "NOT CHECKED" not in done.stdout
    assert not done.stderr


def test_the_script_runs_the_same_commands_and_knows_the_commit_that_it_is_given(packed, played):
    script = (packed / "check.sh").read_text()
    assert all(line in script for line in commands(packed).splitlines())
    commit = played[0].head()
    sh = ["sh", "check.sh"]
    assert subprocess.run([*sh, commit], cwd=packed, capture_output=True, check=False).returncode == 0
    other = subprocess.run([*sh, "0" * 40], cwd=packed, capture_output=True, text=True, check=False)
    assert other.returncode == 1
    assert f"FAILED: this export is about commit {commit}" in other.stderr


@pytest.mark.parametrize("redacted", [False, True])
def test_the_published_commands_are_those_of_the_export(redacted):
    """When they change: .venv/bin/python -m tests.audit.exporting"""
    published = PUBLISHED[redacted].read_text()
    assert published == check_script("COMMIT", redacted=redacted)


def test_the_same_commit_gives_the_same_bytes_from_another_clone(history, tmp_path):
    target = tmp_path / "one.tar.gz"
    other = Repository.clone(history.folder, tmp_path / "clone")
    git(tmp_path / "clone", "repack", "-adfq", "--depth=1", "--window=1")
    found = gather(history, history.head(), "full")
    write(history, found, pages(found), target)
    again = gather(other, history.head(), "full")
    write(other, again, pages(again), tmp_path / "two.tar.gz")
    assert found == again
    assert target.read_bytes() == (tmp_path / "two.tar.gz").read_bytes()


def test_large_files_go_through_the_disk_and_arrive_the_same(history, tmp_path, monkeypatch):
    found = gather(history, history.head(), "full")
    write(history, found, {}, tmp_path / "held.tar.gz")
    monkeypatch.setattr("mlassay.audit.export.writing.HELD", 100)
    write(history, found, {}, tmp_path / "streamed.tar.gz")
    assert (tmp_path / "held.tar.gz").read_bytes() == (tmp_path / "streamed.tar.gz").read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["held.tar.gz", "streamed.tar.gz"]


def test_what_lies_in_the_work_tree_and_beyond_the_commit_is_not_exported(history, tmp_path):
    first = list(history.first_parents(history.head()))[-1].id
    folder = export(history, tmp_path, at=first)
    index = parse_canonical((folder / "INDEX.json").read_bytes(), "INDEX.json")
    assert index["commit"] == first
    assert not index["running"]
    assert not (folder / "files/evidence").exists()
    assert "Nothing runs in any environment" in (folder / "README.md").read_text()
    assert follow(folder).returncode == 0


def test_the_index_names_every_file_with_its_digest(packed):
    index = parse_canonical((packed / "INDEX.json").read_bytes(), "INDEX.json")
    sums = dict(line.split("  ")[::-1] for line in (packed / "SHA256SUMS").read_text().splitlines())
    on_disk = {p.relative_to(packed).as_posix() for p in packed.rglob("*") if p.is_file()}
    assert sums.keys() == on_disk - {"SHA256SUMS"}
    listed = {one["name"]: one["digest"].removeprefix("sha256:") for one in index["contents"]}
    assert listed == {name: digest for name, digest in sums.items() if name != "INDEX.json"}
    assert all(sums[one["stored"]] == one["digest"].removeprefix("sha256:") for one in index["files"])
    assert not check(Document("INDEX.json", index, {(): 1}), "export")


# What was altered after it was packed


def approval(folder):
    return next(folder.glob("files/promotions/staging/*/approvals/robin.json"))


def alter_approval(folder):
    path = approval(folder)
    path.write_text(path.read_text().replace("income varies", "income falls"))


def alter_verdict(folder):
    path = next(folder.glob("files/evidence/*/verdict.json"))
    path.write_text(path.read_text().replace('"outcome": "inconclusive"', '"outcome": "passed"') + " ")


def swap_model(folder):
    one, other = sorted(folder.glob("files/evidence/*/model.onnx"))
    shutil.copy(one, other)


def alter_evidence(folder):
    path = next(folder.glob("files/evidence/*/report.md"))
    path.write_text("# toy: passed\n\nAll is well.\n")


def omit_approval(folder):
    path = approval(folder)
    name = path.relative_to(folder).as_posix()
    for gone in (path, path.with_name("robin.json.sig")):
        gone.unlink()
    lists = folder / "lists/files.tsv"
    lists.write_text("".join(row for row in lists.read_text().splitlines(True) if name not in row))


def swap_owners(folder):
    """Somebody's key under the name of another, for all the rest of the checks to believe."""
    path = next(folder.glob("keys/*/allowed_signers"))
    text = path.read_text()
    path.write_text(text.replace("dana ", "?").replace("robin ", "dana ").replace("?", "robin "))


def alter_bundle(folder):
    path = folder / "history.bundle"
    data = bytearray(path.read_bytes())
    data[-200] ^= 1
    path.write_bytes(data)


ALTERATIONS = {
    alter_approval: "is not the one in the history",
    alter_verdict: "is not the one in the history",
    swap_model: "is not the one in the history",
    alter_evidence: "is not the one in the history",
    omit_approval: "is not the list of the history",
    swap_owners: "another key",
    alter_bundle: "cannot be read",
}


@pytest.mark.parametrize("alter", ALTERATIONS, ids=lambda alter: alter.__name__)
def test_an_altered_file_fails_the_sums(unpacked, alter):
    alter(unpacked)
    refused(unpacked, "FAILED: a file is not what SHA256SUMS says")


@pytest.mark.parametrize("alter", ALTERATIONS, ids=lambda alter: alter.__name__)
def test_an_altered_file_with_its_sum_fails_further_on(unpacked, alter):
    alter(unpacked)
    resum(unpacked)
    refused(unpacked, "FAILED: ", ALTERATIONS[alter])


def test_new_sums_alone_change_nothing(unpacked):
    resum(unpacked)
    assert follow(unpacked).returncode == 0


def test_a_bundle_of_another_history_is_told_by_the_commit(unpacked, history, tmp_path):
    (tmp_path / "other").mkdir()
    other = export(history, tmp_path / "other")
    shutil.copy(other / "history.bundle", unpacked / "history.bundle")
    resum(unpacked)
    refused(unpacked, "FAILED: the history ends in another commit")


# What was altered in the history itself, and then exported


def json_with(**members):
    return lambda data: canonical(json.loads(data) | members)


def test_an_edited_approval_is_not_signed(history, tmp_path):
    path = next(p for p in history.tree(history.head(), "promotions") if p.endswith("approvals/lee.json"))
    folder = replayed(history, tmp_path, path, json_with(reason="I never wrote this, and would not have."))
    refused(folder, f"FAILED: {path} is not signed by lee")


def test_an_approval_of_another_request_is_told(history, tmp_path):
    tree = history.tree(history.head(), "promotions")
    (staging,) = (p for p in tree if "staging" in p and p.endswith("approvals/robin.json"))
    (production,) = (p for p in tree if "production" in p and p.endswith("approvals/robin.json"))
    commit = next(iter(history.first_parents(history.head(), paths=[production])))
    parent = commit.parents[0]
    files = {c.path: history.blob(c.new.id) for c in history.changes(parent, commit.id)}
    for suffix in ("", ".sig"):
        files[production + suffix] = history.read(parent, staging + suffix)
    at = history.write_commit(parent, files, message="Promote", author=LIAR, when=commit.time)
    refused(export(history, tmp_path, at=at), f"FAILED: {production} answers another request")


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("verdict.json", json_with(outcome="failed"), "the signed summary does not list"),
        ("model.onnx", lambda data: data + b"\0", "is another one"),
        ("report.md", lambda data: data + b"All is well.\n", "the signed summary does not list"),
        (
            "gates/bias.dsse.json",
            json_with(signatures=[{"keyid": "0" * 64, "sig": "AAAA"}]),
            "a key that was not in",
        ),
        ("release.json", json_with(name="other"), "is about something else"),
    ],
)
def test_altered_evidence_is_not_what_was_signed(history, tmp_path, name, change, said):
    # the record commit is rebuilt with another file; the line ends there
    (commit, *_) = history.first_parents(history.head(), paths=["evidence"])
    parent = commit.parents[0]
    files = {c.path: history.blob(c.new.id) for c in history.changes(parent, commit.id)}
    path = next(p for p in files if p.endswith(f"/{name}"))
    files[path] = change(files[path])
    at = history.write_commit(parent, files, message="Record", author=LIAR, when=commit.time)
    refused(export(history, tmp_path, at=at), "FAILED: ", said)


def test_a_payload_under_a_signature_of_another_is_told(history, tmp_path):
    tree = history.tree(history.head(), "evidence")
    one, other = (
        next(p for p in tree if p.endswith(name)) for name in ("verdict.dsse.json", "provenance.dsse.json")
    )
    lent = json.loads(history.read(history.head(), other))["signatures"]
    (commit, *_) = history.first_parents(history.head(), paths=["evidence"])
    files = {c.path: history.blob(c.new.id) for c in history.changes(commit.parents[0], commit.id)}
    files[one] = json_with(signatures=lent)(files[one])
    at = history.write_commit(commit.parents[0], files, message="Record", author=LIAR, when=commit.time)
    refused(export(history, tmp_path, at=at), f"FAILED: {one} is not signed by ci")


@pytest.mark.parametrize("gone", [True, False], ids=["deleted", "edited"])
def test_a_record_that_was_touched_later_is_told(history, tmp_path, gone):
    path = next(p for p in history.tree(history.head(), "promotions") if p.endswith("approvals/lee.json.sig"))
    folder = rewritten(history, tmp_path, {path: None if gone else (lambda data: data + b"\n")})
    refused(folder, "FAILED: these records were changed or deleted", path)


def test_a_pointer_edited_by_hand_is_told(history, tmp_path):
    folder = rewritten(
        history,
        tmp_path,
        {
            "environments/production.yaml": lambda data: data.replace(
                b"digest: sha256:", b"digest: sha256:0", 1
            )
        },
    )
    refused(folder, "FAILED: no promotion came with what environments/production.yaml became")


def test_a_key_that_comes_in_with_what_it_signs_does_not_count(history, tmp_path):
    # everything squashed into one first commit: nobody had a key before it
    files = {path: history.blob(entry.id) for path, entry in history.tree(history.head()).items()}
    at = history.write_commit(
        None, files, message="Start", author=LIAR, when=history.commit(history.head()).time
    )
    refused(export(history, tmp_path, at=at), "came in before anybody had a key")


@pytest.fixture(scope="module")
def longer(tmp_path_factory):
    """Two releases, each promoted to staging and production: something to go back to."""
    made = histories.make(tmp_path_factory.mktemp("longer") / "long.git", promotions=4)
    return Repository.open(made.folder)


def test_an_old_pointer_that_somebody_put_back_is_told(longer, tmp_path):
    path = "environments/production.yaml"
    last, first = (commit.id for commit in longer.first_parents(longer.head(), paths=[path]))
    assert follow(export(longer, tmp_path)).returncode == 0
    folder = rewritten(longer, tmp_path, {path: lambda _: longer.read(first, path)}, base=last)
    refused(folder, "FAILED: no promotion came with what environments/production.yaml became")


def test_a_pointer_that_a_merge_altered_is_told(history, tmp_path):
    path = "environments/production.yaml"
    folder = replayed(
        history, tmp_path, path, lambda data: data.replace(b"url: ", b"url: https://example.org/")
    )
    refused(folder, "FAILED: production ran something else than promotion")


@pytest.mark.parametrize(
    "path",
    [
        "governance/people.yaml",
        "governance/policy.yaml",
        "data/applications.manifest.yaml",
        "data/other.manifest.yaml",
    ],
)
def test_keys_rules_and_manifests_that_were_pushed_are_told(history, tmp_path, path):
    folder = rewritten(history, tmp_path, {path: lambda data: (data or b"") + b"# mine\n"})
    what = path if path.startswith("data/") else "governance"
    refused(folder, f"FAILED: {what} was changed in ", "no request asked for it")


def test_a_change_that_became_something_else_than_what_was_asked_is_told(played, tmp_path):
    repo, _ = played
    folder = replayed(repo, tmp_path, "governance/policy.yaml", lambda data: data + b"# and more\n")
    refused(folder, "FAILED: governance became something else in ")


def test_an_approval_that_came_after_the_landing_is_told(longer, tmp_path):
    head = longer.head()
    path = next(p for p in longer.tree(head, "promotions/staging") if p.endswith("approvals/robin.json"))
    late = path.replace("robin", "lee")
    folder = rewritten(longer, tmp_path, {late: longer.read(head, path)})
    refused(folder, f"FAILED: {late} was added after its request had landed")


def test_a_file_that_is_no_record_is_told(history, tmp_path):
    path = next(p for p in history.tree(history.head(), "promotions") if p.endswith("approvals/lee.json"))
    folder = path.rpartition("/approvals/")[0]
    (commit, *_) = history.first_parents(history.head(), paths=[path])
    files = {c.path: history.blob(c.new.id) for c in history.changes(commit.parents[0], commit.id)}
    files[f"{folder}/notes.json"] = b"{}\n"
    at = history.write_commit(commit.parents[0], files, message="Promote", author=LIAR, when=commit.time)
    refused(export(history, tmp_path, at=at), f"FAILED: {folder}/notes.json is no record of a request")


def test_a_machine_that_is_given_more_to_sign_than_people_yaml_says_is_told(unpacked):
    path = next(unpacked.glob("keys/*/signers.tsv"))
    path.write_text(path.read_text().rstrip("\n") + " urn:mlassay:predicate:request:1\n")
    resum(unpacked)
    refused(unpacked, "does not let ci sign urn:mlassay:predicate:request:1")


def test_a_key_that_is_given_more_time_than_people_yaml_says_is_pointed_out(unpacked):
    path = next(unpacked.glob("keys/*/allowed_signers"))
    path.write_text(path.read_text().replace("20260101", "20250101"))
    resum(unpacked)
    assert "COMPARE YOURSELF: when the key of robin holds" in follow(unpacked).stdout


# Names that somebody else gave

ODD = {
    "governance/deliberations/$(touch pwned) `touch pwned`.md": b"odd\n",
    "governance/deliberations/-rf": b"option\n",
    "governance/deliberations/a'b\"c\\d\te\nf.md": b"quotes\n",
    "governance/deliberations/\udcff\u00e9%41.md": b"not unicode\n",
    f"governance/deliberations/{'long' * 60}.md": b"long\n",
    "docs/--upload-pack=touch pwned": b"elsewhere\n",
}


@pytest.mark.parametrize("profile", ["full", "redacted"])
def test_odd_names_are_harmless_and_still_checked(history, tmp_path, profile):
    at = history.write_commit(
        history.head(), ODD, message="Odd", author=LIAR, when=history.commit(history.head()).time
    )
    folder = export(history, tmp_path, profile, at=at)
    done = follow(folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not list(tmp_path.rglob("pwned"))
    names = [p.name for p in folder.glob("files/governance/deliberations/*")]
    assert len(names) == 5
    assert all(name.isascii() and len(name) <= LONGEST and " " not in name for name in names)
    (folder / "files/governance/deliberations/-rf").write_text("another\n")
    resum(folder)
    refused(folder, "is not the one in the history")


def test_a_link_in_a_guarded_folder_arrives_as_text(history, tmp_path):
    clone = Repository.clone(history.folder, tmp_path / "clone")
    (clone.worktree / "governance/deliberations").mkdir()
    (clone.worktree / "governance/deliberations/link.md").symlink_to("/etc/passwd")
    at = clone.add_and_commit(["governance"], "Link", author=LIAR)
    folder = export(clone, tmp_path, at=at)
    assert (folder / "files/governance/deliberations/link.md").read_text() == "/etc/passwd"
    assert not (folder / "files/governance/deliberations/link.md").is_symlink()
    assert follow(folder).returncode == 0


def test_names_are_spelled_as_git_spells_them(tmp_path):
    repo = Repository.init(tmp_path / "repo")
    at = repo.write_commit(None, ODD, message="Odd", author=LIAR, when=histories.START)
    listed = git(repo.folder, "-c", "core.quotePath=true", "ls-tree", "-r", "--name-only", at).splitlines()
    assert sorted(listed) == sorted(quoted(path) for path in ODD)
    assert (
        len({stored(path) for path in [*ODD, "governance/deliberations/\u00ff\u00e9%41.md"]}) == len(ODD) + 1
    )


# What cannot be exported


def test_a_shallow_clone_is_refused_with_the_command_that_completes_it(history, tmp_path):
    shallow = Repository.clone(history.folder, tmp_path / "shallow", depth=1)
    with pytest.raises(ConfigurationError) as refusal:
        gather(shallow, shallow.head(), "full")
    assert refusal.value.problems[0].remedy == "git fetch --unshallow"


def test_an_environment_that_runs_nothing_is_told(history):
    assert [
        one.environment for one in gather(history, history.head(), "full", environment="staging").running
    ] == ["staging"]
    with pytest.raises(ConfigurationError, match="environment 'produktion' runs nothing"):
        gather(history, history.head(), "full", environment="produktion")


def test_nothing_is_left_behind_where_nothing_can_be_written(history, tmp_path):
    found = gather(history, history.head(), "full")
    with pytest.raises(ConfigurationError, match="cannot be written"):
        write(history, found, {}, tmp_path / "missing" / "out.tar.gz")
    (tmp_path / "taken").mkdir()
    with pytest.raises(ConfigurationError, match="this is a folder"):
        write(history, found, {}, tmp_path / "taken")
    assert [p.name for p in tmp_path.iterdir()] == ["taken"]


def test_the_archive_holds_one_folder_of_plain_files(history, tmp_path):
    folder = export(history, tmp_path)
    assert unpack(tmp_path / "full.tar.gz", tmp_path / "again").name == folder.name
    assert not [p for p in folder.rglob("*") if p.is_symlink()]
