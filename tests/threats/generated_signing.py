"""Everybody's keys, and what is signed with them: people.yaml, and a release's evidence."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, derive_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from mlassay.digest import sha256
from mlassay.evidence import layout, predicates
from mlassay.evidence.codec import report_json, verdict_json
from mlassay.evidence.model_signature import model_statement
from mlassay.evidence.release import Release
from mlassay.evidence.statement import PROVENANCE, SUMMARY, TEST_RESULT, Statement, subjects
from mlassay.evidence.verdict import Verdict
from mlassay.git import Identity
from mlassay.signers.p256 import P256Signer
from mlassay.stages._sealed import signed_files, signed_model
from tests.factory import project
from tests.factory.release import tiny_model

DANA, BOT = Identity("Dana", "dana@example.org"), Identity("GitHub", "noreply@github.com")
TEAMS = project.PEOPLE | {"ada": ("lending", "reviewer")}


@cache
def person_key(name: str) -> Ed25519PrivateKey:
    """Somebody's key; always the same for a name."""
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(f"generated {name}".encode()).digest())


OTHERS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {}
"""Keys of other kinds by name: the public line, and what signs bytes with it."""


def public_line(name: str) -> str:
    """The public half as people.yaml holds it."""
    return OTHERS[name][0] if name in OTHERS else _public_line(name)


@cache
def _public_line(name: str) -> str:
    return person_key(name).public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


@cache
def ci(name: str) -> P256Signer:
    """A CI signer's key; always the same for a name."""
    number = int.from_bytes(hashlib.sha256(f"generated {name}".encode()).digest()) >> 8
    key = derive_private_key(number, SECP256R1())
    return P256Signer.from_pem(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), name)


@cache
def model(seed: int) -> bytes:
    """A model of a few hundred bytes."""
    return tiny_model(seed)


@dataclass(frozen=True)
class HeldKey:
    """A key as people.yaml tells of it: from a day on, until a day, in other hands since a day."""

    name: str
    since: str = "2026-01-01"
    until: str = ""
    lost: str = ""

    @property
    def validity(self) -> list[str]:
        """Its lines in YAML."""
        lost = (
            f"{{at: {self.lost}, because: it was lost, compromised_since: {self.lost}}}" if self.lost else ""
        )
        told = {"valid_from": self.since, "valid_until": self.until, "revoked": lost}
        return [f"{word}: {value}" for word, value in told.items() if value]


def signed_evidence(
    signer: P256Signer, made: Release, verdict: Verdict, data: bytes, now: datetime
) -> dict[str, bytes]:
    """All files of a release's evidence, each statement signed by the CI."""

    def about(kind: str, predicate: Mapping[str, Any]) -> Statement:
        return Statement(kind, subjects(made.digest, made.model.digest), predicate)

    files = {layout.VERDICT: verdict_json(verdict), layout.REPORT: f"# toy: {verdict.outcome}\n".encode()}
    files |= {layout.RELEASE: made.to_bytes(), layout.MODEL: data}
    files |= {layout.gate_report(report.gate): report_json(report) for report in verdict.gates}
    run = predicates.Run("local", "1", "refs/heads/main", predicates.Dispatcher("", "", DANA.email))
    table = {"data/applications/data/applications.csv": sha256(project.TABLE.encode())}
    provenance = predicates.provenance(made, run, table, {"isolation": "bubblewrap"})
    files |= signed_files(signer, layout.PROVENANCE, about(PROVENANCE, provenance))
    files |= signed_model(signer, model_statement(layout.MODEL, made.model.digest, made.digest))
    for report in verdict.gates:
        result = about(TEST_RESULT, predicates.test_result(report, made))
        files |= signed_files(signer, layout.gate_statement(report.gate), result)
    digests = {name: sha256(content) for name, content in files.items()}
    summary = predicates.summary(made, verdict, digests, now)
    return files | signed_files(signer, layout.SUMMARY, about(SUMMARY, summary))


def people_yaml(people: Mapping[str, Sequence[HeldKey]], signers: Sequence[HeldKey]) -> bytes:
    """people.yaml with these people and CI signers."""
    lines = ["version: 1", "people:"]
    for id_, keys in people.items():
        team, role = TEAMS[id_]
        lines += [f"  {id_}:", f"    name: {id_.title()}", f"    team: {team}", f"    roles: [{role}]"]
        lines += [f"    emails: [{id_}@example.org]", "    keys:"]
        for key in keys:
            lines.append(f"      - {{key: {public_line(key.name)}, {', '.join(key.validity)}}}")
    lines.append("signers:")
    for key in signers:
        fields = "\n".join(key.validity)
        lines += project.signer_yaml(key.name, ci(key.name).public, fields)
    return ("\n".join(lines) + "\n").encode()
