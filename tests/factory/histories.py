"""Long histories in moments: really signed releases and promotions among commits that have nothing to do with them.

    history = histories.make(tmp_path / "long.git", promotions=1000, commits=20_000)

One ``git fast-import`` writes everything; each release goes to staging and then to production, by merges of two
branch commits. The same arguments give the same bytes.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_ssh_private_key

from mlassay.config import (
    Environment,
    EnvironmentRelease,
    dump_environment,
    load_config,
    load_people,
    load_policy,
)
from mlassay.digest import bare, canonical, sha256, short, without_floats
from mlassay.evidence import layout, predicates
from mlassay.evidence.codec import report_json, verdict_json
from mlassay.evidence.model_signature import model_statement
from mlassay.evidence.records import Approval, Record, Request
from mlassay.evidence.release import Artifact, Release, Source
from mlassay.evidence.statement import PROVENANCE, SUMMARY, TEST_RESULT, Statement, subjects
from mlassay.evidence.times import time_string
from mlassay.evidence.verdict import Outcome, Verdict
from mlassay.files import read_yaml
from mlassay.git import Identity
from mlassay.plan.floors import criteria_in_force, gates_in_force
from mlassay.signers.p256 import P256Signer
from mlassay.signers.ssh import _HASHES, NAMESPACE, _armored
from mlassay.stages._sealed import signed_files, signed_model
from tests.factory import project
from tests.factory.release import make_verdict, tiny_model

START = datetime(2026, 2, 1, 9, 0, tzinfo=UTC)
STEP = timedelta(minutes=1)
MANIFEST = "data/applications.manifest.yaml"
APPROVERS = {"staging": ("robin",), "production": ("robin", "lee")}
REASONS = {
    "robin": "I read the report of {} and its numbers, and the ratio holds for both groups.",
    "lee": "What {} decides was weighed against the last one, and nobody is worse off than before.",
}
RISKS = {
    "robin": "It may refuse people whose income varies much over the year.",
    "lee": "Errors among the youngest were measured on few rows, and stay unknown until spring.",
}
WORK = Identity("Dana", "dana@example.org")


@dataclass(frozen=True)
class History:
    """A bare repository: its main line's ``head``, how many commits in all, ids of releases and promotions."""

    folder: Path
    head: str
    commits: int
    releases: tuple[str, ...]
    promotions: tuple[str, ...]


def make(folder: Path, *, promotions: int, commits: int = 0) -> History:
    """A bare repository at ``folder`` with so many promotions, and so many commits in all where there is room."""
    keys = folder.parent / f"{folder.name}.keys"
    keys.mkdir(parents=True, exist_ok=True)
    subprocess.run(["git", "init", "--quiet", "--bare", "-b", "main", str(folder)], check=True)
    writer = _Writer(folder)
    team = _Team(keys, writer)
    releases = (promotions + 1) // 2
    # A release is one commit, a promotion three: request, approvals, merge.
    idle = max(0, commits - 1 - releases - 3 * promotions)
    done: list[str] = []
    for number in range(releases):
        team.work((number + 1) * idle // releases - number * idle // releases)
        team.release(number)
        for environment in ("staging", "production"):
            if len(done) < promotions:
                done.append(team.promote(environment))
    head = writer.end()
    return History(folder, head, writer.count, tuple(team.releases), tuple(done))


class _Writer:
    """One ``git fast-import``, asked for the ids of what it has just written."""

    def __init__(self, folder: Path) -> None:
        command = [
            "git",
            "-c",
            "core.fsync=none",
            "-c",
            "fastimport.unpackLimit=1",
            "fast-import",
            "--quiet",
            "--depth=50",
        ]
        self._process = subprocess.Popen(
            [*command, "--max-pack-size=4g"], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self._folder, self.count = folder, 0

    def commit(
        self,
        ref: str,
        files: Mapping[str, bytes | None],
        message: str,
        when: datetime,
        parents: tuple[int, ...],
        who: Identity = WORK,
    ) -> int:
        """Write a commit on ``parents`` (its files: those of the first, with ``files``); its mark."""
        self.count += 1
        text, person = message.encode(), f"{who.name} <{who.email}> {int(when.timestamp())} +0000"
        lines = [f"commit {ref}", f"mark :{self.count}", f"author {person}", f"committer {person}"]
        parts = ["\n".join(lines).encode(), b"\ndata %d\n%s" % (len(text), text)]
        for word, parent in zip(("from", "merge"), parents, strict=False):
            parts.append(f"\n{word} :{parent}".encode())
        for path, data in files.items():
            if data is None:
                parts.append(f"\nD {path}".encode())
            else:
                parts.append(b"\nM 100644 inline %s\ndata %d\n%s" % (path.encode(), len(data), data))
        self._pipe.write(b"".join(parts) + b"\n\n")
        return self.count

    def id(self, mark: int, path: str | None = None) -> str:
        """The id of a commit, or of what lies at ``path`` in it ("": its root folder)."""
        asked = f"get-mark :{mark}\n" if path is None else f'ls :{mark} "{path}"\n'
        self._pipe.write(asked.encode())
        self._pipe.flush()
        assert self._process.stdout is not None
        words = self._process.stdout.readline().split()
        return (words[0] if path is None else words[2]).decode()

    def end(self) -> str:
        """Wait until all is written; the id of main."""
        self._pipe.close()
        with self._process:  # closes what is left open
            assert self._process.wait() == 0
        subprocess.run(["git", "update-ref", "-d", "refs/heads/work"], cwd=self._folder, check=True)
        asked = ["git", "rev-parse", "refs/heads/main"]
        return subprocess.run(
            asked, cwd=self._folder, capture_output=True, check=True, text=True
        ).stdout.strip()

    @property
    def _pipe(self) -> Any:
        assert self._process.stdin is not None
        return self._process.stdin


@dataclass
class _Team:
    """A team at its work: the state of its main line, and every key."""

    keys: Path
    writer: _Writer
    clock: datetime = START
    tip: int = 0
    worked: int = 0
    live: dict[str, Release] = field(default_factory=dict)
    previous: dict[str, str] = field(default_factory=dict)
    releases: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        files = {
            layout.CONFIG: project.CONFIG,
            "train.py": "print('never run')\n",
            layout.POLICY: project.POLICY,
            layout.PEOPLE: project.people_yaml(self.keys),
            "data/applications.csv": project.TABLE,
            "data/applications.missing.md": "People without a bank account are missing, and may be harmed.\n",
            MANIFEST: project.manifest_yaml(),
        }
        data = {path: text.encode() for path, text in files.items()}
        self.tip = self.writer.commit("refs/heads/main", data, "Start\n", self.now(), ())
        self.config = load_config(layout.CONFIG, data[layout.CONFIG])
        self.policy = load_policy(layout.POLICY, data[layout.POLICY])
        load_people(layout.PEOPLE, data[layout.PEOPLE])
        roles = {layout.CONFIG: layout.CONFIG, "policy": layout.POLICY, "people": layout.PEOPLE}
        roles["manifest/applications"] = MANIFEST
        self.inputs = {role: sha256(data[path]) for role, path in roles.items()}
        self.data = {"data/applications/data/applications.csv": sha256(data["data/applications.csv"])}
        criteria = criteria_in_force(self.config, self.policy)
        self.level = self.policy.in_force(self.config.risk.level)
        self.criteria: dict[str, Any] = {
            gate: without_floats(criteria.get(gate, {}))
            for gate in gates_in_force(criteria, self.level, self.policy)
        }
        self.ci = P256Signer.from_pem((self.keys / "ci.pem").read_bytes(), "ci")
        self.people: dict[str, Ed25519PrivateKey] = {}
        for name in project.PEOPLE:
            key = load_ssh_private_key((self.keys / name).read_bytes(), None)
            assert isinstance(key, Ed25519PrivateKey)
            self.people[name] = key

    def now(self) -> datetime:
        """A minute later than the last time."""
        self.clock += STEP
        return self.clock

    def work(self, commits: int) -> None:
        """So many commits of ordinary work, by nobody who approves anything."""
        for _ in range(commits):
            self.worked += 1
            number = self.worked * 2654435761 % 2**32
            path = f"src/part{number % 40}/module{number // 40 % 50}.py"
            who = Identity(f"Dev {number % 9}", f"dev{number % 9}@example.org")
            text = f"VALUE = {self.worked}\n".encode()
            message = f"Work on {path}\n"
            self.tip = self.writer.commit(
                "refs/heads/main", {path: text}, message, self.now(), (self.tip,), who
            )

    def release(self, number: int) -> None:
        """Sign and record a release of the tip."""
        commit = self.writer.id(self.tip)
        source = Source(commit, self.writer.id(self.tip, ""), time_string(self.clock))
        model = tiny_model(number + 1)
        artifact = Artifact("model", "model.onnx", len(model), sha256(model))
        self.made = Release("toy", source, (artifact,), self.inputs)
        live = {"live": self.live["staging"].model.digest} if "staging" in self.live else {}
        gates = dict.fromkeys(self.criteria, Outcome.PASSED)
        verdict = make_verdict(artifact.digest, self.inputs | live, gates, self.criteria)
        now = self.now()
        files = {f"{layout.evidence_dir(self.made.id)}/{name}": d for name, d in self._signed(verdict, model)}
        self.tip = self.writer.commit("refs/heads/main", files, f"Record {self.made.id}\n", now, (self.tip,))
        self.releases.append(self.made.id)

    def _signed(self, verdict: Verdict, model: bytes) -> list[tuple[str, bytes]]:
        made = self.made
        files = {layout.VERDICT: verdict_json(verdict), layout.REPORT: f"# toy: {verdict.outcome}\n".encode()}
        files |= {layout.RELEASE: made.to_bytes(), layout.MODEL: model}
        files |= {layout.gate_report(report.gate): report_json(report) for report in verdict.gates}
        run = predicates.Run("local", "1", "refs/heads/main", predicates.Dispatcher("", "", WORK.email))
        told = {"isolation": "bubblewrap"}
        provenance = predicates.provenance(made, run, self.data, told)
        files |= signed_files(self.ci, layout.PROVENANCE, self._about(PROVENANCE, provenance))
        files |= signed_model(self.ci, model_statement(layout.MODEL, made.model.digest, made.digest))
        for report in verdict.gates:
            result = self._about(TEST_RESULT, predicates.test_result(report, made))
            files |= signed_files(self.ci, layout.gate_statement(report.gate), result)
        digests = {name: sha256(data) for name, data in files.items()}
        summary = predicates.summary(made, verdict, digests, self.clock)
        files |= signed_files(self.ci, layout.SUMMARY, self._about(SUMMARY, summary))
        return list(files.items())

    def _about(self, kind: str, predicate: Mapping[str, Any]) -> Statement:
        return Statement(kind, subjects(self.made.digest, self.made.model.digest), predicate)

    def promote(self, environment: str) -> str:
        """Ask, approve and merge the promotion of the newest release; its id."""
        base, made, now = self.writer.id(self.tip), self.made, self.now()
        evidence = self.writer.id(self.tip, layout.evidence_dir(made.id))
        previous = self.previous.get(environment)
        about = {"environment": environment, "release": made.digest, "base": base, "previous": previous}
        id_ = f"{now:%Y%m%d}-{short(sha256(canonical(about)))}"
        url = f"{layout.evidence_dir(made.id)}/{layout.MODEL}"
        runs = EnvironmentRelease(made.id, made.digest, bare(made.model.digest), url)
        pointer = dump_environment(Environment(environment, "live", now, id_, (runs,)))
        path = layout.pointer_path(environment)
        request = Request(
            environment=environment,
            release=made.id,
            release_digest=made.digest,
            pointer=read_yaml(path, pointer).value,
            previous=previous,
            base=base,
            evidence_tree=evidence,
            policy=self.policy.digest,
            requester="dana",
            requested_at=now,
            reason="It sends fewer people by mistake to a second look than a person alone does.",
        )
        folder = layout.promotion_dir(environment, id_)
        asked = {path: pointer, **self._record(f"{folder}/{layout.REQUEST}", request, "dana")}
        branch = f"refs/heads/promotion/{environment}/{id_}"
        first = self.writer.commit("refs/heads/work", asked, f"Ask: {branch}\n", now, (self.tip,))
        said: dict[str, bytes] = {}
        now = self.now()
        for person in APPROVERS[environment]:
            approval = Approval(
                request=request.digest,
                person=person,
                reason=REASONS[person].format(made.id),
                risk=RISKS[person],
                at=now,
            )
            said |= self._record(f"{folder}/approvals/{person}.json", approval, person)
        second = self.writer.commit("refs/heads/work", said, "Approve\n", now, (first,))
        message = f"Promote {made.id} to {environment}\n"
        files = asked | said
        self.tip = self.writer.commit("refs/heads/main", files, message, self.now(), (self.tip, second))
        self.previous[environment] = self.writer.id(self.tip, path)
        self.live[environment] = made
        return id_

    def _record(self, path: str, record: Record, person: str) -> dict[str, bytes]:
        data = record.to_bytes()
        return {path: data, f"{path}.sig": _sshsig(self.people[person], data)}


def _sshsig(key: Ed25519PrivateKey, payload: bytes) -> bytes:
    """What ``ssh-keygen -Y sign`` would write, without a process."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    kind = b"ssh-ed25519"
    public = _string(kind) + _string(key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))
    digest = _HASHES[b"sha512"](payload).digest()
    fields = (NAMESPACE.encode(), b"", b"sha512")
    signed = b"SSHSIG" + b"".join(map(_string, (*fields, digest)))
    inner = _string(kind) + _string(key.sign(signed))
    return _armored(b"SSHSIG\0\0\0\1" + b"".join(map(_string, (public, *fields, inner))))


def _string(data: bytes) -> bytes:
    return len(data).to_bytes(4) + data
