"""Evidence of a keyless signer: what holds, and every way in which it must not."""

from __future__ import annotations

import json
import sys
from datetime import timedelta

import pytest

from mlassay.case.release import read_release
from mlassay.digest import canonical, parse_canonical, sha256
from mlassay.errors import ConfigurationError, EvidenceError
from mlassay.evidence import layout
from mlassay.evidence.dsse import read_envelope
from mlassay.evidence.keys import key_id
from mlassay.signers.p256 import P256Signer
from mlassay.stages.record import record as record_stage
from mlassay.stages.sign import sign as sign_stage
from mlassay.wiring import verifiers
from tests import factory
from tests.factory.keyless import FIELDS, RunSigner, claims_at, context_at, keyless_project
from tests.factory.project import AUTHOR, signer_yaml
from tests.servers.sigstore import CLAIMS, Sigstore


@pytest.fixture(scope="module")
def own():
    return Sigstore()


def recorded_in(project, own, claims=None, context=None, signer=None):
    run = factory.run_folder(project)
    claims = claims or claims_at(project)
    signer = signer or RunSigner(own, claims, project.now)
    sign_stage(project.repo, run, signer, context or context_at(project, claims), project.now())
    return record_stage(project.repo, run, verifiers(), clock=project.now)


@pytest.fixture(scope="module")
def recorded(own, tmp_path_factory):
    """A project whose one signer is keyless, with a recorded release."""
    project = keyless_project(tmp_path_factory.mktemp("keyless"), own.trust_config())
    return project, recorded_in(project, own)


@pytest.fixture(scope="module")
def files(recorded):
    project, done = recorded
    folder = layout.evidence_dir(done.release.id)
    entries = project.repo.tree(done.commit, folder)
    return {path.removeprefix(folder + "/"): project.repo.blob(entry.id) for path, entry in entries.items()}


def found_with(recorded, files, *, base=None, when=None):
    """What reading says of these files, recorded upon the commit before the record."""
    project, done = recorded
    base = base or project.repo.commit(done.commit).parents[0]
    folder = layout.evidence_dir(done.release.id)
    tree = {f"{folder}/{name}": data for name, data in files.items()}
    commit = project.repo.write_commit(
        base, tree, message="Record", author=AUTHOR, when=when or project.now()
    )
    return read_release(project.repo, commit, done.release.id, verifiers())


def told(recorded, files, **options):
    return [
        (problem.path.split("/", 2)[-1], problem.what)
        for problem in found_with(recorded, files, **options).problems
    ]


def bundles(files):
    return sorted(name for name in files if name.endswith(".sigstore.json"))


def test_a_keyless_release_holds_whole_with_a_bundle_beside_each_statement(recorded, files):
    found = found_with(recorded, files)
    assert found.problems == ()
    assert found.signers == ("ci",)
    statements = [name for name in files if name.endswith(".dsse.json")]
    assert bundles(files) == sorted(layout.sigstore_bundle(name) for name in statements)
    assert found.signatures == len(statements) + 1
    for name in statements:
        bundle = json.loads(files[layout.sigstore_bundle(name)])
        assert bundle["dsseEnvelope"]["payload"] == json.loads(files[name])["payload"]


def test_each_bundle_that_is_stripped_is_missed(recorded, files):
    for name in bundles(files):
        left = {other: data for other, data in files.items() if other != name}
        assert name in [path for path, _ in told(recorded, left)]


def test_bundles_swapped_between_statements_are_refused(recorded, files, own):
    one, other = [name for name in bundles(files) if name.startswith("gates/")][:2]
    assert {one, other} <= {
        path for path, _ in told(recorded, files | {one: files[other], other: files[one]})
    }


def test_a_good_bundle_of_another_statement_beside_the_summary_is_refused(recorded, files, own):
    """The one file that no list holds: another bundle of the same run, valid by itself."""
    name = "verdict.sigstore.json"
    assert told(recorded, files | {name: files["provenance.sigstore.json"]}) == [
        (
            name,
            f"it holds another statement, or another signature, than {_folder(recorded)}/verdict.dsse.json",
        )
    ]
    project, _ = recorded
    payload = read_envelope(files["verdict.dsse.json"], "x").payload
    again = RunSigner(own, claims_of(recorded), project.now).attest(payload)
    assert [path for path, _ in told(recorded, files | {name: again})] == [name]


def _folder(recorded):
    return layout.evidence_dir(recorded[1].release.id)


def claims_of(recorded):
    return CLAIMS | {"commit": recorded[1].release.source.commit}


def test_a_bundle_spelt_otherwise_is_refused(recorded, files):
    for name in ("verdict.sigstore.json", "provenance.sigstore.json"):
        value = json.loads(files[name])
        for data in (json.dumps(value).encode(), files[name] + b"\n", files[name].replace(b'="', b'"', 1)):
            assert name in [path for path, _ in told(recorded, files | {name: data})]


def test_a_bundle_more_is_refused(recorded, files):
    extra = {"gates/none.sigstore.json": files["verdict.sigstore.json"]}
    assert [path for path, _ in told(recorded, files | extra)] == ["gates/none.sigstore.json"]


@pytest.mark.parametrize(
    "other",
    [
        {"identity": CLAIMS["identity"].replace("ml-release", "other")},
        {"issuer": "https://issuer.example"},
        {"repository_id": "1"},
        {"ref": "refs/heads/side"},
    ],
)
def test_a_whole_release_by_a_run_that_is_not_pinned_is_refused(recorded, files, own, other):
    """Signed by a true certificate of another repository, branch or workflow, under the pinned signer's id."""
    project, _ = recorded
    keyid = read_envelope(files["verdict.dsse.json"], "x").keyid
    lie = signed_again(files, RunSigner(own, claims_of(recorded) | other, project.now), keyid)
    assert told(recorded, lie)
    assert any("its certificate names the" in what for _, what in told(recorded, lie))
    control = signed_again(files, RunSigner(own, claims_of(recorded), project.now), keyid)
    assert told(recorded, control) == []


def signed_again(files, signer, keyid):
    """Every statement signed anew by ``signer``, listed by a summary that is signed anew as well."""
    from dataclasses import replace

    from mlassay.evidence.bundle import read_sigstore_bundle

    again = dict(files)

    def sign(name, payload):
        again[layout.sigstore_bundle(name)] = data = signer.attest(payload)
        envelope = read_sigstore_bundle(data, name).envelope
        again[name] = replace(envelope, keyid=keyid).to_bytes()

    for name in sorted(files):
        if name.endswith(".dsse.json") and name != layout.SUMMARY:
            sign(name, read_envelope(files[name], name).payload)
    again[layout.MODEL_SIGNATURE] = signer.attest(
        read_sigstore_bundle(files[layout.MODEL_SIGNATURE], "x").envelope.payload
    )
    summary = parse_canonical(read_envelope(files[layout.SUMMARY], "x").payload, "x")
    for part in ("inputAttestations", "mlassay_files"):
        for item in summary["predicate"][part]:
            item["digest"]["sha256"] = sha256(again[item["name"]]).removeprefix("sha256:")
    sign(layout.SUMMARY, canonical(summary))
    return again


def test_a_run_for_another_commit_or_another_run_is_refused(recorded, files, own):
    project, _ = recorded
    keyid = read_envelope(files["verdict.dsse.json"], "x").keyid
    for other, word in (({"commit": "2" * 40}, "commit"), ({"run": CLAIMS["run"] + "0"}, "run")):
        lie = signed_again(files, RunSigner(own, claims_of(recorded) | other, project.now), keyid)
        assert any(f"made out to {word}" in what for _, what in told(recorded, lie))


def test_a_signature_by_a_key_under_the_keyless_id_is_refused(recorded, files):
    """An envelope signed with some P-256 key, told to be the keyless signer's, with and without a bundle."""
    project, _ = recorded
    name = "provenance.dsse.json"
    envelope = read_envelope(files[name], name)
    key = P256Signer.from_pem((project.keys / "ci.pem").read_bytes(), "ci")
    forged = type(envelope)(envelope.payload, envelope.keyid, key.sign(envelope.signed_bytes)).to_bytes()
    assert "provenance.dsse.json" in [path for path, _ in told(recorded, files | {name: forged})]
    summary = read_envelope(files["verdict.dsse.json"], "x")
    forged = type(summary)(summary.payload, summary.keyid, key.sign(summary.signed_bytes)).to_bytes()
    stripped = {n: d for n, d in files.items() if n != "verdict.sigstore.json"}
    assert (
        "verdict.sigstore.json",
        f"the Sigstore bundle of {_folder(recorded)}/verdict.dsse.json is missing",
    ) in told(recorded, stripped | {"verdict.dsse.json": forged})
    assert "verdict.sigstore.json" in [p for p, _ in told(recorded, files | {"verdict.dsse.json": forged})]


def test_a_bundle_under_the_id_of_a_signer_with_a_key_is_refused(own, tmp_path):
    """A project with both kinds of signer: the run's bundle does not become the key's signature."""
    project = keyless_project(tmp_path, own.trust_config())
    key = P256Signer.from_pem((project.keys / "ci.pem").read_bytes(), "ci")
    both = project.read("governance/people.yaml") + "\n".join(signer_yaml("old", key.public)) + "\n"
    project.commit({"governance/people.yaml": both})
    done = recorded_in(project, own)  # control: the keyless one signs beside the other
    folder = layout.evidence_dir(done.release.id)
    tree = project.repo.tree(done.commit, folder)
    files = {path.removeprefix(folder + "/"): project.repo.blob(entry.id) for path, entry in tree.items()}
    lie = signed_again(
        files,
        RunSigner(own, claims_at(project) | {"commit": done.release.source.commit}, project.now),
        key_id(key.public),
    )
    found = told((project, done), lie)
    assert "verdict.dsse.json" in [path for path, _ in found]
    assert read_release(project.repo, done.commit, done.release.id, verifiers()).problems == ()


def test_old_evidence_by_a_key_holds_beside_a_keyless_signer(own, tmp_path):
    project = keyless_project(tmp_path, own.trust_config())
    key = P256Signer.from_pem((project.keys / "ci.pem").read_bytes(), "ci")
    both = project.read("governance/people.yaml") + "\n".join(signer_yaml("old", key.public)) + "\n"
    project.commit({"governance/people.yaml": both})
    done = factory.record(project)
    found = read_release(project.repo, done.commit, done.release.id, verifiers())
    assert (found.problems, found.signers) == ((), ("old",))


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        (FIELDS.replace("2026-01-01", "2027-06-01"), "not valid before"),
        (FIELDS + "    valid_until: 2026-01-02\n", "expired"),
        (FIELDS + "    revoked: {at: 2026-01-02, because: left}\n", "was revoked"),
    ],
)
def test_a_signer_that_is_not_valid_now_may_not_sign(own, tmp_path, fields, word):
    project = keyless_project(tmp_path, own.trust_config(), fields=fields)
    with pytest.raises(ConfigurationError, match=word):
        recorded_in(project, own)


def test_the_logs_time_decides_where_a_commit_is_dated_back_before_the_revocation(own, tmp_path):
    """The record commit says that it is older than the revocation; the log says when it was signed."""
    project = keyless_project(tmp_path, own.trust_config())
    start = project.clock
    late = start + timedelta(days=10)
    text = project.read("governance/people.yaml")
    revoked = text + f"    revoked: {{at: {(start + timedelta(days=5)):%Y-%m-%d}, because: left}}\n"
    project.commit({"governance/people.yaml": revoked})
    base = project.repo.head()
    claims = claims_at(project)
    honest = recorded_in(project, own)  # control: signed and recorded before the revocation
    folder = layout.evidence_dir(honest.release.id)
    tree = project.repo.tree(honest.commit, folder)
    files = {path.removeprefix(folder + "/"): project.repo.blob(entry.id) for path, entry in tree.items()}
    keyid = read_envelope(files["verdict.dsse.json"], "x").keyid
    lie = signed_again(files, RunSigner(own, claims, lambda: late), keyid)
    assert any("was revoked" in what for _, what in told((project, honest), lie, base=base))


def test_a_commit_dated_long_before_its_signature_is_named(recorded, files, own):
    project, _ = recorded
    keyid = read_envelope(files["verdict.dsse.json"], "x").keyid
    late = signed_again(
        files, RunSigner(own, claims_of(recorded), lambda: project.clock + timedelta(hours=3)), keyid
    )
    assert any("after the commit that brought it in" in what for _, what in told(recorded, late))


def test_what_a_compromised_signer_signed_counts_no_more(recorded, own, tmp_path):
    project = keyless_project(tmp_path, own.trust_config())
    done = recorded_in(project, own)
    assert read_release(project.repo, done.commit, done.release.id, verifiers()).problems == ()
    text = project.read("governance/people.yaml")
    since = "    revoked: {at: 2027-01-01, because: compromised, compromised_since: 2026-01-01}\n"
    head = project.commit({"governance/people.yaml": text + since})
    found = read_release(project.repo, head, done.release.id, verifiers())
    assert any("in wrong hands" in problem.what for problem in found.problems)


def test_the_sigstore_that_was_in_force_before_the_record_judges_it(own, tmp_path):
    """A later change of governance/sigstore.json neither saves nor breaks what was recorded before."""
    project = keyless_project(tmp_path, own.trust_config())
    done = recorded_in(project, own)
    head = project.commit({"governance/sigstore.json": Sigstore().trust_config().decode()})
    assert read_release(project.repo, head, done.release.id, verifiers()).problems == ()
    with pytest.raises(EvidenceError, match="does not hold"):
        recorded_in(project, own)


def test_a_pinned_event_is_held(own, tmp_path):
    project = keyless_project(tmp_path, own.trust_config(), pins="      events: [push]\n")
    assert recorded_in(project, own)
    project.commit({"train.py": "print('again')\n"})
    with pytest.raises(EvidenceError, match="set off by"):
        recorded_in(project, own, claims_at(project, event="issue_comment"))


def test_a_run_that_nobody_pinned_may_not_sign(own, tmp_path):
    project = keyless_project(tmp_path, own.trust_config())
    with pytest.raises(ConfigurationError, match="is pinned to what this run") as caught:
        recorded_in(project, own, claims_at(project, ref="refs/heads/side"))
    assert "refs/heads/side" in caught.value.problems[0].why


def test_reading_without_the_package_says_what_to_install_and_never_passes(recorded, files, monkeypatch):
    monkeypatch.setitem(sys.modules, "sigstore", None)
    with pytest.raises(ConfigurationError, match="no sigstore"):
        found_with(recorded, files)


def test_stock_model_signing_accepts_the_models_bundle_and_refuses_another_model(
    recorded, files, own, tmp_path
):
    from model_signing.verifying import Config

    (tmp_path / "trust.json").write_bytes(own.trust_config())
    (tmp_path / "model.sig").write_bytes(files[layout.MODEL_SIGNATURE])
    (tmp_path / "model.onnx").write_bytes(files[layout.MODEL])

    def verify():
        Config().use_sigstore_verifier(
            identity=CLAIMS["identity"], oidc_issuer=CLAIMS["issuer"], trust_config=tmp_path / "trust.json"
        ).verify(tmp_path / "model.onnx", tmp_path / "model.sig")

    verify()
    (tmp_path / "model.onnx").write_bytes(files[layout.MODEL] + b"x")
    with pytest.raises(ValueError, match=r"mismatch|match"):
        verify()
