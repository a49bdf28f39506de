"""Machines as they are: odd homes, locales, umasks, paths, full disks, closed streams and impatient people."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mlassay.isolation import available
from tests.killing import harness, small
from tests.killing.small import git
from tests.killing.test_killed import settled, sound

WAY = ("train", "test", "sign", "record", "promote", "approve", "merge")
BWRAP = shutil.which("bwrap")
needs_bwrap = pytest.mark.skipif(
    available() == "none", reason="bubblewrap makes the small and read-only disks"
)


def way(clone, run, verbs=WAY):
    """The whole way in ``clone``; every verb must answer 0."""
    for verb in verbs:
        done = run(small.words(verb, clone.parent), clone)
        assert done.code == 0, (verb, done.out, done.err)


@pytest.mark.parametrize("home", ["missing", "a file"])
def test_no_home_is_needed(home, team, verbs, tmp_path):
    place = tmp_path / "home"
    if home == "a file":
        place.write_text("")
    clone = team("team")
    way(clone, lambda words, cwd: verbs.run(words, cwd, environment={"HOME": str(place)}))
    sound(verbs, clone.parent)


@needs_bwrap
def test_a_home_that_cannot_be_written_is_enough(team, tmp_path):
    clone, home = team("team"), tmp_path / "home"
    home.mkdir()
    box = [BWRAP, "--bind", "/", "/", "--dev-bind", "/dev", "/dev", "--ro-bind", home, home]
    for verb in ("train", "test", "sign", "record"):
        words = [*box, sys.executable, "-m", "mlassay", *small.words(verb, clone.parent)]
        done = subprocess.run(
            words,
            cwd=clone,
            env=os.environ | {"HOME": str(home)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, (verb, done.stderr)
    assert not list(home.iterdir())


def test_paths_may_hold_spaces_and_any_letters(tmp_path, verbs):
    folder = tmp_path / "Käse und Brot 試験 ' \" $HOME ; é"
    clone = small.make(folder)
    way(clone, verbs.run)
    sound(verbs, folder)


def test_every_name_and_reason_survives_a_machine_that_knows_ascii_only(tmp_path, verbs):
    ascii_only = {"LANG": "C", "LC_ALL": "C"}
    clone = small.make(tmp_path / "team")
    people = clone / "governance/people.yaml"
    people.write_text(people.read_text("utf-8").replace("name: Dana", "name: Đana Żółć 試"), "utf-8")
    git(clone, "commit", "-q", "--amend", "--all", "--no-edit")
    git(clone, "push", "-q", "--force", "origin", "main")
    reason = "Beide Gruppen werden gleich behandelt, und die Zahlen überzeugen mich — 試験済み."
    way(clone, verbs.run, WAY[:4])
    words = ["promote", "staging", "--reason", reason, "--key", clone.parent / "keys/dana"]
    assert harness.process(words, clone, environment=ascii_only).code == 0
    for verb in ("approve", "merge"):
        done = harness.process(small.words(verb, clone.parent), clone, environment=ascii_only)
        assert done.code == 0, done.err
    assert "überzeugen" in git(clone.parent / "remote.git", "log", "-1", "--format=%B", "main")
    assert "Đana Żółć 試" in git(clone.parent / "remote.git", "log", "-1", "--format=%B", "main")
    for words in (
        ["verify"],
        ["status"],
        ["show", small.release(clone.parent)],
        ["test"],
        ["status", "--json"],
    ):
        done = harness.process(words, clone, environment=ascii_only)
        assert done.code == 0, (words, done.err)


def test_a_terminal_that_cannot_show_a_letter_is_given_its_number(tmp_path):
    clone = small.make(tmp_path / "team", changes={"ml.yaml": small.CONFIG.replace("toy", "ż").encode()})
    done = harness.process(["validate"], clone, environment={"PYTHONIOENCODING": "latin-1"})
    assert done.code == 2, done.err
    assert "\\u017c" in done.err


def test_bytes_that_are_no_text_are_refused(team):
    done = subprocess.run(
        [sys.executable, "-m", "mlassay", "promote", "staging", "--reason", b"\xff\xfe of a reason"],
        cwd=team("record"), capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert b"is no text" in done.stderr


@pytest.mark.parametrize("mask", [0o077, 0o000])
def test_any_umask_gives_the_same_evidence(mask, team, verbs):
    clone, plain = team("team"), team("team", "plain")
    old = os.umask(mask)
    try:
        way(clone, harness.process, WAY[:4])
    finally:
        os.umask(old)
    way(plain, verbs.run, WAY[:4])
    ours, theirs = (settled(each.parent) for each in (clone, plain))
    assert ours == theirs
    assert git(clone, "ls-tree", "-r", "main").count("100644") == len(git(clone, "ls-files").splitlines())


@pytest.mark.parametrize("verb", ["status", "verify", "--help", "approve"])
def test_a_reader_that_goes_away_is_no_error(verb, team):
    clone = team("promote")
    words = small.words(verb, clone.parent) if verb in small.STORY else [verb]
    verb_process = subprocess.Popen(
        [sys.executable, "-m", "mlassay", *map(str, words)],
        cwd=clone, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    verb_process.stdout.close()
    said = verb_process.stderr.read()
    assert verb_process.wait(60) == 128 + signal.SIGPIPE, "as of any tool: no pass, and no decision either"
    assert "Traceback" not in said
    assert "Exception ignored" not in said
    verb_process.stderr.close()


@pytest.mark.parametrize("verb", WAY)
def test_no_stream_at_all_is_no_error(verb, team):
    clone = team(small.STORY[verb][0])
    words = [sys.executable, "-m", "mlassay", *map(str, small.words(verb, clone.parent))]
    done = subprocess.run(["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *words], cwd=clone, check=False)
    assert done.returncode == 0


def test_without_a_terminal_nobody_is_asked_and_the_missing_option_is_named(team, verbs):
    clone = team("promote")
    request = small.request(clone.parent)
    done = verbs.run(["approve", request, "--key", clone.parent / "keys/robin"], clone)
    assert (done.code, "Traceback" in done.err) == (2, False)
    assert "--reason is missing" in done.err


SLOW = b'cp made.onnx "$MLASSAY_OUT/model.onnx"\necho begun\nsleep 98.7654 &\nsleep 98.7654\n'


def _sleepers():
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if b"98.7654" in path.read_bytes():
                found.append(path)
        except OSError:
            continue
    return found


def _begun(clone, words):
    process = subprocess.Popen(
        [sys.executable, "-m", "mlassay", *map(str, words)],
        cwd=clone, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    deadline = time.monotonic() + 30
    while not _sleepers() and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.02)
    assert _sleepers(), "training never began"
    return process


def _gone():
    deadline = time.monotonic() + 5
    while _sleepers() and time.monotonic() < deadline:
        time.sleep(0.02)
    return not _sleepers()


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, None), (signal.SIGKILL, -9)]
)
def test_training_ends_with_mlassay_however_that_ends(number, code, tmp_path, verbs):
    clone = small.make(tmp_path / "team", changes={"train.sh": SLOW})
    with _begun(clone, ["train"]) as process:
        os.kill(process.pid, number)
        said = process.communicate(timeout=30)[1]
    assert process.returncode == code or (code is None and process.returncode in {-15, 143, 130})
    assert _gone(), "nothing is left running"
    assert "Traceback" not in said
    assert not (clone / ".mlassay/run/train").exists()
    (clone / "train.sh").write_bytes(b'cp made.onnx "$MLASSAY_OUT/model.onnx"\n')
    assert verbs.run(["train"], clone).code == 0
    assert [path.name for path in (clone / ".mlassay/run").iterdir()] == ["train"]


def test_an_interrupted_test_leaves_the_former_verdict(team, verbs):
    clone = team("test")
    before = (clone / ".mlassay/run/test/verdict.json").read_bytes()
    process = subprocess.Popen(
        [sys.executable, "-m", "mlassay", "test"], cwd=clone, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, start_new_session=True,
    )  # fmt: skip
    first = process.stderr.readline()  # the first gate has answered, the others have not
    os.killpg(process.pid, signal.SIGINT)
    said = first + process.communicate(timeout=30)[1]
    assert process.returncode in {130, 0}, said
    assert "Traceback" not in said
    assert (clone / ".mlassay/run/test/verdict.json").read_bytes() == before
    assert verbs.run(["test"], clone).code == 0


@needs_bwrap
@pytest.mark.parametrize(
    ("verb", "disk", "codes"),
    [
        ("train", "team/.mlassay", {2}),
        ("test", "team/.mlassay", {2}),
        ("sign", "team/.mlassay", {2}),
        ("record", "team", {2, 4}),
        ("record", "remote.git", {4}),
        ("promote", "remote.git", {4}),
        ("merge", "team", {2, 4}),
        ("merge", "remote.git", {4}),
    ],
)
def test_a_full_disk_is_one_error_and_room_is_all_that_it_takes(verb, disk, codes, state, tmp_path):
    folder = harness.copy(state(small.STORY[verb][0]), tmp_path / "small")
    (folder / disk).mkdir(exist_ok=True)
    words = " ".join(f"'{word}'" for word in small.words(verb, folder))
    mlassay = f"{sys.executable} -m mlassay"
    script = f"""
        cp -a {tmp_path}/kept/. {folder}/{disk}/; cd {folder}/team
        dd if=/dev/zero of={folder}/{disk}/filler bs=4096 2>/dev/null
        {mlassay} {words} 2>{tmp_path}/said; echo $? >{tmp_path}/code
        rm {folder}/{disk}/filler
        {mlassay} {words} >{tmp_path}/again 2>&1; echo $? >{tmp_path}/code-again
        git -C {folder}/remote.git fsck --strict >>{tmp_path}/again 2>&1 && \
        {mlassay} verify -C {folder}/remote.git >>{tmp_path}/again 2>&1; echo $? >{tmp_path}/code-verify
    """
    shutil.copytree(folder / disk, tmp_path / "kept", symlinks=True)
    box = [
        BWRAP,
        "--bind",
        "/",
        "/",
        "--dev-bind",
        "/dev",
        "/dev",
        "--size",
        str(6 << 20),
        "--tmpfs",
        folder / disk,
    ]
    subprocess.run([*box, "sh", "-c", script], cwd=tmp_path, check=False, capture_output=True)
    read = {
        name: (tmp_path / name).read_text() for name in ("said", "code", "again", "code-again", "code-verify")
    }
    assert int(read["code"]) in codes, read
    assert "Traceback" not in read["said"]
    assert read["said"].count("error: ") == 1, read
    assert "space" in read["said"], read
    assert (read["code-again"], read["code-verify"]) == ("0\n", "0\n"), read
