"""A team whose policy counts reviews on a forge: a git remote with pull request numbers, and reviews that stay there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from mlassay.evidence.predicates import Dispatcher, Run
from mlassay.forges.local import LocalForge
from mlassay.git import Repository
from mlassay.ports import PullRequest, Review
from mlassay.signers.p256 import P256Signer
from mlassay.stages.promote import Promoted, promote
from mlassay.stages.requests import Desk
from mlassay.stages.review_record import ReviewsRecorded, record_reviews
from mlassay.wiring import verifiers
from tests import factory
from tests.factory.project import ACCOUNTS
from tests.stages.promoting import SAID, Team

NUMBER = 7
RUN = Run(
    "https://ci.example/job", "https://ci.example/runs/1", "refs/heads/main", Dispatcher("octocat", "999")
)


class ReviewedForge(LocalForge):
    """The local forge with a page for each request, on which ``said`` stands by branch."""

    def __init__(self, repository: Repository) -> None:
        super().__init__(repository)
        self.said: dict[str, list[Review]] = {}
        self.seen: dict[str, PullRequest] = {}
        self.asked: list[int] = []

    def requests(self) -> Sequence[PullRequest]:
        found = [replace(pull, number=NUMBER, url="https://forge.example/7") for pull in super().requests()]
        self.seen |= {pull.branch: pull for pull in found}
        return found

    def reviews(self, request: PullRequest) -> Sequence[Review]:
        return list(self.said.get(request.branch, ()))

    def ask(self, request: PullRequest, accounts: Sequence[int]) -> None:
        self.asked += accounts

    def landed(self, branch: str) -> PullRequest | None:
        return self.seen.get(branch)


@dataclass
class Reviewed(Team):
    """A team with that forge; ``forge`` is the one of its desk."""

    forge: ReviewedForge = field(kw_only=True)

    def ci(self, name: str = "desk") -> P256Signer:
        return P256Signer.from_pem((self.project.keys / f"{name}.pem").read_bytes(), name)

    def ask(self, run: Run = RUN, key: str = "desk", environment: str = "staging", **more) -> Promoted:
        """Have the CI ask for a promotion."""
        return promote(self.desk, self.ci(key), environment, run=run, **more)

    def pull(self, request: str) -> PullRequest:
        return next(pull for pull in self.forge.requests() if pull.id == request)

    def review(self, request: str, who: str, state="approved", body: str | None = None, **more) -> Review:
        """A review on the page, of the head that the branch has now."""
        pull = self.pull(request)
        said = self.forge.said.setdefault(pull.branch, [])
        reason, risk = SAID.get(who, ("", ""))
        values = {
            "id": 1000 + sum(map(len, self.forge.said.values())),
            "account": ACCOUNTS.get(who, 666),
            "login": f"{who}-on-forge",
            "head": pull.head,
            "state": state,
            "body": f"Reason: {reason}\nRisk: {risk}" if body is None else body,
            "at": self.project.now(),
        }
        said.append(Review(**values | more))
        return said[-1]

    def record(self, request: str, key: str = "desk", **more) -> ReviewsRecorded:
        return record_reviews(self.desk, self.ci(key), RUN, request, **more)


def make_reviewed(path: Path, **options) -> Reviewed:
    """A project with one passed release recorded, whose policy counts reviews on GitHub."""
    project = factory.make(path, remote=True, reviews=options.pop("reviews", "github"), **options)
    factory.record(project)
    forge = ReviewedForge(project.repo)
    desk = Desk(project.repo, forge, verifiers(), project.now, reviewing=forge, reviews_on="github")
    return Reviewed(project, desk, forge=forge)
