"""One flipped bit anywhere in the evidence is found and the file named: in the work tree, in a pack, and committed."""

import hashlib
import json
import os
import random
import re
import subprocess
import sys
import zlib

import pytest


def verify(folder, *words):
    """``mlassay verify`` in ``folder``."""
    return subprocess.run(
        [sys.executable, "-m", "mlassay", "verify", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def git(folder, *words, data=None):
    """Git's standard output."""
    return subprocess.run(["git", "-C", folder, *words], input=data, capture_output=True, check=True).stdout


def flip(path, *, seed):
    """Flip one bit of a file, chosen by ``seed``."""
    data = bytearray(path.read_bytes())
    bit = random.Random(seed).randrange(8 * len(data))
    data[bit // 8] ^= 1 << bit % 8
    path.chmod(0o644)
    path.write_bytes(data)


def guarded(folder):
    """Every committed file whose change must be noticed, by path."""
    names = git(
        folder, "ls-files", "evidence", "promotions", "environments", "governance/people.yaml"
    ).decode()
    return names.splitlines()


def test_untouched_it_verifies(played):
    done = verify(played / "auditor")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_bit_in_any_file_of_the_work_tree_is_found_and_the_file_named(played):
    auditor = played / "auditor"
    paths = guarded(auditor)
    assert len(paths) > 40
    for path in random.Random(7).sample(paths, 12):
        flip(auditor / path, seed=path)
        done = verify(auditor)
        assert done.returncode == 3, f"{path}: {done.stdout}{done.stderr}"
        assert path in done.stdout + done.stderr
        git(auditor, "checkout", "--quiet", "--", path)
    assert verify(auditor).returncode == 0


def test_a_bit_in_a_pack_is_found_and_the_file_named(played):
    auditor = played / "auditor"
    git(auditor, "repack", "-adq", "--depth=0", "--window=0")
    (index,) = (auditor / ".git" / "objects" / "pack").glob("*.idx")
    offsets = {
        row.split()[0]: (int(row.split()[4]), int(row.split()[3]))
        for row in git(auditor, "verify-pack", "-v", str(index)).decode().splitlines()
        if re.match(r"[0-9a-f]{40} blob", row)
    }
    pack = index.with_suffix(".pack")
    whole = pack.read_bytes()
    pack.chmod(0o644)
    for path in random.Random(8).sample([p for p in guarded(auditor) if p.startswith("evidence/")], 6):
        offset, size = offsets[git(auditor, "rev-parse", f"HEAD:{path}").decode().strip()]
        data = bytearray(whole)
        data[offset + size // 2] ^= 4
        pack.write_bytes(data)
        done = verify(auditor)
        assert done.returncode == 3, f"{path}: {done.stdout}{done.stderr}"
        assert path in done.stdout + done.stderr
    pack.write_bytes(whole)
    assert verify(auditor).returncode == 0


def test_a_loose_object_that_holds_other_bytes_than_its_id_promises_is_found(played):
    auditor = played / "auditor"
    git(auditor, "repack", "-adq")
    path = next(p for p in guarded(auditor) if p.endswith("gates/bias.json"))
    id_ = git(auditor, "rev-parse", f"HEAD:{path}").decode().strip()
    for pack in (auditor / ".git" / "objects" / "pack").iterdir():
        pack.chmod(0o644)
    for pack in (auditor / ".git" / "objects" / "pack").glob("*.pack"):
        loose = auditor / ".git" / pack.name
        pack.rename(loose)
        pack.with_suffix(".idx").unlink()
        git(auditor, "unpack-objects", "-q", data=loose.read_bytes())
    changed = git(auditor, "cat-file", "blob", id_).replace(b"0", b"1", 1)
    target = auditor / ".git" / "objects" / id_[:2] / id_[2:]
    target.chmod(0o644)
    target.write_bytes(zlib.compress(b"blob %d\0" % len(changed) + changed))
    done = verify(auditor)
    assert done.returncode == 3
    assert path in done.stdout + done.stderr


def _commit(folder, message="Tidy up"):
    git(folder, "add", "--all")
    git(folder, "-c", "user.name=Mal", "-c", "user.email=mal@example.com", "commit", "--quiet", "-m", message)


def _raise_the_ratio(auditor, release):
    """Better numbers in every file that is not signed, each digest in those files recomputed."""
    folder = auditor / "evidence" / release
    verdict = json.loads((folder / "verdict.json").read_text())
    for gate in verdict["gates"]:
        if gate["gate"] == "bias":
            gate["outcome"] = "passed"
            gate["summary"] = gate["summary"].replace("0.", "1.")
            for finding in gate["findings"]:
                finding["outcome"] = "passed"
            bias = {"version": 1, **gate}
    verdict["outcome"] = "passed"
    for name, value in (("verdict.json", verdict), ("gates/bias.json", bias)):
        text = json.dumps(value, sort_keys=True, ensure_ascii=False, indent=2) + "\n"
        (folder / name).write_text(text)


def test_a_better_number_committed_with_every_unsigned_digest_recomputed_is_found(played, story):
    auditor = played / "auditor"
    release = story["candidate-1"]["release"]
    _raise_the_ratio(auditor, release)
    _commit(auditor)
    done = verify(auditor, release)
    assert done.returncode == 3
    said = done.stdout + done.stderr
    assert f"evidence/{release}/verdict.json" in said
    assert f"evidence/{release}/gates/bias.json" in said


def test_another_model_under_a_recomputed_release_is_found(played, story):
    auditor = played / "auditor"
    release = story["candidate-3"]["release"]
    folder = auditor / "evidence" / release
    flip(folder / "model.onnx", seed=1)
    digest = "sha256:" + hashlib.sha256((folder / "model.onnx").read_bytes()).hexdigest()
    text = (folder / "release.json").read_text()
    old = re.search(r"sha256:[0-9a-f]{64}|\b[0-9a-f]{64}\b", text[text.index("model.onnx") :])[0]
    (folder / "release.json").write_text(
        text.replace(old, digest if ":" in old else digest.partition(":")[2])
    )
    _commit(auditor)
    done = verify(auditor)
    assert done.returncode == 3
    assert f"evidence/{release}/model.onnx" in done.stdout + done.stderr


@pytest.mark.parametrize("what", ["approvals", "request.json", "environments"])
def test_an_edited_record_that_is_committed_is_found(played, what):
    auditor = played / "auditor"
    path = next(p for p in guarded(auditor) if what in p and p.endswith((".json", ".yaml")))
    target = auditor / path
    text = target.read_text()
    changed = re.sub(r"20\d\d(?=-\d\d-\d\d)", "2031", text, count=1)
    assert changed != text
    target.write_text(changed)
    _commit(auditor)
    done = verify(auditor)
    assert done.returncode == 3
    assert path in done.stdout + done.stderr


def test_deleted_evidence_is_found(played, story):
    auditor = played / "auditor"
    release = story["candidate-1"]["release"]
    git(auditor, "rm", "-rq", f"evidence/{release}")
    _commit(auditor, "Remove a failed experiment")
    done = verify(auditor)
    assert done.returncode == 3
    assert f"evidence/{release}/" in done.stdout + done.stderr


def test_a_file_added_beside_the_evidence_is_found(played, story):
    auditor = played / "auditor"
    path = f"evidence/{story['candidate-3']['release']}/gates/extra.json"
    (auditor / path).write_text("{}\n")
    _commit(auditor)
    done = verify(auditor)
    assert done.returncode == 3
    assert path in done.stdout + done.stderr


def test_a_replaced_object_does_not_deceive(played, story):
    auditor = played / "auditor"
    path = f"evidence/{story['candidate-1']['release']}/verdict.json"
    old = git(auditor, "rev-parse", f"HEAD:{path}").decode().strip()
    new = git(auditor, "hash-object", "-w", "--stdin", data=b"{}\n").decode().strip()
    git(auditor, "replace", old, new)
    done = verify(auditor)
    assert done.returncode == 3
    assert "replace" in (done.stdout + done.stderr).lower()


def test_a_shallow_clone_is_refused_with_the_command_that_completes_it(played, tmp_path):
    shallow = tmp_path / "shallow"
    subprocess.run(
        ["git", "clone", "--quiet", "--depth=1", f"file://{played}/remote.git", shallow],
        check=True,
        env=os.environ,
    )
    done = verify(shallow)
    assert done.returncode == 2
    assert "git fetch --unshallow" in done.stderr
