"""``LEFT-OUT.md``: what a redacted export does not hold, by path, size, digest and reason; and what it cannot hide."""

from __future__ import annotations

from collections.abc import Iterator

from mlassay.audit.export import Export
from mlassay.audit.export.names import quoted
from mlassay.render.markdown import code, escape

SHOWN = 500
"""So many files are listed for reading; ``lists/left-out.tsv`` has them all."""

_HELD_BACK = (
    "Left out: every version of every file that a data manifest calls personal (personal data, or special categories), "
    "wherever it stood on the main line; every file that repeats a row or a value of one; and, beside them, files that are no "
    "plain text and so cannot be searched. Branches that were merged are not here: the main line alone is. A value counts as "
    "told by a file when it is a whole row, a word or name of four letters or more, or a number of eight digits or more. "
    "Shorter numbers and declared categories stand in too many places to be anybody's."
)

_STAYS = (
    "the names and addresses of those who wrote and committed, in commits: each id is a digest over them",
    "people.yaml, with the names, teams and addresses of those who may sign, and their signatures",
    "the words that people wrote in requests, approvals, refusals and waivers, unless a value of the data stands in them",
    "names of files and messages of commits: an export that would tell a personal value by them is refused",
    "the models. What a model learned by heart nobody can take out of it again",
)


def left_out_page(export: Export) -> str:
    """The page as Markdown."""
    return "\n".join(_lines(export)) + "\n"


def _lines(export: Export) -> Iterator[str]:
    yield from ("# What was left out", "", _HELD_BACK, "")
    if not export.left_out:
        yield "No manifest of this repository calls any data personal, so no file of the main line was left out."
    else:
        yield from ("| file | size | SHA-256 | git id | why |", "|---|---:|---|---|---|")
        rows = [(path, one) for one in export.left_out for path in one.paths]
        for path, one in rows[:SHOWN]:
            digest = one.digest.removeprefix("sha256:") or "not read"
            yield f"| {code(quoted(path))} | {one.size} | {code(digest)} | {code(one.blob)} | {escape(one.why)} |"
        if len(rows) > SHOWN:
            yield from ("", f"{len(rows) - SHOWN} more stand in `lists/left-out.tsv`.")
    if export.missing:
        yield from (
            "",
            f"{len(export.missing)} commits of merged branches are not here; `lists/missing.txt` names them.",
        )
    yield from (
        "",
        "## What could not be left out",
        "",
        "Ids and signatures are digests over these, so they are here:",
        "",
    )
    yield from (f"- {text}" for text in _STAYS)
    if export.told:
        yield from (
            "",
            "**Messages of these commits hold a value that a manifest calls personal, and were kept on demand:**",
            "",
        )
        yield from (f"- `{id_}`" for id_ in export.told)
