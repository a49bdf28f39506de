from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from mlassay.errors import ConfigurationError, EvidenceError
from mlassay.evidence import layout
from mlassay.evidence.keys import key_id
from mlassay.evidence.times import parse_time, time_string


@pytest.mark.parametrize(
    ("path", "guarded"),
    [
        ("governance/people.yaml", True),
        ("environments/bank/production.yaml", True),
        ("evidence/20261120-1a2b3c4d/release.json", True),
        ("promotions/staging/20261120-1a2b3c4d/request.json", True),
        ("changes/20261120-1a2b3c4d/request.json", True),
        ("data/applications.manifest.yaml", True),
        ("data/eu/applications.manifest.yaml", True),
        ("data/applications.csv", False),
        ("data/applications.missing.md", False),
        ("ml.yaml", False),
        ("docs/governance/people.yaml", False),
        ("governance", True),
        ("governance.md", False),
    ],
)
def test_guarded_paths_are_told_from_others(path, guarded):
    assert layout.is_guarded(path) is guarded


def test_the_release_id_takes_the_date_in_utc():
    late = datetime(2026, 11, 20, 1, 0, tzinfo=timezone(timedelta(hours=2)))
    assert layout.release_id(late, "sha256:1a2b3c4d5e") == "20261119-1a2b3c4d"


@pytest.mark.parametrize(
    "text", ["", "20261120", "20261120-1A2B3C4D", "20261120-1a2b3c4d/", "../x", "20261120-1a2b3c4d\n"]
)
def test_what_is_no_release_id_is_not_taken_for_one(text):
    assert not layout.is_release_id(text)


@pytest.mark.parametrize(
    ("path", "gate"),
    [
        ("gates/bias.json", "bias"),
        ("gates/bias.dsse.json", "bias"),
        ("gates/../x.json", None),
        ("bias.json", None),
    ],
)
def test_gate_files_are_known_by_their_names(path, gate):
    assert layout.gate_of(path) == gate


def test_times_have_one_spelling():
    when = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
    assert time_string(when) == "2026-11-20T12:00:00Z"
    assert parse_time("2026-11-20T12:00:00Z", "x") == when
    for other in (
        "2026-11-20T12:00:00+00:00",
        "2026-11-20 12:00:00Z",
        "2026-11-20T12:00:00.0Z",
        "٢026-11-20T12:00:00Z",
        5,
    ):
        with pytest.raises(EvidenceError):
            parse_time(other, "x")
    with pytest.raises(ValueError, match="zone"):
        time_string(datetime(2026, 11, 20))


def test_a_key_has_one_id_however_its_text_is_wrapped_or_commented():
    pem = (
        "-----BEGIN PUBLIC KEY-----\n"
        "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEB60FN90MUklVwNwm4IsOmoBcMlgr\n"
        "4nCEASEEJL4XadvAh0P6TXp9a/wcxj4K4Jv/OKTUcMMlrEJPH1S5HmbIag==\n"
        "-----END PUBLIC KEY-----\n"
    )
    assert key_id(pem) == key_id("  " + pem.replace("\n", "\r\n")) == key_id(pem.rstrip())
    line = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGzb826NZnGZnQBxInJ5iUjlNqEnYttY4Y2igZIhqV/r"
    assert key_id(line) == key_id(line + " dana@laptop")
    with pytest.raises(ConfigurationError):
        key_id("nothing")


def test_the_key_id_is_what_openssl_and_sha256sum_say(tmp_path):
    import hashlib
    import subprocess

    from tests.factory.project import ci_key

    public = ci_key(tmp_path)
    out = subprocess.run(
        ["openssl", "pkey", "-pubin"], input=public.encode(), capture_output=True, check=True
    ).stdout
    assert key_id(public) == hashlib.sha256(out).hexdigest()
