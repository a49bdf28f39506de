from __future__ import annotations

import subprocess

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from mlassay.errors import ConfigurationError, EvidenceError
from mlassay.signers.p256 import ORDER, P256Signer, P256Verifier, find_signer, refuse_inside
from tests.factory.project import ci_key


@pytest.fixture
def signer(tmp_path):
    ci_key(tmp_path)
    return find_signer(tmp_path / "ci.pem")


def test_a_signature_holds_for_its_bytes_and_key_and_for_no_other(signer, tmp_path):
    signature = signer.sign(b"bytes")
    P256Verifier().verify(b"bytes", signature, signer.public)
    for payload, key in ((b"other", signer.public), (b"bytes", ci_key(tmp_path, "other"))):
        with pytest.raises(EvidenceError, match="does not fit"):
            P256Verifier().verify(payload, signature, key)


def test_openssl_accepts_it_and_refuses_what_mlassay_refuses(signer, tmp_path):
    (tmp_path / "public.pem").write_text(signer.public)
    (tmp_path / "sig").write_bytes(signer.sign(b"bytes"))
    command = ["openssl", "dgst", "-sha256", "-verify", "public.pem", "-signature", "sig"]
    good = subprocess.run(command, cwd=tmp_path, input=b"bytes", capture_output=True, check=False)
    bad = subprocess.run(command, cwd=tmp_path, input=b"bytez", capture_output=True, check=False)
    assert (good.returncode, bad.returncode) == (0, 1)


def test_the_same_bytes_get_the_same_signature(signer):
    assert signer.sign(b"bytes") == signer.sign(b"bytes")


def test_the_twin_of_a_signature_is_refused_although_openssl_takes_it(signer):
    r, s = decode_dss_signature(signer.sign(b"bytes"))
    twin = encode_dss_signature(r, ORDER - s)
    key = ec.EllipticCurvePublicKey
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    public = load_pem_public_key(signer.public.encode())
    assert isinstance(public, key)
    public.verify(twin, b"bytes", ec.ECDSA(SHA256()))
    with pytest.raises(EvidenceError, match="another spelling"):
        P256Verifier().verify(b"bytes", twin, signer.public)


def test_every_flipped_bit_of_a_signature_is_refused(signer):
    signature = signer.sign(b"bytes")
    for bit in range(len(signature) * 8):
        flipped = bytearray(signature)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(EvidenceError):
            P256Verifier().verify(b"bytes", bytes(flipped), signer.public)


def test_bytes_after_a_signature_are_refused(signer):
    with pytest.raises(EvidenceError):
        P256Verifier().verify(b"bytes", signer.sign(b"bytes") + b"\0", signer.public)


def test_a_key_from_the_environment_is_taken_and_never_shown(monkeypatch, tmp_path):
    public = ci_key(tmp_path)
    secret = (tmp_path / "ci.pem").read_text()
    monkeypatch.setenv("MLASSAY_SIGNING_KEY", secret)
    signer = find_signer(None)
    assert signer.public == public
    assert secret.splitlines()[1] not in f"{signer!r} {signer}"


def test_a_broken_key_is_refused_without_a_byte_of_it_in_the_message(monkeypatch, tmp_path):
    ci_key(tmp_path)
    lines = (tmp_path / "ci.pem").read_text().splitlines()
    monkeypatch.setenv("MLASSAY_SIGNING_KEY", "\n".join([lines[0], lines[1][:-8], *lines[2:]]))
    with pytest.raises(ConfigurationError, match="MLASSAY_SIGNING_KEY") as caught:
        find_signer(None)
    told = repr([vars_of(problem) for problem in caught.value.problems])
    assert lines[1][:20] not in told


def vars_of(problem):
    return [problem.what, problem.why, problem.remedy, problem.path]


def test_no_key_at_all_is_told_with_what_to_do(monkeypatch):
    monkeypatch.delenv("MLASSAY_SIGNING_KEY", raising=False)
    with pytest.raises(ConfigurationError, match="no key to sign with"):
        find_signer(None)


@pytest.mark.parametrize(
    "key",
    [ec.generate_private_key(ec.SECP384R1()), rsa.generate_private_key(65537, 2048)],
    ids=["P-384", "RSA"],
)
def test_a_key_of_another_kind_is_refused(key):
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(ConfigurationError, match="another kind"):
        P256Signer.from_pem(pem, "key")


def test_a_key_file_that_others_may_read_is_refused(tmp_path):
    ci_key(tmp_path)
    (tmp_path / "ci.pem").chmod(0o640)
    with pytest.raises(ConfigurationError, match="others than you"):
        find_signer(tmp_path / "ci.pem")


def test_a_key_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(ConfigurationError, match="cannot be read"):
        find_signer(tmp_path / "none.pem")


def test_a_key_inside_the_repository_is_refused_also_through_a_link(tmp_path):
    (tmp_path / "team").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "team")
    refuse_inside(tmp_path / "ci.pem", tmp_path / "team")  # the control
    for key in (tmp_path / "team/ci.pem", tmp_path / "link/deep/ci.pem"):
        with pytest.raises(ConfigurationError, match="inside the repository"):
            refuse_inside(key, tmp_path / "team")
