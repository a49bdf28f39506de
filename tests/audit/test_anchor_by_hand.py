"""docs/anchors.md, followed to the letter by somebody who has no mlassay: its commands hold, and fail where they must."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from mlassay.audit.anchor_pin import make_anchor
from mlassay.evidence.anchors import MACHINE, PERSON
from mlassay.render.audit_anchor import anchor_page
from mlassay.signers.p256 import find_signer
from mlassay.signers.ssh import SshSigner
from mlassay.signers.timestamp import Stamps
from tests import factory
from tests.audit.story import git
from tests.audit.test_anchor import MAY, pen
from tests.servers.timestamp import Openssl

PAGE = (Path(__file__).parents[2] / "docs" / "anchors.md").read_text()
APART, PINNED, AFTER, SSH, CI, STAMP, CHAIN = re.findall(r"```sh.*?\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A clone, and beside its files ``my.anchor`` by a person, ``ci.anchor``, ``older.anchor``, ``authority.pem``."""
    folder = tmp_path_factory.mktemp("kept")
    project = factory.make(folder, signer=MAY)
    factory.record(project)
    head = project.repo.head()
    person = SshSigner.from_file(project.keys / "dana"), PERSON
    machine = find_signer(project.keys / "ci.pem"), MACHINE
    older = make_anchor(project.repo, head, date=project.now(), findings=0, signer=person)
    pen(project, head, changes={"notes é.md": b"1\n", 'evidence/20261120-00000000/"\té.txt': b"stray\n"})
    head = project.repo.head()
    options = {"findings": 0, "previous": older.digest}
    authority = Openssl(folder / "tsa")
    with authority.serve() as served:
        for name, signer in (("my.anchor", person), ("ci.anchor", machine)):
            file = make_anchor(project.repo, head, date=project.now(), signer=signer, **options)
            file = replace(file, stamp=Stamps().ask(served.url, file.stamped_bytes))
            (folder / name).write_bytes(file.to_bytes())
    (folder / "older.anchor").write_bytes(older.to_bytes())
    (folder / "authority.pem").write_bytes(authority.certificates.read_bytes())
    project.commit({"notes.md": "2\n"})
    return project, folder


@pytest.fixture
def clone(kept, tmp_path):
    """A fresh clone with copies of the files that were kept."""
    project, folder = kept
    git(tmp_path, "clone", "-q", str(project.folder), "clone")
    for name in ("my.anchor", "ci.anchor", "older.anchor", "authority.pem"):
        (tmp_path / "clone" / name).write_bytes((folder / name).read_bytes())
    return tmp_path / "clone"


def lines(folder, block, *, name="my.anchor"):
    """Run a block of the page line by line, each after what takes the file apart; which lines ended well."""
    ended = []
    done = ""
    for line in block.strip().splitlines():
        script = f"{APART}{done}{line}\n".replace("my.anchor", name)
        command = ["sh", "-c", script]
        ended.append(subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode == 0)
        done += f"{line}\n"
    return ended


@pytest.mark.parametrize(
    ("block", "name"),
    [
        *((block, "my.anchor") for block in (PINNED, SSH, STAMP, CHAIN)),
        *((block, "ci.anchor") for block in (PINNED, CI, STAMP)),
    ],
    ids=["pinned", "ssh", "stamp", "chain", "pinned by ci", "ci", "stamp by ci"],
)
def test_every_command_of_the_page_holds(clone, block, name):
    assert all(lines(clone, block, name=name))


def test_the_page_tells_how_much_came_after(clone):
    script = f"{APART}{AFTER}"
    assert (
        subprocess.run(["sh", "-c", script], cwd=clone, capture_output=True, text=True, check=True).stdout
        == "1\n"
    )


def test_the_key_that_the_anchor_names_is_the_one_that_stock_tools_find(clone):
    script = f"{APART}{SSH}".replace("\n\n", "\n")
    done = subprocess.run(["sh", "-c", script], cwd=clone, capture_output=True, text=True, check=True)
    key = re.search(r'"key": "(.+)"', (clone / "my.anchor").read_text())[1]
    assert done.stdout.strip().endswith(key)
    script = f"{APART}{CI}sha256sum ci.pem".replace("my.anchor", "ci.anchor")
    done = subprocess.run(["sh", "-c", script], cwd=clone, capture_output=True, text=True, check=True)
    assert re.search(r'"key": "(.+)"', (clone / "ci.anchor").read_text())[1] in done.stdout


def test_an_altered_anchor_fails_its_signature_and_its_stamp(clone):
    for name, signature in (("my.anchor", SSH), ("ci.anchor", CI)):
        path = clone / name
        path.write_text(path.read_text().replace('"findings": 0', '"findings": 1'))
        assert not lines(clone, signature, name=name)[-1]
        assert not lines(clone, STAMP, name=name)[0]


@pytest.mark.parametrize("line", range(5))
def test_each_number_that_was_altered_fails_its_own_line(clone, line):
    names = ["head", "commits", "tree", "evidence", "guarded"]
    path = clone / "my.anchor"
    name, text = names[line], path.read_text()
    told = re.search(rf'"{name}": "?(?:sha256:)?([0-9a-f]+)', text)[1]
    path.write_text(text.replace(told, told[::-1] if len(told) > 2 else "1", 1))
    ended = lines(clone, PINNED)
    commands = [text for text in PINNED.strip().splitlines() if "says" in text]
    failed = [text for text, well in zip(PINNED.strip().splitlines(), ended, strict=True) if not well]
    assert commands[line] in failed
    assert failed == [commands[line]] or name == "head"


def test_a_rewritten_history_fails_the_first_line(clone, kept):
    assert lines(clone, PINNED)[0]
    git(
        clone, "-c", "user.name=x", "-c", "user.email=x@example.org", "commit", "-q", "--amend", "-m", "Other"
    )
    assert lines(clone, PINNED)[0]  # what came after it is no matter
    old = git(clone, "rev-parse", "HEAD~1")
    tree = git(clone, "rev-parse", "HEAD^{tree}")
    who = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
    orphan = git(clone, *who, "commit-tree", tree, "-m", "Other")
    git(
        clone,
        "reset",
        "-q",
        "--hard",
        git(clone, *who, "commit-tree", tree, "-p", orphan, "-p", old, "-m", "M"),
    )
    assert not lines(clone, PINNED)[0]


def test_the_printed_page_holds_the_same_ids_and_commands_that_run(clone, kept):
    from mlassay.evidence.anchors import load_anchor

    file = load_anchor(clone / "my.anchor")
    page = "\n".join(anchor_page(file))
    grouped = page.replace("\n          ", "").replace(" ", "")
    for id_ in (
        file.anchor.head,
        file.anchor.tree,
        file.anchor.root,
        file.anchor.guarded[7:],
        file.digest[7:],
    ):
        assert id_ in grouped
    assert max(len(line) for line in page.splitlines()) <= 96
    commands = [line.strip() for line in page.splitlines() if line.startswith("  git")]
    told = [
        subprocess.run(
            ["sh", "-c", each], cwd=clone, capture_output=True, text=True, check=True
        ).stdout.strip()
        for each in commands
    ]
    assert told == [file.anchor.head, str(file.anchor.commits), file.anchor.tree]
