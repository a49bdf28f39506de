"""What the commit that lands a request says: who asked, who agreed and why, what the gates found, what was waived."""

from __future__ import annotations

from mlassay.evidence import layout
from mlassay.evidence.codec import read_verdict
from mlassay.evidence.verdict import GateReport
from mlassay.git import Repository
from mlassay.policy import Case, ChangeCase, PromotionCase
from mlassay.policy.approvals import Standing, standings
from mlassay.stages._message import listed, message


def landing_message(case: Case, repository: Repository, parent: str) -> str:
    """The whole commit message of a promotion or a change that was said yes to."""
    agreed = [standing for standing in standings(case) if standing.counts]
    if isinstance(case, ChangeCase):
        return _change(case, agreed)
    return _promotion(case, agreed, repository, parent)


def _promotion(case: PromotionCase, agreed: list[Standing], repository: Repository, parent: str) -> str:
    request = case.request.record
    path = f"{layout.evidence_dir(request.release)}/{layout.VERDICT}"
    verdict = read_verdict(repository.read(parent, path) or b"", path)
    told = (
        f"{_name(case, request.requester)} asked that {request.environment} run release {request.release} "
        f"({verdict.model_name}){_instead(case)}. The risk is {case.level}. {_agreed(case, agreed)}"
    )
    points = [f"{_name(case, request.requester)} asked: {request.reason}"] if request.reason else []
    points += _voices(case, agreed)
    points += [f"{report.gate} {report.outcome}: {_found(report)}" for report in verdict.gates]
    points += [f"weakened: {w.what}, from {w.before} to {w.after}" for w in request.weakenings]
    points += [
        f"waived: {w.record.gate}, by {w.record.person} until {w.record.until}: {w.record.reason}"
        for w in case.waivers
    ]
    trailers = [
        ("Release", request.release),
        ("Verdict", str(verdict.outcome)),
        ("Environment", request.environment),
        ("Promotion", case.id),
        *_signatures(agreed),
    ]
    return message(f"Promote {request.release} to {request.environment}", [told], points, trailers)


def _change(case: ChangeCase, agreed: list[Standing]) -> str:
    request = case.request.record
    what = listed([path.path for path in request.paths])
    told = f"{_name(case, request.requester)} asked for a change of {what}. {_agreed(case, agreed)}"
    points = [f"{_name(case, request.requester)} asked: {request.reason}", *_voices(case, agreed)]
    trailers = [("Change", case.id), *_signatures(agreed)]
    return message(f"Change {what}", [told], points, trailers)


def _instead(case: PromotionCase) -> str:
    return f" in place of {case.live}" if case.live else ", where nothing ran before"


def _agreed(case: Case, agreed: list[Standing]) -> str:
    names = [_name(case, standing.approval.record.person) for standing in agreed]
    return f"{listed(names)} approved." if names else "Policy asks nobody to approve this."


def _voices(case: Case, agreed: list[Standing]) -> list[str]:
    said = [standing.approval.record for standing in agreed]
    return [
        text
        for record in said
        for text in (
            f"{_name(case, record.person)} approved: {record.reason}",
            f"{_name(case, record.person)} accepts this risk: {record.risk}",
        )
    ]


def _signatures(agreed: list[Standing]) -> list[tuple[str, str]]:
    pairs = []
    for standing in agreed:
        pairs += [
            ("Approved-by", standing.approval.record.person),
            ("Reason", standing.approval.record.reason),
        ]
    return pairs


def _found(report: GateReport) -> str:
    told = " (self-reported)" if report.self_reported and "self-reported" not in report.summary else ""
    return report.summary + told


def _name(case: Case, person: str) -> str:
    known = case.people.people.get(person)
    machine = "the CI signer " if person in case.people.signers else ""
    return known.name if known else f"{machine}{person}"
