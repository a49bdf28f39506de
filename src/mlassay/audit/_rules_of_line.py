"""Texts of the rules about a clone and about the main line: what must hold, what breaks it, innocently how, what to do."""

from __future__ import annotations

_ASK = "ask whoever pushed that commit why; then bring the right state in by a request that people sign"

TEXTS: tuple[tuple[str, tuple[str, str, str, str]], ...] = (
    (
        "replaced",
        (
            "git shows each object as it is",
            "this clone shows another object in the place of one (refs/replace)",
            "somebody tried git replace in this clone, or fetched refs/replace from a server",
            "git replace -d ID, and ask who made it; a fresh clone does not have it",
        ),
    ),
    (
        "graft",
        (
            "git shows each commit with its own parents",
            "this clone gives a commit other parents (.git/info/grafts)",
            "an old way of joining two histories, left behind in this clone",
            "remove .git/info/grafts; a fresh clone does not have it",
        ),
    ),
    (
        "object",
        (
            "every object of the history is there, and is what its id promises",
            "an object is damaged, missing, or not what git itself writes",
            "a failing disk, a copy that was cut off, a very old git or an import tool that wrote it badly",
            "clone again from a copy that you trust, and run this again",
        ),
    ),
    (
        "tree",
        (
            "guarded files are plain files that everybody reads as the same bytes",
            "a link, a submodule, an odd name or mode, or .gitattributes make a guarded file read otherwise",
            "a tool or a person set an attribute for all files, or committed a link without thinking of audits",
            "replace it by the plain file, or take the attribute away from guarded paths, and keep a note of why",
        ),
    ),
    (
        "lookalike",
        (
            "no name differs from a guarded one only in a way that some machines do not see",
            "a name differs from a guarded one in upper and lower case or in invisible signs only",
            "a typing mistake in the name of a folder",
            "rename or remove it; on Windows and macOS it takes the place of the guarded file",
        ),
    ),
    (
        "disk",
        (
            "the files on this disk are those that were committed",
            "a guarded file on this disk is not what was committed",
            "you, or an editor or tool of yours, changed the file here and have not committed that",
            "git status tells what differs; git checkout -- PATH takes the committed file back",
        ),
    ),
    (
        "anchor",
        (
            "the commit that an anchor names is on the main line, with all that was there then",
            "the history is not the one that the anchor was made of",
            "the anchor is of another repository, or this clone is older than the anchor: fetch first",
            "compare this clone and the anchor with other copies; if none agrees, the history was rewritten",
        ),
    ),
    (
        "root",
        (
            "the rules began where you know that they did: at the root of trust",
            "the history begins elsewhere than where you say, or has no root of trust at all",
            "the id was noted wrongly, or belongs to another repository; or mlassay was never set up here",
            "compare the root of trust with the one that you were given on another way",
        ),
    ),
    (
        "pushed-pointer",
        (
            "what an environment runs changes by a promotion",
            "what an environment runs was changed, and no promotion explains it",
            "somebody went back with git revert, or mended something in a hurry, without a promotion",
            "find out what ran from that commit on; put it right by a promotion: mlassay promote ENV RELEASE",
        ),
    ),
    (
        "pushed-governance",
        (
            "policy, people and keys change by a request that people approved; a deliberation may be signed instead",
            "policy, people, keys or a deliberation were changed, and neither a change request nor a signature explains it",
            "somebody edited a file under governance/ as they edit any other file",
            "see what was judged by it since; put the old state back, then ask: mlassay propose --reason …",
        ),
    ),
    (
        "pushed-manifest",
        (
            "what is declared of the data changes by a change request that the data's owner agreed to",
            "a data manifest was changed, and no change request explains it",
            "somebody brought new data or a better description in as they edit any other file",
            "compare the two manifests; let the owner of the data ask for the change: mlassay propose --reason …",
        ),
    ),
    (
        "pushed-request",
        (
            "nothing is added to a request once it has landed",
            "a file was added to a request after it had landed",
            "an approval came a moment too late and was pushed all the same",
            "do not count what was added; if it matters, a new request can carry it",
        ),
    ),
    (
        "append-only",
        (
            "records are only ever added",
            "a record was changed or deleted after it was recorded",
            "git revert of a commit with records, a clean-up, or a merge that was solved wrongly",
            "git show COMMIT tells what was lost; restore the recorded bytes, and keep a note of why",
        ),
    ),
    (
        "between",
        (
            "of several commits that bring one request, each shows only what was signed",
            "between two commits of one request a file was something else than what was signed",
            "a mistake on the branch was mended before the merge, and both commits landed",
            "see whether anybody acted on the state in between; squash such branches when you merge them",
        ),
    ),
    (
        "backdated",
        (
            "the dates of records run forward",
            "a record is dated before one that was there before it",
            "the clock of the machine that made it was wrong",
            "see whether a key counts at the one date and not at the other; set that machine's clock",
        ),
    ),
    (
        "stray",
        (
            "every file in a folder of records is a record",
            "a file lies among the records and is none",
            "somebody put a note or a folder of their own there",
            _ASK,
        ),
    ),
)
