"""``keys add --ci --keyless`` as people call it."""

from datetime import UTC, datetime

from mlassay.config import Keyless, load_people
from mlassay.evidence.statement import EVIDENCE_PREDICATES
from tests.cli.test_setup import made, mlassay

__all__ = ["made"]

IDENTITY = "https://github.com/mlassay/mlassay/.github/workflows/ml-release.yml@" + "a" * 40
PINS = ("--id", "ci", "--ci", "--keyless", "--identity", IDENTITY, "--repository-id", "4711")


def signer(folder):
    data = (folder / "governance/people.yaml").read_bytes()
    return load_people("governance/people.yaml", data).signers["ci"]


def test_a_keyless_signer_is_written_with_every_pin(made):
    mlassay("keys", "add", *PINS, "--event", "push", "--event", "workflow_dispatch", cwd=made)
    found = signer(made)
    issuer = "https://token.actions.githubusercontent.com"
    assert found.keyless == Keyless(
        IDENTITY, issuer, "4711", "refs/heads/main", ("push", "workflow_dispatch")
    )
    assert found.predicates == EVIDENCE_PREDICATES
    assert found.key.public == found.keyless.public
    assert found.key.valid_from.date() == datetime.now(UTC).date()


def test_it_can_be_revoked_as_a_key_can(made):
    mlassay("keys", "add", *PINS, cwd=made)
    mlassay("keys", "revoke", "--id", "ci", "--because", "replaced", cwd=made)
    assert signer(made).key.revoked_because == "replaced"


def test_half_a_keyless_signer_is_refused_and_nothing_is_written(made):
    before = (made / "governance/people.yaml").read_bytes()
    for words, said in (
        (PINS[:4], "--repository-id"),
        (("--id", "ci", "--ci"), "--keyless"),
        (("--id", "ci"), "--key FILE.pub"),
        (("--id", "kim", "--identity", IDENTITY), "a keyless signer's"),
        ((*PINS[:4], "--identity", "http://example.org/x", "--repository-id", "1"), "identity"),
    ):
        assert said in mlassay("keys", "add", *words, cwd=made, code=2).stderr
    assert (made / "governance/people.yaml").read_bytes() == before


def test_one_certificate_is_one_signer(made):
    mlassay("keys", "add", *PINS, cwd=made)
    again = mlassay("keys", "add", *PINS[2:], "--id", "ci2", cwd=made, code=2)
    assert "listed already" in again.stderr
