"""``audit anchor`` as a person and a script use it."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pytest

from mlassay.cli import main
from mlassay.git import Repository
from tests import factory
from tests.audit.story import git
from tests.audit.test_anchor import MAY
from tests.servers.timestamp import Openssl


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A project with a release; never changed."""
    project = factory.make(tmp_path_factory.mktemp("anchor"), signer=MAY)
    factory.record(project)
    return project


@pytest.fixture
def project(made, tmp_path):
    """A copy of it, to be written to."""
    shutil.copytree(made.folder.parent, tmp_path / "copy")
    return replace(made, repo=Repository.open(tmp_path / "copy/team"), keys=tmp_path / "copy/keys")


@pytest.fixture
def anchor(project, capfd, monkeypatch):
    """Runs the verb on the project, as a shell would; what it prints on both streams."""

    def run(*arguments, code=0):
        words = ["mlassay", "audit", "anchor", "-C", project.folder, *arguments]
        monkeypatch.setattr("sys.argv", [str(word) for word in words])
        with pytest.raises(SystemExit) as ended:
            main()
        told = capfd.readouterr()
        assert ended.value.code == code, told
        return told

    return run


def test_an_anchor_is_written_and_holds(anchor, project, tmp_path):
    out = tmp_path / "a.anchor"
    told = anchor("--out", out, "--key", project.keys / "dana").out
    assert project.repo.head() in told
    assert "signed by dana" in told
    assert "keep it where nobody who can push" in told
    project.commit({"notes.md": "1\n"})
    told = anchor("--check", out).out
    assert "is commit 2 of 3 on this main line" in told
    assert "1 commit and 0 days" in told


def test_its_json_is_for_machines(anchor, project, tmp_path):
    written = json.loads(anchor("--out", tmp_path / "a.anchor", "--unsigned", "--json").out)
    checked = json.loads(anchor("--check", tmp_path / "a.anchor", "--json").out)
    assert written == checked
    assert checked[0]["holds"] is True
    assert checked[0]["anchor"]["head"] == project.repo.head()
    assert (checked[0]["signer"], checked[0]["commits_after"]) == ("", 0)


def test_a_rewritten_history_ends_with_3_and_names_the_file(anchor, project, tmp_path):
    anchor("--out", tmp_path / "a.anchor", "--unsigned")
    git(project.folder, "reset", "-q", "--hard", "HEAD~1")
    told = anchor("--check", tmp_path / "a.anchor", code=3)
    assert "does not hold" in told.out
    assert "a.anchor: the anchor is newer" in told.err
    assert json.loads(anchor("--check", tmp_path / "a.anchor", "--json", code=3).out)[0]["holds"] is False


def test_a_history_with_findings_is_anchored_only_even_so(anchor, project, tmp_path):
    project.commit({"environments/staging.yaml": "version: 1\n"})
    told = anchor("--out", tmp_path / "a.anchor", "--unsigned", code=3).err
    assert "no anchor was written" in told
    assert "environments/staging.yaml" in told
    assert not (tmp_path / "a.anchor").exists()
    told = anchor("--out", tmp_path / "a.anchor", "--unsigned", "--even-so").out
    assert "findings, and says so" in told


def test_a_chain_is_made_and_checked_in_any_order(anchor, project, tmp_path):
    first, second = tmp_path / "1.anchor", tmp_path / "2.anchor"
    anchor("--out", first, "--key", project.keys / "dana")
    project.commit({"notes.md": "1\n"})
    told = anchor("--out", second, "--ci-key", project.keys / "ci.pem", "--previous", first).out
    assert "note" not in told
    assert anchor("--check", second, first).out.count("ok ") == 2


def test_no_anchor_follows_one_that_does_not_hold(anchor, project, tmp_path):
    anchor("--out", tmp_path / "1.anchor", "--unsigned")
    git(project.folder, "reset", "-q", "--hard", "HEAD~1")
    anchor("--out", tmp_path / "2.anchor", "--unsigned", "--previous", tmp_path / "1.anchor", code=3)
    assert not (tmp_path / "2.anchor").exists()


def test_an_existing_file_is_never_overwritten(anchor, tmp_path):
    (tmp_path / "a.anchor").write_text("mine\n")
    (tmp_path / "b.anchor").symlink_to(tmp_path / "nowhere")
    for name in ("a.anchor", "b.anchor"):
        assert "there already" in anchor("--out", tmp_path / name, "--unsigned", code=2).err
    assert (tmp_path / "a.anchor").read_text() == "mine\n"


def test_an_anchor_beside_what_it_pins_is_advised_against(anchor, project):
    assert "lies in the repository" in anchor("--out", project.folder / "a.anchor", "--unsigned").err


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("x.anchor",),
        ("--check",),
        ("--check", "x.anchor", "--out", "y.anchor"),
        ("--out", "y.anchor", "--unsigned", "--key", "k"),
        ("--out", "y.anchor", "--ci-key", "c", "--key", "k"),
        ("--out", "y.anchor", "--print", "--json"),
        ("--check", "nothing-there.anchor"),
    ],
)
def test_what_makes_no_sense_ends_with_2(anchor, arguments):
    anchor(*arguments, code=2)


@pytest.mark.parametrize("data", [b"", b"\x1b[31m" * 99, b"{\n}\n", b"x" * (1 << 20)])
def test_a_hostile_file_is_one_clear_error(anchor, tmp_path, data):
    (tmp_path / "a.anchor").write_bytes(data)
    told = anchor("--check", tmp_path / "a.anchor", code=2 if len(data) > 1 << 18 else 3).err
    assert "a.anchor" in told
    assert "\x1b" not in told
    assert "Traceback" not in told


def test_a_stamped_anchor_is_written_only_when_the_stamp_is_the_named_authoritys(anchor, tmp_path):
    authority, other = Openssl(tmp_path / "tsa"), Openssl(tmp_path / "other")
    out = tmp_path / "a.anchor"
    with authority.serve() as served:
        stamp = ("--out", out, "--unsigned", "--timestamp", served.url, "--tsa-cert")
        anchor(*stamp, other.certificates, code=3)
        assert not out.exists()
        assert "stamped" in anchor(*stamp, authority.certificates).out
    told = anchor("--check", out, "--tsa-cert", authority.certificates).out
    assert "proven by the authority CN=Test Authority" in told
    assert "unchecked" in anchor("--check", out).out
    assert "not valid" in anchor("--check", out, "--tsa-cert", other.certificates, code=3).err


def test_an_authority_that_is_not_there_ends_with_4_and_writes_nothing(anchor, tmp_path):
    anchor("--out", tmp_path / "a.anchor", "--unsigned", "--timestamp", "http://127.0.0.1:9/", code=4)
    assert not (tmp_path / "a.anchor").exists()


def test_a_page_for_paper(anchor, tmp_path):
    told = anchor("--out", tmp_path / "a.anchor", "--unsigned", "--print").out
    assert "ANCHOR OF A HISTORY" in told
    assert (
        told.partition("ANCHOR")[2]
        == anchor("--check", tmp_path / "a.anchor", "--print").out.partition("ANCHOR")[2]
    )
