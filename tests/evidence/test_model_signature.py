from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from mlassay.digest import canonical, sha256
from mlassay.errors import EvidenceError
from mlassay.evidence.dsse import PAYLOAD_TYPE, Envelope, pae
from mlassay.evidence.keys import key_id
from mlassay.evidence.model_signature import bundle_bytes, model_statement, read_bundle
from mlassay.signers.p256 import P256Signer
from tests.factory import tiny_model
from tests.factory.project import ci_key

RELEASE = "sha256:" + "1" * 64


@pytest.fixture
def signed(tmp_path):
    """A folder with ``model.onnx``, its ``model.sig`` and the signer's ``public.pem``."""
    ci_key(tmp_path)
    signer = P256Signer.from_pem((tmp_path / "ci.pem").read_bytes(), "ci")
    model = tiny_model()
    payload = model_statement("model.onnx", sha256(model), RELEASE).to_bytes()
    envelope = Envelope(payload, key_id(signer.public), signer.sign(pae(PAYLOAD_TYPE, payload)))
    (tmp_path / "model.onnx").write_bytes(model)
    (tmp_path / "model.sig").write_bytes(bundle_bytes(envelope))
    (tmp_path / "public.pem").write_text(signer.public)
    return tmp_path


def stock(folder: Path) -> int:
    """Exit code of the reference implementation."""
    command = [sys.executable, "-m", "model_signing", "verify", "key", "model.onnx"]
    options = ["--signature", "model.sig", "--public_key", "public.pem"]
    return subprocess.run([*command, *options], cwd=folder, capture_output=True, check=False).returncode


def test_the_stock_tool_accepts_what_mlassay_signs(signed):
    assert stock(signed) == 0
    read_bundle((signed / "model.sig").read_bytes(), "model.sig")


def test_the_stock_tool_refuses_another_model(signed):
    (signed / "model.onnx").write_bytes(tiny_model(2))
    assert stock(signed) != 0


def test_the_stock_tool_refuses_another_key(signed):
    (signed / "public.pem").write_text(ci_key(signed, "other"))
    assert stock(signed) != 0


def test_a_field_that_the_stock_tool_overlooks_is_refused_here(signed):
    bundle = json.loads((signed / "model.sig").read_text())
    bundle["verificationMaterial"]["timestampVerificationData"] = {"rfc3161Timestamps": []}
    (signed / "model.sig").write_bytes(canonical(bundle))
    assert stock(signed) == 0
    with pytest.raises(EvidenceError, match="says more"):
        read_bundle((signed / "model.sig").read_bytes(), "model.sig")


@pytest.mark.parametrize("value", [[], {}, {"dsseEnvelope": {}}, None])
def test_what_is_no_bundle_is_refused(value):
    with pytest.raises(EvidenceError):
        read_bundle(canonical(value), "model.sig")
