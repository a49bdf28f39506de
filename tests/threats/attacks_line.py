"""Lies on the main line itself: pushes that nobody asked for, merges that hide something, records that change."""

from __future__ import annotations

from datetime import timedelta

from tests.threats.liar import PEOPLE, POLICY, Liar, plain
from tests.threats.play import story

STAGING, PRODUCTION = "environments/staging.yaml", "environments/production.yaml"
MANIFEST = "data/applications.manifest.yaml"
ID = "20261120-0badc0de"


def swapped(liar: Liar, path: str, release: str, at: str = "refs/heads/main") -> bytes:
    """A pointer that names another release than it did."""
    old, text = liar.names["one"], liar.read(path, at)
    for file in ("release.json", "model.onnx"):
        was, becomes = (liar.digest(f"evidence/{each}/{file}") for each in (old, release))
        for spell in (plain, str) if file == "model.onnx" else (str,):
            text = text.replace(spell(was).encode(), spell(becomes).encode())
    return text.replace(old.encode(), release.encode())


# A bare push


@story("bare-push", "pushed-pointer", path=PRODUCTION)
def a_pointer_is_written_by_hand(liar: Liar, lying: bool) -> None:
    liar.push(
        {PRODUCTION: swapped(liar, PRODUCTION, liar.names["three"])} if lying else {"train.py": "print(1)\n"}
    )


@story("bare-push", "pushed-pointer", path=STAGING)
def a_pointer_goes_back_by_git_revert(liar: Liar, lying: bool) -> None:
    """The control goes back as one should: by promoting the older release again."""
    before = liar.read(STAGING)
    liar.push(liar.promotion())
    if lying:
        liar.push({STAGING: before}, message='Revert "Promote"')
    else:
        liar.push(liar.promotion(release=liar.names["one"], id_="20261120-0badc0d1"))


@story("bare-push", "pushed-pointer", path=STAGING)
def a_pointer_is_deleted(liar: Liar, lying: bool) -> None:
    liar.push({STAGING if lying else "train.py": None})


@story("bare-push", "pushed-pointer", path="environments/client/staging.yaml")
def a_pointer_of_a_new_client_is_pushed(liar: Liar, lying: bool) -> None:
    text = liar.read(STAGING).replace(b"environment: staging", b"environment: client/staging")
    liar.push({"environments/client/staging.yaml" if lying else "clients/client/staging.yaml": text})


@story("bare-push", "pushed-pointer", path="environments/staging.yml")
def a_second_spelling_of_a_pointers_name_is_pushed(liar: Liar, lying: bool) -> None:
    liar.push({"environments/staging.yml" if lying else "staging.yml": liar.read(STAGING)})


@story("bare-push", "pushed-governance", path=POLICY)
def the_policy_is_edited_by_hand(liar: Liar, lying: bool) -> None:
    edits = {POLICY: liar.read(POLICY).replace(b"count: 2", b"count: 1")}
    liar.push(edits if lying else liar.change(edits))


@story("bare-push", "pushed-governance", path=PEOPLE)
def a_key_is_swapped_by_hand(liar: Liar, lying: bool) -> None:
    keys = {who: (liar.keys / f"{who}.pub").read_bytes().split()[1] for who in ("lee", "dana")}
    edits = {PEOPLE: liar.read(PEOPLE).replace(keys["lee"], keys["dana"][:-4] + b"AAAA")}
    assert edits[PEOPLE] != liar.read(PEOPLE)
    honest = {PEOPLE: liar.read(PEOPLE).replace(b"name: Lee", b"name: Lee L.")}
    liar.push(edits if lying else liar.change(honest))


@story("bare-push", "pushed-governance", path="governance/sigstore.json")
def a_sigstore_of_ones_own_is_pushed(liar: Liar, lying: bool) -> None:
    liar.push({"governance/sigstore.json" if lying else "sigstore.json": "{}\n"})


@story("bare-push", "pushed-manifest", path=MANIFEST)
def a_manifest_is_edited_by_hand(liar: Liar, lying: bool) -> None:
    edits = {MANIFEST: liar.read(MANIFEST).replace(b"terms: none", b"terms: any")}
    liar.push(edits if lying else liar.change(edits))


@story("bare-push", "pushed-manifest", path="data/other.manifest.yaml")
def a_manifest_comes_by_hand(liar: Liar, lying: bool) -> None:
    edits = {"data/other.manifest.yaml": liar.read(MANIFEST).replace(b"name: applications", b"name: other")}
    liar.push(edits if lying else liar.change(edits))


@story("forged-names", "pushed-pointer", path=PRODUCTION)
def a_push_in_the_name_of_the_risk_lead(liar: Liar, lying: bool) -> None:
    """The control: anybody may write anybody's name into an ordinary commit, and nothing rests on it."""
    edits = {PRODUCTION: swapped(liar, PRODUCTION, liar.names["three"])} if lying else {"notes.md": "hello\n"}
    message = "Promote\n\nApproved-by: Lee <lee@example.org>\nApproved-by: Robin <robin@example.org>\n"
    liar.push(edits, who="Lee <lee@example.org>", message=message)


@story("signed-commits", "pushed-pointer", path=PRODUCTION)
def a_push_whose_commit_is_signed(liar: Liar, lying: bool) -> None:
    """A signature on the commit makes no promotion of it; the control is a promotion in a commit that nobody signed."""
    edits = {PRODUCTION: swapped(liar, PRODUCTION, liar.names["three"])}
    commit = liar.commit(edits if lying else liar.promotion())
    raw = liar.raw("cat-file", "commit", commit)
    signature = liar.sign("dana", raw, namespace="git").rstrip().replace(b"\n", b"\n ")
    head, _, body = raw.partition(b"\n\n")
    liar.move(liar.object("commit", head + b"\ngpgsig " + signature + b"\n\n" + body) if lying else commit)


# Merges


@story("bare-push", "pushed-pointer", path=PRODUCTION)
def a_merged_branch_carries_a_pointer_along(liar: Liar, lying: bool) -> None:
    edits = {"train.py": "print(3)\n"}
    if lying:
        edits[PRODUCTION] = swapped(liar, PRODUCTION, liar.names["three"]).decode()
    side = liar.commit(edits)
    liar.push(edits, parents=[liar.head, side], message="Merge pull request #12")


@story("bare-push", "pushed-governance", path=POLICY)
def a_merge_holds_what_neither_parent_had(liar: Liar, lying: bool) -> None:
    """An evil merge: each branch is harmless to read, and the merge commit itself edits the policy."""
    side = liar.commit({"train.py": "print(3)\n"})
    edits = {"train.py": "print(3)\n"}
    if lying:
        edits[POLICY] = liar.read(POLICY).decode().replace("count: 2", "count: 1")
    liar.push(edits, parents=[liar.head, side], message="Merge branch 'work'")


@story("bare-push", "pushed-governance", path=PEOPLE)
def an_octopus_merge_carries_a_key_along(liar: Liar, lying: bool) -> None:
    legs = [liar.commit({f"docs/{number}.md": "x\n"}) for number in range(3)]
    edits = {f"docs/{number}.md": "x\n" for number in range(3)}
    if lying:
        edits[PEOPLE] = liar.read(PEOPLE).decode().replace("roles: [developer]", "roles: [risk-lead]")
    liar.push(edits, parents=[liar.head, *legs])


@story("bare-push", "pushed-pointer", path=STAGING)
def a_merge_takes_a_promotion_in_by_its_second_parent_and_alters_it(liar: Liar, lying: bool) -> None:
    """The branch is honest; what the merge commit holds is something else. The control merges what was signed."""
    files = liar.promotion()
    branch = liar.commit(files)
    edits = dict(files)
    if lying:
        edits = {path: edit for path, edit in files.items() if not path.startswith("promotions/")}
    liar.push(edits, parents=[liar.head, branch], message="Merge")


@story("bare-push", "policy.pointer", path=f"promotions/staging/{ID}/request.json")
def a_merge_of_a_promotion_lands_another_pointer(liar: Liar, lying: bool) -> None:
    files = liar.promotion()
    branch = liar.commit(files)
    edits = files | ({STAGING: swapped(liar, STAGING, liar.names["three"])} if lying else {})
    liar.push(edits, parents=[liar.head, branch], message="Merge")


# Records that change, and commits that carry more than one thing


@story("evidence-edited", "append-only")
def a_record_is_edited(liar: Liar, lying: bool) -> None:
    path = f"promotions/staging/{liar.names['staged']}/approvals/robin.json"
    liar.push({path if lying else "notes.json": liar.read(path).replace(b"by hand", b"by eye")})


@story("evidence-edited", "append-only")
def a_release_is_deleted(liar: Liar, lying: bool) -> None:
    folder = f"evidence/{liar.names['three']}"
    liar.push(dict.fromkeys(liar.paths(folder)) if lying else {"train.py": None})


@story("evidence-edited", "append-only")
def a_promotion_is_deleted_with_all_its_approvals(liar: Liar, lying: bool) -> None:
    folder = f"promotions/staging/{liar.names['staged']}"
    liar.push(dict.fromkeys(liar.paths(folder)) if lying else {"train.py": None})


@story("evidence-edited", "append-only")
def a_waiver_is_prolonged(liar: Liar, lying: bool) -> None:
    liar.whole()
    path = f"governance/waivers/{liar.names['two']}.bias.lee.json"
    text = liar.read(path).replace(b"2027", b"2028")
    assert text != liar.read(path)
    liar.push({path: text} if lying else {"notes.json": text})


@story("evidence-edited", "append-only")
def a_record_is_deleted_and_put_back(liar: Liar, lying: bool) -> None:
    """The tree is what it was; for a moment somebody who looked saw less."""
    path = f"evidence/{liar.names['three']}/verdict.json" if lying else "train.py"
    text = liar.read(path)
    liar.push({path: None})
    liar.push({path: text})


@story("evidence-edited", "append-only")
def a_record_becomes_executable(liar: Liar, lying: bool) -> None:
    path = f"promotions/staging/{liar.names['staged']}/approvals/robin.json" if lying else "train.py"
    liar.push({path: ("100755", liar.id(path) or "")})


@story("late-answers", "pushed-request")
def an_approval_is_added_after_the_landing(liar: Liar, lying: bool) -> None:
    liar.push({"train.py": "print(4)\n"})
    folder = f"promotions/staging/{liar.names['staged']}"
    files = {f"{folder}/request.json": liar.read(f"{folder}/request.json")}
    late = liar.approval(folder, "ada", files)
    liar.push(late if lying else {f"notes/{path}": data for path, data in late.items()})


@story("late-answers", "pushed-request")
def a_refusal_is_added_to_what_landed_long_ago(liar: Liar, lying: bool) -> None:
    folder = f"promotions/staging/{liar.names['staged']}"
    files = {f"{folder}/request.json": liar.read(f"{folder}/request.json")}
    late = liar.refusal(folder, "lee", files)
    liar.push(late if lying else {f"notes/{path}": data for path, data in late.items()})


@story("one-request", "request")
def two_promotions_in_one_commit(liar: Liar, lying: bool) -> None:
    """The second is for the release that the first lets in: judged by itself it skips an environment."""
    first = liar.promotion()
    second = liar.promotion("production", liar.names["one"], id_="20261120-0badc0d1")
    if not lying:
        liar.push(first)
        second = liar.promotion("production", id_="20261120-0badc0d1")
        first = {}
    liar.push(first | second)


@story("one-request", "pushed-governance", path=POLICY)
def a_promotion_brings_a_policy_along(liar: Liar, lying: bool) -> None:
    edits = {POLICY: liar.read(POLICY).replace(b"count: 2", b"count: 1")} if lying else {}
    liar.push(liar.promotion() | edits)


@story("one-request", "policy.only-its-own-paths")
def a_promotion_brings_sources_along(liar: Liar, lying: bool) -> None:
    liar.push(liar.promotion() | ({"train.py": "print('evil')\n"} if lying else {}))


@story("one-request", "pushed-pointer", path=PRODUCTION)
def a_change_brings_a_pointer_along(liar: Liar, lying: bool) -> None:
    files = liar.change({POLICY: liar.read(POLICY) + b"# read\n"})
    liar.push(files | ({PRODUCTION: swapped(liar, PRODUCTION, liar.names["three"])} if lying else {}))


@story("one-request", "pushed-governance", path=PEOPLE)
def a_waiver_brings_a_role_along(liar: Liar, lying: bool) -> None:
    edits = {PEOPLE: liar.read(PEOPLE).replace(b"roles: [developer]", b"roles: [risk-lead]")} if lying else {}
    liar.push(liar.waiver(liar.names["three"]) | edits)


@story("one-request", "between", path=STAGING)
def a_pointer_is_something_else_between_two_commits_of_one_promotion(liar: Liar, lying: bool) -> None:
    files = liar.promotion()
    late = {path: edit for path, edit in files.items() if "approvals" in path}
    first = {path: edit for path, edit in files.items() if path not in late}
    if lying:
        first[STAGING] = swapped(liar, STAGING, liar.names["three"])
    liar.push(first)
    liar.push(files if lying else late)


@story("one-request", "request")
def a_promotion_reuses_the_name_of_another_environments(liar: Liar, lying: bool) -> None:
    """The files of a promotion to staging, copied to the same name below another environment."""
    liar.push({"train.py": "print(5)\n"})
    id_ = liar.names["staged"]
    files = {
        path.replace("/staging/", "/production/"): liar.read(path)
        for path in liar.paths(f"promotions/staging/{id_}")
    }
    liar.push(files if lying else {f"notes/{path}": data for path, data in files.items()})


# Order and time


@story("key-time", "backdated")
def a_record_is_dated_before_the_commit_that_it_stands_on(liar: Liar, lying: bool) -> None:
    files = {path: liar.read(path) for path in liar.paths(f"evidence/{liar.names['three']}")}
    liar.move(liar.names["before-three"])
    liar.push(files, when=liar.time() - timedelta(days=2 if lying else 0))


@story("key-time", "backdated")
def a_record_is_dated_back_over_a_harmless_commit(liar: Liar, lying: bool) -> None:
    """The step back in time is made by a commit that touches nothing guarded; the record stands upon that."""
    files = {path: liar.read(path) for path in liar.paths(f"evidence/{liar.names['three']}")}
    liar.move(liar.names["before-three"])
    when = liar.time() - timedelta(days=2 if lying else 0)
    liar.push({"notes.md": "a typing mistake\n"}, when=when)
    liar.push(files, when=when + timedelta(minutes=1))


@story("key-time", "backdated")
def a_promotion_is_dated_back_over_a_harmless_commit(liar: Liar, lying: bool) -> None:
    when = liar.time() - timedelta(days=2 if lying else 0)
    liar.push({"notes.md": "a typing mistake\n"}, when=when)
    if lying:
        liar.clock = when
    liar.push(liar.promotion())


@story("stray", "stray", path="evidence/README.md")
def a_file_lies_among_the_releases(liar: Liar, lying: bool) -> None:
    liar.push({"evidence/README.md" if lying else "README.md": "All is well.\n"})


@story("stray", "stray", path="governance/waivers/everything.txt")
def a_note_lies_among_the_waivers(liar: Liar, lying: bool) -> None:
    liar.push({"governance/waivers/everything.txt" if lying else "everything.txt": "All is waived.\n"})


@story("root", "pushed-governance")
def governance_is_deleted_and_founded_anew(liar: Liar, lying: bool) -> None:
    """A second root of trust, with the liar's own people, upon the first."""
    kept = {path: liar.read(path) for path in liar.paths("governance")}
    if lying:
        liar.push(dict.fromkeys(kept))
        kept[PEOPLE] = kept[PEOPLE].replace(b"roles: [developer]", b"roles: [risk-lead]")
    liar.push(kept)


@story("tags", "pushed-pointer", path=PRODUCTION)
def a_tag_says_that_a_release_was_approved(liar: Liar, lying: bool) -> None:
    """Tags are never read: the control moves and replays them under every name that might matter."""
    if lying:
        liar.push({PRODUCTION: swapped(liar, PRODUCTION, liar.names["three"])})
    for name in ("main", "HEAD", liar.names["three"], f"approved/{liar.names['three']}"):
        liar.git("update-ref", f"refs/tags/{name}", liar.names["root"])
    liar.git("notes", "add", "-f", "-m", "Approved-by: Lee", liar.head, **LEE)


LEE = {
    f"GIT_{role}_{what}": value
    for role in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "Lee"), ("EMAIL", "lee@example.org"))
}
