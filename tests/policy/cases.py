"""Handmade cases: one that policy says yes to, and ways to change one thing of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from mlassay.config import Approvals, Key, Level, People, Person, Policy, Risk
from mlassay.digest import sha256
from mlassay.evidence.records import (
    Approval,
    ChangeRequest,
    PathChange,
    Request,
    Waiver,
    WaiverUse,
)
from mlassay.evidence.verdict import Outcome
from mlassay.policy import ChangeCase, PromotionCase, ReleaseFacts, Signed, Terms, Touched
from mlassay.policy.questions import WHOM, open_questions

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
RELEASE, DIGEST, MODEL = "20261120-1a2b3c4d", sha256(b"release"), "ab" * 32
ID = "20261121-5e6f7a8b"
FOLDER = f"promotions/production/{ID}"
POINTER = {
    "version": 1,
    "environment": "production",
    "state": "live",
    "since": "2026-11-21T11:00:00Z",
    "promotion": ID,
    "releases": [
        {
            "release": RELEASE,
            "digest": DIGEST,
            "model": {"sha256": MODEL, "url": "x"},
            "role": "live",
            "share": 100,
        }
    ],
}
REASONS = {
    "robin": (
        "I compared its refusals with those of the live release, group by group.",
        "Few rows of one group: it may err there.",
    ),
    "lee": (
        "The board's appetite covers this product and the interval is narrow.",
        "A downturn would make the labels out of date.",
    ),
    "dana": (
        "I wrote it and I know that it works in every case.",
        "My own blind spots, which nobody else has seen.",
    ),
    "sam": (
        "The monitoring of last quarter shows no drift that matters.",
        "Monthly refits may be late after a holiday.",
    ),
}


def key(name: str, **more: Any) -> Key:
    return Key(f"ssh-ed25519 KEY{name} {name}", NOW - timedelta(days=100), **more)


def person(name: str, team: str, *roles: str, keys: tuple[Key, ...] | None = None, **more: Any) -> Person:
    return Person(
        name,
        name.title(),
        team,
        roles,
        keys if keys is not None else (key(name),),
        (f"{name}@example.org",),
        **more,
    )


def people(*extra: Person) -> People:
    everybody = (
        person("dana", "models", "developer"),
        person("robin", "models", "reviewer"),
        person("lee", "risk", "risk-lead"),
        person("sam", "operations", "operator"),
        *extra,
    )
    return People({p.id: p for p in everybody}, {}, sha256(b"people"))


POLICY = Policy(
    environments=("staging", "production"),
    approvals={
        "staging": {level: Approvals(1) for level in Level},
        "production": {level: Approvals(2, 1) for level in Level},
    },
    gates=dict.fromkeys(Level, ("performance", "bias")),
    exemptions={},
    minimum_risk=Level.MINOR,
    floors={"bias": {"sensitive": ["afam"], "selection_rate_ratio": {"min": 0.8}}},
    sensitive=("afam",),
    isolation_from=Level.MAJOR,
    waivable={"inconclusive": ("risk-lead",), "failed": ()},
    waiver_days=90,
    weakening_roles=("risk-lead",),
    governance=Approvals(1),
    manifest=Approvals(1),
    demo=False,
    digest=sha256(b"policy"),
)

TERMS = Terms(
    risk=Risk(
        {"unavailability": (2, 2), "bad_prediction": (3, 4), "decay": (3, 3), "lost_skills": (2, 3)},
        date(2027, 6, 1),
    ),
    sensitive=("afam", "single"),
    favourable="no",
    threshold="0.5",
    evaluation="applications/test",
    label="deny",
    gates={
        "performance": {"roc_auc": {"min": 0.7}, "accuracy": {"min": 0.85, "max_drop": 0.02}},
        "bias": {"sensitive": ["afam", "single"], "selection_rate_ratio": {"min": 0.8}},
        "adversarial": {
            "perturb": {"columns": ["pirat", "hirat"], "radius": 0.05},
            "robust_rate": {"min": 0.8},
        },
        "unit": {"run": "pytest -q tests"},
    },
    manifests={"applications": sha256(b"manifest")},
    splits={"applications": "stratified 0.7 0.3 seed 7"},
    withheld=("afam", "single"),
)

FACTS = ReleaseFacts(
    id=RELEASE,
    digest=DIGEST,
    model_sha256=MODEL,
    gates={"performance": Outcome.PASSED, "bias": Outcome.PASSED},
    isolation="bubblewrap",
    dispatcher=("dana@example.org",),
    problems=(),
)

REQUEST = Request(
    environment="production",
    release=RELEASE,
    release_digest=DIGEST,
    pointer=POINTER,
    previous="11" * 20,
    base="22" * 20,
    evidence_tree="33" * 20,
    policy=POLICY.digest,
    requester="dana",
    requested_at=NOW - timedelta(hours=1),
    reason="Fewer wrong refusals at the same default rate, as the report shows.",
    questions=(WHOM,),
)


def signed(record: Any, signer: Key | None = None, path: str = "") -> Signed[Any]:
    """``record`` as if signed by its person's key, or by ``signer``."""
    who = getattr(record, "person", None) or record.requester
    return Signed(record, path or f"{who}.json", record.digest, signer or key(who))


def approval(name: str, asked: Any = REQUEST, /, **more: Any) -> Approval:
    reason, risk = REASONS.get(
        name, (f"{name} has read every page of the report twice.", f"{name} sees the small group.")
    )
    answers = {"whom": "Applicants near the threshold; we bear the defaults."} | more.pop("answers", {})
    return Approval(
        **{
            "answers": answers if getattr(asked, "questions", ()) else {},
            "request": asked.digest,
            "person": name,
            "reason": reason,
            "risk": risk,
            "at": NOW - timedelta(minutes=30),
        }
        | more
    )


def case(**more: Any) -> PromotionCase:
    """A promotion to production that policy says yes to; keywords replace parts. The request's approvals follow it."""
    request = more.pop("asked", REQUEST)
    return PromotionCase(
        **{
            "id": ID,
            "folder": FOLDER,
            "request": signed(request),
            "approvals": tuple(signed(approval(name, request)) for name in ("robin", "lee")),
            "refusals": (),
            "withdrawals": (),
            "problems": (),
            "policy": POLICY,
            "people": people(),
            "now": NOW,
            "parent_time": NOW - timedelta(hours=2),
            "base_on_line": True,
            "touched": (
                Touched("environments/production.yaml", False, True),
                Touched(f"{FOLDER}/request.json", True, True),
                Touched(f"{FOLDER}/request.json.sig", True, True),
                Touched(f"{FOLDER}/approvals/robin.json", True, True),
            ),
            "contributors": (),
            "pointer_path": "environments/production.yaml",
            "previous": request.previous,
            "pointer": request.pointer,
            "evidence_tree": request.evidence_tree,
            "release": FACTS,
            "held": frozenset({DIGEST}),
            "terms": TERMS,
            "live": "20261101-00000000",
            "live_terms": TERMS,
            "waivers": (),
        }
        | more
    )


def waiver(**more: Any) -> Waiver:
    """The risk lead's waiver of an inconclusive bias gate."""
    return Waiver(
        **{
            "gate": "bias",
            "release": RELEASE,
            "release_digest": DIGEST,
            "person": "lee",
            "reason": "Too few rows of one group; the next quarter settles it.",
            "until": date(2026, 12, 31),
            "at": NOW - timedelta(hours=3),
        }
        | more
    )


def waived_case(record: Waiver | None = None, **more: Any) -> PromotionCase:
    """A promotion whose inconclusive bias gate is carried by a waiver."""
    record = record or waiver()
    use = WaiverUse(f"governance/waivers/{record.release}.{record.gate}.{record.person}.json", record.digest)
    facts = replace(FACTS, gates=FACTS.gates | {"bias": Outcome.INCONCLUSIVE})
    asked = replace(
        REQUEST, waivers=(use,), questions=open_questions({"bias": Outcome.INCONCLUSIVE}, Level.MAJOR)
    )
    answers = {"waived.bias": "The next quarter brings enough rows; until then each refusal is read."}
    return case(
        **{
            "asked": asked,
            "approvals": tuple(signed(approval(name, asked, answers=answers)) for name in ("robin", "dale")),
            "people": people(person("dale", "audit")),
            "release": facts,
            "waivers": (signed(record, path=use.path),),
        }
        | more
    )


CHANGE = ChangeRequest(
    base="22" * 20,
    paths=(PathChange("governance", "44" * 20, "55" * 20),),
    requester="dana",
    requested_at=NOW - timedelta(hours=1),
    reason="Sam joins the reviewers, because Robin is away in spring.",
)


def change_case(**more: Any) -> ChangeCase:
    """A change of governance that policy says yes to."""
    request = more.pop("asked", CHANGE)
    folder = "changes/20261121-77777777"
    return ChangeCase(
        **{
            "id": "20261121-77777777",
            "folder": folder,
            "request": signed(request),
            "approvals": (signed(approval("robin", request)),),
            "refusals": (),
            "withdrawals": (),
            "problems": (),
            "policy": POLICY,
            "people": people(),
            "now": NOW,
            "parent_time": NOW - timedelta(hours=2),
            "base_on_line": True,
            "touched": (
                Touched("governance/people.yaml", False, True),
                Touched(f"{folder}/request.json", True, True),
            ),
            "before": {p.path: p.old for p in request.paths},
            "after": {p.path: p.new for p in request.paths},
            "owners": {},
        }
        | more
    )
