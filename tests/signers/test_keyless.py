"""Keyless signing over the network: the CI's token, the certificate, the log; and what is said when one refuses."""

from __future__ import annotations

import subprocess
import sys

import pytest

from mlassay import ci
from mlassay.config import load_people
from mlassay.errors import ConfigurationError, RemoteError
from mlassay.evidence.bundle import read_sigstore_bundle
from mlassay.signers.keyless import find_signer
from tests.factory.keyless import keyless_project, signer_lines
from tests.servers.sigstore import CLAIMS, Sigstore, serving
from tests.servers.sigstore.serving import SECRET
from tests.tools import tool

PEOPLE = "version: 1\npeople:\n  dana: {name: Dana, team: modelling, roles: [developer]}\nsigners:\n"
STATEMENT = b'{"_type": "https://in-toto.io/Statement/v1", "subject": [{"name": "a", "digest": {"sha256": "%s"}}], "predicateType": "https://slsa.dev/provenance/v1", "predicate": {}}'


@pytest.fixture
def served():
    own = Sigstore()
    with serving(own, CLAIMS) as served:
        yield own, served


def people(text=""):
    return load_people("people.yaml", (PEOPLE + (text or signer_lines("ci"))).encode())


def signer(served, said=None):
    own, where = served
    request = ci.token_request(where.environment)
    return find_signer(
        people(), own.trust_config(where.url), request, (said if said is not None else []).append
    )


def test_one_certificate_signs_every_statement_of_a_run(served):
    said = []
    run = signer(served, said)
    for _ in range(3):
        assert read_sigstore_bundle(run.attest(STATEMENT % (b"0" * 64)), "x").envelope.payload
    asked = served[1].asked
    assert asked.count("/token") == asked.count("/api/v2/signingCert") == 1
    assert asked.count("/api/v1/log/entries") == 3
    assert said[0] == "asking Sigstore for a certificate of this run"
    assert CLAIMS["repository_id"] in run.public
    assert len(said) == 4


@pytest.mark.parametrize(
    ("path", "status", "word"),
    [
        ("/api/v2/signingCert", 500, "get a certificate from Sigstore"),
        ("/api/v2/signingCert", 403, "get a certificate from Sigstore"),
        ("/api/v1/log/entries", 503, "sign in Sigstore's log"),
    ],
)
def test_a_service_that_refuses_is_named_with_the_remedy_and_no_token_is_printed(served, path, status, word):
    served[1].refuse[path] = status
    with pytest.raises(RemoteError, match=word) as caught:
        signer(served).attest(STATEMENT % (b"0" * 64))
    (problem,) = caught.value.problems
    assert "MLASSAY_SIGNING_KEY" in problem.remedy
    assert SECRET not in str(problem) + problem.why + problem.remedy


def test_a_token_that_the_ci_refuses_names_the_permission(served):
    served[1].refuse["/token"] = 403
    with pytest.raises(ConfigurationError) as caught:
        signer(served)
    assert "id-token: write" in caught.value.problems[0].remedy


def test_a_network_that_is_not_there_is_exit_code_four():
    own = Sigstore()
    request = ci.TokenRequest("http://127.0.0.1:9/token", "t")
    with pytest.raises(RemoteError, match="token of this run"):
        find_signer(people(), own.trust_config("http://127.0.0.1:9"), request, [].append)


def test_without_a_token_it_says_so_and_without_a_keyless_signer_nothing_is_asked():
    with pytest.raises(ConfigurationError, match="no token of a run"):
        find_signer(people(), None, None, [].append)
    assert (
        find_signer(load_people("p", PEOPLE.partition("signers")[0].encode()), None, None, [].append) is None
    )


def test_a_request_for_a_token_needs_both_halves_and_hides_one():
    both = {"ACTIONS_ID_TOKEN_REQUEST_URL": "https://x", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": SECRET}
    assert ci.token_request({}) is None
    assert ci.token_request({"ACTIONS_ID_TOKEN_REQUEST_URL": "https://x"}) is None
    assert SECRET not in repr(ci.token_request(both))


BAN = """
import socket, sys
def banned(*_, **__):
    raise AssertionError("a look at the network")
socket.socket.connect = banned
socket.create_connection = socket.getaddrinfo = banned
from mlassay.__main__ main
"""


def test_from_signing_in_ci_to_verifying_a_fresh_clone_without_a_network(served, tmp_path):
    from tests import factory

    own, where = served
    project = keyless_project(tmp_path, own.trust_config(where.url))
    factory.run_folder(project)
    head = project.repo.head()
    where.claims = CLAIMS | {"commit": head}
    (project.folder / ".mlassay/run/test/report.md").write_text(_report(project))
    environment = {
        "PATH": "/usr/bin:/bin:/usr/local/bin",
        "HOME": str(tmp_path),
        "GITHUB_ACTIONS": "true",
        "GITHUB_SHA": head,
        "GITHUB_REF": "refs/heads/main",
        "GITHUB_REPOSITORY": "team/loans",
        "GITHUB_RUN_ID": "99",
        "GITHUB_ACTOR": "dana",
        "GITHUB_WORKFLOW_REF": "team/loans/.github/workflows/main.yml@refs/heads/main",
    }
    told = mlassay(["sign"], project.folder, environment)
    assert told.returncode == 2
    assert "no token of a run" in told.stderr
    signed = mlassay(["sign"], project.folder, environment | where.environment)
    assert signed.returncode == 0, signed.stderr
    assert "(by ci)" in signed.stdout
    assert SECRET not in signed.stdout + signed.stderr
    recorded = mlassay(["record"], project.folder, environment)
    assert recorded.returncode == 0, recorded.stderr
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", project.folder, clone], check=True)
    ban = tmp_path / "ban"
    ban.mkdir()
    (ban / "sitecustomize.py").write_text(BAN.replace("from mlassay.__main__ main\n", ""))
    alone = {"PATH": environment["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(ban)}
    verified = mlassay(["verify"], clone, alone)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    control = subprocess.run(
        [sys.executable, "-c", "import socket; socket.create_connection(('127.0.0.1', 9))"],
        env=alone,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "a look at the network" in control.stderr


def _report(project):
    from mlassay.cli.develop import load_plan
    from mlassay.evidence.codec import read_verdict
    from mlassay.render.report import plan_report

    verdict = read_verdict((project.folder / ".mlassay/run/test/verdict.json").read_bytes(), "verdict.json")
    return plan_report(verdict, load_plan(project.folder)[1])


def mlassay(arguments, folder, environment):
    return subprocess.run(
        [sys.executable, "-m", "mlassay", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.ci_extension
def test_stock_cosign_accepts_the_bundle_and_refuses_another_workflows(served, tmp_path):
    import hashlib
    import json

    own, _ = served
    (tmp_path / "bundle.json").write_bytes(
        signer(served).attest(STATEMENT % hashlib.sha256(b"a").hexdigest().encode())
    )
    (tmp_path / "root.json").write_text(json.dumps(own.trusted_root()))
    (tmp_path / "a").write_bytes(b"a")

    def cosign(identity):
        command = [
            tool("cosign"),
            "verify-blob-attestation",
            "--bundle",
            "bundle.json",
            "--trusted-root",
            "root.json",
        ]
        command += ["--type", "slsaprovenance1", "--certificate-oidc-issuer", CLAIMS["issuer"]]
        return subprocess.run(
            [*command, "--certificate-identity", identity, "a"],
            cwd=tmp_path,
            env={"HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )

    assert cosign(CLAIMS["identity"]).returncode == 0, cosign(CLAIMS["identity"]).stderr
    assert cosign(CLAIMS["identity"] + "x").returncode != 0


@pytest.mark.ci_extension
def test_the_packaged_root_vouches_for_a_real_public_bundle_offline(monkeypatch):
    """A bundle of the public Sigstore that cosign's own tests carry, fetched as a Go module and kept nowhere here."""
    import json
    import socket
    from pathlib import Path

    from sigstore.errors import VerificationError
    from sigstore.models import Bundle
    from sigstore.verify import Verifier
    from sigstore.verify.policy import Identity

    from mlassay.signers.sigstore import packaged_root

    go = subprocess.run(
        [tool("go"), "mod", "download", "-json", "github.com/sigstore/cosign/v3@v3.1.3"],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path.home(),
    )
    data = (
        Path(json.loads(go.stdout)["Dir"]) / "pkg/cosign/testdata/oci-attestation.sigstore.json"
    ).read_bytes()
    bundle = Bundle.from_json(data)
    (name,) = bundle.signing_certificate.extensions.get_extension_for_oid(
        __import__("cryptography").x509.ObjectIdentifier("2.5.29.17")
    ).value
    monkeypatch.setattr(socket, "getaddrinfo", None)
    verifier = Verifier(trusted_root=packaged_root())
    kind, payload = verifier.verify_dsse(bundle, Identity(identity=name.value))
    assert kind == "application/vnd.in-toto+json"
    assert json.loads(payload)["_type"].startswith("https://in-toto.io/Statement/")
    with pytest.raises(VerificationError):
        verifier.verify_dsse(bundle, Identity(identity="somebody@example.org"))
