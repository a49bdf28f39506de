"""``README.md``: what is in an export, and the numbered commands that check it."""

from __future__ import annotations

from collections.abc import Iterator

from mlassay.audit.export import Export
from mlassay.evidence.times import time_string
from mlassay.render.export.steps import steps
from mlassay.render.markdown import code, escape

_WHAT = {
    "full": "It holds everything: the whole history, data included.",
    "redacted": "It holds the main line without what its data manifests call personal. Digests of what was left out are here.",
    "ai-act": "It holds what a redacted export holds, and `MAPPING.md`: which file is evidence for which heading of the AI Act's Annex IV.",
    "model-risk": "It holds what a redacted export holds, and `MAPPING.md`: which file is evidence for which topic of the US model risk guidance.",
}

_CONTENTS = (
    ("`README.md`", "this page"),
    ("`check.sh`", "the commands of this page in one script: `sh check.sh COMMIT`"),
    ("`{history}`", "the git history, up to the commit named above"),
    (
        "`files/`",
        "evidence, promotions, changes, governance, environments and data manifests, as plain files",
    ),
    ("`keys/`", "the public keys of each `people.yaml` that ever was in force, for ssh-keygen and openssl"),
    ("`lists/`", "lists that the commands read; `keys.tsv` tells which commit brought which people.yaml"),
    ("`INDEX.json`", "everything that is here, for machines"),
    ("`SHA256SUMS`", "the digest of every other file"),
)

_NEEDS = (
    "You need git 2.32 or later, OpenSSH 8.9 or later (`ssh-keygen`), OpenSSL 1.1.1 or later, `sha256sum`, `grep`, the GNU core "
    "utilities and a POSIX shell. Not mlassay, not Python, no network. Each step ends with a line that begins with `ok`, or "
    "stops with `FAILED` and says what does not hold."
)

_FORGED = (
    "These commands came with the file, so whoever forged the file could have forged them. They are the same in every export "
    "of one version of mlassay, but for the id of the commit: compare `check.sh` with `{published}` of mlassay's own repository, "
    "or take that one."
)

_UNSEEN = (
    "**When things really happened.** The order of commits is proven. Their dates are what committers wrote.",
    (
        "**Whether this is the only history.** Somebody who holds every key could have made two. An id that you kept, or an "
        "anchor with a time stamp, tells them apart."
    ),
    (
        "**Whether policy let each release in.** The commands show who signed what. That these people were enough, that "
        "nobody approved their own work, that no criterion was quietly weakened: `mlassay audit verify` judges all this again, "
        "by the policy of the commit before. By hand, read `governance/policy.yaml` and the request."
    ),
    (
        "**From when to when a key holds.** The commands hold each signature to the times beside the key. Compare these with "
        "people.yaml: a key told to be in wrong hands later is cut off from that date on, in older lists too."
    ),
    "**Whether the people meant it.** A signature shows which key signed, and not how much thought went into it.",
    "**Reviews on a forge.** A record of them carries a machine's signature. The forge itself is not asked.",
)


def readme(export: Export) -> str:
    """The page as Markdown."""
    return "\n".join(_lines(export)) + "\n"


def _lines(export: Export) -> Iterator[str]:
    name = f" of {escape(export.name)}" if export.name else ""
    yield f"# The record{name}, to be checked by anybody"
    yield ""
    yield f"This is an export of commit `{export.commit}`, dated {time_string(export.date)}, profile {export.profile}."
    yield _WHAT[export.profile]
    if export.demo:
        yield ""
        yield "**This is a demonstration. Everybody has its keys, so its signatures prove nothing about anybody.**"
    yield from _running(export)
    yield from ("", "## What is here", "", "| file | what |", "|---|---|")
    for file, what in _CONTENTS:
        yield f"| {file.format(history='history.pack' if export.redacted else 'history.bundle')} | {what} |"
    if export.mapping:
        yield "| `MAPPING.md` | which file is evidence for which heading, and what is missing |"
    if export.redacted:
        yield "| `LEFT-OUT.md` | what was left out, and why |"
    yield from (
        "",
        "A byte that could be taken for something else in a file's name stands as `%XX` under `files/`.",
    )
    published = f"docs/check-{'redacted' if export.redacted else 'full'}.sh"
    yield from ("", "## Check it", "", _NEEDS, "", _FORGED.format(published=published))
    for number, step in enumerate(steps(export.commit, redacted=export.redacted), 1):
        yield from (
            "",
            f"### {number}. {step.title}",
            "",
            step.why,
            "",
            "```sh",
            step.commands.strip(),
            "```",
        )
    yield from (
        "",
        'Then remove what was unpacked: `rm -rf "$work"`.',
        "",
        "## What these commands cannot see",
        "",
    )
    yield from (f"- {text}" for text in _UNSEEN)
    if any(version.keyless for version in export.keys):
        yield (
            "- **Who issued a run's certificate.** A CI that signs without a key of its own leaves a certificate. The commands "
            "check the signature and the name in it, and neither its issuer nor the public log."
        )


def _running(export: Export) -> Iterator[str]:
    yield from ("", "## What runs", "")
    if not export.running:
        yield "Nothing runs in any environment."
        return
    yield from ("| environment | release | since | promotion |", "|---|---|---|---|")
    for one in export.running:
        state = "" if one.state == "live" else f" ({escape(one.state)})"
        since = time_string(one.since)
        yield f"| {escape(one.environment)} | {code(one.release)}{state} | {since} | {code(one.promotion)} |"
