"""Texts of the rules about evidence and signed records: what must hold, what breaks it, innocently how, what to do."""

from __future__ import annotations

_RELY = "do not rely on this release; if it is still needed, train, test and record it again"
_REQUEST = "look at the commit with git show; ask those whom the request names"

TEXTS: tuple[tuple[str, tuple[str, str, str, str]], ...] = (
    (
        "evidence-bytes",
        (
            "each file of a release is, byte for byte, what its signed list says",
            "a file of a release is not what was signed, or is written in another way than mlassay writes",
            "an editor or a line-ending setting rewrote the file before it was recorded",
            _RELY,
        ),
    ),
    (
        "evidence-missing",
        (
            "a release has all the files that its kind of release has",
            "a file of a release is not there",
            "the commit that recorded it was put together by hand and left a file out",
            _RELY,
        ),
    ),
    (
        "evidence-extra",
        (
            "a release has no file that its signed list does not name",
            "a file lies in the folder of a release and nobody signed for it",
            "somebody put a note or a chart of their own there",
            "do not rely on that file: nobody vouches for it",
        ),
    ),
    (
        "evidence-signature",
        (
            "a signature over each statement of a release holds",
            "no signature over this statement holds",
            "a file was copied badly, or signed again by something else than mlassay",
            _RELY,
        ),
    ),
    (
        "evidence-signer",
        (
            "evidence is signed by a CI key that was in people.yaml before, was valid then, and may sign this",
            "the key that signed may not have: unknown, not valid then, a demonstration's, or for something else",
            "a new CI key was used before the change that brings it in had landed, or an old one after it ended",
            "ask who runs that CI; " + _RELY,
        ),
    ),
    (
        "evidence-subject",
        (
            "each statement is about the release in whose folder it lies",
            "a statement is about something else than this release",
            "files of two releases were mixed up when they were recorded by hand",
            _RELY,
        ),
    ),
    (
        "evidence-source",
        (
            "a release was made from a commit of the main line, with the files that were in force there",
            "what a release says of the commit that it was made from is not so",
            "it was trained on a branch, or the main line was rewritten after the training",
            _RELY,
        ),
    ),
    (
        "evidence-criteria",
        (
            "every gate is judged by the criteria that ml.yaml and policy set beforehand",
            "a gate was judged by other criteria than those that were agreed on, or was left out",
            "the criteria were changed between the training and the test",
            _RELY,
        ),
    ),
    (
        "evidence-verdict",
        (
            "the verdict says what its gates found, and the gates what their findings say",
            "the verdict, its gates and their reports do not say the same",
            "the files are of two runs of the test",
            _RELY,
        ),
    ),
    (
        "evidence-card",
        (
            "the model card and the bill of materials say what the reports, the release and people's texts say",
            "the model card or the bill of materials says something else than what it stands for",
            "the card was edited by hand after it was made",
            _RELY,
        ),
    ),
    (
        "record-bytes",
        (
            "a signed record is exactly what mlassay writes, in its place and under its name",
            "a record cannot be read, is written in another way, or lies in another place",
            "somebody edited the file by hand before it landed",
            _REQUEST,
        ),
    ),
    (
        "record-signature",
        (
            "what a person says is signed with a key that was theirs before",
            "no key that its author had before this landed has signed these bytes",
            "a new key was used before the change that brings it in had landed",
            "ask its author whether they said this; if so, let them say it again in a new request",
        ),
    ),
    (
        "request",
        (
            "a commit brings one request, in the folder of its own name",
            "a commit brings several requests, none, or one in another folder",
            "two branches were squashed into one commit",
            "see which of them changed what; ask for each by a request of its own",
        ),
    ),
    (
        "waiver",
        (
            "an exception is of a recorded release, signed by the person whom it names, with a key that was valid then",
            "an exception (waiver) is not what its name or its signature says",
            "the file was renamed or edited by hand after it was signed",
            "do not count it; if the exception is needed, sign it again: mlassay waive GATE RELEASE",
        ),
    ),
    (
        "review-record",
        (
            "reviews on a forge are recorded after the merge, once, by a key that may, as the main line has it",
            "a record of reviews does not hold, or is of a request that had not landed",
            "the job that records reviews ran twice, or for a branch that was not merged",
            "look at the pull request itself; mlassay record --reviews ID writes a record where none stands",
        ),
    ),
    (
        "refused",
        (
            "a request that lies on the main line without what it asked for was refused or withdrawn",
            "a request lies on the main line, changed nothing, and nobody's signed refusal of it holds",
            "the files of an open request were merged without the change that it asks for",
            "ask whoever merged it; the request itself may still be open on its branch",
        ),
    ),
)
