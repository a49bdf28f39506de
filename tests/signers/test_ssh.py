from __future__ import annotations

import base64
import os
import subprocess

import pytest

from mlassay.errors import ConfigurationError, EvidenceError
from mlassay.signers.ssh import SshSigner, SshVerifier, find_signer

KINDS = ["ed25519", "ecdsa", "rsa"]


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """A folder with one key pair of each kind, and another Ed25519 one."""
    folder = tmp_path_factory.mktemp("keys")
    for kind in KINDS:
        subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", folder / kind], check=True)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / "other"], check=True)
    return folder


def public(keys, name):
    return (keys / f"{name}.pub").read_text()


@pytest.mark.parametrize("kind", KINDS)
def test_a_signature_holds_for_its_bytes_and_key_and_for_no_other(keys, kind):
    signature = SshSigner.from_file(keys / kind).sign(b"bytes")
    SshVerifier().verify(b"bytes", signature, public(keys, kind))
    with pytest.raises(EvidenceError, match="does not fit"):
        SshVerifier().verify(b"other", signature, public(keys, kind))
    with pytest.raises(EvidenceError, match="another key"):
        SshVerifier().verify(b"bytes", signature, public(keys, "other"))


@pytest.mark.parametrize("kind", KINDS)
def test_stock_ssh_keygen_accepts_it_and_refuses_what_mlassay_refuses(keys, kind, tmp_path):
    signature = SshSigner.from_file(keys / kind).sign(b"bytes")
    (tmp_path / "sig").write_bytes(signature)
    (tmp_path / "allowed").write_text(f"dana {public(keys, kind)}")
    command = ["ssh-keygen", "-Y", "verify", "-f", "allowed", "-I", "dana", "-n", "mlassay", "-s", "sig"]
    good = subprocess.run(command, cwd=tmp_path, input=b"bytes", capture_output=True, check=False)
    bad = subprocess.run(command, cwd=tmp_path, input=b"other", capture_output=True, check=False)
    assert good.returncode == 0
    assert bad.returncode != 0


def test_a_signature_for_another_purpose_is_refused(keys):
    done = subprocess.run(
        ["ssh-keygen", "-Y", "sign", "-n", "git", "-f", keys / "ed25519"],
        input=b"bytes",
        capture_output=True,
        check=True,
    )
    with pytest.raises(EvidenceError, match="another purpose"):
        SshVerifier().verify(b"bytes", done.stdout, public(keys, "ed25519"))


@pytest.mark.parametrize(("kind", "step"), [("ed25519", 1), ("rsa", 3), ("ecdsa", 17)])
def test_every_flipped_bit_is_refused(keys, kind, step):
    signature = SshSigner.from_file(keys / kind).sign(b"bytes")
    for bit in range(0, len(signature) * 8, step):
        flipped = bytearray(signature)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(EvidenceError):
            SshVerifier().verify(b"bytes", bytes(flipped), public(keys, kind))


def body(signature):
    return base64.b64decode(b"".join(signature.split(b"\n")[1:-2]))


def armour(raw, width):
    text = base64.b64encode(raw)
    lines = [text[at : at + width] for at in range(0, len(text), width)]
    return b"\n".join([b"-----BEGIN SSH SIGNATURE-----", *lines, b"-----END SSH SIGNATURE-----", b""])


def rewrap(signature):
    return armour(body(signature), 64)


def grown(signature):
    return armour(body(signature) + b"\0\0\0\1x", 70)


@pytest.mark.parametrize(
    "spell",
    [
        lambda s: s.replace(b"\n", b"\r\n"),
        lambda s: b"hello\n" + s,
        lambda s: s + b"\n",
        lambda s: s.rstrip(b"\n"),
        lambda s: s.replace(b"-----END", b"\n-----END"),
        rewrap,
        grown,
        lambda _: b"",
        lambda _: b"\xff",
    ],
)
def test_another_spelling_of_a_valid_signature_is_refused(keys, spell):
    signature = SshSigner.from_file(keys / "ed25519").sign(b"bytes")
    with pytest.raises(EvidenceError):
        SshVerifier().verify(b"bytes", spell(signature), public(keys, "ed25519"))


def test_the_armour_of_these_tests_is_ssh_keygens_own(keys):
    signature = SshSigner.from_file(keys / "ed25519").sign(b"bytes")
    assert armour(body(signature), 70) == signature


def test_a_key_file_without_its_public_half_still_signs(keys, tmp_path):
    (tmp_path / "key").write_bytes((keys / "ed25519").read_bytes())
    (tmp_path / "key").chmod(0o600)
    signer = find_signer(tmp_path / "key", None)
    SshVerifier().verify(b"bytes", signer.sign(b"bytes"), public(keys, "ed25519"))


def test_git_configuration_names_the_key_when_nobody_else_does(keys):
    signer = find_signer(None, str(keys / "ed25519.pub"))
    SshVerifier().verify(b"bytes", signer.sign(b"bytes"), public(keys, "ed25519"))


def test_an_agent_signs_for_a_public_line_and_by_itself(keys, monkeypatch, tmp_path):
    started = subprocess.run(
        ["ssh-agent", "-s", "-a", tmp_path / "agent"], capture_output=True, text=True, check=True
    )
    pid = int(started.stdout.split("SSH_AGENT_PID=")[1].split(";")[0])
    try:
        monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "agent"))
        subprocess.run(["ssh-add", "-q", keys / "ed25519"], check=True)
        line = public(keys, "ed25519")
        for signer in (find_signer(None, f"key::{line}"), find_signer(None, None)):
            SshVerifier().verify(b"bytes", signer.sign(b"bytes"), line)
        subprocess.run(["ssh-add", "-q", keys / "other"], check=True)
        with pytest.raises(ConfigurationError, match="not clear"):
            find_signer(None, None)
    finally:
        os.kill(pid, 15)


def test_without_any_key_it_says_what_to_do(monkeypatch):
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    with pytest.raises(ConfigurationError, match="no SSH key"):
        find_signer(None, None)


def test_a_key_that_is_not_there_is_told(tmp_path):
    with pytest.raises(ConfigurationError, match="no such key"):
        find_signer(tmp_path / "none", None)


def test_a_file_that_is_no_key_is_told_in_ssh_keygens_words(tmp_path):
    (tmp_path / "key").write_text("nothing")
    (tmp_path / "key.pub").write_text("ssh-ed25519 AAAA x")
    with pytest.raises(ConfigurationError, match="cannot sign"):
        find_signer(tmp_path / "key", None).sign(b"bytes")
