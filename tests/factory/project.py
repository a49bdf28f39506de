"""A team's repository with everything but a model: policy, people with keys, a small data set, ml.yaml, on main."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, derive_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from mlassay.digest import sha256
from mlassay.evidence.statement import DESK_PREDICATES, EVIDENCE_PREDICATES
from mlassay.git import Identity, Repository
from mlassay.manifest import DataFile, root_digest

START = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
PEOPLE = {"dana": ("lending", "developer"), "robin": ("lending", "reviewer"), "lee": ("risk", "risk-lead")}
ACCOUNTS = {"dana": 101, "robin": 102, "lee": 103}
DESK = f"valid_from: 2026-01-01\nsigns: [{', '.join(DESK_PREDICATES)}]"
AUTHOR = Identity("Dana", "dana@example.org")

CONFIG = """\
version: 1
name: toy
objective: Say which applications deserve a second look.
owner: lee
risk:
  unavailability: {probability: 1, impact: 2}
  bad_prediction: {probability: 3, impact: 3}
  decay:          {probability: 1, impact: 2}
  lost_skills:    {probability: 1, impact: 2}
  review_by: "2030-01-01"
data: {applications: data/applications.manifest.yaml}
train: {run: python train.py, uses: [train.py], data: [applications/train], withhold: [group]}
model: {file: model.onnx, task: binary-classification, favourable: "no", threshold: 0.5}
evaluate: {data: applications/test, label: deny}
gates:
  performance: {accuracy: {min: 0.8}}
  bias: {sensitive: [group], selection_rate_ratio: {min: 0.8}}
store: git
"""

POLICY = """\
version: 1
environments: [staging, production]
minimum_risk: minor
approvals:
  staging: {minor: {count: 1}, moderate: {count: 1}, major: {count: 1}, severe: {count: 2}}
  production: {minor: {count: 1}, moderate: {count: 2, outside: 1}, major: {count: 2, outside: 1}, severe: {count: 2, outside: 1}}
gates: {minor: [performance], moderate: [performance, bias], major: [performance, bias], severe: [performance, bias]}
floors:
  performance: {accuracy: {min: 0.7}}
  bias: {sensitive: [group], selection_rate_ratio: {min: 0.8}}
isolation_from: moderate
waivers: {inconclusive: [risk-lead], failed: [], days: 90}
weakenings: [risk-lead]
changes: {governance: {count: 1, roles: [risk-lead]}, manifest: {count: 1}}
"""

TABLE = "income,group,deny\n" + "".join(
    f"{row},{'ab'[row % 2]},{'yes' if row < 5 else 'no'}\n" for row in range(20)
)


@dataclass
class Project:
    """A team's repository and its keys; ``now()`` moves on by a minute at each look."""

    repo: Repository
    keys: Path
    remote: Repository | None = None
    clock: datetime = field(default=START)

    @property
    def folder(self) -> Path:
        """The work tree."""
        assert self.repo.worktree is not None
        return self.repo.worktree

    def now(self) -> datetime:
        """A minute later than the last time."""
        self.clock += timedelta(minutes=1)
        return self.clock

    def commit(self, files: dict[str, str], message: str = "Change something") -> str:
        """Write files, commit them on main, and push when there is a remote."""
        for path, text in files.items():
            (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / path).write_text(text)
        before = self.repo.head()
        commit = self.repo.add_and_commit(list(files), message, author=AUTHOR, when=self.now())
        if self.remote is not None:
            self.repo.push("origin", commit, "refs/heads/main", before)
        return commit

    def read(self, path: str) -> str:
        """A file of the work tree."""
        return (self.folder / path).read_text()


NOBODY = """version: 1
people: {lee: {name: Lee, team: risk, roles: [risk-lead], keys: []}}
signers: {}
"""


def make(
    path: Path,
    *,
    remote: bool = False,
    signer: str = "",
    policy: str = POLICY,
    config: str = CONFIG,
    reviews: str = "",
    forked: bool = False,
) -> Project:
    """A new repository at ``path``/team; ``signer`` is YAML that replaces the fields of the CI signer ``ci``.

    ``forked``: two commits without anybody's key come before, as in a fork of the template. With ``reviews`` (a forge's name) reviews there count, people have accounts on it, and ``desk`` is its signer.
    """
    keys = path / "keys"
    keys.mkdir(parents=True)
    bare = Repository.init(path / "remote.git", bare=True) if remote else None
    repo = Repository.init(path / "team")
    repo.set_config("user.name", AUTHOR.name)
    repo.set_config("user.email", AUTHOR.email)
    if bare is not None:
        add_remote(repo, path / "remote.git")
    project = Project(repo, keys, bare)
    if forked:
        project.commit({"governance/policy.yaml": policy, "governance/people.yaml": NOBODY}, "The template")
        project.commit({"governance/policy.yaml": f"{policy}# read\n"}, "A newer template")
    project.commit(
        {
            "ml.yaml": config,
            "train.py": "print('never run')\n",
            ".gitignore": ".mlassay/\n",
            "governance/policy.yaml": policy + (f"reviews: {reviews}\n" if reviews else ""),
            "governance/people.yaml": people_yaml(keys, signer, reviews),
            "data/applications.csv": TABLE,
            "data/applications.missing.md": "People without a bank account are missing, and may be harmed.\n",
            "data/applications.manifest.yaml": manifest_yaml(),
        },
        "Start",
    )
    return project


def add_remote(repo: Repository, remote: Path) -> None:
    """Let ``origin`` be ``remote``, as a clone would have it."""
    repo.set_config("remote.origin.url", str(remote))
    repo.set_config("remote.origin.fetch", "+refs/heads/*:refs/remotes/origin/*")
    repo.set_config("branch.main.remote", "origin")
    repo.set_config("branch.main.merge", "refs/heads/main")


def people_yaml(keys: Path, signer: str = "", reviews: str = "") -> str:
    """people.yaml with `PEOPLE` and the CI signer ``ci``, whose private keys lie in ``keys`` afterwards.

    ``desk``, who asks for promotions and records reviews, is there with ``reviews``, the forge of `ACCOUNTS`.
    """
    lines = ["version: 1", "people:"]
    for id_, (team, role) in PEOPLE.items():
        lines += [
            f"  {id_}:",
            f"    name: {id_.title()}",
            f"    team: {team}",
            f"    roles: [{role}]",
            f"    emails: [{id_}@example.org]",
            f"    keys: [{{key: {person_key(keys, id_)}, valid_from: 2026-01-01}}]",
            *([f"    accounts: {{{reviews}: {ACCOUNTS[id_]}}}"] if reviews else []),
        ]
    lines += ["signers:", *signer_yaml("ci", ci_key(keys), signer)]
    lines += signer_yaml("desk", ci_key(keys, "desk"), DESK) if reviews else []
    return "\n".join(lines) + "\n"


def signer_yaml(id_: str, public: str, fields: str = "") -> list[str]:
    """Lines of one CI signer; ``fields`` replaces those that say from when and for what."""
    pem = [f"      {line}" for line in public.strip().splitlines()]
    predicates = ", ".join(f'"{kind}"' for kind in EVIDENCE_PREDICATES)
    given = fields or f"valid_from: 2026-01-01\nsigns: [{predicates}]"
    if "signs" not in given:
        given += f"\nsigns: [{predicates}]"
    return [f"  {id_}:", "    key: |", *pem, *(f"    {line}" for line in given.splitlines())]


def ci_key(keys: Path, name: str = "ci") -> str:
    """Make ``name``.pem (always the same for a name) and give its public half."""
    number = int.from_bytes(hashlib.sha256(f"factory {name}".encode()).digest()) >> 8
    key = derive_private_key(number, SECP256R1())
    path = keys / f"{name}.pem"
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    path.chmod(0o600)
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def person_key(keys: Path, name: str) -> str:
    """Make an Ed25519 key pair ``name``, ``name``.pub (always the same for a name) and give its public line."""
    key = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(f"factory {name}".encode()).digest())
    path = keys / name
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    path.chmod(0o600)
    public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    (keys / f"{name}.pub").write_text(f"{public} {name}\n")
    return public


def manifest_yaml() -> str:
    """The manifest of `TABLE`."""
    data = TABLE.encode()
    file = DataFile("data/applications.csv", len(data), sha256(data))
    return f"""\
version: 1
name: applications
description: Twenty applications that nobody ever made.
owner: lee
licence: CC0-1.0
terms: none
purpose: tests
collected: {{from: 2026-01-01, to: 2026-01-31}}
jurisdiction: nowhere
origin: made up
contains_model_outputs: false
public: true
public_why: nobody is in it
missing: data/applications.missing.md
label: {{source: made up, labeller: nobody, delay: none, known_errors: none}}
columns:
  - {{name: income, type: number, role: feature, available_at: before}}
  - {{name: group, type: category, values: [a, b], role: feature, available_at: before}}
  - {{name: deny, type: category, values: ["no", "yes"], role: label, available_at: after}}
split: {{kind: seeded, seed: 1, fractions: {{train: 0.5, test: 0.5}}}}
files:
  - {{path: {file.path}, size: {file.size}, digest: "{file.digest}"}}
root: "{root_digest([file])}"
"""
