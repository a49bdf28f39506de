"""Several who work together against the policy: each part refused by a rule of its own, and what is honest beside it lands."""

import json
import os
import pickle
import re
import shutil
import subprocess
import sys
from base64 import b64encode
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import requests
import yaml

from mlassay.digest import sha256
from mlassay.evidence.codec import read_verdict, report_json, verdict_json
from mlassay.evidence.records import Approval
from mlassay.git import Credential, Repository
from mlassay.render.junit import junit
from mlassay.signers.p256 import P256Signer
from mlassay.signers.ssh import SshSigner
from tests import factory
from tests.actions.reading import ROOT
from tests.attacks.test_words import held
from tests.ci_extension.hosted import CHECK, OnGitHub
from tests.factory import project as factory_project
from tests.factory.project import CONFIG, POLICY, ci_key, person_key, signer_yaml
from tests.servers.github.fixture import github
from tests.stages.promoting import SAID, make_team

__all__ = ["github"]
pytestmark = pytest.mark.ci_extension

PEOPLE, POLICY_FILE = "governance/people.yaml", "governance/policy.yaml"
LOWER = POLICY.replace("accuracy: {min: 0.7}", "accuracy: {min: 0.1}").encode()
WEAKER = CONFIG.replace("accuracy: {min: 0.8}", "accuracy: {min: 0.75}").encode()
THIEF = b"""\
on: push
jobs:
  read:
    runs-on: ubuntu-24.04
    environment: mlassay-sign
    steps: [{run: 'echo "$KEY" | rev', env: {KEY: "${{ secrets.MLASSAY_SIGNING_KEY }}"}}]
"""


@pytest.fixture
def house(tmp_path, github):
    house = OnGitHub(tmp_path / "house", github)
    github.protect(house.name, checks=[CHECK], app=house.token)
    return house


def pull(house, files, branch="feature", title="A better model"):
    """A pull request of Dana's with these files."""
    repo = house.team.repo
    repo.authenticate(Credential(house.server.html, "x-access-token", house.tokens["dana"]))
    repo.fetch("origin")
    house.team.push(branch, files, onto=house.tip())
    return house.server.open(house.name, branch, house.tokens["dana"], title=title)


def decided(house, one):
    """What the desk says of a pull request, and posts."""
    done = house.run("decide", "--head", one.head, "--post", "--json", code=None)
    assert done.code in (0, 1), done.said
    return done.json


def merged(house, one):
    """The status that GitHub gives whoever presses its button."""
    answer = requests.put(
        f"{house.server.url}/repos/{house.name}/pulls/{one.number}/merge",
        json={"sha": one.head, "merge_method": "merge"},
        headers={"Authorization": f"Bearer {house.tokens['dana']}", "Accept": "application/vnd.github+json"},
        timeout=30,
    )
    return answer.status_code


def refused(house, one, *words):
    """Assert that this pull request is refused for guarded paths, which are named, and that GitHub keeps it out."""
    (demand,) = [each for each in decided(house, one)["demands"] if not each["met"]]
    assert demand["id"] == "guarded-paths"
    for word in words:
        assert word in demand["what"]
    assert merged(house, one) == 405


def accomplice(house, tmp_path):
    """Files of a release that somebody made and signed with a key that they add to people.yaml themselves."""
    folder = tmp_path / "accomplice"
    shutil.copytree(house.team.project.folder, folder)
    subprocess.run(["git", "-C", folder, "remote", "remove", "origin"], check=True)
    project = factory.Project(Repository.open(folder), house.keys, None, house.team.project.clock)
    people = project.read(PEOPLE).rstrip("\n") + "\n"
    people = people.replace(
        "signers:", "signers:\n" + "\n".join(signer_yaml("spare", ci_key(house.keys, "spare")))
    )
    project.commit({PEOPLE: people})
    run = factory.run_folder(project, seed=9)
    signed = factory.sign_run(project, run, key="spare")
    files = {
        path.relative_to(run / "sign").as_posix(): path
        for path in (run / "sign").rglob("*")
        if path.is_file()
    }
    target = f"evidence/{signed.release.id}"
    return {PEOPLE: people.encode()} | {f"{target}/{name}": path.read_bytes() for name, path in files.items()}


def evidence_alone(files, *, signed=True):
    keep = {path: data for path, data in files.items() if path.startswith("evidence/")}
    return keep if signed else {path: data for path, data in keep.items() if ".dsse." not in path}


# The parts that a pull request brings


def test_all_of_it_at_once_is_refused_and_the_honest_one_beside_it_lands(house, tmp_path):
    everything = accomplice(house, tmp_path) | {
        POLICY_FILE: LOWER,
        "ml.yaml": WEAKER,
        ".github/workflows/thief.yml": THIEF,
        "model.pkl": b"\x80\x04.",
        "promotions/staging/20261121-00000000/approvals/dana.json": b"{}\n",
    }
    evil = pull(house, everything, "evil")
    honest = pull(house, {"train.py": b"print('better')\n"}, "honest")
    refused(house, evil, "and more")
    house.server.check_run(house.name, evil.head, CHECK, "github-actions", "success")
    assert merged(house, evil) == 405, (
        "a job of their own that calls itself by the check's name is another source"
    )
    assert merged(house, honest) == 405, "nothing lands that nobody decided about"
    assert decided(house, honest)["allowed"]
    assert merged(house, honest) == 200
    assert house.run("verify", "--json").json["valid"]


def test_a_floor_that_is_lowered_is_a_change_that_people_must_be_asked_for(house):
    refused(house, pull(house, {POLICY_FILE: LOWER}), POLICY_FILE)


def test_passed_evidence_of_their_own_is_refused_signed_by_a_key_of_their_own_or_not(house, tmp_path):
    files = accomplice(house, tmp_path)
    for number, brought in enumerate((files, evidence_alone(files), evidence_alone(files, signed=False))):
        refused(house, pull(house, brought, f"evidence-{number}"), "evidence/")


@pytest.mark.parametrize(
    ("signed", "rule"),
    [(True, "governance/people.yaml"), (False, "verdict.dsse.json")],
)
def test_and_pushed_past_every_pull_request_it_is_a_finding(tmp_path, github, signed, rule):
    house = OnGitHub(tmp_path / "house", github)
    assert house.run("verify", "--json").json["valid"]
    files = accomplice(house, tmp_path)
    house.team.repo.authenticate(Credential(github.html, "x-access-token", house.token))
    house.team.push("main", files if signed else evidence_alone(files, signed=False))
    house.team.repo.fetch("origin")
    told = house.run("verify", "--at", "origin/main", code=3)
    assert rule in told.said


def test_weaker_criteria_are_named_on_the_page(tmp_path, github):
    house = OnGitHub(tmp_path / "house", github, live=True)
    weak = pull(house, {"ml.yaml": WEAKER})
    folder = tmp_path / "job"
    shutil.copytree(house.folder, folder)
    project = factory.Project(Repository.open(folder), house.keys, None, house.team.project.clock)
    project.repo.fetch("origin")
    subprocess.run(["git", "-C", folder, "checkout", "--quiet", "origin/feature"], check=True)
    run = factory.run_folder(project, seed=2)
    said = house.run("report", "--run", str(run), "--head", weak.head, "--json").json
    assert said["weakenings"] == ["criteria.performance.accuracy.min"]
    (comment,) = house.server.comments(house.name, weak.number)
    assert re.search(r"\*\*.*accuracy", comment.body)


def test_a_promotion_of_it_waits_for_whoever_may_accept_the_weakening(tmp_path):
    team = make_team(tmp_path)
    team.land()
    team.project.commit({"ml.yaml": WEAKER.decode()})
    asked = team.promote("staging", factory.record(team.project, seed=2).release.id)
    (weakening,) = asked.request.weakenings
    team.say(asked.name.id, "robin", accepts=[weakening.id])
    assert team.unmet(asked.name.id) == {f"weakening.{weakening.id}"}
    team.say(asked.name.id, "lee", accepts=[weakening.id])
    assert team.unmet(asked.name.id) == set()


def test_criteria_below_the_floor_are_no_valid_ml_yaml(house):
    path = house.team.project.folder / "ml.yaml"
    assert house.run("validate").code == 0
    path.write_text(CONFIG.replace("accuracy: {min: 0.8}", "accuracy: {min: 0.1}"))
    told = house.run("validate", code=2)
    assert "accuracy" in told.err
    assert "0.7" in told.err


# The keys


def test_no_workflow_of_a_branch_can_read_a_key(house):
    """The workflow that a branch brings runs as it stands there, so only where the key lies can keep it out."""
    github = house.server
    github.protect(house.name, reviews=1, checks=[CHECK], app=house.token, push=[house.token])
    for name, secret in (("mlassay-sign", "MLASSAY_SIGNING_KEY"), ("mlassay-desk", "MLASSAY_DESK_KEY")):
        github.environment(house.name, name, branches=["main"], secrets=[secret])
    owner = github.user(house.name.partition("/")[0])

    def lacking():
        done = house.run("doctor", "--forge", "--json", token=owner, code=None)
        return {need["name"] for need in done.json if not need["there"]}

    assert not lacking() - {"people"}
    github.environment(house.name, "mlassay-sign", secrets=["MLASSAY_SIGNING_KEY"])
    assert lacking() == {"environment mlassay-sign"}
    github.environment(house.name, "mlassay-sign", branches=["main"], secrets=["MLASSAY_SIGNING_KEY"])
    github.secret(house.name, "MLASSAY_SIGNING_KEY")
    assert "secrets" in lacking()


def test_what_runs_on_pull_requests_names_no_secret_and_each_job_that_does_is_in_an_environment():
    for path in (".github/workflows/ml-pr.yml", "template/.github/workflows/pull-request.yml"):
        text = (ROOT / path).read_text()
        assert "secrets" not in text
        assert "GITHUB_TOKEN" not in text
    jobs = yaml.safe_load((ROOT / ".github/workflows/ml-release.yml").read_text())["jobs"]
    holding = {name for name, job in jobs.items() if "secrets." in json.dumps(job)}
    assert holding == {"sign", "record", "promote", "reviews"}
    assert all(str(jobs[name]["environment"]).startswith("mlassay-") for name in holding)
    assert not [name for name in ("train", "rebuild", "unit", "gates") if "environment" in jobs[name]]


@pytest.fixture
def two_keys(monkeypatch):
    """Dana has a second key, which people.yaml knows as hers."""
    plain = factory_project.people_yaml

    def with_both(keys, *more):
        line = f"{person_key(keys, 'dana')}, valid_from: 2026-01-01}}"
        second = f"{person_key(keys, 'dana-2')}, valid_from: 2026-01-01}}"
        text = plain(keys, *more)
        assert line in text
        return text.replace(line, f"{line}, {{key: {second}")

    monkeypatch.setattr(factory_project, "people_yaml", with_both)


def test_the_authors_second_key_approves_nothing(two_keys, house):
    asked = house.run(
        "promote", "staging", "--reason", "It refuses fewer people.", "--key", house.key("dana"), "--json"
    ).json["promotion"]
    words = ("--reason", SAID["dana"][0], "--risk", SAID["dana"][1])
    told = house.run("approve", asked, *words, "--key", house.key("dana-2"), code=1)
    assert "dana" in told.said
    forged(house, asked, "dana", "dana-2")
    assert {"own-approval", "approvals"} <= unmet(house, asked)
    house.run("merge", asked, code=1)


def unmet(house, promotion):
    done = house.run("decide", promotion, "--json", code=None)
    return {each["id"] for each in done.json["demands"] if not each["met"]}


def forged(house, promotion, who, key):
    """An approval in the name of ``who``, by any key, pushed by hand."""
    repo = house.team.repo
    repo.authenticate(Credential(house.server.html, "x-access-token", house.token))
    repo.fetch("origin")
    folder = f"promotions/staging/{promotion}"
    request = repo.read(house.head(promotion), f"{folder}/request.json")
    said = Approval(sha256(request), who, *SAID.get(who, SAID["dana"]), house.team.project.now())
    path = house.keys / key
    signer = (
        P256Signer.from_pem(path.read_bytes(), who) if path.suffix == ".pem" else SshSigner.from_file(path)
    )
    data = said.to_bytes()
    file = f"{folder}/approvals/{who}.json"
    house.team.push(f"promotion/staging/{promotion}", {file: data, f"{file}.sig": signer.sign(data)})


def test_a_machines_key_approves_nothing_and_a_persons_does(house):
    asked = house.promote()
    words = ("--reason", SAID["dana"][0], "--risk", SAID["dana"][1])
    told = house.run("approve", asked, *words, "--key", house.key("desk.pem"), code=None)
    assert told.code == 2, told.said
    house.approve(asked)
    assert not unmet(house, asked)


def test_a_machines_approval_pushed_by_hand_is_no_record_of_anybodys(house):
    asked = house.promote()
    forged(house, asked, "desk", "desk.pem")
    assert {"approvals", "records"} <= unmet(house, asked)
    house.run("merge", asked, code=1)


def test_a_check_that_a_job_posts_itself_opens_nothing_and_the_apps_does(house):
    asked = house.promote()
    (one,) = house.home.pulls.values()
    one = house.server.pull(house.name, one.number)
    assert merged(house, one) == 405
    house.server.check_run(house.name, one.head, CHECK, "github-actions", "success")
    assert merged(house, one) == 405
    house.approve(asked)
    one = house.server.pull(house.name, one.number)
    assert decided(house, one)["allowed"]
    assert merged(house, one) == 200


# The code that runs in a job

TRAIN = """\
import base64, os, pathlib
out = pathlib.Path(os.environ["MLASSAY_OUT"])
(out / "model.onnx").write_bytes(base64.b64decode("{model}"))
for folder in ("{run}", out.parent, out.parent.parent, out / "..", pathlib.Path.cwd().parent):
    for name, text in (("parts/unit.json", "{{}}"), ("test/verdict.json", '{{"outcome": "passed"}}')):
        try:
            path = pathlib.Path(folder) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        except OSError:
            pass
"""


def team_with(tmp_path, model, run, test="import sys; sys.exit(1)"):
    """A repository whose training leaves these bytes and writes where it can, and whose own test says ``test``."""
    config = CONFIG.replace("gates:\n", "gates:\n  unit: {run: python tests/check.py, uses: [tests]}\n")
    project = factory.make(tmp_path / "made", config=config)
    code = TRAIN.format(model=b64encode(model).decode(), run=run)
    project.commit({"train.py": code, "tests/check.py": test + "\n"})
    return project


def verb(project, *words, code):
    """A verb in a project without a forge; its whole output."""
    command = [sys.executable, "-m", "mlassay", *map(str, words), "-C", str(project.folder)]
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_training_that_writes_its_own_verdict_leaves_none(tmp_path):
    run = tmp_path / "made/team/.mlassay/run"
    project = team_with(tmp_path, factory.tiny_model(), run)
    verb(project, "train", code=0)
    assert not (run / "parts").exists()
    assert not (run / "test").exists()
    told = verb(project, "test", "unit", code=1)
    assert "unit" in told
    # Even where it could write there: the unit job's own report is held against this model and these inputs.
    (run / "parts").mkdir()
    (run / "parts/unit.json").write_text("{}")
    told = verb(project, "test", "--with-parts", code=3)
    assert "parts/unit.json" in told
    (run / "test").mkdir()
    (run / "test/verdict.json").write_text('{"outcome": "passed"}')
    verb(project, "test", code=1)
    verdict = read_verdict((run / "test/verdict.json").read_bytes(), "verdict.json")
    assert {report.gate: str(report.outcome) for report in verdict.gates}["unit"] == "failed"


def test_and_the_jobs_hand_on_no_more_than_their_own_folder():
    for name in ("ml-pr.yml", "ml-release.yml"):
        jobs = yaml.safe_load((ROOT / ".github/workflows" / name).read_text())["jobs"]
        steps = {job: value.get("steps", []) for job, value in jobs.items()}
        for job, folder in (("train", "train"), ("unit", "parts"), ("gates", "test")):
            (left,) = [
                step["with"]["path"] for step in steps[job] if "upload-artifact" in step.get("uses", "")
            ]
            assert left == f".mlassay/run/{folder}"
        for step in (step for each in steps.values() for step in each if "download-" in step.get("uses", "")):
            artifact = step["with"]["name"].removeprefix("mlassay-")
            assert step["with"]["path"] == f".mlassay/run/{ {'unit': 'parts'}.get(artifact, artifact) }"


def test_a_pickle_that_would_leave_a_mark_is_never_loaded(tmp_path):
    canary = tmp_path / "canary"
    evil = f"cos\nsystem\n(S'touch {canary}'\ntR.".encode()
    run = tmp_path / "made/team/.mlassay/run"
    project = team_with(tmp_path, evil, run, test="")
    told = verb(project, "run", code=1)
    assert "it is a pickle" in told
    assert not canary.exists()
    pickle.loads(evil)  # the control: loaded by anybody else, it would have
    assert canary.exists()


# Words


NASTY = (
    "::set-output name=verdict::passed\n::error::x ##[group]y ]]> <img src=x onerror=alert(1)><script>1</script> "
    "[click](javascript:1) ![](https://evil.example/x.png) | a | `b` @everyone \x1b[2J\x07\x9b31m\u202egnp\u2028\r\n::stop-commands::t"
)


def artifact(house, folder, text):
    """What a hostile job leaves: a verdict that is well-formed, and says ``text`` wherever it may say anything."""
    run = factory.run_folder(house.team.project, seed=2, outcome=factory.release.Outcome.FAILED)
    shutil.copytree(run / "test", folder / "test")
    path = folder / "test/verdict.json"
    verdict = read_verdict(path.read_bytes(), "verdict.json")
    gates = tuple(
        replace(
            report,
            summary=text[:4000],
            findings=tuple(
                replace(f, what=text, why=text, remedy=text, path=text[:200]) for f in report.findings
            ),
        )
        for report in verdict.gates
    )
    evil = replace(verdict, gates=gates, objective=text[:4000])
    path.write_bytes(verdict_json(evil))
    for report in gates:
        (folder / f"test/gates/{report.gate}.json").write_bytes(report_json(report))
    return folder, evil


LIVE = re.compile(
    r"(?<!\\)<(?!/?(?:details|summary|sub|br|!--)\b)[a-z!/]|(?<!\\)\]\(javascript:|(?<!\\)!\[", re.IGNORECASE
)


def inert(markdown):
    """Assert that a page holds nothing that a browser, a runner or a reader's eye would obey."""
    held(markdown)
    unquoted = re.sub(
        r"`[^`\n]*`|<!-- mlassay [a-z ]+ -->",
        "",
        re.sub(r"(?s)^```.*?^```", "", markdown, flags=re.MULTILINE),
    )
    assert not LIVE.search(unquoted), LIVE.search(unquoted)
    assert len(markdown) <= 65_536


@pytest.mark.parametrize("text", [NASTY, NASTY * 50_000], ids=["short", "ten megabytes"])
def test_words_of_a_strangers_job_are_inert_wherever_they_are_shown(house, tmp_path, text):
    branch = "evil/]]>&<img-src=x>;$(id)"
    one = pull(house, {"README.md": b"x\n"}, branch, title=NASTY)
    folder, evil = artifact(house, tmp_path / "artifact", text)
    files = {"GITHUB_OUTPUT": tmp_path / "output", "GITHUB_STEP_SUMMARY": tmp_path / "summary"}
    told = house.run(
        *("report", "--run", str(folder), "--head", one.head, "--head-branch", branch),
        *("--sarif", str(tmp_path / "sarif")),
        GITHUB_ACTIONS="true",
        **{name: str(path) for name, path in files.items()},
    )
    held(told.said)
    assert "::set-output" not in told.said.replace(": :set-output", "")
    (comment,) = house.server.comments(house.name, one.number)
    inert(comment.body)
    inert(files["GITHUB_STEP_SUMMARY"].read_text())
    assert re.findall(r"^([a-z]+)<<", files["GITHUB_OUTPUT"].read_text(), re.MULTILINE) == [
        "verdict",
        "number",
        "url",
    ]
    if (tmp_path / "sarif").exists():
        results = json.loads((tmp_path / "sarif").read_text())["runs"][0]["results"]
        assert results
        assert all(len(each["message"]["text"]) < 70_000 for each in results)
        held(results[0]["message"]["text"])
    tree = ET.fromstring(junit(evil))
    assert {case.get("name") for case in tree.iter("testcase")} == {
        f.id for r in evil.gates for f in r.findings
    }


def test_names_of_files_and_reasons_are_inert_in_the_check_and_on_the_page(house, tmp_path):
    evil = pull(house, {f"evidence/x/{NASTY.replace('/', '|')}": b"x", "governance/]]><b>": b"x"}, "evil")
    done = house.run("decide", "--head", evil.head, "--post", code=1, GITHUB_ACTIONS="true")
    held(done.said)
    (check,) = house.server.checks(house.name, evil.head)
    assert check.conclusion == "failure"
    asked = house.run(
        "promote",
        "staging",
        "--reason",
        f"It refuses fewer people by mistake. {NASTY}",
        "--key",
        house.key("dana"),
    )
    held(asked.said)
    inert(house.server.pull(house.name, evil.number + 1).body)
