"""Sigstore bundles: what holds, and each way in which one must not; against an authority and logs of our own."""

from __future__ import annotations

import copy
import json
import socket
import subprocess
import sys
from base64 import b64decode, b64encode
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID

from mlassay.config import Keyless
from mlassay.digest import canonical
from mlassay.errors import ConfigurationError, EvidenceError
from mlassay.evidence.bundle import bundle_bytes, read_sigstore_bundle
from mlassay.evidence.keys import key_id
from mlassay.signers.sigstore import SigstoreVerifier, packaged_root, trust_config
from tests.servers.sigstore import CLAIMS, Sigstore

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
STATEMENT = canonical({"_type": "https://in-toto.io/Statement/v1", "subject": [], "predicateType": "x:y"})
PINS = Keyless(CLAIMS["identity"], CLAIMS["issuer"], CLAIMS["repository_id"], CLAIMS["ref"])


@pytest.fixture(scope="module")
def own():
    return Sigstore()


def made(own, claims=CLAIMS, when=NOW, **options):
    return own.bundle(STATEMENT, claims, when, **options)


def check(own, value, pins=PINS):
    bundle = read_sigstore_bundle(bundle_bytes(value), "a.sigstore.json")
    return SigstoreVerifier().verify(bundle, pins, own.trust_config(), "a.sigstore.json")


def refused(own, value, pins=PINS):
    with pytest.raises(EvidenceError) as caught:
        check(own, value, pins)
    assert {problem.path for problem in caught.value.problems} <= {
        "a.sigstore.json",
        "what Sigstore's client made",
    }
    return " ".join(problem.what for problem in caught.value.problems)


def test_a_bundle_of_the_pinned_run_holds_and_tells_time_commit_and_run(own):
    for _ in range(3):  # one entry, two, three: three shapes of the proof
        told = check(own, made(own))
        assert (told.time, told.commit, told.run) == (NOW, CLAIMS["commit"], CLAIMS["run"])


def test_nothing_is_asked_of_the_network(own, monkeypatch):
    value, config = made(own), own.trust_config()

    def banned(*_, **__):
        raise AssertionError("a look at the network")

    monkeypatch.setattr(socket, "socket", banned)
    monkeypatch.setattr(socket, "create_connection", banned)
    monkeypatch.setattr(socket, "getaddrinfo", banned)
    bundle = read_sigstore_bundle(bundle_bytes(value), "a")
    for instance in (
        config + b"\n",
        config + b"\n\n",
    ):  # never seen before, so that nothing comes from a cache
        assert SigstoreVerifier().verify(bundle, PINS, instance, "a").time == NOW
    with pytest.raises(EvidenceError):
        SigstoreVerifier().verify(bundle, PINS, None, "a")


@pytest.mark.parametrize(
    ("claim", "value", "word"),
    [
        ("identity", CLAIMS["identity"].replace("ml-release", "evil"), "workflow"),
        ("issuer", "https://issuer.example", "issuer"),
        ("repository_id", "4712", "repository number"),
        ("ref", "refs/heads/side", "ref"),
        ("ref", "refs/pull/1/merge", "ref"),
    ],
)
def test_a_valid_certificate_of_somebody_else_is_refused_and_the_difference_named(own, claim, value, word):
    said = refused(own, made(own, CLAIMS | {claim: value}))
    assert f"names the {word} {value!r}" in said
    assert said.count("its certificate names") == 1


def test_a_certificate_without_a_claim_is_refused(own):
    fewer = {name: value for name, value in CLAIMS.items() if name != "repository_id"}
    assert "repository number ''" in refused(own, made(own, fewer))


def test_what_set_the_run_off_counts_where_people_pinned_it(own):
    pins = Keyless(*(CLAIMS[name] for name in ("identity", "issuer", "repository_id", "ref")), ("push",))
    assert check(own, made(own), pins).time == NOW
    assert "set off by 'pull_request_target'" in refused(
        own, made(own, CLAIMS | {"event": "pull_request_target"}), pins
    )
    assert key_id(pins.public) == key_id(PINS.public)


def test_another_sigstores_bundle_is_refused(own):
    assert check(own, made(own))
    assert "does not hold" in refused(own, made(Sigstore()))


@pytest.mark.parametrize("minutes", [-1, 11])
def test_an_entry_outside_the_certificates_ten_minutes_is_refused(own, minutes):
    assert check(own, made(own, logged_at=NOW + timedelta(minutes=9)))
    assert "does not hold" in refused(own, made(own, logged_at=NOW + timedelta(minutes=minutes)))


def test_a_certificate_that_no_certificate_log_knows_is_refused(own):
    assert "does not hold" in refused(own, made(own, logged=False))


def test_a_certificate_for_another_purpose_is_refused(own):
    assert "does not hold" in refused(own, made(own, purpose=ExtendedKeyUsageOID.SERVER_AUTH))


def entry(value):
    return value["verificationMaterial"]["tlogEntries"][0]


def no_promise(value):
    del entry(value)["inclusionPromise"]
    del entry(value)["integratedTime"]


def later(value):
    entry(value)["integratedTime"] = str(int(entry(value)["integratedTime"]) + 60)


def other_root(value):
    entry(value)["inclusionProof"]["rootHash"] = b64encode(bytes(32)).decode()


def other_place(value):
    proof = entry(value)["inclusionProof"]
    proof["logIndex"] = str(int(proof["logIndex"]) - 1)


def no_checkpoint(value):
    checkpoint = entry(value)["inclusionProof"]["checkpoint"]
    checkpoint["envelope"] = checkpoint["envelope"].partition("\n\n")[0] + "\n\n"


def other_payload(value):
    value["dsseEnvelope"]["payload"] = b64encode(STATEMENT.replace(b"x:y", b"x:z")).decode()


def other_signature(value):
    signature = bytearray(b64decode(value["dsseEnvelope"]["signatures"][0]["sig"]))
    signature[-1] ^= 1
    value["dsseEnvelope"]["signatures"][0]["sig"] = b64encode(bytes(signature)).decode()


def other_media_type(value):
    value["mediaType"] = "application/vnd.dev.sigstore.bundle+json;version=0.1"


def second_entry(value):
    value["verificationMaterial"]["tlogEntries"] *= 2


def second_signature(value):
    value["dsseEnvelope"]["signatures"] *= 2


def more(value):
    value["note"] = "hello"


def a_key_id(value):
    value["dsseEnvelope"]["signatures"][0]["keyid"] = "k"


def a_chain(value):
    certificate = value["verificationMaterial"]["certificate"]
    value["verificationMaterial"]["x509CertificateChain"] = {"certificates": [certificate]}


def spare_bit(value):
    # Three characters and a "=": the last two bits of the third say nothing.
    value["verificationMaterial"]["certificate"]["rawBytes"] = "AAB="


def number(value):
    entry(value)["logIndex"] = int(entry(value)["logIndex"])


def leading_zero(value):
    entry(value)["logIndex"] = "0" + entry(value)["logIndex"]


@pytest.mark.parametrize(
    "alter",
    [
        no_promise,
        later,
        other_root,
        other_place,
        no_checkpoint,
        other_payload,
        other_signature,
        other_media_type,
        second_entry,
        second_signature,
        more,
        a_key_id,
        a_chain,
        spare_bit,
        number,
        leading_zero,
    ],
)
def test_no_member_of_a_bundle_may_be_altered(own, alter):
    whole = made(own)
    altered = copy.deepcopy(whole)
    alter(altered)
    assert check(own, whole)
    assert refused(own, altered)


def test_an_entry_of_another_statement_is_refused(own):
    one, other = made(own), own.bundle(STATEMENT.replace(b"x:y", b"x:z"), CLAIMS, NOW)
    one["verificationMaterial"]["tlogEntries"] = other["verificationMaterial"]["tlogEntries"]
    assert "does not hold" in refused(own, one)


@pytest.mark.parametrize(
    "spell", [json.dumps, lambda value: json.dumps(value, indent=2, sort_keys=True) + "\n\n"]
)
def test_another_spelling_of_a_bundle_is_refused(own, spell):
    value = made(own)
    assert read_sigstore_bundle(bundle_bytes(value), "a")
    with pytest.raises(EvidenceError):
        read_sigstore_bundle(spell(value).encode(), "a")


def test_the_packaged_root_is_read_from_the_package_and_from_nowhere_else(tmp_path):
    """A home folder with a poisoned cache changes nothing."""
    code = (
        "from mlassay.signers.sigstore import packaged_root; print(len(packaged_root().get_fulcio_certs()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)},
    )
    assert int(done.stdout) == len(packaged_root().get_fulcio_certs()) > 0
    assert list(tmp_path.iterdir()) == []


def test_a_trust_config_that_is_none_is_named():
    with pytest.raises(ConfigurationError, match="no client trust config"):
        trust_config(b"{}")


def test_without_the_package_the_error_says_what_to_install(own, monkeypatch):
    bundle = read_sigstore_bundle(bundle_bytes(made(own)), "a")
    monkeypatch.setitem(sys.modules, "sigstore", None)
    with pytest.raises(ConfigurationError) as caught:
        SigstoreVerifier().verify(bundle, PINS, own.trust_config(), "a")
    assert caught.value.problems[0].remedy == "pip install 'mlassay[keyless]'"
