"""The topics of the US agencies' model risk management guidance, and which records are evidence for each."""

from __future__ import annotations

TITLE = "US model risk management guidance (SR 26-2)"
SOURCE = (
    "Revised guidance of 17 April 2026 by the Federal Reserve (SR 26-2), the OCC (Bulletin 2026-13) and the FDIC. The four "
    "main topics are those that OCC Bulletin 2026-13 lists, read on 2026-11-21 in an excerpt of the OCC's own page. The text of "
    "SR 26-2 itself was not at hand: the finer headings are the usual ones of model risk management, and not quotations. "
    "The guidance is said to be in proportion to an organisation's size and risk, and to leave generative AI aside."
)

_NOTHING = "Nothing in this repository says"
_DELIBERATION = ("deliberation", "why people chose a model, for whom and at whose cost, in their own words")

# (number, title, what it asks for, [(kind of record, what it shows, the gap where there is none)], what is never here)
ROWS = (
    (
        "1.1",
        "Model development and use: purpose, design and theory",
        "A clear purpose, a sound design, and assumptions and limits that are written down.",
        (
            (
                "config",
                "the objective, the method's command and the criteria set before any result",
                f"{_NOTHING} what the model is for.",
            ),
            (*_DELIBERATION, f"{_NOTHING} why this model was chosen, and on which assumptions."),
            ("card", "a description for readers", ""),
        ),
        (f"{_NOTHING} what theory or literature the method rests on, beyond what stands in these files.",),
    ),
    (
        "1.2",
        "Model development and use: data",
        "Data that fit the purpose, with known quality, origin and gaps.",
        (
            (
                "manifest",
                "origin, owner, period, columns, labels, splits and digests of each data set",
                f"{_NOTHING} what data were used.",
            ),
            (
                "missing",
                "who and what the data leave out, written by a person",
                f"{_NOTHING} whom the data leave out.",
            ),
            ("gate:data", "what was measured on the data", ""),
        ),
        (),
    ),
    (
        "1.3",
        "Model development and use: testing",
        "Tests of accuracy, robustness and behaviour at the edges, before use.",
        (
            (
                "verdict",
                "every number, criterion and input of the test",
                f"{_NOTHING} how the model was tested.",
            ),
            ("gate:performance", "measured accuracy", f"{_NOTHING} how accurate it is."),
            ("gate:adversarial", "measured robustness", f"{_NOTHING} how robust it is."),
            (
                "gate:bias",
                "differences between groups of people",
                f"{_NOTHING} how it treats groups of people.",
            ),
        ),
        (),
    ),
    (
        "1.4",
        "Model development and use: implementation and use",
        "That what was tested is what runs, and that users know its limits.",
        (
            ("pointer", "where it runs, since when, and by which promotion", "No environment runs anything."),
            (
                "model-signature",
                "a signature over the model, to be checked where it is used",
                f"{_NOTHING} how the tested model is told from another.",
            ),
            ("provenance", "the signed account of how it was built", f"{_NOTHING} how it was built."),
        ),
        (f"{_NOTHING} how the business uses its answers, or who is trained to.",),
    ),
    (
        "2.1",
        "Validation and monitoring: conceptual soundness",
        "A review of design, data and choices by people who did not make them.",
        (
            (
                "approval",
                "the reasons of those who agreed, and what they answered to open questions",
                f"{_NOTHING} who reviewed the model.",
            ),
            (
                "report",
                "what was measured, and what was not looked at",
                f"{_NOTHING} what the review could rest on.",
            ),
        ),
        (f"{_NOTHING} that a validation report by an independent unit exists.",),
    ),
    (
        "2.2",
        "Validation and monitoring: outcomes analysis",
        "Answers of the model held against what really happened.",
        (
            (
                "gate:performance",
                "accuracy on rows that training never saw",
                f"{_NOTHING} how its answers compare with outcomes.",
            ),
        ),
        (f"{_NOTHING} what happened after its answers in use: no outcomes are recorded here.",),
    ),
    (
        "2.3",
        "Validation and monitoring: ongoing monitoring",
        "That the model still does what it did when it was let in.",
        (
            (
                "config",
                "the day by which its risks are looked at again",
                f"{_NOTHING} when anybody looks again.",
            ),
        ),
        (f"{_NOTHING} how the model is monitored in use.",),
    ),
    (
        "2.4",
        "Effective challenge",
        "Critical review by informed people with enough independence and standing to make changes happen.",
        (
            (
                "approval",
                "who agreed, and from which team; the requester and the developers never count",
                f"{_NOTHING} who challenged it.",
            ),
            (
                "policy",
                "how many people from outside must agree",
                f"{_NOTHING} what independence is asked for.",
            ),
            ("people", "who is in which team and role", f"{_NOTHING} who is independent of whom."),
        ),
        (f"{_NOTHING} whether those people had the time and standing to say no.",),
    ),
    (
        "3.1",
        "Governance and controls: policies and roles",
        "Who decides, who answers for what, and by which rules.",
        (
            (
                "policy",
                "what each environment and each level of risk demands",
                f"{_NOTHING} by which rules releases are let in.",
            ),
            ("people", "roles, teams and keys", f"{_NOTHING} who answers for what."),
            ("change", "each change of these rules, and who agreed to it", ""),
            ("waiver", "exceptions, with reason, name and end", ""),
        ),
        (f"{_NOTHING} what the board or senior management decided.",),
    ),
    (
        "3.2",
        "Governance and controls: model inventory and materiality",
        "A list of models with their purpose, state and weight.",
        (
            ("release", "what this model is, by digest", f"{_NOTHING} which model runs."),
            (
                "config",
                "the level of risk: probability and impact of four kinds of harm",
                f"{_NOTHING} how much depends on it.",
            ),
            ("pointer", "what runs where", f"{_NOTHING} what runs."),
        ),
        ("This repository tells of its own models only: the organisation's inventory lies elsewhere.",),
    ),
    (
        "3.3",
        "Governance and controls: documentation",
        "Records from which somebody who was not there can understand and repeat the work.",
        (
            ("report", "the test, for readers", f"{_NOTHING} what was found."),
            (
                "provenance",
                "all inputs by digest, so that the run can be repeated",
                f"{_NOTHING} what it was made from.",
            ),
            ("request", "what was asked for, on which evidence", f"{_NOTHING} what people agreed to."),
        ),
        (),
    ),
    (
        "3.4",
        "Governance and controls: internal audit",
        "An independent look at whether the rules are followed.",
        (
            (
                "summary",
                "what an auditor can check again without trusting anybody",
                f"{_NOTHING} what could be audited.",
            ),
        ),
        (f"{_NOTHING} that an internal audit took place.",),
    ),
    (
        "4",
        "Vendor and other third-party products",
        "What is known of models, data and software that others made.",
        (
            (
                "bill",
                "the software and the data that went in",
                f"{_NOTHING} which software went in: there is no bill of materials.",
            ),
            ("manifest", "licence, terms and origin of data", ""),
        ),
        (f"{_NOTHING} how suppliers were chosen or are watched.",),
    ),
)
