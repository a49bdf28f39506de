"""Repositories that are damaged, incomplete or hostile: a finding or one clear error, in bounded time and memory."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from mlassay.audit.verify import verify
from mlassay.errors import ConfigurationError, EvidenceError, MlassayError
from mlassay.git import Repository
from mlassay.git._parse import parse_nodes
from mlassay.git._write import pack
from mlassay.wiring import verifiers
from tests.audit.story import git
from tests.factory import histories

WHO = ("-c", "user.name=Mallory", "-c", "user.email=m@example.org")


@pytest.fixture(scope="module")
def line(tmp_path_factory):
    """A bare repository with two promotions among a few commits of work; never changed."""
    return histories.make(tmp_path_factory.mktemp("line") / "line.git", promotions=2, commits=14)


@pytest.fixture
def bare(line, tmp_path):
    """A copy of it, every object a loose one, to be harmed."""
    folder = tmp_path / "bare.git"
    git(tmp_path, "init", "-q", "--bare", "-b", "main", str(folder))
    pack = next((line.folder / "objects/pack").glob("*.pack")).read_bytes()
    git(folder, "unpack-objects", "-q", data=pack)
    git(folder, "update-ref", "refs/heads/main", line.head)
    return folder


@pytest.fixture
def clone(line, tmp_path):
    """A clone with a work tree."""
    git(tmp_path, "clone", "-q", str(line.folder), str(tmp_path / "clone"))
    return tmp_path / "clone"


def audit(folder, **options):
    repo = Repository.open(folder)
    try:
        return verify(repo, repo.resolve("HEAD"), None, verifiers(), **options)
    finally:
        repo.close()


def loose(folder, id_):
    path = folder / "objects" / id_[:2] / id_[2:]
    path.chmod(0o644)
    return path


def write(folder, kind, data):
    return git(folder, "hash-object", "-t", kind, "-w", "--literally", "--stdin", data=data)


def commit(folder, tree, *, parents=("main",), message="x", when="1764500000 +0000", who="Mallory"):
    """A commit object of any shape on main, whose ref it moves."""
    above = "".join(f"parent {git(folder, 'rev-parse', parent)}\n" for parent in parents)
    person = f"{who} <m@example.org> {when}"
    raw = f"tree {tree}\n{above}author {person}\ncommitter {person}\n\n{message}\n"
    made = write(folder, "commit", raw.encode("utf-8", "surrogateescape"))
    git(folder, "update-ref", "refs/heads/main", made)
    return made


def with_entry(folder, entry):
    """The root tree of main with one more raw entry at its end."""
    return write(folder, "tree", raw_tree(folder, "main^{tree}") + entry)


def raw_tree(folder, name):
    return subprocess.run(
        ["git", "cat-file", "tree", name], cwd=folder, capture_output=True, check=True
    ).stdout


def whats(report):
    return " / ".join(f"{problem.what} {problem.path}" for problem in report.problems)


# Controls


def test_the_unharmed_ones_verify_bare_loose_packed_and_cloned(line, bare, clone):
    for folder in (line.folder, bare, clone):
        report = audit(folder)
        assert report.problems == ()
        assert len(report.confirmed) == 3


# No repository, or not all of one


def test_a_folder_that_is_no_repository_is_one_clear_error(tmp_path):
    with pytest.raises(ConfigurationError, match="this is no git repository"):
        Repository.open(tmp_path)
    with pytest.raises(ConfigurationError, match="no such folder"):
        Repository.open(tmp_path / "nowhere")
    (tmp_path / "file").write_text("x")
    with pytest.raises(ConfigurationError):
        Repository.open(tmp_path / "file")


def test_an_empty_repository_is_one_clear_error(tmp_path):
    repo = Repository.init(tmp_path / "new")
    with pytest.raises(ConfigurationError, match="no commit here yet"):
        repo.resolve("HEAD")


@pytest.mark.parametrize(
    ("options", "word"), [(["--depth=3"], "shallow"), (["--filter=blob:none"], "partial")]
)
def test_half_a_history_is_refused_with_what_completes_it(line, tmp_path, options, word):
    git(line.folder, "config", "uploadpack.allowFilter", "true")
    git(tmp_path, "clone", "-q", "--no-local", "--bare", *options, f"file://{line.folder}", "half.git")
    with pytest.raises(ConfigurationError, match=f"this clone is {word}") as caught:
        audit(tmp_path / "half.git")
    assert caught.value.problems[0].remedy.startswith("git fetch")


# Damage


@pytest.mark.parametrize("what", ["main~1", "main^{tree}", "main:evidence", "main:governance/people.yaml"])
@pytest.mark.parametrize("how", ["missing", "garbage", "another"])
def test_a_damaged_object_is_a_finding_that_names_it(bare, what, how):
    id_ = git(bare, "rev-parse", what)
    path = loose(bare, id_)
    if how == "missing":
        path.unlink()
    else:
        other = zlib.compress(zlib.decompress(path.read_bytes())[:-1] + b"!")
        path.write_bytes(b"garbage" if how == "garbage" else other)
    try:
        told = whats(audit(bare))
    except MlassayError as error:
        told = str(error)
    assert id_ in told


def test_a_missing_blob_of_old_evidence_is_a_finding(bare, line):
    path = f"evidence/{line.releases[0]}/verdict.json"
    loose(bare, git(bare, "rev-parse", f"main:{path}")).unlink()
    assert path in whats(audit(bare, fsck=False))


@pytest.mark.parametrize("where", ["pack", "idx"])
def test_a_pack_or_its_index_that_lies_is_told(line, tmp_path, where):
    shutil.copytree(line.folder, tmp_path / "copy.git")
    path = next((tmp_path / "copy.git/objects/pack").glob(f"*.{where}"))
    data = bytearray(path.read_bytes())
    at = len(data) // 2 if where == "pack" else 8 + 1024 + 20 * 7 + 3  # one byte of an id in the index
    data[at] ^= 1
    path.chmod(0o644)
    path.write_bytes(bytes(data))
    try:
        told = whats(audit(tmp_path / "copy.git"))
    except MlassayError as error:
        told = str(error)
    assert told


def test_a_commit_graph_that_lies_is_told_and_not_believed(line, tmp_path):
    shutil.copytree(line.folder, tmp_path / "copy.git")
    git(tmp_path / "copy.git", "commit-graph", "write", "--reachable")
    graph = tmp_path / "copy.git/objects/info/commit-graph"
    graph.chmod(0o644)
    graph.write_bytes(graph.read_bytes()[:200] + bytes(400))
    report = audit(tmp_path / "copy.git")
    assert {problem.rule for problem in report.problems} <= {"graft"}
    assert len(report.confirmed) == 3


# Overlays


def test_replaced_objects_and_grafts_are_told_and_not_believed(bare, line):
    blob = git(bare, "rev-parse", "main:governance/policy.yaml")
    git(bare, "replace", blob, write(bare, "blob", b"version: 1\n"))
    (bare / "info").mkdir(exist_ok=True)
    (bare / "info/grafts").write_text(f"{line.head}\n")
    report = audit(bare)
    assert [problem.rule for problem in report.problems] == ["replaced", "graft"]
    assert len(report.confirmed) == 3


# Size


def giant_blob(folder: Path, size: int) -> str:
    """A loose object whose header promises so many bytes: nobody who looks there first ever finds out that it lies."""
    id_ = "9" * 40
    path = folder / "objects" / id_[:2] / id_[2:]
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(zlib.compress(b"blob %d\0" % size + bytes(1 << 20)))
    return id_


def test_two_gigabytes_under_evidence_are_refused_by_their_size_and_never_read(bare, line):
    git(bare, "repack", "-adq")
    blob = giant_blob(bare, 2100 << 20)
    release = line.releases[0]
    index = {**os.environ, "GIT_INDEX_FILE": str(bare / "own-index")}

    def staged(*arguments):
        done = subprocess.run(["git", *arguments], cwd=bare, env=index, capture_output=True, check=True)
        return done.stdout.decode().strip()

    staged("read-tree", "main")
    for name in ("extra.bin", "model.onnx"):
        staged("update-index", "--add", "--cacheinfo", f"100644,{blob},evidence/{release}/{name}")
    staged("update-index", "--add", "--cacheinfo", f"100644,{blob},environments/staging.yaml")
    staged("update-index", "--add", "--cacheinfo", f"100644,{blob},evidence/20260202-0badcafe/model.onnx")
    commit(bare, staged("write-tree"))
    program = (
        "import resource, sys; from pathlib import Path\n"
        "resource.setrlimit(resource.RLIMIT_AS, (1500 << 20, 1500 << 20))\n"
        "from tests.audit.test_bad_repositories import audit\n"
        "report = audit(Path(sys.argv[1]), fsck=False)\n"
        "print(*[f'{p.path}: {p.what}' for p in report.problems], sep='\\n')\n"
        # Not ru_maxrss: that begins with what the process that forked this one held.
        "status = Path('/proc/self/status').read_text()\n"
        "print(int(status.partition('VmHWM:')[2].split()[0]) // 1024)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(bare)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    *told, peak = done.stdout.splitlines()
    assert int(peak) < 300
    for path in (
        f"evidence/{release}/extra.bin",
        f"evidence/{release}/model.onnx",
        "environments/staging.yaml",
    ):
        assert any(one.startswith(path) for one in told), path
    new = next(one for one in told if one.startswith("evidence/20260202-0badcafe/model.onnx"))
    assert f"this file has {2100 << 20:,} bytes" in new
    repo = Repository.open(bare)
    with pytest.raises(EvidenceError, match="at most"):
        repo.read(repo.resolve("main"), "environments/staging.yaml")
    repo.close()


# Odd shapes


def test_bytes_that_are_no_utf8_in_names_and_messages_are_no_obstacle(bare):
    blob = bytes.fromhex(write(bare, "blob", b"x"))
    tree = with_entry(bare, b"100644 z\xff\xfe\x1b[31m\0" + blob)
    commit(bare, tree, message="\udcff\udcfe", who="M\udcff")
    report = audit(bare)
    assert len(report.confirmed) == 3
    assert all(problem.rule for problem in report.problems)


def test_a_guarded_name_that_is_no_utf8_is_a_finding(bare):
    blob = bytes.fromhex(write(bare, "blob", b"x"))
    folder = write(bare, "tree", raw_tree(bare, "main:evidence") + b"100644 \xff\xfe\0" + blob)
    old = bytes.fromhex(git(bare, "rev-parse", "main:evidence"))
    root = raw_tree(bare, "main^{tree}").replace(old, bytes.fromhex(folder))
    commit(bare, write(bare, "tree", root))
    assert audit(bare).problems


@pytest.mark.parametrize(
    "when", ["-86400 +0000", "0 +0000", "4200000000 +0000", "99999999999 +0000", "999999999999999999 +0000"]
)
def test_dates_before_1970_and_after_2100_are_read_or_told(bare, when):
    commit(bare, git(bare, "rev-parse", "main^{tree}"), when=when)
    try:
        report = audit(bare)
    except MlassayError as error:
        told = str(error)
    else:
        told = whats(report) if len(report.confirmed) < 3 else "date"
    assert "date" in told


def test_ten_thousand_folders_in_one_another_are_walked_past(bare):
    node, mode = bytes.fromhex(write(bare, "blob", b"x")), b"100644"
    raw: list[bytes] = []
    for _ in range(10_000):
        data = mode + b" d\0" + node
        node, mode = hashlib.sha1(b"tree %d\0" % len(data) + data, usedforsecurity=False).digest(), b"40000"
        raw.append(data)
    objects = {str(number): ("tree", data) for number, data in enumerate(raw)}
    git(bare, "index-pack", "--stdin", data=pack(objects))
    commit(bare, with_entry(bare, b"40000 zdeep\0" + node))
    report = audit(bare, fsck=False)
    assert report.problems == ()
    assert len(report.confirmed) == 3


@pytest.mark.parametrize("name", ["--upload-pack=touch pwned", "-n", "--", ":(top)x", "HEAD", "@{-1}"])
def test_files_and_branches_named_like_options_are_names(bare, name, tmp_path):
    blob = bytes.fromhex(write(bare, "blob", b"x"))
    entry = b"100644 " + name.encode() + b"\0" + blob
    commit(bare, write(bare, "tree", b"".join(sorted_entries(raw_tree(bare, "main^{tree}"), entry))))
    report = audit(bare)
    assert report.problems == ()
    assert not list(bare.rglob("pwned"))
    with pytest.raises(ConfigurationError):
        Repository.open(bare).resolve("--output=pwned")


def sorted_entries(raw, entry):
    entries = [mode + b" " + name + b"\0" + id_ for mode, name, id_ in parse_nodes(raw, "x")]
    key = lambda one: one.partition(b" ")[2].partition(b"\0")[0] + (b"/" if one[:5] == b"40000" else b"")  # noqa: E731
    return sorted([*entries, entry], key=key)


# Hostile configuration


def test_nothing_that_a_repository_configures_is_run(clone, tmp_path, monkeypatch):
    trap = tmp_path / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\ncat\n")
    trap.chmod(0o755)
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    for hook in ("post-index-change", "reference-transaction", "post-checkout", "pre-auto-gc"):
        shutil.copy(trap, hooks / hook)
    included = tmp_path / "included"
    included.write_text(f"[core]\n\tpager = {trap}\n[alias]\n\tcat-file = !{trap}\n\trev-list = !{trap}\n")
    for key, value in {
        "core.fsmonitor": str(trap),
        "core.hooksPath": str(hooks),
        "core.sshCommand": str(trap),
        "core.editor": str(trap),
        "diff.external": str(trap),
        "diff.evil.textconv": str(trap),
        "diff.evil.command": str(trap),
        "filter.evil.clean": str(trap),
        "filter.evil.smudge": str(trap),
        "filter.evil.process": str(trap),
        "gpg.program": str(trap),
        "gpg.ssh.program": str(trap),
        "log.showSignature": "true",
        "core.alternateRefsCommand": str(trap),
        "uploadpack.packObjectsHook": str(trap),
        "credential.helper": f"!{trap}",
        "include.path": str(included),
    }.items():
        git(clone, "config", key, value)
    (clone / ".git/info/attributes").write_text("* diff=evil filter=evil\n")
    (clone / ".git/objects/info/alternates").write_text(str(tmp_path / "nowhere") + "\n")
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", str(trap))
    report = audit(clone)
    assert len(report.confirmed) == 3
    assert not (tmp_path / "sprung").exists()
    subprocess.run(
        ["git", "status"], cwd=clone, capture_output=True, check=False
    )  # the control: stock git is had
    assert (tmp_path / "sprung").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_repository_of_another_user_is_one_clear_error(bare):
    for path in [bare, *bare.rglob("*")]:
        os.chown(path, 12345, 12345)
    with pytest.raises(ConfigurationError, match="belongs to another user") as caught:
        Repository.open(bare)
    assert "safe.directory" in caught.value.problems[0].remedy
