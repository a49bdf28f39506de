"""Keys: made where people say, readable by nobody else, and the demonstration's marked for ever."""

import stat
import subprocess

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from mlassay.config.demo import is_demo_key
from mlassay.errors import ConfigurationError
from mlassay.signers import demo, keys


def test_a_persons_key_is_one_that_ssh_keygen_reads_and_nobody_else_can(tmp_path):
    public = keys.new_person_key(tmp_path / "kim", "kim", ask_passphrase=False)
    shown = subprocess.run(
        ["ssh-keygen", "-y", "-f", tmp_path / "kim"], capture_output=True, text=True, check=True
    )
    assert shown.stdout.split()[:2] == public.split()[:2]
    assert stat.S_IMODE((tmp_path / "kim").stat().st_mode) == 0o600
    assert not is_demo_key(public)


def test_a_ci_key_is_a_p256_pair(tmp_path):
    pem = keys.new_ci_key(tmp_path / "ci.pem")
    private = load_pem_private_key((tmp_path / "ci.pem").read_bytes(), None)
    assert private.curve.name == "secp256r1"
    assert pem.startswith("-----BEGIN PUBLIC KEY-----")
    assert not is_demo_key(pem)
    assert stat.S_IMODE((tmp_path / "ci.pem").stat().st_mode) == 0o600


def test_every_demonstration_key_is_known_as_one_whatever_stands_around_it(tmp_path):
    for id_ in demo.PEOPLE:
        public = keys.new_person_key(tmp_path / id_, id_, ask_passphrase=False, phrase=id_)
        assert is_demo_key(public)
        assert is_demo_key(" ".join(public.split()[:2]) + " kim@bank")
    for id_ in demo.SIGNERS:
        assert is_demo_key(keys.new_ci_key(tmp_path / f"{id_}.pem", phrase=id_).replace("\n", "\n  "))


def test_a_demonstration_key_is_the_same_every_time_and_signs(tmp_path):
    one = keys.new_person_key(tmp_path / "a", "dana", ask_passphrase=False, phrase="dana")
    assert one == keys.new_person_key(tmp_path / "b", "dana", ask_passphrase=False, phrase="dana")
    signed = subprocess.run(
        ["ssh-keygen", "-Y", "sign", "-n", "mlassay", "-f", tmp_path / "a"],
        input=b"x",
        capture_output=True,
        check=True,
    )
    assert b"BEGIN SSH SIGNATURE" in signed.stdout


def test_a_key_that_stands_is_never_overwritten(tmp_path):
    (tmp_path / "kim").write_text("precious")
    with pytest.raises(ConfigurationError, match="there already"):
        keys.new_person_key(tmp_path / "kim", "kim", ask_passphrase=False)
    assert (tmp_path / "kim").read_text() == "precious"


@pytest.mark.parametrize(
    "text", ["-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n", "", "ssh-ed25519 notbase64", "ssh-rsa"]
)
def test_only_a_public_key_is_read_as_one(tmp_path, text):
    (tmp_path / "key").write_text(text)
    with pytest.raises(ConfigurationError, match="no OpenSSH public key"):
        keys.read_public(tmp_path / "key")
