"""Anchors stamped by Sigstore's own time-stamping server, with `openssl ts` as the witness."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from mlassay.evidence.anchors import load_anchor
from tests import factory
from tests.servers.timestamp import Openssl, serve

pytestmark = pytest.mark.ci_extension


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    with serve(tmp_path_factory.mktemp("server")) as served:
        yield served


@pytest.fixture(scope="module")
def stamped(authority, tmp_path_factory):
    """A project and an anchor of it, stamped."""
    folder = tmp_path_factory.mktemp("stamped")
    project = factory.make(folder)
    factory.record(project)
    asked = ("--timestamp", authority.url, "--tsa-cert", authority.certificates)
    anchor(project, "--out", folder / "my.anchor", "--key", project.keys / "dana", *asked)
    return project, folder / "my.anchor"


def anchor(project, *arguments, code=0):
    command = [sys.executable, "-m", "mlassay", "audit", "anchor", "-C", project.folder, *arguments]
    done = subprocess.run([str(each) for each in command], capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def witness(folder, data, stamp, certificates):
    """What `openssl ts -verify` answers."""
    (folder / "data").write_bytes(data)
    (folder / "stamp").write_bytes(stamp)
    command = ["openssl", "ts", "-verify", "-data", "data", "-in", "stamp", "-CAfile", certificates]
    return subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode == 0


def test_a_real_authoritys_time_is_proven_here_and_by_openssl(stamped, authority, tmp_path):
    project, path = stamped
    (told,) = json.loads(anchor(project, "--check", path, "--tsa-cert", authority.certificates, "--json"))
    assert told["time_stamp"]["proven"] is True
    before = datetime.strptime(told["time_stamp"]["before"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    assert abs(before - datetime.now(UTC)) < timedelta(hours=1)
    file = load_anchor(path)
    assert witness(tmp_path, file.stamped_bytes, file.stamp, authority.certificates)


def test_neither_takes_it_for_an_altered_anchor(stamped, authority, tmp_path):
    project, path = stamped
    altered = tmp_path / "altered.anchor"
    altered.write_text(path.read_text().replace('"findings": 0', '"findings": 1'))
    anchor(project, "--check", altered, "--tsa-cert", authority.certificates, code=3)
    file = load_anchor(altered)
    assert not witness(tmp_path, file.stamped_bytes, file.stamp, authority.certificates)


def test_neither_takes_it_under_another_authoritys_certificates(stamped, tmp_path):
    project, path = stamped
    other = Openssl(tmp_path / "other", "Test TSA")
    anchor(project, "--check", path, "--tsa-cert", other.certificates, code=3)
    file = load_anchor(path)
    assert not witness(tmp_path, file.stamped_bytes, file.stamp, other.certificates)


def test_the_stamp_outlives_the_server_and_a_moved_file(stamped, authority, tmp_path):
    project, path = stamped
    shutil.copy(path, tmp_path / "elsewhere.anchor")
    project.commit({"notes.md": "later\n"})
    told = anchor(project, "--check", tmp_path / "elsewhere.anchor", "--tsa-cert", authority.certificates)
    assert "proven by the authority" in told
    assert "1 commit" in told
