"""Records of a forge's reviews on the main line: each by itself, and about a request that landed before it."""

from __future__ import annotations

from dataclasses import replace

from mlassay.audit.history import Group
from mlassay.audit.requests import Confirmed
from mlassay.case.common import Place
from mlassay.case.landing import landing_of, record_path
from mlassay.case.promotion import read_case
from mlassay.case.requests import name_of_path
from mlassay.case.review_record import Recorded, read_record
from mlassay.config import People
from mlassay.config.types import NO_REVIEWS
from mlassay.errors import ConfigurationError, EvidenceError, Problem
from mlassay.evidence import layout
from mlassay.git import Repository
from mlassay.ports import Verifiers


def judge_reviews(
    repo: Repository, group: Group, path: str, at: str, verifiers: Verifiers, later: People | None
) -> Confirmed:
    """A record of reviews: of a request that had landed, signed by a desk's key that may, and as it was recorded."""
    folder, commit = path.removesuffix(f"/{layout.REVIEW_RECORD}"), group.last.id
    shown = folder.removeprefix(layout.PROMOTIONS).removeprefix(layout.CHANGES)
    try:
        found = _read(repo, group, folder, at, verifiers, later)
    except (EvidenceError, ConfigurationError) as error:
        problems = tuple(_of_record(problem, path) for problem in error.problems)
        return Confirmed("reviews", shown, commit, problems=problems)
    record = found.record
    voices = [
        f"{word.state} by {word.login or word.account} (account {word.account})" for word in record.reviews
    ]
    says = f"{record.url or record.forge}, landed as {record.merge[:12]}: {', '.join(voices) or 'nobody said anything'}"
    return Confirmed("reviews", shown, commit, says, (found.signer,), 1, len(record.reviews))


def _read(
    repo: Repository, group: Group, folder: str, at: str, verifiers: Verifiers, later: People | None
) -> Recorded:
    name = name_of_path(f"{folder}/{layout.REQUEST}")
    landing = landing_of(repo, group.parent, name) if name is not None and group.parent else None
    if name is None or landing is None:
        raise EvidenceError(
            Problem(
                "this records the reviews of a request that had not landed",
                why="reviews are recorded after the merge, by a commit of their own",
                path=f"{folder}/{layout.REVIEW_RECORD}",
            )
        )
    time = repo.commit(landing.last).time
    place = Place(landing.parent, landing.last, landing.parent, time)
    case = read_case(repo, name, place, verifiers, later=later)
    if case.policy.reviews == NO_REVIEWS:
        raise EvidenceError(
            Problem(
                "the policy before this request counted no reviews, and here are some recorded",
                why="only the policy before a request says whether reviews on the forge count for it",
                path=record_path(name),
            )
        )
    return read_record(case, repo, landing, at, verifiers)


def _of_record(problem: Problem, path: str) -> Problem:
    """Whatever is wrong with a record of reviews breaks the one rule about them, unless the file itself is no file."""
    keep = problem.rule in ("object", "tree", "append-only", "root")
    return replace(problem, path=problem.path or path, rule=problem.rule if keep else "review-record")
