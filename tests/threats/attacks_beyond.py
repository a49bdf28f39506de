"""Further lies of somebody with time: founding things before the rules begin, flooding, hiding behind other spellings."""

from __future__ import annotations

import hashlib
from datetime import timedelta

from tests.threats.attacks_line import PRODUCTION, STAGING
from tests.threats.attacks_requests import FOLDER, REQUEST
from tests.threats.liar import PEOPLE, POLICY, SECOND, Liar, plain
from tests.threats.play import story


@story(
    "root",
    "pushed-pointer",
    path=PRODUCTION,
)
def a_pointer_comes_with_the_root(liar: Liar, lying: bool) -> None:
    """It names a release and a promotion of which there is no trace on the line."""
    text, root = liar.read(PRODUCTION), liar.names["root"]
    liar.move(liar.commit({PRODUCTION: text} if lying else {}, base=root, parents=[], when=liar.time(root)))


@story("self-approval", "record-signature", "policy.approvals")
def hundreds_whom_nobody_knows_approve(liar: Liar, lying: bool) -> None:
    """Files with long texts, of which no two are alike: to compare each with each would take hours."""
    files = liar.promotion(approvals=() if lying else ("robin",))
    if lying:
        one = liar.approval(FOLDER, "eve", files, key="dana")
        for number in range(150):
            for path, data in one.items():
                text = data.replace(b'"person": "eve"', b'"person": "eve%d"' % number)
                text = text.replace(SECOND[0].encode(), _rambling(number))
                files[path.replace("/eve.", f"/eve{number}.")] = text
    liar.push(files)


def _rambling(number: int) -> bytes:
    """A long text that is like no other, and the same at each run."""
    words = (hashlib.sha256(f"{number} {at}".encode()).hexdigest()[:9] for at in range(180))
    return " ".join(words).encode()


@story("one-spelling", "policy.pointer")
def a_pointer_ends_its_lines_as_windows_does(liar: Liar, lying: bool) -> None:
    files = liar.promotion()
    text = files[STAGING]
    assert isinstance(text, bytes)
    liar.push(files | {STAGING: text.replace(b"\n", b"\r\n") if lying else text})


@story("one-spelling", "pushed-request", "stray", "request", "pushed-pointer")
def a_promotion_lies_in_a_folder_of_other_letters(liar: Liar, lying: bool) -> None:
    files = liar.promotion()
    if lying:
        files = {
            path.replace("promotions/staging/", "promotions/Staging/"): edit for path, edit in files.items()
        }
    liar.push(files)


@story("one-request", "tree", "record-bytes", "policy.only-its-own-paths")
def a_request_brings_a_folder_of_its_own_records_as_a_link(liar: Liar, lying: bool) -> None:
    link = {f"{FOLDER}/refusals": ("120000", liar.blob("approvals"))}
    liar.push(liar.promotion() | (link if lying else {}))


@story("weakened-terms", "policy.pointer", path=REQUEST)
def a_pointer_names_the_model_of_another_release(liar: Liar, lying: bool) -> None:
    """Release and digest are right, and what deployment would fetch and compare is another model: signed so by Dana."""
    files = liar.promotion()
    if lying:
        other, own = (liar.digest(f"evidence/{liar.names[name]}/model.onnx") for name in ("one", "three"))
        asked = liar.signed_again(files, REQUEST, "dana", own.encode(), other.encode())
        files = asked | liar.approval(FOLDER, "robin", asked) | liar.approval(FOLDER, "lee", asked)
        text = files[STAGING]
        assert isinstance(text, bytes)
        files[STAGING] = text.replace(plain(own).encode(), plain(other).encode())
    liar.push(files)


@story("self-approval", "policy.approvals")
def an_approver_is_made_a_developer_of_nothing(liar: Liar, lying: bool) -> None:
    """A role that policy does not ask for approves a change of governance."""
    edits = {POLICY: liar.read(POLICY) + b"# read\n"}
    liar.push(liar.change(edits, approvals=("ada", "robin") if lying else ("lee",)))


@story("key-time", "policy.clock")
def a_request_is_dated_long_after_it_landed(liar: Liar, lying: bool) -> None:
    at = liar.clock + timedelta(days=30 if lying else 0)
    liar.push(liar.promotion(requested_at=at.strftime("%Y-%m-%dT%H:%M:%SZ")))


@story("bare-push", "pushed-governance", path=PEOPLE)
def a_change_is_taken_back_by_git_revert(liar: Liar, lying: bool) -> None:
    before = liar.read(PEOPLE)
    edits = {PEOPLE: before.replace(b"name: Ada", b"name: Ada L.")}
    liar.push(liar.change(edits, id_="20261120-0badc0d0"))
    back = {PEOPLE: before}
    liar.push(back if lying else liar.change(back), message='Revert "Change governance"')


@story("late-answers", "policy.refusals")
def a_refusal_lands_beside_forged_consent(liar: Liar, lying: bool) -> None:
    """Lee refused; a later approval in Lee's name stands beside it, signed by Lee's own stolen key."""
    files = liar.promotion(approvals=("robin", "lee"))
    liar.push(files | (liar.refusal(FOLDER, "lee", files) if lying else {}))


@story("replayed-approval", "record-bytes")
def an_approval_is_renamed_to_another_person(liar: Liar, lying: bool) -> None:
    files = liar.promotion(approvals=("robin",))
    if lying:
        for end in (".json", ".json.sig"):
            files[f"{FOLDER}/approvals/lee{end}"] = files[f"{FOLDER}/approvals/robin{end}"]
    liar.push(files)


@story("evidence-edited", "append-only", "pushed-request")
def a_record_turns_into_a_folder(liar: Liar, lying: bool) -> None:
    path = f"promotions/staging/{liar.names['staged']}/approvals/robin.json" if lying else "train.py"
    inside = f"{path}/robin.json"
    liar.push({path: None, inside: b"{}\n"})
