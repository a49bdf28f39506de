"""The one place with the path names of records in a team's repository, and what of it is guarded."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime

from mlassay.digest import short

CONFIG = "ml.yaml"
POLICY = "governance/policy.yaml"
PEOPLE = "governance/people.yaml"
SIGSTORE = "governance/sigstore.json"
"""A Sigstore of one's own (a client trust config); without it the public one."""
CARD_TEXT = "governance/card.md"
"""What people say in the model card: intended use, rationale, limits."""
WAIVERS = "governance/waivers/"
EVIDENCE = "evidence/"
PROMOTIONS = "promotions/"
CHANGES = "changes/"
ENVIRONMENTS = "environments/"
GOVERNANCE = "governance/"

GUARDED = (GOVERNANCE, ENVIRONMENTS, EVIDENCE, PROMOTIONS, CHANGES)
"""Prefixes whose every change on the main line needs an explanation; `is_guarded` knows the manifests too."""

APPEND_ONLY = (EVIDENCE, PROMOTIONS, CHANGES, WAIVERS)
"""Prefixes under which a file is added once, and never changed or deleted."""

RECORDS = (EVIDENCE, PROMOTIONS, CHANGES, ENVIRONMENTS)
"""Prefixes of what mlassay itself writes down: no input of training or of a test."""

RELEASE = "release.json"
MODEL = "model.onnx"
MODEL_SIGNATURE = "model.sig"
VERDICT = "verdict.json"
REPORT = "report.md"
CROSS_CHECKS = "cross-checks.json"
CARD = "card.md"
BILL = "bom.cdx.json"
PROVENANCE = "provenance.dsse.json"
SUMMARY = "verdict.dsse.json"

REQUEST = "request.json"
MACHINE_REQUEST = "request.dsse.json"
REVIEW_RECORD = "record.dsse.json"

REQUIRED = (RELEASE, MODEL_SIGNATURE, VERDICT, REPORT, PROVENANCE, SUMMARY)
"""Files that every release's evidence has, gates' reports and statements apart."""

OPTIONAL = frozenset({CROSS_CHECKS, CARD, BILL})
"""Files that a release's evidence may have: older mlassays made no card and no bill of materials."""

_MANIFEST = re.compile(r"data/.+\.manifest\.yaml", re.DOTALL)  # a name may hold a newline
_RELEASE_ID = re.compile(r"[0-9]{8}-[0-9a-f]{8}")
_GATE_FILE = re.compile(r"gates/([a-z][a-z0-9_-]*)(\.dsse|\.sigstore)?\.json")


def release_id(date: datetime, digest: str) -> str:
    """``<UTC date of the source commit>-<first 8 hex of the release digest>``."""
    return f"{date.astimezone(UTC):%Y%m%d}-{short(digest)}"


def is_release_id(text: str) -> bool:
    """Whether ``text`` has the form of a release id."""
    return _RELEASE_ID.fullmatch(text) is not None


def evidence_dir(release: str) -> str:
    """Folder of a release's evidence, without a slash at the end."""
    return f"{EVIDENCE}{release}"


def promotion_dir(environment: str, promotion: str) -> str:
    """Folder of one promotion, without a slash at the end."""
    return f"{PROMOTIONS}{environment}/{promotion}"


def change_dir(change: str) -> str:
    """Folder of one change under ``governance/`` or of a manifest, without a slash at the end."""
    return f"{CHANGES}{change}"


def pointer_path(environment: str) -> str:
    """The file that says what an environment runs; ``environment`` may be ``<client>/<env>``."""
    return f"{ENVIRONMENTS}{environment}.yaml"


def gate_report(gate: str) -> str:
    """A gate's report, inside the evidence folder."""
    return f"gates/{gate}.json"


def gate_statement(gate: str) -> str:
    """A gate's signed statement, inside the evidence folder."""
    return f"gates/{gate}.dsse.json"


def sigstore_bundle(statement: str) -> str:
    """The Sigstore bundle beside a statement that a keyless signer signed."""
    return statement.removesuffix(".dsse.json") + ".sigstore.json"


def gate_of(path: str) -> str | None:
    """The gate whose report or statement ``path`` (inside the evidence folder) is; None for any other file."""
    match = _GATE_FILE.fullmatch(path)
    return match.group(1) if match else None


def is_review_record(path: str) -> bool:
    """Whether ``path`` is where the reviews of a request are recorded, in a commit after the one that landed it."""
    return path.startswith((PROMOTIONS, CHANGES)) and path.endswith(f"/{REVIEW_RECORD}")


def is_guarded(path: str) -> bool:
    """Whether audit demands an explanation for a main-line commit that touches ``path``.

    A guarded folder's own name is one: a link of that name would lead readers elsewhere.
    """
    return f"{path}/".startswith(GUARDED) or _MANIFEST.fullmatch(path) is not None


def is_lookalike(path: str) -> bool:
    """Whether ``path`` is no guarded one, and some file systems hold it for one.

    Letters may differ in case (Windows, macOS); signs without a shape vanish (HFS+); a dot or a space at the end, and
    what follows a colon, vanish on Windows, which also knows names by their first six letters (``ENVIRO~1``), and for
    which a backslash parts folders too.
    """
    if is_guarded(path):
        return False
    seen = "/".join(_as_seen(part) for part in re.split(r"[/\\]", path))
    short = _SHORT.match(seen)
    return is_guarded(seen) or (short is not None and short[1] in {prefix[:6] for prefix in GUARDED})


_SHORT = re.compile(r"([a-z]{6})~[0-9](?:/|$)")


def _as_seen(part: str) -> str:
    shaped = "".join(sign for sign in part.casefold() if sign.isascii() or unicodedata.category(sign) != "Cf")
    return shaped.partition(":")[0].rstrip(". ") or part


def is_append_only(path: str) -> bool:
    """Whether ``path``, once on the main line, may never change again."""
    return path.startswith(APPEND_ONLY)
