"""Reviews on a forge as approvals and refusals: what their words say, and whose of them count. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from mlassay.config import People, Person
from mlassay.config.types import NO_REVIEWS
from mlassay.evidence.records import Approval, Refusal
from mlassay.evidence.reviews import BODY, ReviewWord
from mlassay.policy import Case, ReviewFacts, Signed
from mlassay.policy.approvals import TOLERANCE
from mlassay.ports import Review

LONGEST = 4000  # characters of one text, as in a signed approval
MOST = 200  # fields of one review
FIELD = re.compile(
    r" {0,3}(?:[-*+] {1,3})?[*_]{0,3}(?P<name>reason|risk|accepts?|answer {1,3}`?(?P<id>[^\s:`*]{1,200})`?)"
    r" {0,3}[*_]{0,3} {0,3}: {0,3}[*_]{0,3}(?P<text>.*)",
    re.IGNORECASE | re.DOTALL,
)
FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
# What is in a body and not on its page: comments, tags with all that their attributes say, preformatted text.
_VALUE = r"""(?:"[^"]{0,1000}"|'[^']{0,1000}'|[^\s"'=<>`]{1,1000}+)"""
_TAG = (
    rf"</?[a-z][a-z0-9-]*+(?:\s++[a-z_:][\w.:-]*+(?:\s*+=\s*+{_VALUE})?+){{0,20}}+\s*+/?>"  # CommonMark, 6.6
)
HIDDEN = re.compile(
    rf"<!--.*?(?:-->|\Z)|<pre\b.*?(?:</pre\s*>|\Z)|<[?!].*?(?:>|\Z)|{_TAG}", re.DOTALL | re.IGNORECASE
)
# These go on to the next blank line: a quotation, and the definition of a link, of which a page shows nothing.
OTHERS = re.compile(r"\s*(?:[-*+]\s+)?(?:>|\[[^\]]*\]:)")


@dataclass(frozen=True, slots=True)
class Words:
    """What a review says in fields of its own; texts are empty where it says nothing."""

    reason: str = ""
    risk: str = ""
    answers: Mapping[str, str] = field(default_factory=dict)
    accepts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Weighed:
    """The reviews of one request: those that are somebody's word, and the others, each with the reason why not."""

    approvals: tuple[Signed[Approval], ...]
    refusals: tuple[Signed[Refusal], ...]
    unheeded: tuple[tuple[ReviewWord, str], ...]


def words_of(body: str) -> Words:
    """The fields ``Reason:``, ``Risk:``, ``Answer <id>:`` and ``Accept:`` of a review's body.

    A field goes on to the next blank line or field. Quoted lines, code and comments that nobody sees say nothing.
    """
    texts: dict[str, str] = {}
    answers: dict[str, str] = {}
    accepts: list[str] = []
    for name, id_, text in _fields(_visible(body)):
        if name == "accept":
            accepts += [word for word in re.split(r"[\s,]+", text.replace("`", " ")) if word]
        elif name == "answer":
            answers.setdefault(id_, text)
        else:
            texts.setdefault(name, text)
    return Words(texts.get("reason", ""), texts.get("risk", ""), answers, tuple(sorted(set(accepts))[:MOST]))


def weigh(case: Case, words: Sequence[ReviewWord], head: str) -> Weighed:
    """The reviews of a request whose branch stands, or stood when it landed, at ``head``.

    Of one account the last review counts that approves, refuses or was dismissed. What came after the judgement's
    time does not.
    """
    known = _by_account(case.people, case.policy.reviews)
    approvals, refusals, unheeded = [], [], []
    last: dict[int, ReviewWord] = {}
    for word in words:
        if word.state != "commented" and word.account in known and word.at <= case.now + TOLERANCE:
            last[word.account] = word
    for word in words:
        person = known.get(word.account)
        if word.state == "commented":
            unheeded.append((word, ""))  # a remark is no answer
        elif person is None:
            unheeded.append((word, f"the account {word.account} is nobody's in people.yaml"))
        elif word.at > case.now + TOLERANCE:
            unheeded.append((word, "it was given later"))
        elif last[word.account] is not word:
            unheeded.append((word, "a later one of the same account took its place"))
        elif word.state == "dismissed":
            unheeded.append((word, "it was dismissed"))
        elif word.state == "refused":
            refusals.append(_refusal(case, word, person))
        elif word.head != head:
            unheeded.append((word, f"it was of {word.head[:12]}, and the branch stands at {head[:12]}"))
        else:
            approvals.append(_approval(case, word, person))
    return Weighed(tuple(approvals), tuple(refusals), tuple(unheeded))


def with_reviews(case: Case, weighed: Weighed, recorded: bool | None) -> Case:
    """``case`` with its reviews among the approvals and refusals that people signed."""
    told = tuple(f"{_shown(word)} does not count: {why}" for word, why in weighed.unheeded if why)
    return replace(
        case,
        approvals=(*case.approvals, *weighed.approvals),
        refusals=(*case.refusals, *weighed.refusals),
        reviews=ReviewFacts(recorded, told),
    )


def with_live_reviews(case: Case, forge: str, reviews: Iterable[Review], head: str) -> Case:
    """``case`` of an open request with its reviews as the forge has them now, if policy counts those of this forge."""
    wanted = case.policy.reviews
    if wanted == NO_REVIEWS:
        return case
    if forge != wanted:
        told = f"policy counts reviews on {wanted}, and this is {forge or 'a git remote alone'}"
        return replace(case, reviews=ReviewFacts(None, (told,)))
    return with_reviews(case, weigh(case, words_from(reviews), head), recorded=None)


def words_from(reviews: Iterable[Review]) -> tuple[ReviewWord, ...]:
    """Reviews as they are recorded, in the order in which they were given."""
    ordered = sorted(reviews, key=lambda review: (review.at, review.id))
    return tuple(ReviewWord.of(r.id, r.account, r.login, r.head, r.state, r.at, r.body) for r in ordered)


def _by_account(people: People, forge: str) -> dict[int, Person]:
    return {p.accounts[forge]: p for p in people.people.values() if forge in p.accounts}


def _approval(case: Case, word: ReviewWord, person: Person) -> Signed[Approval]:
    said = words_of(word.body or "")
    record = Approval(
        case.request.digest, person.id, said.reason, said.risk, word.at, said.answers, said.accepts
    )
    return Signed(record, f"review {word.id}", word.digest, None, word)


def _refusal(case: Case, word: ReviewWord, person: Person) -> Signed[Refusal]:
    body = word.body or ""
    reason = words_of(body).reason or _flat("\n".join(_visible(body))) or "without a word"
    return Signed(
        Refusal(case.request.digest, person.id, reason, word.at), f"review {word.id}", word.digest, None, word
    )


def _shown(word: ReviewWord) -> str:
    return f"review {word.id} of {word.login or word.account}"


def _visible(body: str) -> list[str]:
    """The lines that a reader of the rendered page takes for the reviewer's own."""
    text = HIDDEN.sub("", body[:BODY].replace("\r\n", "\n").replace("\r", "\n"))
    lines, fence, others = [], "", False
    for line in text.split("\n"):
        mark = FENCE.match(line)
        if fence:
            closes = mark is not None and mark[1].startswith(fence) and not line.strip().strip(fence[0])
            fence = "" if closes else fence
            lines.append("")
        elif mark is not None:
            fence, others = mark[1], False
            lines.append("")
        else:
            others = bool(line.strip()) and (others or OTHERS.match(line) is not None)
            lines.append("" if others or line.startswith(("    ", "\t")) else line)
    return lines


def _fields(lines: Iterable[str]) -> Iterator[tuple[str, str, str]]:
    """Name, id (of an answer) and text of each field, `MOST` at most."""
    found: list[tuple[str, str, list[str]]] = []
    open_ = False
    for line in lines:
        match = FIELD.fullmatch(line)
        if match is not None:
            name = match["name"].casefold()
            kind = "answer" if match["id"] else name.removesuffix("s")
            found.append((kind, match["id"] or "", [match["text"]]))
            open_ = True
        elif not line.strip():
            open_ = False
        elif open_:
            found[-1][2].append(line)
    for kind, id_, texts in found[:MOST]:
        yield kind, id_, _flat(" ".join(texts))


def _flat(text: str) -> str:
    return " ".join(text.split())[:LONGEST]
