"""The headings of Annex IV of the AI Act, and which records are evidence for each."""

from __future__ import annotations

TITLE = "AI Act, Annex IV: technical documentation"
SOURCE = (
    "The headings follow Annex IV of Regulation (EU) 2024/1689 (OJ L, 2024/1689, 12.7.2024), in our words, read on "
    "2026-11-21 in a reproduction of the official text. Whether the amending regulation of 2026 (the Digital Omnibus on "
    "AI) changed Annex IV was not checked in the Official Journal: compare with the text in force."
)

_NOTHING = "Nothing in this repository says"
_DELIBERATION = ("deliberation", "why people chose a model, for whom and at whose cost, in their own words")

# (number, title, what it asks for, [(kind of record, what it shows, the gap where there is none)], what is never here)
ROWS = (
    (
        "1",
        "General description of the AI system",
        "Purpose, provider, version and relation to earlier versions; what it works with; how it is supplied and used.",
        (
            (
                "config",
                "the objective, the owner, the task and the threshold",
                f"{_NOTHING} what the model is for.",
            ),
            (
                "release",
                "which version this is: the digests of the model and of all that it was made from",
                f"{_NOTHING} which version runs.",
            ),
            ("pointer", "where it runs, since when, and by which promotion", "No environment runs anything."),
            ("card", "a description for readers", ""),
        ),
        (
            f"{_NOTHING} who the provider is in law, on which hardware it is meant to run, or how it is put on the market.",
            f"{_NOTHING} how a deployer is to use it: no instructions for use, no description of an interface.",
        ),
    ),
    (
        "2(a)",
        "How it was developed",
        "Methods and steps of the development, with whatever was taken from third parties.",
        (
            (
                "provenance",
                "the signed account of the run: source, inputs, builder, isolation",
                f"{_NOTHING} how the model was built.",
            ),
            (
                "config",
                "the commands that prepare and train, and what each may read",
                f"{_NOTHING} how training is run.",
            ),
            ("bill", "the software and the data that went in", ""),
        ),
        (
            f"{_NOTHING} whether systems already trained by others were used, beyond the files that training was granted.",
        ),
    ),
    (
        "2(b)",
        "Design specifications",
        "The general logic, the main choices with their reasons and assumptions, what is optimised for, and trade-offs.",
        (
            (
                "config",
                "criteria that were set before any result was seen",
                f"{_NOTHING} what the design aims at.",
            ),
            (*_DELIBERATION, f"{_NOTHING} why a model was chosen, for whom, and at whose cost."),
            ("model", "the model itself, as an open format", ""),
        ),
        (),
    ),
    (
        "2(c)",
        "Architecture and computing resources",
        "How the parts build on each other, and what was used to develop, train, test and validate.",
        (
            ("provenance", "the builder and its versions", f"{_NOTHING} what the model was built on."),
            ("config", "limits of time and memory for each command", ""),
        ),
        (f"{_NOTHING} how the model is built into a larger system.",),
    ),
    (
        "2(d)",
        "Data",
        "Where data come from, their scope and main traits, how they were obtained, chosen, labelled and cleaned.",
        (
            (
                "manifest",
                "origin, owner, licence, purpose, period, columns, labels, splits and digests of each data set",
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
        "2(e)",
        "Human oversight",
        "Which measures of oversight are needed, and what helps people to read what the system puts out.",
        (
            (
                "approval",
                "who agreed to let this release in, with the reason and the risk that they accept",
                f"{_NOTHING} who agreed to what runs.",
            ),
            ("policy", "how many people must agree, and from where", f"{_NOTHING} who must agree."),
            (*_DELIBERATION, ""),
        ),
        (f"{_NOTHING} how people oversee single answers once the system is in use.",),
    ),
    (
        "2(f)",
        "Changes decided beforehand",
        "Changes of the system and its performance that were planned in advance, and how it stays within bounds.",
        (
            (
                "policy",
                "what a next release must pass, and what may be waived",
                f"{_NOTHING} what a later change must pass.",
            ),
        ),
        (f"{_NOTHING} which changes are planned.",),
    ),
    (
        "2(g)",
        "Validation and testing",
        "Procedures, test data, metrics of accuracy, robustness and effects that may discriminate, dated and signed reports.",
        (
            (
                "verdict",
                "every number, criterion and input of the test",
                f"{_NOTHING} how the model was tested.",
            ),
            ("summary", "the signed list of all results", f"{_NOTHING} who signed the results."),
            ("gate:performance", "measured accuracy", f"{_NOTHING} how accurate it is."),
            ("gate:adversarial", "measured robustness", f"{_NOTHING} how robust it is."),
            (
                "gate:bias",
                "differences between groups of people",
                f"{_NOTHING} how it treats groups of people.",
            ),
            ("gate:unit", "what the team's own tests reported of themselves", ""),
        ),
        (),
    ),
    (
        "2(h)",
        "Cybersecurity",
        "Measures of cybersecurity that were put in place.",
        (
            (
                "model-signature",
                "a signature over the model, to be checked where it is used",
                f"{_NOTHING} how the model is kept from being swapped.",
            ),
            ("provenance", "whether training ran apart from everything else", ""),
            ("people", "whose keys count, from when to when", f"{_NOTHING} whose signature counts."),
        ),
        (f"{_NOTHING} how the system around the model is protected where it runs.",),
    ),
    (
        "3",
        "Monitoring, functioning and control",
        "Abilities and limits, accuracy for the groups it is used on, foreseeable harm, oversight, what input must be like.",
        (
            (
                "gate:bias",
                "accuracy and rates for each group that was looked at",
                f"{_NOTHING} how well it does for different groups.",
            ),
            ("report", "what was measured, and what was not looked at", f"{_NOTHING} what its limits are."),
            (
                "manifest",
                "what each input column may hold, and when it is known",
                f"{_NOTHING} what input it expects.",
            ),
            (*_DELIBERATION, f"{_NOTHING} what happens to people whom it gets wrong."),
        ),
        (),
    ),
    (
        "4",
        "Whether the metrics fit",
        "Why these measures of performance are right for this system.",
        (
            (
                "config",
                "the metrics, their thresholds and any rationale beside them",
                f"{_NOTHING} which metrics were chosen.",
            ),
            ("policy", "floors that every model must keep", ""),
            (*_DELIBERATION, f"{_NOTHING} why these metrics are the right ones."),
        ),
        (),
    ),
    (
        "5",
        "Risk management system (Article 9)",
        "A detailed description of how risks are found, weighed, treated and looked at again.",
        (
            (
                "config",
                "four risks with probability and impact, and the day of their next review",
                f"{_NOTHING} what the risks are.",
            ),
            ("policy", "what each level of risk demands", f"{_NOTHING} what a risk leads to."),
            (
                "approval",
                "the residual risk that each approver accepted, in words",
                f"{_NOTHING} who accepted which risk.",
            ),
            ("waiver", "exceptions, with reason, name and end", ""),
        ),
        (
            f"{_NOTHING} how risks to health, safety and fundamental rights were found, beyond what stands in these files.",
        ),
    ),
    (
        "6",
        "Changes through the lifecycle",
        "Relevant changes that the provider made to the system.",
        (
            (
                "request",
                "how what runs now came to run, and what it replaced",
                f"{_NOTHING} how what runs came to run.",
            ),
            ("change", "changes of policy, people and data, each approved", ""),
            ("pointer", "its history is the list of everything that ever ran", f"{_NOTHING} what ran."),
        ),
        (),
    ),
    (
        "7",
        "Harmonised standards applied",
        "Standards applied in full or in part, or other solutions where there are none.",
        (),
        (f"{_NOTHING} which harmonised standards or other specifications were applied.",),
    ),
    (
        "8",
        "EU declaration of conformity",
        "A copy of the declaration.",
        (),
        (f"{_NOTHING} that a declaration was made: no copy is here.",),
    ),
    (
        "9",
        "Post-market monitoring",
        "How performance is watched once the system is in use, with the monitoring plan.",
        (
            (
                "config",
                "the day by which its risks are looked at again",
                f"{_NOTHING} when anybody looks again.",
            ),
        ),
        (f"{_NOTHING} how the system is monitored in use: no plan is here.",),
    ),
)
