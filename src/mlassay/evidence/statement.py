"""in-toto Statements v1: which subjects, which kind of predicate, and what it says.

https://github.com/in-toto/attestation/blob/v1.1.0/spec/v1/statement.md
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mlassay.digest import bare, canonical, parse_canonical
from mlassay.errors import EvidenceError, Problem
from mlassay.evidence.layout import MODEL

STATEMENT = "https://in-toto.io/Statement/v1"
PROVENANCE = "https://slsa.dev/provenance/v1"
TEST_RESULT = "https://in-toto.io/attestation/test-result/v0.1"
SUMMARY = "https://slsa.dev/verification_summary/v1"
MODEL_SIGNATURE = "https://model_signing/signature/v1.0"

REQUEST = "urn:mlassay:predicate:request:1"
REVIEW_RECORD = "urn:mlassay:predicate:review-record:1"
ANCHOR = "urn:mlassay:predicate:anchor:1"
"""What a CI signer must be allowed to sign to sign anchors; neither the evidence's nor the desk's, unless people say so."""

EVIDENCE_PREDICATES = (PROVENANCE, TEST_RESULT, SUMMARY, MODEL_SIGNATURE)
"""What a signer of evidence must be allowed to sign."""

DESK_PREDICATES = (REQUEST, REVIEW_RECORD)
"""What a CI that asks for promotions and records reviews must be allowed to sign; never the signer of evidence."""


@dataclass(frozen=True, slots=True)
class Statement:
    """What is said (``predicate``, of kind ``predicate_type``) of which digests (``subjects``: name to digest)."""

    predicate_type: str
    subjects: Mapping[str, str]
    predicate: Mapping[str, Any]

    def to_bytes(self) -> bytes:
        """The statement as canonical JSON."""
        return canonical(
            {
                "_type": STATEMENT,
                "predicateType": self.predicate_type,
                "subject": [resource(name, digest) for name, digest in sorted(self.subjects.items())],
                "predicate": dict(self.predicate),
            }
        )


def subjects(release_digest: str, model_digest: str) -> dict[str, str]:
    """The subjects of every statement about a release: digests, never a file name alone."""
    return {"release": release_digest, MODEL: model_digest}


def resource(name: str, digest: str) -> dict[str, Any]:
    """An in-toto resource descriptor of a SHA-256 digest."""
    return {"name": name, "digest": {"sha256": bare(digest)}}


def resources(digests: Mapping[str, str]) -> list[dict[str, Any]]:
    """Resource descriptors sorted by name."""
    return [resource(name, digest) for name, digest in sorted(digests.items())]


def digests_of(descriptors: Any, path: str) -> dict[str, str]:
    """What `resources` was made from; EvidenceError when ``descriptors`` is anything else."""
    try:
        found = {item["name"]: "sha256:" + item["digest"]["sha256"] for item in descriptors}
        same = resources(found) == descriptors
    except (KeyError, TypeError) as error:
        raise EvidenceError(_malformed(path, f"it holds no list of digests ({error!r})")) from error
    if not same:
        raise EvidenceError(_malformed(path, "its list of digests is not sorted, or says more than digests"))
    return found


_MEMBERS = {"_type", "predicateType", "subject", "predicate"}


def read_statement(payload: bytes, path: str) -> Statement:
    """The statement in ``payload``; EvidenceError that names ``path`` for anything but what `to_bytes` writes."""
    value = parse_canonical(payload, path)
    try:
        kind, predicate = value["predicateType"], value["predicate"]
        statement = Statement(kind, digests_of(value["subject"], path), predicate)
        # What `to_bytes` writes: the payload is the one spelling of ``value``, and its subjects are as `resources` are.
        same = isinstance(kind, str) and isinstance(predicate, dict)
        same = same and value.keys() == _MEMBERS and value["_type"] == STATEMENT
    except (KeyError, TypeError) as error:
        raise EvidenceError(_malformed(path, repr(error))) from error
    if not same:
        raise EvidenceError(_malformed(path, "it has members that a statement does not have"))
    return statement


def _malformed(path: str, detail: str) -> Problem:
    return Problem(
        f"this is not an in-toto statement as mlassay writes them: {detail}",
        remedy="take the file back from the commit that brought it in",
        path=path,
    )
