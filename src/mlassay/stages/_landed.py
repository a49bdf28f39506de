"""Promotions that landed, read back from the main line as they were recorded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from mlassay.case.refused import only_an_objection
from mlassay.case.requests import RequestName, name_of_path
from mlassay.errors import EvidenceError
from mlassay.evidence import layout
from mlassay.evidence.records import Approval, Request
from mlassay.git import Repository


@dataclass(frozen=True, slots=True)
class Landed:
    """One promotion that landed: its commit, request and approvals as recorded."""

    name: RequestName
    commit: str
    when: datetime
    request: Request
    approvals: tuple[Approval, ...]


def landed(repository: Repository, head: str) -> Iterator[Landed]:
    """Every promotion on the main line, newest first; records that cannot be read are left to `verify`."""
    for step in repository.first_parents(head, paths=[layout.PROMOTIONS.rstrip("/")]):
        changes = repository.changes(step.parents[0] if step.parents else None, step.id)
        for change in changes:
            name = name_of_path(change.path)
            if name is None or change.new is None or not name.environment:
                continue
            if only_an_objection(name, (each.path for each in changes)):
                continue  # a refusal that was recorded: nothing landed
            try:
                request = Request.parse(repository.blob(change.new.id, change.path), change.path)
                yield Landed(name, step.id, step.time, request, tuple(_approvals(repository, step.id, name)))
            except EvidenceError:
                continue


def _approvals(repository: Repository, commit: str, name: RequestName) -> Iterator[Approval]:
    for path, entry in repository.tree(commit, f"{name.folder}/approvals").items():
        if path.endswith(".json"):
            yield Approval.parse(repository.blob(entry.id, path), path)
