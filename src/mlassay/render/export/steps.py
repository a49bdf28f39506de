"""The numbered commands by which anybody checks an export: one source for the page and for ``check.sh``.

They need git, ssh-keygen, openssl, sha256sum, a POSIX shell, grep, and the core utilities. No name of the repository stands
in any of them: names are read from lists, and always quoted.
"""

from __future__ import annotations

from dataclasses import dataclass

from mlassay.render.export import commands


@dataclass(frozen=True, slots=True)
class Step:
    """One step: what it is called, what it shows, what to look at, and the commands."""

    title: str
    why: str
    commands: str


def steps(commit: str, *, redacted: bool) -> tuple[Step, ...]:
    """The steps for an export of ``commit``, in order; each relies on those before it."""
    history = commands.PACK if redacted else commands.BUNDLE
    return (
        Step("Get ready", _WHY["ready"], commands.READY.replace("@COMMIT@", commit)),
        Step("The files arrived as they were packed", _WHY["sums"], commands.SUMS),
        Step("The history is whole, and is the one named above", _WHY["history"], history),
        Step("Each plain file is the one in the history", _WHY["files"], commands.FILES),
        Step("The keys are those of people.yaml", _WHY["keys"], commands.KEYS),
        Step("Records were only ever added", _WHY["added"], commands.ADDED),
        Step("Keys, rules and manifests changed by request only", _WHY["changes"], commands.CHANGES),
        Step("Each person signed what stands in their name", _WHY["people"], commands.PEOPLE),
        Step("Each machine signed what stands in its name", _WHY["machines"], commands.MACHINES),
        Step("Each release is what was signed", _WHY["releases"], commands.RELEASES),
        Step("What ran, and what let it in", _WHY["pointers"], commands.POINTERS),
    )


_WHY = {
    "ready": (
        "Unpack the archive, go into its folder, and start a shell of its own (`sh`), because a step that fails ends it. "
        "The long number is the id of the commit that this export is about. Compare it with one that you got in another "
        "way: from an anchor, an earlier export, or a letter. **Everything below hangs on that number.** Whoever could "
        "change it unseen could send you another history, well made from the start."
    ),
    "sums": "`SHA256SUMS` lists every other file. This finds accidents; whoever alters a file on purpose alters the list too, and is found later.",
    "history": (
        "Git names everything by the digest of its bytes, so one id stands for all that came before it. These commands load "
        "the history into an empty repository, let git compute every id again, and compare the last one."
    ),
    "files": (
        "The folder `files/` is there for reading. Its list is held against the history's own list in both directions, so "
        "nothing is added and nothing is missing; then git computes the id of each file again."
    ),
    "keys": (
        "Each `governance/people.yaml` that ever was in force has its folder under `keys/`. The keys were taken out of it so "
        "that ssh-keygen and openssl can read them. Each key is looked up in the history's own file, under the name that it "
        "is given, and so are the days from when to when it holds. Where a time is told in another way (in another time zone, or "
        "by a later people.yaml that calls a key lost), the command says `COMPARE YOURSELF`."
    ),
    "added": (
        "Evidence, promotions, changes and waivers may only be added. Then a list is made of what each commit added, and of the "
        "people.yaml before it: a key counts only when it was there before what it signs."
    ),
    "changes": (
        "Whoever could push a key of their own into people.yaml could sign anything afterwards. So each change of policy, people "
        "or a data manifest must have come in with a request that names the id of what it became. The first people.yaml with a "
        "key is the root of trust: the command names its commit. Ask somebody whether that is how it began. A text under "
        "`governance/deliberations/` came in with such a request too, or somebody signed it by hand; one with neither is named."
    ),
    "people": (
        "Approvals, refusals, withdrawals, waivers and requests carry an SSH signature. Each is held against the keys of the "
        "person whom it names, at the time of the commit that brought it in. Each answer must name the digest of the very "
        "request beside it."
    ),
    "machines": (
        "Statements of a CI lie in envelopes (DSSE): the payload in base64, and a signature over a short header and the payload. "
        "The commands take both out of the envelope itself, and hold the key to its time and to what it may say."
    ),
    "releases": (
        "The release digest is the SHA-256 of `release.json`; the model's digest stands in it, and in the model's signature. "
        "The signed summary must list every file of the release."
    ),
    "pointers": (
        "The list shows every change of what runs, oldest first. Each must have come in with the request that asked for it: an old "
        "value that somebody put back is none. What runs now must be what its promotion asked for. Below each promotion stands who approved it: whether those people were enough is for the policy to say, and for you to read."
    ),
}
