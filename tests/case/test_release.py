"""One release read back: what holds, and every way in which it must not."""

from __future__ import annotations

import random
import shutil
import subprocess
from dataclasses import replace
from datetime import timedelta
from functools import lru_cache, partial

import pytest

from mlassay.case import release as module
from mlassay.case.reading import Reading
from mlassay.case.release import ReleaseEvidence, find_record, read_release, trust_before
from mlassay.ci import Context
from mlassay.digest import parse_canonical, sha256
from mlassay.evidence import layout
from mlassay.evidence.codec import read_verdict, report_json, verdict_json
from mlassay.evidence.dsse import read_envelope
from mlassay.evidence.verdict import Outcome
from mlassay.git import Repository
from mlassay.signers.p256 import P256Signer
from mlassay.stages import sign as stage
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
    assert found.signatures == 7  # provenance, model, four gates, summary
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
        "gates/contract.json",
        "gates/contract.dsse.json",
        "gates/data.json",
        "gates/data.dsse.json",
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


def signed_lie(project, *, inputs=None, alter=lambda reports: reports):
    """What reading says of a release whose inputs or gate reports were altered before the right key signed all of it."""
    run = factory.run_folder(project, outcome=Outcome.FAILED)
    signer = P256Signer.from_pem((project.keys / "ci.pem").read_bytes(), "ci")
    honest = stage.sign(project.repo, run, signer, Context("local"), project.now()).release
    lie = replace(honest, inputs={**honest.inputs, **(inputs or {})})
    told = read_verdict((run / "test/verdict.json").read_bytes(), "verdict.json")
    reports = tuple(alter({report.gate: report for report in told.gates}).values())
    worst = Outcome.worst([report.outcome for report in reports])
    verdict = replace(told, inputs={**told.inputs, **(inputs or {})}, gates=reports, outcome=worst)
    provenance = stage.predicates.provenance(lie, stage.run_now(project.repo, Context("local")), {}, {})
    files = stage._statements(signer, lie, verdict, provenance)
    files |= {
        layout.RELEASE: lie.to_bytes(),
        layout.VERDICT: verdict_json(verdict),
        layout.REPORT: b"# fine\n",
    }
    files |= {layout.MODEL: (run / "train/outputs/model.onnx").read_bytes()}
    files |= {f"gates/{report.gate}.json": report_json(report) for report in verdict.gates}
    digests = {name: sha256(data) for name, data in files.items()}
    summary = stage.predicates.summary(lie, verdict, digests, project.now())
    files |= stage.signed_files(signer, layout.SUMMARY, stage._about(lie, stage.SUMMARY, summary))
    done = type("Done", (), {"release": lie, "commit": project.repo.head()})
    found = commit_files((project, done), files, base=project.repo.head())[1]
    return [(problem.path.partition("/")[2].partition("/")[2], problem.what) for problem in found.problems]


@pytest.fixture(scope="module")
def signed(tmp_path_factory):
    """A project in which the signed truth holds: the control of every signed lie."""
    project = factory.make(tmp_path_factory.mktemp("signed"))
    assert signed_lie(project) == []
    return project


def test_inputs_that_are_not_those_of_the_source_commit_are_refused(signed):
    """Signed with the right key, for a policy that never was in force at the source."""
    assert signed_lie(signed, inputs={"policy": sha256(b"a gentler policy")}) == [
        ("release.json", "the digest of 'policy' is not that of the file at its source commit")
    ]


def bias(**fields):
    return lambda reports: reports | {"bias": replace(reports["bias"], **fields)}


def test_a_gate_that_passes_over_its_own_failed_finding_is_refused(signed):
    assert signed_lie(signed, alter=bias(outcome=Outcome.PASSED)) == [
        ("gates/bias.json", "the gate says passed, and its findings say failed")
    ]


def test_a_gate_that_passes_without_any_finding_is_refused(signed):
    assert signed_lie(signed, alter=bias(outcome=Outcome.INCONCLUSIVE, findings=())) == []
    assert signed_lie(signed, alter=bias(outcome=Outcome.PASSED, findings=())) == [
        ("gates/bias.json", "the gate says passed, and it has no finding to rest on")
    ]


@pytest.mark.parametrize(
    ("criteria", "told"),
    [
        ({"sensitive": ["group"], "selection_rate_ratio": {"min": "0.7"}}, "selection_rate_ratio"),
        ({"sensitive": ["group"], "selection_rate_ratio": {"min": "0.80"}}, "selection_rate_ratio"),
        ({"sensitive": [], "selection_rate_ratio": {"min": "0.8"}}, "sensitive"),
        ({"sensitive": ["group"]}, "selection_rate_ratio"),
        ({"sensitive": ["group"], "selection_rate_ratio": {"min": "0.8"}, "minimum_rows": 1}, "minimum_rows"),
        ({}, "selection_rate_ratio, sensitive"),
    ],
)
def test_a_gate_held_against_other_criteria_than_those_in_force_is_refused(signed, criteria, told):
    agreed = {"sensitive": ["group"], "selection_rate_ratio": {"min": "0.8"}}
    assert signed_lie(signed, alter=bias(criteria=agreed)) == [], "the control: the criteria of ml.yaml"
    assert signed_lie(signed, alter=bias(criteria=criteria)) == [
        ("gates/bias.json", f"its criteria are not those in force at its source commit: {told}")
    ]


def test_a_floor_that_only_policy_names_is_in_force_as_well(tmp_path):
    """ml.yaml says nothing of the gate's floor: dropping it from the criteria must not go unseen."""
    floors = factory.project.POLICY.replace(
        "{accuracy: {min: 0.7}}", "{accuracy: {min: 0.7}, roc_auc: {min: 0.6}}"
    )
    project = factory.make(tmp_path, policy=floors)
    own = {"accuracy": {"min": "0.8"}}
    for criteria, problems in ((own | {"roc_auc": {"min": "0.6"}}, 0), (own, 1)):
        found = signed_lie(
            project,
            alter=lambda reports, told=criteria: (
                reports | {"performance": replace(reports["performance"], criteria=told)}
            ),
        )
        assert len(found) == problems
        assert all(path == "gates/performance.json" and "roc_auc" in what for path, what in found)


@pytest.mark.parametrize("gate", ["bias", "contract"])
def test_a_gate_that_is_left_out_of_the_verdict_is_refused(signed, gate):
    """The failed one, and one that is always in force although nobody declares it."""
    found = signed_lie(signed, alter=lambda reports: {g: r for g, r in reports.items() if g != gate})
    assert found == [
        ("verdict.json", f"it says nothing of gates that were in force at its source commit: {gate}")
    ]


def test_the_signer_yaml_of_these_tests_is_read_as_meant():
    assert signer_yaml("ci", "PEM", ONE_TYPE)[-1] == '    signs: ["https://slsa.dev/provenance/v1"]'
