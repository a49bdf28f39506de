"""How to answer a request: with mlassay, on the pull request's page, or with nothing but git and ssh-keygen."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from shlex import quote

from mlassay.digest import canonical
from mlassay.evidence.records import VERSION, Approval
from mlassay.policy import Case, PromotionCase
from mlassay.render.page_blocks import Block, Folded, Listing, Mono, Para, Section

WHY = "Why it may go ahead, in your own words."
RISK = "What may still go wrong, and that you accept it."
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._=&/+-]{0,200}")


def approve_section(case: Case, branch: str) -> Section:
    """The ways to answer, the shortest first; ``branch`` is where the request stands."""
    ids = [question.id for question in case.request.record.questions] + _weakenings(case)
    if not all(_PLAIN.fullmatch(text) for text in [*ids, case.folder, branch, case.id]):
        # What cannot be written down in one spelling is not put into anybody's shell.
        text = "This request uses names that mlassay never writes. Do not approve it; refuse it and have it asked anew."
        return Section("How to answer", [Para(text)], weight=2)
    blocks: list[Block] = [
        Listing(_terminal(case), "sh"),
        Para(
            [
                "It shows all of this first, and signs with the SSH key that you use for git. A no: ",
                Mono(f"mlassay refuse {case.id} --reason '…'"),
            ]
        ),
    ]
    if case.policy.reviews != "none":
        blocks.append(
            Folded(
                "From this page",
                [
                    Para(
                        "Approve with a review of the newest commit whose text holds these lines, filled in:"
                    ),
                    Listing(_review(case)),
                    Para(
                        "A review without them is no approval. Requesting changes blocks, as a refusal does."
                    ),
                ],
            )
        )
    blocks.append(
        Folded(
            "Without mlassay: git and ssh-keygen",
            [
                Para('Fill in the first lines: letters, digits and punctuation, but no " and no \\.'),
                Listing(by_hand(case, branch), "sh"),
            ],
        )
    )
    return Section("How to answer", blocks, weight=2)


def _terminal(case: Case) -> list[str]:
    parts = [f"mlassay approve {case.id}", "--reason '…'", "--risk '…'"]
    parts += [f"--answer {quote(question.id)}='…'" for question in case.request.record.questions]
    parts += [f"--accept {quote(each)}" for each in _weakenings(case)]
    return ["git fetch origin", *_wrapped(parts)]


def _wrapped(parts: Sequence[str], width: int = 84) -> list[str]:
    lines, line = [], ""
    for part in parts:
        if line and len(line) + len(part) > width:
            lines.append(f"{line} \\")
            line = "  " + part
        else:
            line = f"{line} {part}" if line else part
    return [*lines, line]


def _review(case: Case) -> list[str]:
    questions = [f"Answer {question.id}: …" for question in case.request.record.questions]
    return ["Reason: …", "Risk: …", *questions, *(f"Accept: {each}" for each in _weakenings(case))]


def by_hand(case: Case, branch: str) -> list[str]:
    """Shell lines that make, sign and push an approval that counts, once their first lines are filled in."""
    questions = [question.id for question in case.request.record.questions]
    names = [f"answer_{number}" for number in range(1, len(questions) + 1)]
    record = Approval(
        request=case.request.digest,
        person="$person",
        reason="$reason",
        risk="$risk",
        at=datetime(2000, 1, 1, tzinfo=UTC),
        answers={id_: f"${name}" for id_, name in zip(questions, names, strict=True)},
        accepts=tuple(sorted(_weakenings(case))),
    )
    mapping = {"version": VERSION, "kind": record.kind, **record.as_mapping(), "at": "$at"}
    json = canonical(mapping).decode().rstrip("\n").split("\n")
    file = f"{case.folder}/approvals/$person.json"
    return [
        "person='your-id'   # as governance/people.yaml names you",
        f"reason='{WHY}'",
        f"risk='{RISK}'",
        *(f"{name}='Your answer to {id_}.'" for id_, name in zip(questions, names, strict=True)),
        "key=~/.ssh/id_ed25519",
        "",
        f"git fetch origin {branch}",
        f"git worktree add --detach ../answer-{case.id} FETCH_HEAD",
        f"cd ../answer-{case.id}",
        f"mkdir -p {case.folder}/approvals",
        "at=$(date -u +%Y-%m-%dT%H:%M:%SZ)",
        f"cat > {file} <<EOF",
        *json,
        "EOF",
        f"ssh-keygen -Y sign -n mlassay -f $key {file}",
        f"git add {case.folder}/approvals",
        f'git commit -m "Approve {case.id}"',
        f"git push origin HEAD:refs/heads/{branch}",
    ]


def _weakenings(case: Case) -> list[str]:
    return (
        [weakening.id for weakening in case.request.record.weakenings]
        if isinstance(case, PromotionCase)
        else []
    )
