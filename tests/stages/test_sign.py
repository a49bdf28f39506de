from __future__ import annotations

import base64
import json
import subprocess
import sys

import pytest

from mlassay import __version__
from mlassay.ci import Context
from mlassay.digest import canonical
from mlassay.errors import ConfigurationError, EvidenceError
from mlassay.evidence.verdict import Outcome
from mlassay.signers.p256 import P256Signer
from tests import factory
from tests.factory.project import NOBODY, POLICY, TABLE, ci_key, people_yaml


@pytest.fixture
def project(tmp_path):
    return factory.make(tmp_path)


def files_of(signed):
    return {
        path.relative_to(signed.folder).as_posix(): path.read_bytes() for path in signed.folder.rglob("*.*")
    }


def test_it_leaves_exactly_the_files_of_the_evidence(project):
    signed = factory.sign_run(project, factory.run_folder(project))
    assert sorted(files_of(signed)) == [
        "gates/bias.dsse.json",
        "gates/bias.json",
        "gates/contract.dsse.json",
        "gates/contract.json",
        "gates/data.dsse.json",
        "gates/data.json",
        "gates/performance.dsse.json",
        "gates/performance.json",
        "model.onnx",
        "model.sig",
        "provenance.dsse.json",
        "release.json",
        "report.md",
        "verdict.dsse.json",
        "verdict.json",
    ]
    assert signed.signer == "ci"


def test_signing_again_differs_in_the_time_alone(project):
    run = factory.run_folder(project)
    first, second = files_of(factory.sign_run(project, run)), files_of(factory.sign_run(project, run))
    assert [name for name in first if first[name] != second[name]] == ["verdict.dsse.json"]


def test_stock_tools_accept_every_signed_file(project, tmp_path):
    """openssl for each DSSE envelope, with the few lines that the protocol asks for; model_signing for the model."""
    signed = factory.sign_run(project, factory.run_folder(project))
    (tmp_path / "public.pem").write_text(ci_key(project.keys))
    envelopes = sorted(signed.folder.rglob("*.dsse.json"))
    assert len(envelopes) == 6
    for path in envelopes:
        envelope = json.loads(path.read_bytes())
        payload, kind = base64.b64decode(envelope["payload"]), envelope["payloadType"].encode()
        (tmp_path / "sig").write_bytes(base64.b64decode(envelope["signatures"][0]["sig"]))
        pae = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
        command = ["openssl", "dgst", "-sha256", "-verify", "public.pem", "-signature", "sig"]
        for data, code in ((pae, 0), (pae + b" ", 1)):
            done = subprocess.run(command, cwd=tmp_path, input=data, capture_output=True, check=False)
            assert done.returncode == code, path
    command = [sys.executable, "-m", "model_signing", "verify", "key", str(signed.folder / "model.onnx")]
    options = ["--signature", str(signed.folder / "model.sig"), "--public_key", str(tmp_path / "public.pem")]
    assert subprocess.run([*command, *options], capture_output=True, check=False).returncode == 0


def test_commit_ref_run_and_dispatcher_come_from_the_ci(project):
    head = project.repo.head()
    context = Context(
        "github-actions", head, "refs/heads/main", "https://ci/7", "dana", "11", "https://ci/workflow"
    )
    signed = factory.sign_run(project, factory.run_folder(project), context=context)
    payload = json.loads(
        base64.b64decode(json.loads((signed.folder / "provenance.dsse.json").read_text())["payload"])
    )
    definition, details = payload["predicate"]["buildDefinition"], payload["predicate"]["runDetails"]
    assert definition["externalParameters"] == {"config": "ml.yaml", "ref": "refs/heads/main", "source": head}
    assert definition["internalParameters"]["dispatcher"] == {
        "account": "dana",
        "account_id": "11",
        "email": "",
    }
    assert details["builder"]["id"] == "https://ci/workflow"
    assert details["metadata"]["invocationId"] == "https://ci/7"


def test_on_a_persons_machine_the_address_in_git_is_who_set_it_off(project):
    signed = factory.sign_run(project, factory.run_folder(project))
    payload = json.loads(
        base64.b64decode(json.loads((signed.folder / "provenance.dsse.json").read_text())["payload"])
    )
    dispatcher = payload["predicate"]["buildDefinition"]["internalParameters"]["dispatcher"]
    assert dispatcher["email"] == "dana@example.org"


def test_the_builders_platform_and_the_run_that_trained_stand_in_the_provenance(project):
    import platform

    run = factory.run_folder(project)
    trained = {"builder": "https://ci/train", "id": "https://ci/6", "ref": "refs/heads/main"}
    rewrite(run / "train/provenance.json", lambda value: value.update(run=trained))
    context = Context("jenkins", project.repo.head(), "refs/heads/main", "https://ci/7")
    signed = factory.sign_run(project, run, context=context)
    payload = json.loads(
        base64.b64decode(json.loads((signed.folder / "provenance.dsse.json").read_text())["payload"])
    )
    details = payload["predicate"]["runDetails"]
    assert details["builder"]["version"] == {
        "mlassay": __version__,
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
    }
    assert details["metadata"]["invocationId"] == "https://ci/7"
    assert details["mlassay_self_reported"]["run"] == trained


def test_it_runs_no_code_of_the_repository(project, monkeypatch):
    """Everything that Python, pytest, git or mlassay itself might pick up would leave a mark."""
    mark = project.folder / ".mlassay" / "mark"
    bomb = f"open({str(mark)!r}, 'w').write('ran')\n"
    shell = f"#!/bin/sh\ntouch {mark}\ncat\n"
    python = (
        "train.py",
        "sitecustomize.py",
        "usercustomize.py",
        "conftest.py",
        "mlassay/__init__.py",
        "json.py",
    )
    config = project.read("ml.yaml").replace("python train.py", f"sh -c 'touch {mark}'")
    filters = "* filter=bomb diff=bomb merge=bomb text\n*.yaml filter=bomb\n"
    project.commit(
        dict.fromkeys(python, bomb)
        | {"ml.yaml": config, ".gitattributes": filters, "hooks/post-commit": shell}
    )
    hooks = project.folder / ".git/hooks"
    hooks.mkdir(exist_ok=True)
    for name in (
        "post-checkout",
        "pre-commit",
        "post-index-change",
        "reference-transaction",
        "fsmonitor-watchman",
    ):
        (hooks / name).write_text(shell)
        (hooks / name).chmod(0o755)
    (hooks / "bomb").write_text(shell)
    (hooks / "bomb").chmod(0o755)
    for key in ("filter.bomb.clean", "filter.bomb.smudge", "filter.bomb.process", "diff.bomb.textconv"):
        project.repo.set_config(key, str(hooks / "bomb"))
    project.repo.set_config("core.fsmonitor", str(hooks / "bomb"))
    monkeypatch.chdir(project.folder)
    run = factory.run_folder(project)
    report = run / "test/report.md"
    command = [sys.executable, "-m", "mlassay", "sign", "--key", str(project.keys / "ci.pem"), "-C"]
    # Once as the stage, once as the verb, started somewhere else as a CI's launcher does.
    factory.sign_run(project, run)
    from mlassay.cli.develop import load_plan
    from mlassay.render.report import plan_report
    from mlassay.stages._run_folder import read_test

    report.write_text(plan_report(read_test(run), load_plan(project.folder)[1]), encoding="utf-8")
    done = subprocess.run(
        [*command, str(project.folder)], cwd=project.keys, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert not mark.exists()


def test_the_canaries_of_that_test_do_sing(project, tmp_path):
    """The control: a stock git with the same configuration runs the filter."""
    mark = tmp_path / "mark"
    (tmp_path / "bomb").write_text(f"#!/bin/sh\ntouch {mark}\ncat\n")
    (tmp_path / "bomb").chmod(0o755)
    project.repo.set_config("filter.bomb.clean", str(tmp_path / "bomb"))
    project.commit({".gitattributes": "*.txt filter=bomb\n"})
    (project.folder / "a.txt").write_text("a")
    subprocess.run(["git", "add", "a.txt"], cwd=project.folder, check=True)
    assert mark.exists()


@pytest.mark.parametrize(
    ("kind", "ref"),
    [
        ("github-actions", "refs/pull/7/merge"),
        ("github-actions", "refs/heads/side"),
        ("github-actions", "refs/tags/main"),
        ("github-actions", ""),
        ("jenkins", "refs/heads/PR-7"),
        ("jenkins", "refs/pull/7/head"),
    ],
)
def test_nothing_is_signed_from_a_pull_request_or_a_side_branch(project, kind, ref):
    run = factory.run_folder(project)
    context = Context(kind, project.repo.head(), ref, "run-7")
    problems = refused(project, run, "refs/heads/main", context=context)
    assert "key" in problems[0].remedy


def test_a_main_line_that_moved_on_meanwhile_does_not_stop_a_release(tmp_path):
    """As in a CI: a checkout of the event's commit, detached, while others push."""
    project = factory.make(tmp_path, remote=True)
    commit = project.repo.head()
    run = factory.run_folder(project)
    from mlassay.git import Repository

    other = Repository.clone(project.remote.folder, tmp_path / "other")
    for key, value in (("user.name", "O"), ("user.email", "o@example.org")):
        other.set_config(key, value)
    for number in range(3):
        (tmp_path / "other/notes.md").write_text(str(number))
        other.add_and_commit(["notes.md"], "Notes", when=project.now())
    subprocess.run(["git", "push", "-q", "origin", "main"], cwd=tmp_path / "other", check=True)
    subprocess.run(["git", "fetch", "-q"], cwd=project.folder, check=True)
    subprocess.run(["git", "checkout", "-q", "--detach", commit], cwd=project.folder, check=True)
    context = Context("github-actions", commit, "refs/heads/main", "https://ci/7")
    signed = factory.sign_run(project, run, context=context)
    assert signed.release.source.commit == commit


def refused(project, run, told, error=ConfigurationError, **options):
    with pytest.raises(error, match=told) as caught:
        factory.sign_run(project, run, **options)
    assert not (run / "sign").exists()
    return caught.value.problems


def test_uncommitted_changes_are_refused_by_name(project):
    run = factory.run_folder(project)
    (project.folder / "ml.yaml").write_text(project.read("ml.yaml") + "\n")
    (project.folder / "governance/new.yaml").write_text("new")
    assert {problem.path for problem in refused(project, run, "not committed")} >= {
        "ml.yaml",
        "governance/new.yaml",
    }


def test_a_commit_that_holds_files_of_a_run_is_refused(tmp_path):
    project = factory.make(tmp_path)
    git = ["git", "-C", str(project.folder)]
    planted = project.folder / ".mlassay/run/test/cross-checks.json"
    planted.parent.mkdir(parents=True)
    planted.write_text("{}\n")
    subprocess.run([*git, "add", "--force", ".mlassay"], check=True)
    subprocess.run([*git, "commit", "--quiet", "-m", "Plant a file beside what the test leaves"], check=True)
    with pytest.raises(ConfigurationError, match="git tracks this path"):
        factory.sign_run(project, factory.run_folder(project))


def test_a_note_that_nothing_reads_does_not_stop_a_release(project):
    run = factory.run_folder(project)
    (project.folder / "todo.txt").write_text("buy milk")
    factory.sign_run(project, run)


def test_another_commit_than_the_cis_own_is_refused(project):
    run = factory.run_folder(project)
    refused(project, run, "is checked out", context=Context("jenkins", "a" * 40, "refs/heads/main"))


def test_a_commit_of_a_side_branch_is_refused(tmp_path):
    project = factory.make(tmp_path, remote=True)
    subprocess.run(["git", "checkout", "-q", "-b", "side"], cwd=project.folder, check=True)
    (project.folder / "notes.md").write_text("side")
    project.repo.add_and_commit(["notes.md"], "Side", when=project.now())
    refused(project, factory.run_folder(project), "not on the first-parent line")


def test_a_commit_that_was_pushed_from_elsewhere_a_moment_ago_is_found(tmp_path):
    project = factory.make(tmp_path, remote=True)
    (project.folder / "notes.md").write_text("new")
    commit = project.repo.add_and_commit(["notes.md"], "Notes", when=project.now())
    url = str(project.remote.folder)
    subprocess.run(["git", "push", "-q", url, "main"], cwd=project.folder, check=True)
    assert project.repo.refs("refs/remotes/origin/main")["refs/remotes/origin/main"] != commit
    factory.sign_run(project, factory.run_folder(project))


def test_a_run_of_an_older_commit_is_refused(project):
    run = factory.run_folder(project)
    project.commit({"train.py": "print('new')\n"})
    refused(project, run, "it was trained from", EvidenceError)


def test_training_with_uncommitted_changes_is_refused(project):
    run = factory.run_folder(project)
    rewrite(run / "train/provenance.json", lambda p: p["source"].update(dirty=["train.py"]))
    refused(project, run, "uncommitted changes: train.py", EvidenceError)


def rewrite(path, change):
    value = json.loads(path.read_bytes())
    change(value)
    path.write_bytes(canonical(value))


@pytest.mark.parametrize("role", ["ml.yaml", "policy", "people", "manifest/applications"])
@pytest.mark.parametrize("file", ["train/provenance.json", "test/verdict.json"])
def test_an_input_digest_that_git_does_not_confirm_is_refused(project, file, role):
    run = factory.run_folder(project)
    rewrite(run / file, lambda value: value["inputs"].update({role: "sha256:" + "0" * 64}))
    problems = refused(project, run, f"digest of '{role}'", EvidenceError)
    assert {problem.path for problem in problems} == {file}


def test_an_input_that_nobody_can_recompute_is_refused(project):
    run = factory.run_folder(project)
    rewrite(run / "test/verdict.json", lambda v: v["inputs"].update(moon="sha256:" + "0" * 64))
    refused(project, run, "digest of 'moon'", EvidenceError)


def test_a_model_swapped_after_training_is_refused(project):
    run = factory.run_folder(project)
    (run / "train/outputs/model.onnx").write_bytes(factory.tiny_model(2))
    with pytest.raises((EvidenceError, ConfigurationError), match=r"model\.onnx"):
        factory.sign_run(project, run)


def test_a_model_swapped_with_its_digest_in_provenance_is_refused(project):
    run, other = factory.run_folder(project), factory.tiny_model(2)
    (run / "train/outputs/model.onnx").write_bytes(other)
    import hashlib

    new = {"path": "model.onnx", "size": len(other), "digest": "sha256:" + hashlib.sha256(other).hexdigest()}
    rewrite(run / "train/provenance.json", lambda p: p.update(outputs=[new]))
    refused(project, run, "digest of 'model'", EvidenceError)


def test_a_gate_report_edited_after_the_test_is_refused(project):
    run = factory.run_folder(project, outcome=Outcome.FAILED)
    rewrite(run / "test/gates/bias.json", lambda r: r.update(outcome="passed"))
    refused(project, run, "not what test/verdict.json says", EvidenceError)


def test_data_in_git_that_is_not_what_the_manifest_names_is_refused(project):
    project.commit({"data/applications.csv": TABLE.replace("yes", "no")})
    problems = refused(project, factory.run_folder(project), "not the bytes", EvidenceError)
    assert problems[0].path == "data/applications.csv"


def test_without_a_test_there_is_nothing_to_sign(project):
    run = factory.run_folder(project)
    (run / "test/verdict.json").unlink()
    refused(project, run, "no verdict")


def test_a_key_that_people_yaml_does_not_know_is_refused(project):
    ci_key(project.keys, "stranger")
    problems = refused(project, factory.run_folder(project), "belongs to no signer", key="stranger")
    assert "keys new --ci" in problems[0].remedy


def test_nobody_can_sign_in_a_copy_of_the_template_where_nobody_has_a_key(project):
    project.commit({"governance/people.yaml": NOBODY}, "As the template")
    (problem,) = refused(project, factory.run_folder(project), "may train and test, and not sign")
    assert "mlassay keys new --ci --id ci" in problem.remedy
    assert not (project.folder / ".mlassay/run/sign").exists()


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ("valid_from: 2026-01-01\nvalid_until: 2026-06-30", "expired on 2026-0"),
        ("valid_from: 2027-01-01", "not valid before 2027-01-01"),
        ("valid_from: 2026-01-01\nrevoked: {at: 2026-05-01, because: a lost laptop}", "a lost laptop"),
        ('valid_from: 2026-01-01\nsigns: ["https://slsa.dev/provenance/v1"]', "may not sign"),
        ("valid_from: 2026-01-01\ndemo: true", "demonstration key"),
    ],
)
def test_a_key_that_may_not_sign_here_and_now_is_refused(tmp_path, fields, told):
    project = factory.make(tmp_path, signer=fields)
    refused(project, factory.run_folder(project), told)


def test_a_demonstration_key_signs_in_a_demonstration_and_nowhere_else(tmp_path):
    """The mark in people.yaml is left out: the key itself is known."""
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    from mlassay.signers import demo

    pem = demo.ci_key("ci").private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = P256Signer.from_pem(pem, "demo").public
    for policy, allowed in ((POLICY, False), (POLICY + "demo: true\n", True)):
        project = factory.make(tmp_path / str(allowed), policy=policy)
        people = people_yaml(project.keys)
        for mine, theirs in zip(ci_key(project.keys).splitlines(), public.splitlines(), strict=True):
            people = people.replace(mine, theirs)
        project.commit({"governance/people.yaml": people})
        (project.keys / "ci.pem").write_bytes(pem)
        run = factory.run_folder(project)
        if allowed:
            factory.sign_run(project, run)
        else:
            refused(project, run, "demonstration key")


def test_a_run_that_fails_to_sign_leaves_the_former_one_as_it_was(project):
    run = factory.run_folder(project)
    before = files_of(factory.sign_run(project, run))
    rewrite(run / "test/verdict.json", lambda v: v["inputs"].update(policy="sha256:" + "0" * 64))
    with pytest.raises(EvidenceError):
        factory.sign_run(project, run)
    assert {
        p.relative_to(run / "sign").as_posix(): p.read_bytes() for p in (run / "sign").rglob("*.*")
    } == before


def test_a_checkout_that_has_not_seen_the_main_line_fetches_it(tmp_path):
    project = factory.make(tmp_path, remote=True)
    run = factory.run_folder(project)
    subprocess.run(["git", "update-ref", "-d", "refs/remotes/origin/main"], cwd=project.folder, check=True)
    subprocess.run(["git", "checkout", "-q", "--detach"], cwd=project.folder, check=True)
    subprocess.run(["git", "branch", "-q", "-D", "main"], cwd=project.folder, check=True)
    factory.sign_run(project, run)


def test_a_shallow_checkout_is_refused_with_the_command_that_completes_it(tmp_path):
    project = factory.make(tmp_path, remote=True)
    project.commit({"train.py": "print('new')\n"})
    from mlassay.git import Repository

    project.repo = Repository.clone(f"file://{project.remote.folder}", tmp_path / "shallow", depth=1)
    run = factory.run_folder(project)
    subprocess.run(["git", "checkout", "-q", "--orphan", "x"], cwd=tmp_path / "shallow", check=True)
    subprocess.run(
        ["git", "-c", "user.name=x", "-c", "user.email=x@y.z", "commit", "-q", "-m", "x"],
        cwd=tmp_path / "shallow",
        check=True,
    )
    with pytest.raises(ConfigurationError, match="shallow"):
        factory.sign_run(project, run)


def test_a_manifest_that_lies_where_nothing_guards_it_is_refused(project):
    moved = {"rows.yaml": project.read("data/applications.manifest.yaml")}
    config = project.read("ml.yaml").replace("data/applications.manifest.yaml", "rows.yaml")
    project.commit(moved | {"ml.yaml": config})
    refused(project, factory.run_folder(project), "not where manifests are guarded")
