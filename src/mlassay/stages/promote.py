"""The promote stage: one signed request on a branch of its own, on top of the main line, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from mlassay.case.common import object_at
from mlassay.case.history import pointer_at
from mlassay.case.machine import request_statement
from mlassay.case.promotion import source_of
from mlassay.case.release import ReleaseEvidence, read_release
from mlassay.case.requests import RequestName, governance_at, name_of_branch
from mlassay.case.terms import terms_at
from mlassay.ci import Context
from mlassay.config import CiSigner, Environment, EnvironmentRelease, Person, Policy, dump_environment
from mlassay.digest import bare, canonical, sha256, short
from mlassay.errors import ConfigurationError, EvidenceError, Problem, RemoteError
from mlassay.evidence import layout
from mlassay.evidence.predicates import Run
from mlassay.evidence.records import Question, Request, Waiver, WaiverUse
from mlassay.evidence.release import Release
from mlassay.evidence.verdict import Outcome, Verdict
from mlassay.files import read_yaml
from mlassay.git import MovedOn
from mlassay.policy import weakenings
from mlassay.policy.questions import open_questions
from mlassay.ports import PullRequest, Signer
from mlassay.stages._message import message
from mlassay.stages._newest import newest_release
from mlassay.stages._sealed import run_now, sealed
from mlassay.stages.page_facts import RequestFacts, facts_before
from mlassay.stages.requests import TRIES, Desk, author, is_machine, who_asks


@dataclass(frozen=True, slots=True)
class Promoted:
    """What `promote` did, or would do: ``pull`` is None on a dry run, ``already`` says that it was open before."""

    name: RequestName
    request: Request
    pull: PullRequest | None
    already: bool
    paths: tuple[str, ...]
    message: str


@dataclass(frozen=True, slots=True)
class _Wish:
    """What is asked for, against one state of the main line."""

    tip: str
    environment: str
    requester: Person | CiSigner
    policy: Policy
    release: Release
    verdict: Verdict
    evidence_tree: str
    previous: str | None
    now: datetime


def promote(
    desk: Desk,
    signer: Signer,
    environment: str,
    release: str | None = None,
    *,
    reason: str = "",
    questions: Sequence[Question] = (),
    page: Callable[[RequestFacts], str] | None = None,
    run: Run | None = None,
    dry_run: bool = False,
) -> Promoted:
    """Open the promotion of a release (the newest that has not been there, if none is named), or find it open.

    ``run`` is the CI's, whose key ``signer`` may be; ``page`` renders the pull request's body. ConfigurationError when it cannot be asked for as things stand, EvidenceError when the release's evidence does
    not hold, RemoteError when the remote is gone.
    """
    for _ in range(TRIES):
        wish = _wish(desk, signer, environment, release)
        if found := _open_already(desk, wish):
            return found
        request = _request(desk, wish, reason, questions)
        name = RequestName(request.pointer["promotion"], environment)
        files = {
            layout.pointer_path(environment): dump_environment(_pointer(wish, name.id)),
            name.request: request.to_bytes(),
        }
        text = _message(wish, name, request)
        signed = f"{name.folder}/{layout.MACHINE_REQUEST}" if is_machine(signer) else f"{name.request}.sig"
        paths = (*sorted(files), signed)
        if dry_run:
            return Promoted(name, request, None, already=False, paths=paths, message=text)
        files[signed] = _signature(desk, signer, request, run)
        who = author(desk.repository, wish.requester)
        head = desk.repository.write_commit(wish.tip, files, message=text, author=who, when=wish.now)
        body = page(facts_before(desk, wish.tip, name, head)) if page else text
        try:
            pull = desk.forge.open(name.branch, head, title=text.partition("\n")[0], body=body)
        except MovedOn:
            continue  # somebody asked for the same at the same moment: theirs is found next time round
        return Promoted(name, request, pull, already=False, paths=paths, message=text)
    raise RemoteError(
        Problem("the request could not be opened: its branch kept moving", remedy="run it again")
    )


def _signature(desk: Desk, signer: Signer, request: Request, run: Run | None) -> bytes:
    """A person's signature over the request, or a CI's statement of it that names the run and who set it off."""
    if not is_machine(signer):
        return signer.sign(request.to_bytes())
    return sealed(
        signer, request_statement(request, run or run_now(desk.repository, Context("local")))
    ).to_bytes()


def _wish(desk: Desk, signer: Signer, environment: str, release: str | None) -> _Wish:
    line = desk.line()
    policy, _ = governance_at(desk.repository, line.tip)
    if environment not in policy.environments:
        raise ConfigurationError(
            Problem(
                f"policy knows no environment {environment!r}",
                remedy=f"environments in order are: {', '.join(policy.environments)}",
                path=policy.path,
            )
        )
    now = desk.now(line.tip)
    requester = who_asks(desk.repository, line.tip, signer, now)
    chosen = release or newest_release(desk.repository, line.tip, policy, environment)
    evidence = read_release(desk.repository, line.tip, chosen, desk.verifiers)
    found, verdict = _whole(evidence)
    live = pointer_at(desk.repository, line.tip, environment)
    if live is not None and live.live.digest == found.digest and live.state == "live":
        raise ConfigurationError(
            Problem(
                f"{environment} runs {chosen} already, by promotion {live.promotion}", remedy="mlassay status"
            )
        )
    previous = object_at(desk.repository, line.tip, layout.pointer_path(environment))
    return _Wish(line.tip, environment, requester, policy, found, verdict, evidence.tree_id, previous, now)


def _whole(evidence: ReleaseEvidence) -> tuple[Release, Verdict]:
    EvidenceError.raise_if_any(evidence.problems)
    if evidence.release is None or evidence.verdict is None:
        raise EvidenceError(Problem(f"the evidence of {evidence.id} is not whole", remedy="mlassay verify"))
    return evidence.release, evidence.verdict


def _open_already(desk: Desk, wish: _Wish) -> Promoted | None:
    """The open request of this person for this release in place of this pointer, unless somebody blocked it.

    One that leans on other waivers, or on a policy that has changed, can no longer be met: it is asked for anew.
    """
    waivers = set(_waivers(desk, wish))
    for pull in desk.forge.requests():
        name = name_of_branch(pull.branch)
        if name is None or name.environment != wish.environment:
            continue
        try:
            data = desk.repository.read(pull.head, name.request)
            request = Request.parse(data or b"", name.request)
        except EvidenceError:
            continue  # whoever pushed that branch has not asked for anything that can be read
        same = (request.release_digest, request.requester, request.previous)
        if same != (wish.release.digest, wish.requester.id, wish.previous):
            continue
        if request.policy != wish.policy.digest or set(request.waivers) != waivers:
            continue
        blocked = any(
            desk.repository.entry(pull.head, f"{name.folder}/{pile}") for pile in ("refusals", "withdrawals")
        )
        if not blocked:
            return Promoted(name, request, pull, already=True, paths=(), message="")
        if name.id == _id(wish):
            raise ConfigurationError(
                Problem(
                    f"{name.id} was refused, and nothing has changed on the main line since",
                    why="a refusal stands until what it is about is seen to",
                    remedy=f"mlassay decide {name.id} prints the reason; see to it, then ask again",
                )
            )
    return None


def _request(desk: Desk, wish: _Wish, reason: str, questions: Sequence[Question]) -> Request:
    repository = desk.repository
    live = pointer_at(repository, wish.tip, wish.environment)
    live_source = source_of(repository, wish.tip, live.live.release) if live else None
    old = terms_at(repository, live_source) if live_source else None
    gates = {report.gate: report.outcome for report in wish.verdict.gates}
    new = terms_at(repository, wish.release.source.commit)
    level = wish.policy.in_force(new.risk.level)
    pointer = dump_environment(_pointer(wish, _id(wish)))
    return Request(
        environment=wish.environment,
        release=wish.release.id,
        release_digest=wish.release.digest,
        pointer=read_yaml(layout.pointer_path(wish.environment), pointer).value,
        previous=wish.previous,
        base=wish.tip,
        evidence_tree=wish.evidence_tree,
        policy=wish.policy.digest,
        requester=wish.requester.id,
        requested_at=wish.now,
        reason=reason,
        weakenings=weakenings(new, old, wish.policy),
        waivers=tuple(_waivers(desk, wish)),
        questions=(*open_questions(gates, level), *questions),
    )


def _waivers(desk: Desk, wish: _Wish) -> Iterator[WaiverUse]:
    """Every waiver on the main line for a gate of this very release that did not pass, and that has not ended."""
    gates = {report.gate: report.outcome for report in wish.verdict.gates}
    for path, entry in desk.repository.tree(wish.tip, layout.WAIVERS.rstrip("/")).items():
        if not path.startswith(f"{layout.WAIVERS}{wish.release.id}.") or not path.endswith(".json"):
            continue
        data = desk.repository.blob(entry.id, path)
        waiver = Waiver.parse(data, path)
        open_ = gates.get(waiver.gate, Outcome.PASSED) is not Outcome.PASSED
        if open_ and waiver.release_digest == wish.release.digest and waiver.until >= wish.now.date():
            yield WaiverUse(path, sha256(data))


def _id(wish: _Wish) -> str:
    about = {
        "environment": wish.environment,
        "release_digest": wish.release.digest,
        "base": wish.tip,
        "previous": wish.previous,
        "requester": wish.requester.id,
    }
    return f"{wish.now:%Y%m%d}-{short(sha256(canonical(about)))}"


def _pointer(wish: _Wish, promotion: str) -> Environment:
    release = EnvironmentRelease(
        release=wish.release.id,
        digest=wish.release.digest,
        model_sha256=bare(wish.release.model.digest),
        model_url=f"{layout.evidence_dir(wish.release.id)}/{layout.MODEL}",
    )
    return Environment(wish.environment, "live", wish.now, promotion, (release,))


def _message(wish: _Wish, name: RequestName, request: Request) -> str:
    who = (
        f"The CI signer {wish.requester.id}" if isinstance(wish.requester, CiSigner) else wish.requester.name
    )
    told = f"{who} asks to promote {request.release} to {request.environment}."
    points = [request.reason] if request.reason else []
    points += [f"weakened: {w.what}, from {w.before} to {w.after}" for w in request.weakenings]
    points += [f"leans on the waiver {waiver.path}" for waiver in request.waivers]
    trailers = [
        ("Release", request.release),
        ("Verdict", str(wish.verdict.outcome)),
        ("Environment", request.environment),
        ("Promotion", name.id),
    ]
    return message(f"Ask to promote {request.release} to {request.environment}", [told], points, trailers)
