"""What an anchor pins of a commit, recomputed from git objects; and a new anchor, signed."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from mlassay.audit import clone
from mlassay.case.compromised import known_by
from mlassay.case.requests import nobody_has_a_key
from mlassay.case.signer import signer_of
from mlassay.config import People, load_people
from mlassay.errors import ConfigurationError, MlassayError, Problem
from mlassay.evidence import key_id, layout
from mlassay.evidence.anchors import MACHINE, PERSON, Anchor, AnchorFile, AnchorSigner, guarded_digest
from mlassay.evidence.keys import ssh_fingerprint
from mlassay.evidence.statement import ANCHOR
from mlassay.git import Repository
from mlassay.ports import Signer


def signer_for(repo: Repository, head: str, public: str, kind: str) -> AnchorSigner:
    """Who an anchor of ``head`` will say signs it with the key ``public``; ConfigurationError for a CI key that may not.

    A person's key need not be in people.yaml: an auditor's own will do.
    """
    people = people_at(repo, head)
    if kind == PERSON:
        person = people.by_public_key(public) if people else None
        return AnchorSigner(PERSON, person.id if person else None, ssh_fingerprint(public))
    signer = signer_of(people, key_id(public)) if people else None
    if signer is None or ANCHOR not in signer.predicates:
        who = f"'{signer.id}'" if signer else "this key"
        raise ConfigurationError(
            Problem(
                f"{who} may not sign anchors",
                why=f"a CI key counts when {layout.PEOPLE} names it, with {ANCHOR} in its list 'signs'",
                remedy="add that line by 'mlassay propose', or sign with your own SSH key (--key)",
                path=layout.PEOPLE,
            )
        )
    return AnchorSigner(MACHINE, signer.id, key_id(public))


def make_anchor(
    repo: Repository,
    head: str,
    *,
    date: datetime,
    findings: int,
    signer: tuple[Signer, str] | None,
    previous: str | None = None,
) -> AnchorFile:
    """An anchor of ``head``, signed by ``signer`` (the key, and `PERSON` or `MACHINE`), after the file ``previous``."""
    clone.refuse_incomplete(repo)
    who = signer_for(repo, head, signer[0].public, signer[1]) if signer else None
    anchor = replace(pin(repo, head), date=date, findings=findings, previous=previous, signer=who)
    return AnchorFile(anchor, signer[0].sign(anchor.signed_bytes()) if signer else None)


def pin(repo: Repository, head: str) -> Anchor:
    """What an anchor says of ``head``, unsigned and without findings; its date is the commit's own, until it has one."""
    commit = repo.commit(head)
    evidence = repo.entry(head, layout.EVIDENCE.rstrip("/"))
    folders = [*(prefix.rstrip("/") for prefix in layout.GUARDED), "data"]
    listing = {
        path: (entry.mode, entry.id) for folder in folders for path, entry in repo.tree(head, folder).items()
    }
    return Anchor(
        head=head,
        tree=commit.tree,
        commits=repo.line_length(head),
        root=trust_root(repo, head),
        evidence=evidence.id if evidence and evidence.kind == "tree" else None,
        guarded=guarded_digest(listing),
        findings=0,
        date=commit.time,
    )


def trust_root(repo: Repository, head: str) -> str | None:
    """The commit that first brought in policy and people of whom anybody has a key; the first with any where none has."""
    first: str | None = None
    for commit in reversed(list(repo.first_parents(head, paths=[layout.POLICY, layout.PEOPLE]))):
        if repo.entry(commit.id, layout.POLICY) and repo.entry(commit.id, layout.PEOPLE):
            first = first or commit.id
            if not nobody_has_a_key(repo, commit.id):
                return commit.id
    return first


def known_at(repo: Repository, commit: str) -> People | None:
    """As `people_at`, with the keys that were named before and told to be in wrong hands."""
    try:
        return known_by(repo, commit)
    except MlassayError:
        return None  # the audit of the line names the file


def people_at(repo: Repository, commit: str) -> People | None:
    """The people.yaml of a commit; None where there is none, or it cannot be read: then no key is known."""
    try:
        data = repo.read(commit, layout.PEOPLE)
        return load_people(layout.PEOPLE, data) if data is not None else None
    except MlassayError:
        return None  # the audit of the line names the file
