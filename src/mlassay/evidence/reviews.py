"""The record of a forge's reviews: who said what of which commit, as a CI's desk key signs it after the merge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from mlassay.digest import sha256
from mlassay.errors import EvidenceError, Problem
from mlassay.evidence.predicates import Run, run_mapping, run_of
from mlassay.evidence.times import parse_time, time_string

STATES = ("approved", "refused", "dismissed", "commented")
BODY = 65_536  # characters, as many as a forge takes
LOGIN = 100


@dataclass(frozen=True, slots=True)
class ReviewWord:
    """One review: by which account (numbers of the forge), of which commit, and its words.

    ``digest`` is over the words; ``body`` is None where only the digest was kept.
    """

    id: int
    account: int
    login: str
    head: str
    state: str
    at: datetime
    body: str | None
    digest: str

    @classmethod
    def of(
        cls, id_: int, account: int, login: str, head: str, state: str, at: datetime, body: str
    ) -> ReviewWord:
        """A review as a forge told it, in text that UTF-8 can hold and no longer than a forge takes."""
        text, name = (
            each.encode("utf-8", "replace").decode("utf-8") for each in (body[:BODY], login[:LOGIN])
        )
        return cls(
            id_, account, name, head, state, at.replace(microsecond=0), text, sha256(text.encode("utf-8"))
        )

    def without_body(self) -> ReviewWord:
        """The same with the digest of its words alone."""
        return replace(self, body=None)

    def as_mapping(self) -> dict[str, Any]:
        """The review as JSON values."""
        return {
            "id": self.id,
            "account": self.account,
            "login": self.login,
            "head": self.head,
            "state": self.state,
            "at": time_string(self.at),
            "body": self.body,
            "body_digest": self.digest,
        }

    @classmethod
    def from_mapping(cls, value: Mapping[str, Any], path: str) -> ReviewWord:
        """The review that `as_mapping` wrote; KeyError, TypeError or EvidenceError when ``value`` is none."""
        word = cls(
            **{name: value[name] for name in ("id", "account", "login", "head", "state", "body")},
            at=parse_time(value["at"], path),
            digest=value["body_digest"],
        )
        numbers = all(type(number) is int for number in (word.id, word.account))
        texts = all(isinstance(text, str) for text in (word.login, word.head, word.digest, word.body or ""))
        if not numbers or not texts or word.state not in STATES or word.as_mapping() != value:
            raise TypeError("a review has other members than reviews have")
        if word.body is not None and sha256(word.body.encode("utf-8")) != word.digest:
            raise TypeError(f"the words of review {word.id} are not those of its digest")
        return word


@dataclass(frozen=True, slots=True)
class ReviewRecord:
    """What a forge held of one request when it had landed as ``merge``: ``head`` is where its branch stood.

    ``reviews`` are the last words of accounts that people.yaml knew, ``others`` everything else, without words.
    """

    forge: str
    number: int
    url: str
    head: str
    merge: str
    run: Run
    reviews: tuple[ReviewWord, ...]
    others: tuple[ReviewWord, ...] = ()

    def predicate(self) -> dict[str, Any]:
        """The record as the predicate of a statement."""
        return {
            "forge": self.forge,
            "pull_request": {"number": self.number, "url": self.url},
            "head": self.head,
            "merge": self.merge,
            "run": run_mapping(self.run),
            "reviews": [word.as_mapping() for word in self.reviews],
            "others": [word.as_mapping() for word in self.others],
        }

    def same_as(self, other: ReviewRecord) -> bool:
        """Whether both say the same of what counts; the run that wrote them and what was left out may differ."""
        return replace(self, run=other.run, others=()) == replace(other, others=())


def read_review_record(predicate: Mapping[str, Any], path: str) -> ReviewRecord:
    """The record in a predicate; EvidenceError that names ``path`` for anything but what `ReviewRecord` writes."""
    try:
        record = _record(predicate, path)
    except (KeyError, TypeError, AttributeError) as error:
        raise EvidenceError(_none(path, str(error))) from error
    texts = all(isinstance(text, str) for text in (record.forge, record.head, record.merge, record.url))
    if not texts or type(record.number) is not int or record.predicate() != predicate:
        raise EvidenceError(_none(path, "it has other members"))
    return record


def _record(predicate: Mapping[str, Any], path: str) -> ReviewRecord:
    pull = predicate["pull_request"]
    return ReviewRecord(
        **{name: predicate[name] for name in ("forge", "head", "merge")},
        number=pull["number"],
        url=pull["url"],
        run=run_of(predicate["run"]),
        reviews=tuple(ReviewWord.from_mapping(value, path) for value in predicate["reviews"]),
        others=tuple(ReviewWord.from_mapping(value, path) for value in predicate["others"]),
    )


def _none(path: str, detail: str) -> Problem:
    return Problem(
        f"this is no record of reviews as mlassay writes them: {detail}",
        remedy="compare with the commit that brought it in",
        path=path,
    )
