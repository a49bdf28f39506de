"""Texts of the rules that policy itself makes: each demand on a request, as an auditor reads it after the landing."""

from __future__ import annotations

_LANDED = "it has landed all the same: ask who merged it, and have what ran before, or this anew, asked for by a request"
_BUTTON = "somebody merged by hand, past the check that says no"

TEXTS: tuple[tuple[str, tuple[str, str, str, str]], ...] = (
    (
        "policy.base",
        (
            "a request is made on a commit of the main line",
            "the request was made on a commit that is not on the main line",
            "the main line was rewritten after the request was made",
            _LANDED,
        ),
    ),
    (
        "policy.previous-state",
        (
            "what a change replaces is still what it was when people signed",
            "what the change replaces had changed since people signed",
            _BUTTON,
            _LANDED,
        ),
    ),
    (
        "policy.previous-pointer",
        (
            "what a promotion replaces is still what it was when people signed",
            "the environment ran something else than what the promotion was to replace",
            "two promotions raced, and the second was merged by hand",
            _LANDED,
        ),
    ),
    (
        "policy.evidence-tree",
        (
            "the release's evidence is still what it was when people signed",
            "the evidence that people saw is not the evidence that stands",
            "evidence was put right between the request and the merge",
            _LANDED,
        ),
    ),
    (
        "policy.policy-unchanged",
        (
            "the policy is still the one under which people signed",
            "the policy had changed since the promotion was asked for",
            "a change of policy landed while the promotion waited",
            _LANDED,
        ),
    ),
    (
        "policy.bound",
        (
            "a change lands exactly what was signed",
            "what landed is not what was signed",
            "a conflict was solved by hand while merging",
            _LANDED,
        ),
    ),
    (
        "policy.clock",
        (
            "a request lands after the commit before it, and nothing in it is dated later",
            "the request landed before the commit that it stands on, or a record of it is dated in the future",
            "the clock of the machine that merged it, or that signed, was wrong",
            "see whether a key counts at the one date and not at the other; set that machine's clock",
        ),
    ),
    (
        "policy.evidence-valid",
        (
            "a release is promoted only while its evidence holds",
            "a release was promoted although its evidence did not hold",
            _BUTTON,
            _LANDED,
        ),
    ),
    (
        "policy.gates",
        (
            "every gate that policy asks for ran, and passed or was waived",
            "a release was promoted although a gate did not pass, or did not run",
            _BUTTON,
            _LANDED,
        ),
    ),
    (
        "policy.floors",
        (
            "a release was tested at least as strictly as policy's floors",
            "a release was promoted that was tested less strictly than policy's floors",
            "the floors were raised between the test and the promotion",
            _LANDED,
        ),
    ),
    (
        "policy.isolation",
        (
            "training ran shut off from all else, where policy asks for that",
            "a release was promoted whose training was not shut off as policy asks",
            "the machine that trained it could not do so, and nobody looked",
            _LANDED,
        ),
    ),
    (
        "policy.risk-review",
        (
            "the risk of a release has been looked at within its term",
            "a release was promoted after the day by which its risk had to be looked at again",
            "the day passed while the promotion waited",
            "look at the risk again now, and keep what you find",
        ),
    ),
    (
        "policy.weakenings",
        (
            "whatever was judged less strictly than before is named, and accepted by somebody who may",
            "something was judged less strictly than before, and nobody who may has accepted that",
            "the live release changed while the promotion waited, so another comparison counts",
            _LANDED,
        ),
    ),
    (
        "policy.approvals",
        (
            "as many people as policy asks for approved, each with a valid key and of this very request",
            "fewer people approved than policy asks for",
            "an approval was still missing, or was given with a key that had ended, when somebody merged by hand",
            _LANDED,
        ),
    ),
    (
        "policy.outside",
        (
            "somebody from outside the developing team approved, where policy asks for that",
            "nobody from outside the developing team approved",
            "a person changed teams, or their team is noted wrongly in people.yaml",
            _LANDED,
        ),
    ),
    (
        "policy.own-approval",
        (
            "nobody approves what they asked for, set off or made",
            "somebody approved their own work",
            "a person who had helped with a commit did not think of that when approving",
            _LANDED,
        ),
    ),
    (
        "policy.owner",
        (
            "the owner of the data agrees to every change of its manifest",
            "a manifest was changed without its owner's word",
            "the owner agreed on another way, and it was not written down",
            _LANDED,
        ),
    ),
    (
        "policy.keys",
        (
            "every key belongs to one person",
            "one key stands under two names",
            "one person was entered twice, under an old and a new id",
            "give each person a key of their own: mlassay propose --reason …",
        ),
    ),
    (
        "policy.demo-keys",
        (
            "the keys of the demonstration, which everybody has, sign nothing real",
            "a key of the demonstration was used",
            "somebody tried things out in the real repository",
            _LANDED,
        ),
    ),
    (
        "policy.order",
        (
            "a release enters each environment only from the one before it",
            "a release skipped an environment, or entered one that policy does not know",
            _BUTTON,
            _LANDED,
        ),
    ),
    (
        "policy.pointer",
        (
            "what an environment points at is what the request asked for",
            "what an environment points at is not what the request asked for",
            "the file was edited on the branch after the request was signed",
            _LANDED,
        ),
    ),
    (
        "policy.questions",
        (
            "every open question was asked and answered",
            "an open question was left out or left unanswered",
            "the list of questions grew while the request waited",
            _LANDED,
        ),
    ),
    (
        "policy.reasons",
        (
            "every approval gives a reason of its own",
            "an approval gives no reason of its own",
            "somebody took another's words over",
            "ask them what they looked at, and keep the answer",
        ),
    ),
    (
        "policy.records",
        (
            "every record of a request can be read, and is signed by whom it names",
            "a record of the request cannot be read or is not signed by whom it names",
            "somebody edited the file by hand before it landed",
            _LANDED,
        ),
    ),
    (
        "policy.refusals",
        (
            "nothing lands that somebody refused or withdrew from",
            "a request landed although somebody had refused it or had withdrawn",
            "whoever merged did not see the refusal",
            _LANDED,
        ),
    ),
    (
        "policy.request-signature",
        (
            "whoever asks signs, with a key that is valid then",
            "nobody who may has signed the request with a valid key",
            "the key of whoever asked had ended, or was not yet valid, when it landed",
            _LANDED,
        ),
    ),
    (
        "policy.reviews",
        (
            "the reviews that a request rests on were recorded",
            "the reviews on the forge that this rests on were not recorded, or are not enough",
            "the job that records reviews failed or has not run yet",
            "mlassay record --reviews ID, and look at the pull request itself",
        ),
    ),
    (
        "policy.main-line",
        (
            "what a request stands upon came by requests that hold",
            "the request stands upon something that was pushed by hand",
            "somebody mended a guarded file by hand before",
            _LANDED,
        ),
    ),
    (
        "policy.only-its-own-paths",
        (
            "a request carries its own files and no other",
            "the commit that brought the request also touches something else",
            "other work was squashed into the same commit",
            "look at the other files with git show: nobody who approved has signed for them",
        ),
    ),
    (
        "policy.waivers",
        (
            "an exception that a promotion leans on is signed, reasoned, for this release, and still holds",
            "a promotion leans on an exception (waiver) that does not hold",
            "the exception ended while the promotion waited",
            _LANDED,
        ),
    ),
)
