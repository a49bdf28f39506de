"""The signed records of one request, read from a commit: what cannot be read becomes a problem, never a guess."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, TypeVar

from mlassay.case import remembered
from mlassay.case.requests import RequestName
from mlassay.config import Key, People
from mlassay.digest import sha256
from mlassay.errors import EvidenceError, Problem
from mlassay.evidence import layout
from mlassay.evidence.records import Approval, Record, Refusal, Withdrawal
from mlassay.git import Repository
from mlassay.policy import Signed
from mlassay.ports import Verifiers

RECORD_BYTES = 1 << 20
FOLDERS: dict[str, type[Approval | Refusal | Withdrawal]] = {
    "approvals": Approval,
    "refusals": Refusal,
    "withdrawals": Withdrawal,
}

R = TypeVar("R", bound=Record)


@dataclass
class Answers:
    """Everything that people said to one request, and what of it cannot be read."""

    approvals: list[Signed[Approval]] = field(default_factory=list)
    refusals: list[Signed[Refusal]] = field(default_factory=list)
    withdrawals: list[Signed[Withdrawal]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


@dataclass(frozen=True)
class SignedReader:
    """Reads records at ``commit`` and finds the key, among those that ``people`` gives to the person, that signed."""

    repo: Repository
    commit: str
    people: People
    verifiers: Verifiers

    def read(self, path: str, kind: type[R]) -> Signed[R]:
        """The record at ``path``; EvidenceError that names it when it is not there or is none."""
        data = self.bytes_at(path)
        if data is None:
            raise EvidenceError(Problem("this record is missing", path=path, rule="record-bytes"))
        record: R = _parsed(kind, data, path)  # type: ignore[arg-type]
        who = str(getattr(record, "person", "") or getattr(record, "requester", ""))
        signature = self.bytes_at(f"{path}.sig")
        return Signed(record, path, sha256(data), self._key(who, data, signature))

    def signer_of(self, path: str) -> Key | None:
        """The key of whichever person signed the plain file at ``path`` (``.sig`` beside it); None where nobody did."""
        data, signature = self.bytes_at(path), self.bytes_at(f"{path}.sig")
        if data is None:
            return None
        found = (self._key(person, data, signature) for person in self.people.people)
        return next((key for key in found if key is not None), None)

    def bytes_at(self, path: str) -> bytes | None:
        """The bytes of a plain file; None when it is not there, EvidenceError when it is anything else."""
        entry = self.repo.entry(self.commit, path)
        if entry is None:
            return None
        if entry.mode != "100644" or entry.kind != "blob" or (entry.size or 0) > RECORD_BYTES:
            raise EvidenceError(
                Problem(f"this is no plain file of a sane size (mode {entry.mode})", path=path, rule="tree")
            )
        return self.repo.blob(entry.id, path)

    def _key(self, person: str, data: bytes, signature: bytes | None) -> Key | None:
        known = self.people.people.get(person)
        if known is None or signature is None:
            return None
        for key in known.keys:
            try:
                remembered.verify(self.verifiers.ssh, data, signature, key.public)
            except EvidenceError:
                continue  # another of the person's keys may be the one
            return key
        return None


@lru_cache(maxsize=512)  # a landed request is read for its case, and again for what is told of it
def _parsed(kind: Any, data: bytes, path: str) -> Any:
    return kind.parse(data, path)


def read_answers(reader: SignedReader, name: RequestName) -> Answers:
    """All approvals, refusals and withdrawals of a request, sorted by path."""
    answers = Answers()
    entries = reader.repo.tree(reader.commit, name.folder)
    reader.repo.prefetch(entries.values())
    paths = set(entries)
    if name.environment:  # a CI signer may ask for a promotion, and for nothing else
        paths.discard(f"{name.folder}/{layout.MACHINE_REQUEST}")
    records = sorted(path for path in paths if path.endswith(".json") and path != name.request)
    for path in records:
        try:
            _sort(answers, reader, path, path.removeprefix(f"{name.folder}/"))
        except EvidenceError as error:
            answers.problems.extend(error.problems)
    expected = {name.request, *records}
    for path in sorted(paths - expected):
        if not path.endswith(".sig") or path.removesuffix(".sig") not in expected:
            answers.problems.append(_no_record(path))
    return answers


def _sort(answers: Answers, reader: SignedReader, path: str, inside: str) -> None:
    folder, _, file = inside.partition("/")
    kind = FOLDERS.get(folder)
    if kind is None or "/" in file:
        raise EvidenceError(_no_record(path))
    found = reader.read(path, kind)
    if f"{found.record.person}.json" != file:
        raise EvidenceError(
            Problem(
                f"this file is not named after {found.record.person}, who says it",
                path=path,
                rule="record-bytes",
            )
        )
    pile = getattr(answers, folder)
    pile.append(found)


def _no_record(path: str) -> Problem:
    return Problem("this file is no record of the request", path=path, rule="record-bytes")
