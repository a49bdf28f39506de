"""Reads are verified: a flipped bit anywhere, a swapped object or a dead process never yields other bytes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import zlib
from pathlib import Path

import pytest

from mlassay.errors import ConfigurationError, EvidenceError
from mlassay.git import Corrupt, Repository


def loose(repository: Repository, id_: str) -> Path:
    return repository.git_dir / "objects" / id_[:2] / id_[2:]


def overwrite(path: Path, data: bytes) -> None:
    path.chmod(0o644)
    path.write_bytes(data)


def flip(path: Path, position: int) -> None:
    data = bytearray(path.read_bytes())
    data[position] ^= 1
    overwrite(path, bytes(data))


@pytest.mark.parametrize("where", [0.1, 0.5, 0.99])
def test_a_flipped_bit_in_a_loose_blob_names_the_path(team, where):
    id_ = team.entry(team.head(), "evidence/r1/model").id
    assert len(team.blob(id_, "evidence/r1/model")) == 4000
    flip(loose(team, id_), int(loose(team, id_).stat().st_size * where))
    assert len(team.blob(id_)) == 4000  # what was verified before stays what it is
    again = Repository.open(team.folder)
    with pytest.raises(Corrupt) as caught:
        again.read(again.head(), "evidence/r1/model")
    assert (caught.value.path, caught.value.object_id) == ("evidence/r1/model", id_)
    assert again.read(again.head(), "readme") == b"hello\n"  # the others can still be read
    again.close()


@pytest.mark.parametrize(
    ("kind", "path"), [("blob", "evidence/r1/model"), ("tree", "evidence"), ("commit", "")]
)
def test_whole_and_well_formed_but_other_bytes_are_corrupt_too(team, kind, path):
    head = team.head()
    id_ = head if kind == "commit" else team.entry(head, path).id
    raw = zlib.decompress(loose(team, id_).read_bytes())
    altered = raw[:-1] + bytes([raw[-1] ^ 1])
    overwrite(loose(team, id_), zlib.compress(altered))
    again = Repository.open(team.folder)
    with pytest.raises(Corrupt) as caught:
        again.read(head, "evidence/r1/model")
    assert (caught.value.path, caught.value.object_id) == (path, id_)
    again.close()


def test_an_object_swapped_for_another_is_corrupt(team):
    one, other = (team.entry(team.head(), f"evidence/{r}/model").id for r in ("r1", "r2"))
    overwrite(loose(team, one), loose(team, other).read_bytes())
    with pytest.raises(Corrupt, match=one):
        team.blob(one)
    assert len(team.blob(other)) == 4000


@pytest.mark.parametrize(
    ("kind", "path"), [("blob", "evidence/r1/model"), ("tree", "evidence"), ("commit", "")]
)
def test_a_flipped_bit_in_a_pack_names_the_path_so_far(team, git, kind, path):
    head = team.head()
    id_ = head if kind == "commit" else team.entry(head, path).id
    git(team.folder, "repack", "-adq")
    pack = next((team.git_dir / "objects" / "pack").glob("*.pack"))
    control = Repository.open(team.folder)
    assert len(control.read(head, "evidence/r1/model")) == 4000
    control.close()
    listed = git(team.folder, "verify-pack", "-v", str(pack)).splitlines()
    _, _, _, packed, offset = next(line.split() for line in listed if line.startswith(id_))[:5]
    flip(pack, int(offset) + int(packed) // 2 + 2)
    again = Repository.open(team.folder)
    with pytest.raises(Corrupt) as caught:
        again.read(head, "evidence/r1/model")
    assert (caught.value.path, caught.value.object_id) == (path, id_)
    again.close()


def test_a_missing_object_is_corrupt_and_its_size_unknown(team):
    entry = team.entry(team.head(), "evidence/r1/model")
    loose(team, entry.id).unlink()
    again = Repository.open(team.folder)
    with pytest.raises(Corrupt, match="it is missing"):
        again.read(again.head(), "evidence/r1/model")
    assert again.tree(again.head())["evidence/r1/model"].size is None
    assert again.tree(again.head())["readme"].size == 6
    again.close()


@pytest.mark.parametrize("damage", ["flipped", "missing"])
def test_a_damaged_head_is_corrupt_and_neither_unknown_nor_unborn(team, damage):
    head = team.head()
    if damage == "flipped":
        flip(loose(team, head), 30)
    else:
        loose(team, head).unlink()
    again = Repository.open(team.folder)
    assert (again.head(), again.branch("main")) == (head, head)
    for name in ("HEAD", "main", *([head] if damage == "flipped" else [])):
        with pytest.raises(Corrupt, match=head):
            again.resolve(name)
    again.close()


def test_a_blob_is_not_taken_for_a_tree_nor_a_tree_for_a_blob(team):
    head = team.head()
    with pytest.raises(Corrupt, match="a tree where a blob"):
        team.blob(team.entry(head, "evidence").id)
    with pytest.raises(Corrupt, match="a blob where a commit"):
        team.commit(team.entry(head, "readme").id)


@pytest.mark.parametrize("id_", ["HEAD", "", "--help", "a" * 39, "A" * 40, "a" * 40 + "\n", "g" * 40])
def test_only_full_ids_name_objects(team, id_):
    with pytest.raises(EvidenceError, match="not a full git object id"):
        team.blob(id_)


def test_replace_refs_and_grafts_are_ignored_and_reported(team, git):
    head = team.head()
    first = team.commit(head).parents[0]
    blob = team.entry(head, "readme").id
    forged = git(team.folder, "hash-object", "-w", "--stdin", data=b"forged\n")
    git(team.folder, "replace", blob, forged)
    (team.git_dir / "info" / "grafts").write_text(f"# a comment\n{head}\n")
    assert git(team.folder, "cat-file", "blob", blob) == "forged"  # the control: stock git is taken in
    assert git(team.folder, "rev-list", "--count", "HEAD") == "1"
    again = Repository.open(team.folder)
    assert again.read(head, "readme") == b"hello\n"
    assert [commit.id for commit in again.commits_between(None, head)] == [head, first]
    assert again.is_ancestor(first, head)
    assert (again.replaced(), again.grafts()) == ([blob], [head])
    assert (team.replaced(), Repository.open(team.folder).is_shallow) == ([blob], False)
    again.close()


def test_neither_replace_refs_nor_grafts_are_reported_where_there_are_none(team):
    assert (team.replaced(), team.grafts()) == ([], [])


def test_a_killed_reader_is_replaced(team):
    head = team.head()
    assert team.read(head, "readme") == b"hello\n"
    for _ in range(3):
        process = team._objects._reader._process.process
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert team._objects._reader.fetch(head, 1 << 20)[0] == "commit"


def test_threads_and_forked_children_never_get_each_other_s_answers(team):
    head = team.head()
    wanted = {path: entry.id for path, entry in team.tree(head).items()}
    wrong: list[str] = []

    def read() -> None:
        for _ in range(50):
            wrong.extend(path for path, id_ in wanted.items() if not team.blob(id_, path))

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    program = (
        "import os, sys; from pathlib import Path; from mlassay.git import Repository\n"
        "team = Repository.open(Path(sys.argv[1])); head = team.head(); team.read(head, 'readme')\n"
        "pids = []\n"
        "for _ in range(3):\n"
        "    pid = os.fork()\n"
        "    for _ in range(100): assert team.read(head, 'readme') == b'hello\\n'\n"
        "    if not pid: sys.exit(0)\n"
        "    pids.append(pid)\n"
        "assert [os.waitpid(pid, 0)[1] for pid in pids] == [0, 0, 0]\n"
        "assert team.read(head, 'readme') == b'hello\\n'\n"
    )
    command = [sys.executable, "-c", program, str(team.folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def forge(team, git, kind, data):
    return git(team.folder, "hash-object", "-w", "--literally", "-t", kind, "--stdin", data=data)


@pytest.mark.parametrize(
    ("entries", "complaint"),
    [
        ([b"100644 a", b"100644 a"], "twice"),
        ([b"100644 a", b"40000 a"], "twice"),
        ([b"100644 .."], "named '..'"),
        ([b"100644 .GIT"], "named '.GIT'"),
        ([b"100644 a/b"], "malformed"),
        ([b"100644 "], "malformed"),
        ([b"x a"], "malformed"),
    ],
)
def test_trees_that_git_never_writes_are_refused(team, git, entries, complaint):
    blob = bytes.fromhex(team.entry(team.head(), "readme").id)
    tree = forge(team, git, "tree", b"".join(entry + b"\0" + blob for entry in entries))
    head = git(team.folder, "commit-tree", tree, "-m", "x")
    with pytest.raises(EvidenceError, match=complaint):
        team.tree(head)


def test_a_tree_bomb_is_refused(team, git):
    id_, mode = team.entry(team.head(), "readme").id, b"100644"
    for _ in range(8):
        data = b"".join(b"%s %02d\0" % (mode, n) + bytes.fromhex(id_) for n in range(16))
        id_, mode = forge(team, git, "tree", data), b"40000"
    with pytest.raises(EvidenceError, match="more than"):
        team.tree(git(team.folder, "commit-tree", id_, "-m", "bomb"))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"tree x\n\nmessage",
        b"tree {tree}\nauthor a <b> 1 +0000\n\nno committer",
        b"tree {tree}\ntree {tree}\nauthor a <b> 1 +0000\ncommitter a <b> 1 +0000\n\ntwo trees",
        b"tree {tree}\nauthor a <b> 1 +0000\ncommitter a <b> 999999999999999999 +0000\n\nfar future",
        b"tree {tree}\nparent HEAD\nauthor a <b> 1 +0000\ncommitter a <b> 1 +0000\n\nodd parent",
    ],
)
def test_malformed_commits_are_evidence_errors(team, git, data):
    tree = team.commit(team.head()).tree.encode()
    made = forge(team, git, "commit", data.replace(b"{tree}", tree))
    with pytest.raises(EvidenceError):
        team.commit(made)


def test_a_commit_is_read_whole(team, git):
    head = team.commit(team.head())
    assert head.subject == "Second"
    assert head.message == "Second\n"
    assert head.tree == git(team.folder, "rev-parse", "HEAD^{tree}")
    assert str(head.author) == "Dev Eloper <dev@example.org>"
    assert head.time.timestamp() == int(git(team.folder, "log", "-1", "--format=%ct"))
    assert head.time.utcoffset().total_seconds() == 0
    assert (head.signature, head.payload) == (
        None,
        git(team.folder, "cat-file", "commit", "HEAD").encode() + b"\n",
    )


def test_signature_and_payload_of_a_signed_commit_verify_with_stock_tools(team, git, tmp_path):
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    settings = ["-c", "gpg.format=ssh", "-c", f"user.signingkey={key}"]
    git(team.folder, *settings, "commit", "--quiet", "--allow-empty", "-S", "-m", "Signed\n\nwith a body\n")
    signed = team.commit(team.head())
    (tmp_path / "sig").write_bytes(signed.signature)
    (tmp_path / "allowed").write_text(f"dev {(tmp_path / 'key.pub').read_text()}")
    verify = [
        "ssh-keygen",
        "-Y",
        "verify",
        "-f",
        tmp_path / "allowed",
        "-I",
        "dev",
        "-n",
        "git",
        "-s",
        tmp_path / "sig",
    ]
    assert subprocess.run(verify, input=signed.payload, capture_output=True, check=False).returncode == 0
    assert (
        subprocess.run(verify, input=signed.payload + b"x", capture_output=True, check=False).returncode != 0
    )


def test_other_encodings_and_hostile_names_are_text(team, git):
    tree = team.commit(team.head()).tree.encode()
    latin = (
        b"tree "
        + tree
        + b"\nauthor \xff <> 1 +0000\ncommitter C <c@d> 1 +0130\nencoding latin-1\n\n\xe9t\xe9\n"
    )
    made = team.commit(forge(team, git, "commit", latin))
    assert (made.message, made.author.name, made.author.email) == ("été\n", "�", "")
    for name in (b"no-such", b"idna", b"undefined", b"hex"):
        unknown = latin.replace(b"latin-1", name)
        assert team.commit(forge(team, git, "commit", unknown)).message == "�t�\n", name
    last = latin.replace(b"> 1 +0130", b"> 253402300799 +0130")  # the last second of the year 9999
    with pytest.raises(EvidenceError, match="impossible date"):
        team.commit(forge(team, git, "commit", last))


def test_a_shallow_clone_is_told_how_to_complete_itself(team, tmp_path):
    clone = Repository.clone(team.folder, tmp_path / "shallow", depth=1)
    head = clone.head()
    assert clone.is_shallow
    assert not team.is_shallow
    parent = clone.commit(head).parents[0]
    for ask in (
        lambda: list(clone.first_parents(head)),
        lambda: list(clone.commits_between(None, head)),
        lambda: clone.commit(parent),
        lambda: clone.on_first_parent_line(parent, head),
        lambda: clone.is_ancestor(parent, head),
        lambda: clone.merge_base(parent, head),
    ):
        with pytest.raises(ConfigurationError) as caught:
            ask()
        assert caught.value.problems[0].remedy == "git fetch --unshallow"
    clone.close()


def test_a_partial_clone_is_refused_without_fetching_behind_the_back(team, tmp_path, git):
    git(team.folder, "config", "uploadpack.allowFilter", "true")
    git(tmp_path, "clone", "--quiet", "--bare", "--filter=blob:none", f"file://{team.folder}", "partial.git")
    partial = Repository.open(tmp_path / "partial.git")
    trap = tmp_path / "trap"
    trap.write_text(f'#!/bin/sh\ntouch {tmp_path}/sprung\nexec git-upload-pack "$@"\n')
    trap.chmod(0o755)
    git(partial.folder, "config", "remote.origin.uploadpack", str(trap))
    assert partial.is_partial
    with pytest.raises(ConfigurationError, match="this clone is partial") as caught:
        partial.read(partial.head(), "readme")
    assert partial.tree(partial.head())["readme"].size is None
    assert not (tmp_path / "sprung").exists()
    git(partial.folder, "config", "--unset", "remote.origin.uploadpack")
    command = caught.value.problems[0].remedy.partition(",")[0].split()
    git(partial.folder, *command[1:])
    assert partial.read(partial.head(), "readme") == b"hello\n"
    partial.close()
