"""Chronicles made by hand: an ordinary one, and one in which a liar wrote everything that somebody can write."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from mlassay.audit.chronicle.types import (
    ChangeEntry,
    Chronicle,
    DataUse,
    GovernanceEntry,
    Moment,
    PointerEntry,
    PromotionEntry,
    RefusedEntry,
    ReleaseEntry,
    WaiverEntry,
    Word,
)
from mlassay.audit.findings import Finding
from mlassay.config import Environment, EnvironmentRelease, Key, People, Person
from mlassay.config.types import CiSigner
from mlassay.digest import sha256
from mlassay.errors import Problem
from mlassay.evidence.records import (
    ChangeRequest,
    PathChange,
    Question,
    Request,
    Waiver,
    WaiverUse,
    Weakening,
)
from mlassay.evidence.release import Artifact, Release, Source
from mlassay.evidence.verdict import Verdict
from mlassay.manifest.types import (
    Column,
    DataFile,
    LabelInfo,
    Manifest,
    PersonalData,
    SpecialCategories,
    SplitRule,
)
from mlassay.policy import Decision, Demand
from mlassay.render.site import Facts, Intact
from mlassay.stages.due import Due
from tests.policy.cases import POLICY
from tests.render.pages import hostile_verdict
from tests.render.verdicts import FAILED, PASSED

START = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
DATA = "data/applications.manifest.yaml"
EVIL = (
    "</style></title></code><script>window.pwned=1</script><img src=x onerror=window.pwned=1>"
    '"\' onmouseover=window.pwned=1 x="{{ 7*7 }}{% raw %}<svg/onload=window.pwned=1>'
    "<iframe srcdoc='<script>top.pwned=1</script>'><a href=javascript:window.pwned=1>x</a>"
    "<style>body{display:none}</style><!-- ]]> &lt;b&gt; \u202egnp.exe\u2066\x1b[31m\x00\ud800 ZZZ"
)
"""What a liar writes: every trick with elements, attributes, templates, comments and directions in one line."""


def moment(number: int) -> Moment:
    when = START + timedelta(days=number)
    return Moment(f"{number:040x}", number, when, when)


def facts(text: str = "", *, releases: int = 3, **more: object) -> Facts:
    """An ordinary record, or with ``text`` one in which everything that somebody can write is that."""
    made = Facts(
        chronicle=chronicle(text, releases),
        intact=Intact(
            text or "consistent since root 0000", not text, _found(text), (text or "what came before",)
        ),
        due=(
            Due(
                text or "production: the risks are to be looked at again",
                date(2027, 6, 1),
                False,
                text or "look",
            ),
            Due(text or "staging: a waiver of lee", date(2026, 1, 1), True, text or "promote another"),
        ),
        as_of=date(2026, 12, 1),
        manifests={digest(text, "manifest"): manifest(text)},
        owners={digest(text, "ml.yaml"): "lee"},
        pointers={(moment(5).commit, "environments/production.yaml"): sha256(b"pointer")},
        title=text,
    )
    return replace(made, **more)


def digest(text: str, name: str) -> str:
    return sha256(f"{name}{len(text)}".encode())


def chronicle(text: str, count: int) -> Chronicle:
    released = tuple(release(text, number) for number in range(count))
    promoted = tuple(promotion(text, number, released[number].id) for number in range(count))
    governed = GovernanceEntry(moment(0), people(text), replace(POLICY, demo=False), "")
    return Chronicle(
        head=moment(2 * count + 8),
        first=moment(0),
        root=moment(0),
        releases=released,
        promotions=promoted,
        refused=(refused(text), replace(refused(text), environment="")),
        changes=(change(text),),
        waivers=(waiver(text, released[0].id if released else ""),),
        pointers={_decoded(text) or "production": tuple(pointer(text, e) for e in promoted)}
        if promoted
        else {},
        governance=(governed,),
        problems=(),
        demo=bool(text),
    )


def release(text: str, number: int) -> ReleaseEntry:
    path, text = text, _decoded(text)
    inputs = {"ml.yaml": digest(text, "ml.yaml"), "policy": sha256(b"p"), "people": sha256(b"q")}
    if text:
        inputs |= {f"manifest/{text}": sha256(b"m")}
    made = Release(
        text or "loans",
        Source("5" * 40, "6" * 40, "2026-03-01T09:00:00Z"),
        (Artifact("model", text or "model.onnx", 100 + number, sha256(str(number).encode())),),
        inputs,
    )
    verdict: Verdict = (
        (FAILED if number % 3 == 0 else PASSED) if not text else hostile_verdict(_decoded(text))
    )
    return ReleaseEntry(
        f"20260301-{number:08x}",
        moment(2 * number + 3),
        made,
        verdict,
        {"runDetails": {"mlassay_self_reported": {"isolation": text or "bubblewrap"}}},
        (DataUse(text or "applications", path or DATA, digest(text, "manifest"), sha256(b"root")),),
        (text or "ci",),
        (Problem(text, text, text, text, 3),) if text else (),
    )


def promotion(text: str, number: int, release_id: str) -> PromotionEntry:
    text = _decoded(text)
    environment, id_ = text or "production", f"20260302-{number:08x}"
    request = Request(
        environment,
        release_id,
        sha256(b"r"),
        {},
        None,
        "7" * 40,
        "8" * 40,
        sha256(b"p"),
        text or "dana",
        START,
        text or "It passed.",
        weakenings=(Weakening(text or "w", text or "the limit", text or "0.9", text or "0.8"),),
        waivers=(WaiverUse(text or "governance/waivers/x.json", sha256(b"w")),),
        questions=(Question(text or "whom", text or "Whom does it favour?"),),
    )
    return PromotionEntry(
        environment,
        id_,
        moment(2 * number + 4),
        "9" * 40,
        request,
        sha256(b"request"),
        "",
        (word(text, "approval", f"promotions/production/{id_}/approvals/robin.json"),),
        Decision((Demand(text or "approvals", True, text or "robin did"),)),
        None,
        (),
    )


def word(text: str, kind: str, path: str, *, holds: bool = True) -> Word:
    path, text = text or path, _decoded(text)
    said = text or "I compared the numbers of both groups."
    answers, accepts = {text or "whom": said}, (text or "w",)
    return Word(
        kind,
        text or "robin",
        START,
        said,
        said,
        answers,
        accepts,
        path,
        sha256(b"word"),
        holds,
        text,
        text,
        text,
    )


def refused(text: str) -> RefusedEntry:
    id_ = text or "20260303-00000001"
    asked = promotion(text, 1, "20260301-00000001").request
    path = f"promotions/production/{id_}/refusals/robin.json"
    return RefusedEntry(
        _decoded(text) or "production", id_, moment(6), asked, (word(text, "refusal", path),), ()
    )


def change(text: str) -> ChangeEntry:
    text = _decoded(text)
    request = ChangeRequest(
        "7" * 40,
        (PathChange(text or "governance/policy.yaml", "1" * 40, "2" * 40),),
        text or "dana",
        START,
        text or "Ask two people from now on.",
        (Question(text or "whom", text or "Who is worse off?"),),
    )
    path = "changes/20260304-00000001/approvals/robin.json"
    said = (word(text, "approval", path, holds=False),)
    demands = Decision((Demand(text or "approvals", False, text or "nobody did"),))
    return ChangeEntry(
        text or "20260304-00000001", moment(7), "9" * 40, request, sha256(b"c"), said, demands, ()
    )


def waiver(text: str, release_id: str) -> WaiverEntry:
    text = _decoded(text)
    signed = Waiver(
        text or "bias",
        release_id,
        sha256(b"r"),
        text or "lee",
        text or "Too few rows.",
        date(2027, 1, 1),
        START,
    )
    return WaiverEntry(
        text or f"governance/waivers/{release_id}.bias.json", moment(5), signed, text or "SHA256:x", ()
    )


def pointer(text: str, entry: PromotionEntry) -> PointerEntry:
    assert entry.request is not None
    runs = EnvironmentRelease(entry.request.release, sha256(b"r"), "ab" * 32, text or "x")
    held = Environment(entry.environment, "live", START, entry.id, (runs,))
    return PointerEntry(entry.environment, entry.moment, held, not text)


def people(text: str) -> People:
    text = _decoded(text)
    named = {id_: _person(text, id_) for id_ in ("dana", "robin", "lee")}
    if text:
        named[text] = _person(text, text)
    ci = CiSigner(text or "ci", Key(text or "-----BEGIN PUBLIC KEY-----", START), (text or "p",))
    return People(named, {ci.id: ci}, sha256(b"people"))


def _person(text: str, id_: str) -> Person:
    keys = (Key(text or f"ssh-ed25519 AAAA{id_} {id_}", START, revoked_at=START, revoked_because=text),)
    return Person(id_, text or id_.title(), text or "models", (text or "reviewer",), keys, (text or "x@y",))


def manifest(text: str) -> Manifest:
    text = _decoded(text)
    told = dict.fromkeys(
        ("description", "licence", "terms", "purpose", "jurisdiction", "origin", "public_why"), text
    )
    return Manifest(
        name=text or "applications",
        owner=text or "lee",
        collected_from=START.date(),
        collected_to=START.date(),
        contains_model_outputs=False,
        public=True,
        personal_data=PersonalData(text, START.date()),
        special_categories=SpecialCategories((text or "age",), text, ("test",), START.date()),
        label=LabelInfo(text, text, text, text),
        missing=text,
        columns=(Column(text or "income", "number", "feature", "before"),),
        split=SplitRule("seeded"),
        files=(DataFile(text, 1, sha256(b"f")),),
        root=sha256(b"root"),
        lines={},
        digest=sha256(b"manifest"),
        path=text or DATA,
        **told,
    )


def _found(text: str) -> tuple[Finding, ...]:
    return (Finding(text, text, text, text, text, text, text),) if text else ()


def _decoded(text: str) -> str:
    """Records are JSON in UTF-8, which has no lone surrogates; names of files and folders may hold some."""
    return text.encode("utf-8", "replace").decode()
