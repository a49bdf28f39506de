"""One release read back: what holds, and every way in which it must not."""

from __future__ import annotations

import random
import shutil
import subprocess
from datetime import timedelta
from functools import lru_cache, partial

import pytest

from mlassay.case import release as module
from mlassay.case.reading import Reading
from mlassay.case.release import ReleaseEvidence, find_record, read_release, trust_before
from mlassay.digest import parse_canonical, sha256
from mlassay.evidence import layout
from mlassay.evidence.dsse import read_envelope
from mlassay.evidence.verdict import Outcome
from mlassay.git import Repository
from mlassay.wiring import verifiers
from tests import factory
from tests.factory.project import AUTHOR, ci_key, people_yaml, signer_yaml


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """A project with one recorded release, cross-checks included."""
    project = factory.make(tmp_path_factory.mktemp("recorded"))
    return project, factory.record(project, cross_checks=True)


@pytest.fixture(scope="module")
def files(recorded):
    """The release's evidence by name."""
    project, done = recorded
    folder = layout.evidence_dir(done.release.id)
    entries = project.repo.tree(done.commit, folder)
    return {path.removeprefix(folder + "/"): project.repo.blob(entry.id) for path, entry in entries.items()}


@lru_cache(maxsize=1)
def trusted(repo, record):
    return trust_before(repo, record, record, "evidence")


def judge(recorded, files):
    """Problems of evidence held in memory: all of the reading but git's own."""
    project, done = recorded
    folder = layout.evidence_dir(done.release.id)
    trust = trusted(project.repo, done.commit)
    reading = Reading(folder, dict(files))
    found = ReleaseEvidence(done.release.id, record_commit=done.commit)
    module._read(project.repo, reading, found, trust, verifiers())
    return reading.problems


def commit_files(recorded, files, *, release=None, base=None):
    """A commit that records these files as if it were the record, and what reading it back says."""
    project, done = recorded
    base = base or project.repo.commit(done.commit).parents[0]
    release = release or done.release.id
    folder = layout.evidence_dir(release)
    commit = project.repo.write_commit(
        base,
        {f"{folder}/{name}": data for name, data in files.items()},
        message="Record",
        author=AUTHOR,
        when=project.now(),
    )
    return commit, read_release(project.repo, commit, release, verifiers())


def paths(problems):
    return {problem.path.partition("/")[2].partition("/")[2] for problem in problems}


def test_a_recorded_release_holds_whole(recorded, files):
    project, done = recorded
    found = read_release(project.repo, done.commit, done.release.id, verifiers())
    assert found.problems == ()
    assert found.release == done.release
    assert found.verdict.outcome is Outcome.PASSED
    assert found.signers == ("ci",)
    assert found.signatures == 5  # provenance, model, two gates, summary
    assert found.record_commit == done.commit == find_record(project.repo, done.commit, done.release.id)
    assert set(files) == {
        "release.json",
        "model.onnx",
        "model.sig",
        "verdict.json",
        "report.md",
        "cross-checks.json",
        "provenance.dsse.json",
        "verdict.dsse.json",
        "gates/bias.json",
        "gates/bias.dsse.json",
        "gates/performance.json",
        "gates/performance.dsse.json",
    }


def test_what_training_said_of_itself_is_marked_so(recorded, files):
    payload = parse_canonical(read_envelope(files["provenance.dsse.json"], "x").payload, "x")
    assert payload["predicate"]["runDetails"]["mlassay_self_reported"]["isolation"] == "bubblewrap"


def test_a_failed_and_an_inconclusive_release_hold_and_are_failed_to_stock_readers(tmp_path):
    project = factory.make(tmp_path)
    for seed, outcome in ((1, Outcome.FAILED), (2, Outcome.INCONCLUSIVE)):
        done = factory.record(project, outcome=outcome, seed=seed)
        found = read_release(project.repo, done.commit, done.release.id, verifiers())
        assert (found.problems, found.verdict.outcome) == ((), outcome)
        path = f"evidence/{done.release.id}/verdict.dsse.json"
        summary = parse_canonical(read_envelope(project.repo.read(done.commit, path), path).payload, path)
        assert summary["predicate"]["verificationResult"] == "FAILED"
        assert summary["predicate"]["mlassay_verdict"]["outcome"] == outcome


def test_every_flipped_bit_is_refused_and_its_file_named(recorded, files):
    assert judge(recorded, files) == []
    dice = random.Random(20261120)
    for name, data in files.items():
        whole = len(data) <= 1500
        places = range(len(data)) if whole else sorted(dice.sample(range(len(data)), 120))
        for place in places:
            flipped = bytearray(data)
            flipped[place] ^= 1 << dice.randrange(8)
            problems = judge(recorded, files | {name: bytes(flipped)})
            assert name in paths(problems), f"{name} byte {place}"


def test_one_flipped_bit_gives_one_problem_and_not_an_echo_of_it(recorded, files):
    for name in set(files) - {"verdict.dsse.json"}:
        flipped = bytearray(files[name])
        flipped[len(flipped) // 2] ^= 4
        assert paths(judge(recorded, files | {name: bytes(flipped)})) == {name}


def test_bits_flipped_in_the_commit_itself_are_refused(recorded, files):
    assert commit_files(recorded, files)[1].problems == ()
    for name, data in files.items():
        flipped = bytearray(data)
        flipped[len(flipped) // 3] ^= 1
        _, found = commit_files(recorded, files | {name: bytes(flipped)})
        assert name in paths(found.problems)


def test_a_spare_bit_of_base64_padding_in_a_signature_is_refused(recorded, files):
    name = "verdict.dsse.json"
    text = files[name].decode()
    at = text.index('="') - (2 if '=="' in text else 1)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    while text[at] == "=":
        at -= 1
    twin = text[:at] + alphabet[alphabet.index(text[at]) ^ 1] + text[at + 1 :]
    assert name in paths(judge(recorded, files | {name: twin.encode()}))


def test_the_whole_record_altered_with_every_unsigned_digest_recomputed_is_refused(recorded, files):
    """The liar makes a failed gate pass everywhere that needs no key."""
    altered = {}
    for name, data in files.items():
        envelope = read_envelope(data, name) if name.endswith(".dsse.json") else None
        if envelope is not None:
            payload = envelope.payload.replace(b"0.9000", b"0.9999").replace(b"20", b"21")
            altered[name] = type(envelope)(payload, envelope.keyid, envelope.signature).to_bytes()
        elif name.endswith(".json") and name != "release.json":
            altered[name] = data.replace(b"0.9000", b"0.9999")
        else:
            altered[name] = data
    problems = judge(recorded, altered)
    assert "verdict.dsse.json" in paths(problems)


@pytest.mark.parametrize(
    "name", ["notes.txt", "gates/extra.json", "gates/bias.txt", "model.onnx.bak", "a/b/c"]
)
def test_a_file_beside_the_listed_ones_is_refused(recorded, files, name):
    assert paths(judge(recorded, files | {name: b"{}\n"})) == {name}


def test_each_missing_file_is_named(recorded, files):
    for name in files:
        left = {other: data for other, data in files.items() if other != name}
        assert name in paths(judge(recorded, left)), name


def test_evidence_of_one_release_copied_to_another_id_is_refused(recorded, files):
    other = "20261120-00000000"
    _, found = commit_files(recorded, files, release=other)
    assert any(
        p.path == f"evidence/{other}/release.json" and "this is release" in p.what for p in found.problems
    )


def test_two_gates_swapped_are_refused(recorded, files):
    swapped = files | {
        "gates/bias.dsse.json": files["gates/performance.dsse.json"],
        "gates/performance.dsse.json": files["gates/bias.dsse.json"],
    }
    assert paths(judge(recorded, swapped)) == {"gates/bias.dsse.json", "gates/performance.dsse.json"}


@pytest.mark.parametrize("mode", ["100755", "120000", "160000"])
def test_a_file_that_is_no_plain_file_is_refused(tmp_path, recorded, mode):
    project, done = recorded
    shutil.copytree(project.folder, tmp_path / "team")
    repo = Repository.open(tmp_path / "team")
    path = f"evidence/{done.release.id}/report.md"

    def git(*arguments):
        run = partial(subprocess.run, cwd=tmp_path / "team", check=True, capture_output=True, text=True)
        return run(["git", *arguments]).stdout.strip()

    id_ = repo.entry(done.commit, path).id if mode != "160000" else done.commit
    git("reset", "--soft", "HEAD~1")
    git("update-index", "--cacheinfo", f"{mode},{id_},{path}")
    git("commit", "-q", "-m", "Record")
    found = read_release(repo, repo.head(), done.release.id, verifiers())
    assert path in {problem.path for problem in found.problems}


def test_evidence_changed_after_its_record_is_refused(recorded, files):
    """An edit on top of the record, as anybody could push it."""
    project, done = recorded
    folder = layout.evidence_dir(done.release.id)
    altered = files | {"report.md": files["report.md"] + b"\n"}
    commit = project.repo.write_commit(
        done.commit,
        {f"{folder}/report.md": altered["report.md"]},
        message="x",
        author=AUTHOR,
        when=project.now(),
    )
    found = read_release(project.repo, commit, done.release.id, verifiers())
    assert found.record_commit == done.commit
    assert paths(found.problems) == {"report.md"}


def test_evidence_that_was_deleted_is_told_so(recorded, files):
    project, done = recorded
    folder = layout.evidence_dir(done.release.id)
    commit = project.repo.write_commit(
        done.commit,
        {f"{folder}/{name}": None for name in files},
        message="x",
        author=AUTHOR,
        when=project.now(),
    )
    found = read_release(project.repo, commit, done.release.id, verifiers())
    assert "is gone" in found.problems[0].what


def with_people(project, done, people, files):
    """The evidence recorded anew on a main line where people.yaml says something else before it."""
    base = project.repo.commit(done.commit).parents[0]
    told = project.repo.write_commit(
        base, {layout.PEOPLE: people.encode()}, message="People", author=AUTHOR, when=project.now()
    )
    return commit_files((project, done), files, base=told)


ONE_TYPE = 'valid_from: 2026-01-01\nsigns: ["https://slsa.dev/provenance/v1"]'


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ("valid_from: 2026-01-01\nvalid_until: 2026-06-30", "expired on"),
        ("valid_from: 2027-01-01", "not valid before"),
        ("valid_from: 2026-01-01\nrevoked: {at: 2026-05-01, because: a lost laptop}", "revoked on"),
        (
            "valid_from: 2026-01-01\nrevoked: {at: 2027-05-01, because: stolen, compromised_since: 2026-11-01}",
            "wrong hands since",
        ),
        (ONE_TYPE, "may not sign"),
        ("valid_from: 2026-01-01\ndemo: true", "demonstration key"),
    ],
)
def test_a_key_that_does_not_count_before_the_record_makes_evidence_invalid(recorded, files, fields, told):
    project, done = recorded
    control = with_people(project, done, people_yaml(project.keys) + "# the same\n", files)[1]
    assert control.problems == ()
    _, found = with_people(project, done, people_yaml(project.keys, fields), files)
    assert any(told in problem.what for problem in found.problems)
    assert "verdict.dsse.json" in paths(found.problems)


def test_a_compromise_told_later_counts_back_and_a_plain_revocation_does_not(recorded):
    project, done = recorded
    soon = (project.clock + timedelta(days=30)).date()
    plain = f"valid_from: 2026-01-01\nrevoked: {{at: {soon}, because: left}}"
    worse = plain.replace("}", ", compromised_since: 2026-11-01}")
    for fields, holds in ((plain, True), (worse, False)):
        commit = project.repo.write_commit(
            done.commit,
            {layout.PEOPLE: people_yaml(project.keys, fields).encode()},
            message="People",
            author=AUTHOR,
            when=project.now(),
        )
        found = read_release(project.repo, commit, done.release.id, verifiers())
        assert (found.problems == ()) is holds


def test_a_key_added_in_the_commit_that_it_signs_does_not_count(recorded, files):
    project, done = recorded
    source = project.repo.commit(done.commit).parents[0]
    nobody = (
        people_yaml(project.keys)
        .replace("  ci:", "  old:")
        .replace(ci_key(project.keys).splitlines()[1], ci_key(project.keys, "old").splitlines()[1])
        .replace(ci_key(project.keys).splitlines()[2], ci_key(project.keys, "old").splitlines()[2])
    )
    base = project.repo.write_commit(
        source, {layout.PEOPLE: nobody.encode()}, message="People", author=AUTHOR, when=project.now()
    )
    folder = layout.evidence_dir(done.release.id)
    both = {f"{folder}/{name}": data for name, data in files.items()}
    both[layout.PEOPLE] = people_yaml(project.keys).encode()
    commit = project.repo.write_commit(base, both, message="Record", author=AUTHOR, when=project.now())
    found = read_release(project.repo, commit, done.release.id, verifiers())
    assert any("was not in governance/people.yaml" in problem.what for problem in found.problems)


def test_a_source_off_the_main_line_is_refused(recorded, files):
    """The source commit is known to git, but only through a side branch that was merged."""
    project, done = recorded
    source = done.release.source.commit
    other = project.repo.write_commit(
        None,
        {path: project.repo.read(source, path) for path in project.repo.tree(source)},
        message="Another history",
        author=AUTHOR,
        when=project.now(),
    )
    merge = project.repo.write_commit(
        other, {}, message="Merge", author=AUTHOR, when=project.now(), parents=[other, source]
    )
    _, found = commit_files(recorded, files, base=merge)
    assert any("not on the main line" in problem.what for problem in found.problems)


def test_inputs_that_are_not_those_of_the_source_commit_are_refused(tmp_path):
    """Signed with the right key, for a policy that never was in force at the source."""
    from mlassay.ci import Context
    from mlassay.evidence.release import Release
    from mlassay.signers.p256 import P256Signer
    from mlassay.stages import sign as stage

    project = factory.make(tmp_path)
    run = factory.run_folder(project)
    signer = P256Signer.from_pem((project.keys / "ci.pem").read_bytes(), "ci")
    signed = stage.sign(project.repo, run, signer, Context("local"), project.now())
    lie = Release(
        signed.release.name,
        signed.release.source,
        signed.release.artifacts,
        {**signed.release.inputs, "policy": sha256(b"a gentler policy")},
    )
    verdict = factory.release.make_verdict(
        lie.model.digest, dict(lie.inputs), {"performance": Outcome.PASSED}
    )
    provenance = stage.predicates.provenance(lie, stage._run(project.repo, Context("local")), {}, {})
    files = stage._statements(signer, lie, verdict, provenance)
    files |= {
        layout.RELEASE: lie.to_bytes(),
        layout.VERDICT: stage_bytes(verdict),
        layout.REPORT: b"# fine\n",
    }
    files |= {layout.MODEL: (run / "train/outputs/model.onnx").read_bytes()}
    files |= {f"gates/{r.gate}.json": report_bytes(r) for r in verdict.gates}
    digests = {name: sha256(data) for name, data in files.items()}
    summary = stage.predicates.summary(lie, verdict, digests, project.now())
    files[layout.SUMMARY] = stage._dsse(signer, lie, stage.SUMMARY, summary)
    done = type("Done", (), {"release": lie, "commit": project.repo.head()})
    _, found = commit_files((project, done), files, base=project.repo.head())
    assert [problem.what for problem in found.problems] == [
        "the digest of 'policy' is not that of the file at its source commit"
    ]


def stage_bytes(verdict):
    from mlassay.evidence.codec import verdict_json

    return verdict_json(verdict)


def report_bytes(report):
    from mlassay.evidence.codec import report_json

    return report_json(report)


def test_the_signer_yaml_of_these_tests_is_read_as_meant():
    assert signer_yaml("ci", "PEM", ONE_TYPE)[-1] == '    signs: ["https://slsa.dev/provenance/v1"]'
