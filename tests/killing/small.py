"""A small team with a remote, whose whole way from train to merge takes a few seconds; every state of it, made once."""

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mlassay.digest import sha256
from mlassay.manifest import DataFile, root_digest
from tests.factory.project import manifest_yaml, people_yaml
from tests.model.models import floats, model, value

ROWS = 120
TABLE = "income,group,deny\n" + "".join(
    f"{row},{'ab'[row % 2]},{'yes' if row < ROWS // 4 else 'no'}\n" for row in range(ROWS)
)

CONFIG = """\
version: 1
name: toy
objective: Say which applications deserve a second look.
owner: lee
risk:
  unavailability: {probability: 1, impact: 2}
  bad_prediction: {probability: 1, impact: 2}
  decay:          {probability: 1, impact: 2}
  lost_skills:    {probability: 1, impact: 2}
  review_by: "2090-01-01"
data: {applications: data/applications.manifest.yaml}
train: {run: sh train.sh, uses: [train.sh, made.onnx], data: [applications/train], withhold: [group]}
model: {file: model.onnx, task: binary-classification, favourable: "no", threshold: 0.5}
evaluate: {data: applications/test, label: deny}
gates:
  performance: {accuracy: {min: 0.7}}
store: git
"""

POLICY = """\
version: 1
environments: [staging, production]
minimum_risk: minor
approvals:
  staging: {minor: {count: 1}, moderate: {count: 1}, major: {count: 1}, severe: {count: 1}}
  production: {minor: {count: 1}, moderate: {count: 1}, major: {count: 1}, severe: {count: 1}}
gates:
  minor: [data, contract, performance]
  moderate: [data, contract, performance]
  major: [data, contract, performance]
  severe: [data, contract, performance]
floors:
  performance: {accuracy: {min: 0.6}}
isolation_from: never
waivers: {inconclusive: [risk-lead], failed: [risk-lead], days: 90}
weakenings: [risk-lead]
changes: {governance: {count: 1, roles: [risk-lead]}, manifest: {count: 1}}
"""

REASON = "I read the whole report and the numbers of both groups with care."
RISK = "Applications near the threshold may be judged wrongly in either direction."

# Each verb that writes, with the state that it starts from: itself run, it makes the state of its own name. Bars hold
# words together.
STORY = {
    "train": ("team", "train --quiet"),
    "test": ("train", "test"),
    "sign": ("test", "sign --key {keys}/ci.pem"),
    "record": ("sign", "record"),
    "promote": (
        "record",
        "promote staging --reason |It treats both groups alike, at good accuracy.| --key {keys}/dana",
    ),
    "approve": ("promote", "approve {request} --reason |{reason}| --risk |{risk}| --key {keys}/robin"),
    "refuse": ("promote", "refuse {request} --reason |{reason}| --key {keys}/robin"),
    "merge": ("approve", "merge {request}"),
    "propose": ("edited", "propose --reason |Exceptions shall end sooner than they did.| --key {keys}/dana"),
    "approve-change": ("propose", "approve {request} --reason |{reason}| --risk |{risk}| --key {keys}/lee"),
    "merge-change": ("approve-change", "merge {request}"),
    "waive": ("failed", "waive performance {release} --until {until} --reason |{reason}| --key {keys}/lee"),
}


def git(folder, *words, check=True):
    """One git command in ``folder``; what it printed."""
    done = subprocess.run(
        ["git", "-C", folder, *map(str, words)], capture_output=True, text=True, check=False
    )
    assert not check or not done.returncode, (words, done.stderr)
    return done.stdout.strip()


def made_model(weight=-1.0, bias=29.5):
    """Bytes of a model that denies below an income of 30: Sigmoid(weight * income + bias)."""
    from onnx import helper

    nodes = [
        helper.make_node("Gemm", ["X", "W", "B"], ["z"]),
        helper.make_node("Sigmoid", ["z"], ["probabilities"]),
    ]
    weights = [floats("W", [[weight]]), floats("B", [bias])]
    return model(nodes, inputs=[value("X", [None, 1])], initialisers=weights).SerializeToString()


def files(keys, made):
    """The files of the team's first commit, by path, as bytes."""
    data = TABLE.encode()
    file = DataFile("data/applications.csv", len(data), sha256(data))
    manifest = manifest_yaml()
    start = manifest.index("files:")
    manifest = manifest[:start] + (
        f'files:\n  - {{path: {file.path}, size: {file.size}, digest: "{file.digest}"}}\n'
        f'root: "{root_digest([file])}"\n'
    )
    return {
        "ml.yaml": CONFIG.encode(),
        "train.sh": b'cp made.onnx "$MLASSAY_OUT/model.onnx"\n',
        "made.onnx": made,
        ".gitignore": b".mlassay/\n",
        "governance/policy.yaml": POLICY.encode(),
        "governance/people.yaml": people_yaml(keys).encode(),
        "data/applications.csv": data,
        "data/applications.missing.md": b"People without a bank account are missing, and may be harmed.\n",
        "data/applications.manifest.yaml": manifest.encode(),
    }


def make(folder: Path, made: bytes | None = None, changes=None) -> Path:
    """``folder`` with remote.git, team (a clone of it, committed and pushed) and keys; the team's clone."""
    keys, team = folder / "keys", folder / "team"
    keys.mkdir(parents=True)
    git(folder, "init", "-q", "--bare", "--initial-branch=main", "remote.git")
    git(folder, "clone", "-q", folder / "remote.git", team)
    git(team, "symbolic-ref", "HEAD", "refs/heads/main")
    identify(team)
    for path, data in (files(keys, made or made_model()) | (changes or {})).items():
        (team / path).parent.mkdir(parents=True, exist_ok=True)
        (team / path).write_bytes(data)
    commit(team, "Start")
    return team


def identify(clone, who="dana"):
    """Let commits of ``clone`` be this person's."""
    git(clone, "config", "user.name", who.title())
    git(clone, "config", "user.email", f"{who}@example.org")


def commit(team, message):
    """Commit everything and push it."""
    git(team, "add", "--all")
    git(team, "commit", "-q", "-m", message)
    git(team, "push", "-q", "-u", "origin", "main")


def words(verb, folder):
    """The words of a verb of `STORY` for the team in ``folder``."""
    filled = {
        "keys": folder / "keys",
        "reason": REASON,
        "risk": RISK,
        "request": request(folder),
        "release": release(folder),
        "until": datetime.now(UTC).date() + timedelta(days=30),
    }
    parts = STORY[verb][1].split("|")
    return [
        word.format(**filled)
        for number, part in enumerate(parts)
        for word in ([part] if number % 2 else part.split())
    ]


def request(folder):
    """The id of the one request that is open or has landed; "" when there is none."""
    branches = git(folder / "remote.git", "for-each-ref", "--format=%(refname)", "refs/heads").split()
    ids = [ref.rpartition("/")[2] for ref in branches if ref != "refs/heads/main"]
    landed = [path for path in on_main(folder) if path.endswith("/request.json")]
    return next(iter(ids + [path.split("/")[-2] for path in landed]), "")


def release(folder):
    """The id of the one release that was recorded; "" when there is none."""
    return next((path.split("/")[1] for path in on_main(folder) if path.startswith("evidence/")), "")


def on_main(folder):
    """Every path on the remote's main."""
    return git(folder / "remote.git", "ls-tree", "-r", "--name-only", "main").splitlines()


def state(name, folder, run):
    """Make the state ``name`` in the new ``folder``, with every state before it; ``run`` runs a verb in a clone."""
    if name == "team":
        return make(folder)
    if name == "edited":
        team = state("record", folder, run)
        policy = team / "governance/policy.yaml"
        policy.write_text(policy.read_text().replace("days: 90", "days: 60"))
        return team
    if name == "failed":
        team = make(folder, made_model(weight=1.0, bias=-29.5))
        for verb in ("train", "test", "sign", "record"):
            run(words(verb, folder), team)
        return team
    team = state(STORY[name][0], folder, run)
    done = run(words(name, folder), team)
    assert done.code == 0, (name, done)
    return team
