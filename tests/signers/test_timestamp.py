"""RFC 3161 by an authority of openssl's: what is believed, and everything that is not."""

from __future__ import annotations

import shutil
import subprocess
from datetime import UTC, datetime, timedelta

import pytest

from mlassay.errors import ConfigurationError, EvidenceError, RemoteError
from mlassay.signers.timestamp import LIMIT, Stamps
from tests.servers.timestamp import Openssl, answering

DATA = b"an anchor\n"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Openssl(tmp_path_factory.mktemp("tsa") / "one")


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    """Another authority, of the same name."""
    return Openssl(tmp_path_factory.mktemp("tsa") / "two")


@pytest.fixture(scope="module")
def stamp(authority):
    with authority.serve() as served:
        return Stamps.from_file(served.certificates).ask(served.url, DATA)


def proven(authority):
    return Stamps.from_file(authority.certificates)


def test_a_stamp_that_was_asked_for_proves_a_time_close_to_now(authority, stamp):
    found = proven(authority).read(stamp, DATA, "x")
    assert found.proven
    assert found.authority == "CN=Test Authority"
    assert abs(found.time - datetime.now(UTC)) < timedelta(minutes=30)


def test_openssl_takes_it_too(authority, stamp, tmp_path):
    (tmp_path / "data").write_bytes(DATA)
    (tmp_path / "stamp").write_bytes(stamp)
    command = ["openssl", "ts", "-verify", "-data", "data", "-in", "stamp", "-CAfile"]
    done = subprocess.run([*command, authority.certificates], cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def test_without_a_certificate_its_time_is_told_and_not_proven(stamp):
    assert not Stamps.from_file(None).read(stamp, DATA, "x").proven


@pytest.mark.parametrize("certificates", [True, False])
def test_a_stamp_of_other_bytes_is_refused_with_and_without_certificates(authority, stamp, certificates):
    reader = proven(authority) if certificates else Stamps()
    with pytest.raises(EvidenceError, match="other bytes") as error:
        reader.read(stamp, DATA + b" ", "my.anchor")
    assert error.value.problems[0].path == "my.anchor"


def test_a_stamp_by_another_authority_of_the_same_name_is_refused(other, stamp):
    with pytest.raises(EvidenceError, match="not valid"):
        proven(other).read(stamp, DATA, "x")


def test_the_authoritys_own_certificate_beside_its_root_pins_it(authority, stamp, tmp_path):
    """A second certificate under the same root may stamp, and is not the one that was named."""
    both = tmp_path / "both.pem"
    both.write_bytes(authority.certificates.read_bytes() + (authority.folder / "tsa.pem").read_bytes())
    assert Stamps.from_file(both).read(stamp, DATA, "x").proven
    twin = tmp_path / "twin"
    shutil.copytree(authority.folder, twin)
    signed = ["-CA", "root.pem", "-CAkey", "root.key", "-set_serial", "8", "-days", "9", "-in", "tsa.csr"]
    leaf = ["-extfile", "openssl.cnf", "-extensions", "leaf", "-out", "tsa.pem"]
    subprocess.run(["openssl", "x509", "-req", *signed, *leaf], cwd=twin, capture_output=True, check=True)
    pinned = tmp_path / "pinned.pem"
    pinned.write_bytes((twin / "root.pem").read_bytes() + (twin / "tsa.pem").read_bytes())
    with pytest.raises(EvidenceError, match="not valid"):
        Stamps.from_file(pinned).read(stamp, DATA, "x")


def test_no_flipped_bit_tells_another_time(authority, stamp):
    told, reader = proven(authority).read(stamp, DATA, "x"), proven(authority)
    for at in range(0, len(stamp), 3):
        altered = stamp[:at] + bytes([stamp[at] ^ 1]) + stamp[at + 1 :]
        try:
            found = reader.read(altered, DATA, "x")
        except EvidenceError:
            continue
        assert found.time == told.time, at  # in what nobody signs, such as the answer's own free text


@pytest.mark.parametrize("junk", [b"", b"hello", bytes.fromhex("30053003020102"), b"\x30" * 4000])
def test_what_is_no_response_is_one_clear_error(junk):
    with pytest.raises(EvidenceError, match="time stamp is not valid"):
        Stamps().read(junk, DATA, "x")


def test_an_answer_to_another_request_is_refused(authority, stamp):
    """A stamp of the same bytes, kept from before."""
    with (
        answering(lambda _: (200, stamp)) as url,
        pytest.raises(EvidenceError, match="another request"),
    ):
        proven(authority).ask(url, DATA)


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        ((500, b"oops"), "answers 500"),
        ((302, b""), "answers 302"),
        ((200, b"x" * (LIMIT + 1)), "longer than a time stamp"),
    ],
)
def test_an_authority_that_gives_none_is_one_clear_error(answer, what):
    with answering(lambda _: answer) as url, pytest.raises(RemoteError, match=what):
        Stamps().ask(url, DATA)


def test_an_authority_that_is_not_there_is_one_clear_error():
    with pytest.raises(RemoteError, match="no answer"):
        Stamps().ask("http://127.0.0.1:9/", DATA)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://example.org", "example.org"])
def test_an_authority_is_asked_by_http_only(url):
    with pytest.raises(ConfigurationError, match="http"):
        Stamps().ask(url, DATA)


def test_certificates_without_a_root_are_refused_before_anything_is_asked(authority, tmp_path):
    for path in (authority.folder / "tsa.pem", authority.folder / "serial", tmp_path / "nothing"):
        with pytest.raises(ConfigurationError, match=r"root certificate|can be read"):
            Stamps.from_file(path)
