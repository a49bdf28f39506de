"""What people said to one request: approvals, refusals and withdrawals as `Word`, with whose signature held."""

from __future__ import annotations

import base64
from collections.abc import Iterator

from mlassay.audit.chronicle.types import Word
from mlassay.case.answers import Answers
from mlassay.evidence.keys import key_id
from mlassay.evidence.records import Approval, Refusal, Withdrawal
from mlassay.policy import Case, Signed
from mlassay.policy.approvals import standings


def fingerprint(public: str) -> str:
    """A key as ``ssh-keygen -l`` names it (``SHA256:…``); for a CI signer's key ``sha256:`` and its key id in hex."""
    digest = key_id(public)
    if public.startswith(("{", "-----")):
        return f"sha256:{digest}"
    return "SHA256:" + base64.b64encode(bytes.fromhex(digest)).decode().rstrip("=")


def words_of_case(case: Case) -> tuple[Word, ...]:
    """Everything said to a request that was judged, oldest first by what the writers claim."""
    uncounted = {standing.approval.path: standing.why_not for standing in standings(case)}
    return _ordered(_words(case, uncounted))


def words_of_answers(answers: Answers) -> tuple[Word, ...]:
    """The same of a request that nobody judged."""
    return _ordered(_words(answers, {}))


def _words(said: Case | Answers, uncounted: dict[str, str]) -> Iterator[Word]:
    for approval in said.approvals:
        yield _word(approval, uncounted.get(approval.path, ""))
    for objection in (*said.refusals, *said.withdrawals):
        yield _word(objection)


def _ordered(words: Iterator[Word]) -> tuple[Word, ...]:
    return tuple(sorted(words, key=lambda word: (word.at, word.path, word.person)))


def _word(said: Signed[Approval] | Signed[Refusal] | Signed[Withdrawal], uncounted: str = "") -> Word:
    record, review = said.record, said.review
    agreed = record if isinstance(record, Approval) else None
    return Word(
        kind=record.kind,
        person=record.person,
        at=record.at,
        reason=record.reason,
        risk=agreed.risk if agreed else "",
        answers=dict(agreed.answers) if agreed else {},
        accepts=agreed.accepts if agreed else (),
        path=said.path,
        digest=said.digest,
        holds=said.key is not None or review is not None,
        key=fingerprint(said.key.public) if said.key is not None else "",
        review=f"review {review.id} by account {review.account} ({review.login})" if review else "",
        uncounted=uncounted,
    )
