"""Lies inside requests: who asked, who approved, what of, leaning on what. The commit itself is where it should be."""

from __future__ import annotations

from datetime import timedelta

from tests.threats.attacks_line import STAGING
from tests.threats.liar import PEOPLE, POLICY, SAYS, SECOND, Edit, Liar, sha256
from tests.threats.play import story

ID = "20261120-0badc0de"
FOLDER = f"promotions/staging/{ID}"
REQUEST = f"{FOLDER}/request.json"


def person(
    liar: Liar, id_: str, key: str, team: str = "audit", role: str = "risk-lead", more: str = ""
) -> bytes:
    """people.yaml with one more person, who holds the key of that name."""
    public = " ".join((liar.keys / f"{key}.pub").read_text().split()[:2])
    entry = (
        f"  {id_}:\n    name: {id_.title()}\n    team: {team}\n    roles: [{role}]\n"
        f"    keys: [{{key: {public}, valid_from: 2026-01-01{more}}}]\nsigners:"
    )
    return liar.read(PEOPLE).replace(b"signers:", entry.encode())


# Who approved


@story("self-approval", "policy.approvals", path=REQUEST)
def nobody_approved(liar: Liar, lying: bool) -> None:
    liar.push(liar.promotion(approvals=() if lying else ("robin",)))


@story("self-approval", "policy.own-approval", "policy.approvals")
def the_requester_approves_as_well(liar: Liar, lying: bool) -> None:
    liar.push(liar.promotion(approvals=("dana",) if lying else ("robin",)))


@story("self-approval", "policy.own-approval", "policy.approvals")
def the_requester_approves_with_a_second_key(liar: Liar, lying: bool) -> None:
    """The second key is honestly hers, brought in by a change that the risk lead approved."""
    liar.new_key("dana-laptop")
    public = " ".join((liar.keys / "dana-laptop.pub").read_text().split()[:2])
    own = " ".join((liar.keys / "dana.pub").read_text().split()[:2]).encode()
    both = own + f", valid_from: 2026-01-01}}, {{key: {public}".encode()
    liar.push(liar.change({PEOPLE: liar.read(PEOPLE).replace(own, both)}, id_="20261120-0badc0d0"))
    files = liar.promotion(approvals=())
    who = "dana" if lying else "robin"
    liar.push(files | liar.approval(FOLDER, who, files, key="dana-laptop" if lying else "robin"))


@story("self-approval", "policy.own-approval", "policy.approvals")
def whoever_committed_to_the_sources_approves(liar: Liar, lying: bool) -> None:
    """Ada committed what asks less of the model, under her own name."""
    liar.whole()
    asked = liar.open_request(liar.names["accepted"])
    accepts = ["criteria.performance.accuracy.min"]
    files = liar.promotion(release=liar.names["weak"], approvals=(), weakenings=asked["weakenings"])
    files |= liar.approval(FOLDER, "lee", files, accepts=accepts)
    liar.push(files | (liar.approval(FOLDER, "ada", files) if lying else {}))


@story("self-approval", "policy.own-approval", "policy.approvals")
def whoever_set_the_run_off_approves(liar: Liar, lying: bool) -> None:
    """The signed provenance names Robin's account as the one that set the training off."""
    liar.whole()
    asked = liar.open_request(liar.names["accepted"])
    files = liar.promotion(release=liar.names["weak"], approvals=(), weakenings=asked["weakenings"])
    files |= liar.approval(FOLDER, "lee", files, accepts=["criteria.performance.accuracy.min"])
    liar.push(files | (liar.approval(FOLDER, "robin", files) if lying else {}))


@story("self-approval", "policy.outside", "policy.approvals", path=f"promotions/production/{ID}/request.json")
def nobody_from_outside_approved_for_production(liar: Liar, lying: bool) -> None:
    liar.push(liar.promotion(id_="20261120-0badc0d0"))
    liar.push(liar.promotion("production", approvals=("robin",) if lying else ("robin", "lee")))


@story("self-approval", "record-signature")
def somebody_signs_in_anothers_name(liar: Liar, lying: bool) -> None:
    files = liar.promotion(approvals=())
    liar.push(files | liar.approval(FOLDER, "robin", files, key="dana" if lying else "robin"))


@story("self-approval", "record-signature")
def an_approval_is_signed_for_another_purpose(liar: Liar, lying: bool) -> None:
    """A signature that Robin made over the same bytes as a commit or a file of its own, in another namespace."""
    files = liar.promotion(approvals=("robin",))
    path = f"{FOLDER}/approvals/robin.json"
    data = files[path]
    assert isinstance(data, bytes)
    files[f"{path}.sig"] = liar.sign("robin", data, namespace="git" if lying else "mlassay")
    liar.push(files)


@story("replayed-approval", "policy.approvals")
def an_approval_of_another_promotion_is_replayed(liar: Liar, lying: bool) -> None:
    """Robin approved the release on its branch; the liar asks for another one in its place."""
    branch = f"refs/heads/promotion/staging/{liar.names['open']}"
    old = f"promotions/staging/{liar.names['open']}/approvals/robin.json"
    files = liar.promotion(approvals=() if lying else ("robin",))
    if lying:
        for end in ("", ".sig"):
            files[f"{FOLDER}/approvals/robin.json{end}"] = liar.read(f"{old}{end}", branch)
    liar.push(files)


@story("replayed-pointer", "policy.previous-pointer", path=REQUEST)
def an_old_pointer_comes_back_by_its_old_request(liar: Liar, lying: bool) -> None:
    """A, B, A: the request that brought A in, made on the state before it, signed and approved, used a second time."""
    again = liar.promotion(release=liar.names["one"], id_="20261120-0badc0d0")
    liar.push(liar.promotion(id_="20261120-0badc0d1"))
    back = liar.promotion(release=liar.names["one"], previous=liar.id(STAGING, "HEAD~1")) if lying else None
    assert again
    liar.push(back or liar.promotion(release=liar.names["one"]))


@story("replayed-pointer", "append-only", "pushed-pointer")
def a_landed_request_is_landed_again(liar: Liar, lying: bool) -> None:
    """The very files of a promotion that landed once; the control asks anew."""
    first = liar.promotion(id_="20261120-0badc0d0")
    liar.push(first)
    liar.push(liar.promotion(release=liar.names["one"], id_="20261120-0badc0d1"))
    if lying:
        liar.push({path: None for path in first if path.startswith("promotions/")})
        liar.push({path: edit for path, edit in first.items() if path.startswith("environments/")})
    else:
        liar.push(liar.promotion(id_="20261120-0badc0d2"))


@story("self-approval", "record-signature")
def nobody_signed_the_request(liar: Liar, lying: bool) -> None:
    files = liar.promotion()
    if lying:
        del files[f"{REQUEST}.sig"]
    liar.push(files)


@story("self-approval", "record-signature", "policy.approvals")
def somebody_whom_nobody_knows_approves(liar: Liar, lying: bool) -> None:
    liar.new_key("eve")
    files = liar.promotion(approvals=() if lying else ("ada",))
    liar.push(files | (liar.approval(FOLDER, "eve", files) if lying else {}))


# Keys


@story("own-key", "record-signature", "policy.approvals")
def a_key_comes_in_the_change_that_it_signs(liar: Liar, lying: bool) -> None:
    liar.new_key("eve")
    edits = {PEOPLE: person(liar, "eve", "eve")}
    files = liar.change(edits, approvals=("eve",) if lying else ("lee",))
    liar.push(files)


@story("own-key", "record-signature")
def a_key_comes_in_the_change_that_it_asks_for(liar: Liar, lying: bool) -> None:
    liar.new_key("eve")
    liar.push(liar.change({PEOPLE: person(liar, "eve", "eve")}, by="eve" if lying else "dana"))


@story("own-key", "pushed-governance", "record-signature", "policy.approvals")
def a_key_comes_beside_the_promotion_that_it_approves(liar: Liar, lying: bool) -> None:
    liar.new_key("eve")
    edits = {PEOPLE: person(liar, "eve", "eve")}
    if lying:
        liar.push(liar.promotion(approvals=("eve",)) | edits)
    else:
        liar.push(liar.change(edits, id_="20261120-0badc0d0"))
        liar.push(liar.promotion(approvals=("eve",)))


@story("two-ids", "pushed-governance", "policy.reviews", "review-record", path=PEOPLE)
def one_key_stands_under_two_names(liar: Liar, lying: bool) -> None:
    """The risk lead is talked into it: Dana's own key, once more, as an outsider's."""
    liar.new_key("eve")
    liar.push(liar.change({PEOPLE: person(liar, "mallory", "dana" if lying else "eve")}))


@story("demo-keys", "policy.demo-keys", "policy.approvals")
def a_demonstrations_key_approves(liar: Liar, lying: bool) -> None:
    liar.demo_key("robin", "visitor") if lying else liar.new_key("visitor")
    liar.push(liar.change({PEOPLE: person(liar, "visitor", "visitor")}, id_="20261120-0badc0d0"))
    liar.push(liar.promotion(approvals=("visitor",)))


@story("key-time", "policy.request-signature")
def somebody_asks_with_a_key_that_has_ended(liar: Liar, lying: bool) -> None:
    liar.clock += timedelta(days=60 if lying else 10)
    liar.push(liar.promotion(by="ada"))


@story("key-time", "policy.approvals")
def an_approval_comes_by_a_key_that_has_ended(liar: Liar, lying: bool) -> None:
    """Ada's key ends with the year."""
    liar.clock += timedelta(days=60 if lying else 10)
    liar.push(liar.promotion(approvals=("ada",)))


@story("key-time", "policy.approvals")
def an_approval_comes_by_a_key_that_was_revoked(liar: Liar, lying: bool) -> None:
    old = liar.read(PEOPLE).decode()
    at = (liar.clock + timedelta(days=0 if lying else 5)).date().isoformat()
    revoked = old.replace("valid_until: 2026-12-31", f'revoked: {{at: "{at}", because: she left}}')
    assert revoked != old
    liar.push(liar.change({PEOPLE: revoked}, id_="20261120-0badc0d0"))
    liar.push(liar.promotion(approvals=("ada",)))


@story("key-time", "policy.approvals")
def an_approval_comes_by_a_key_that_is_not_valid_yet(liar: Liar, lying: bool) -> None:
    liar.new_key("eve")
    people = person(liar, "eve", "eve").replace(b"2026-01-01}]\nsigners", b"2027-01-01}]\nsigners")
    liar.push(liar.change({PEOPLE: people}, id_="20261120-0badc0d0"))
    liar.clock += timedelta(days=10 if lying else 60)
    liar.push(liar.promotion(approvals=("eve",)))


@story("key-time", "policy.clock")
def an_approval_is_dated_in_the_future(liar: Liar, lying: bool) -> None:
    files = liar.promotion(approvals=())
    at = (liar.clock + timedelta(days=3 if lying else 0)).strftime("%Y-%m-%dT%H:%M:%SZ")
    liar.push(files | liar.approval(FOLDER, "robin", files, at=at))


@story("key-time", "policy.approvals")
def an_approval_counted_until_its_key_was_told_to_be_stolen(liar: Liar, lying: bool) -> None:
    """A compromise that is told later counts back to the day that it names."""
    liar.push(liar.promotion(approvals=("ada",)))
    since = (liar.clock + timedelta(days=-1 if lying else 1)).strftime("%Y-%m-%d")
    told = f'revoked: {{at: "2026-11-25", because: stolen, compromised_since: "{since}"}}'
    people = liar.read(PEOPLE).replace(b"valid_until: 2026-12-31", told.encode())
    liar.clock += timedelta(days=5)
    liar.push(liar.change({PEOPLE: people}, id_="20261120-0badc0d0"))


# What was asked, and what landed


@story("weakened-policy", "policy.approvals")
def a_policy_is_judged_by_itself(liar: Liar, lying: bool) -> None:
    """The new policy lets anybody approve; the old one, which judges, asks for a risk lead."""
    edits = {POLICY: liar.read(POLICY).replace(b"{count: 1, roles: [risk-lead]}", b"{count: 1}")}
    liar.push(liar.change(edits, approvals=("robin",) if lying else ("lee",)))


@story("weakened-policy", "policy.policy-unchanged")
def a_promotion_lands_under_another_policy_than_it_was_asked_under(liar: Liar, lying: bool) -> None:
    asked = liar.promotion()
    liar.push(liar.change({POLICY: liar.read(POLICY) + b"# read\n"}, id_="20261120-0badc0d0"))
    liar.push(asked if lying else liar.promotion())


@story("weakened-policy", "policy.bound")
def a_change_lands_something_else_than_was_approved(liar: Liar, lying: bool) -> None:
    files = liar.change({POLICY: liar.read(POLICY) + b"# read\n"})
    liar.push(files | ({POLICY: liar.read(POLICY).replace(b"count: 2", b"count: 1")} if lying else {}))


@story("weakened-policy", "policy.previous-state", "policy.bound")
def a_change_lands_upon_another_state_than_was_approved(liar: Liar, lying: bool) -> None:
    """Between asking and landing another change took a role away; the old one would quietly bring it back."""
    asked = liar.change({POLICY: liar.read(POLICY) + b"# read\n"})
    edits = {PEOPLE: liar.read(PEOPLE).replace(b"name: Ada", b"name: Ada L.")}
    liar.push(liar.change(edits, id_="20261120-0badc0d0"))
    liar.push(asked if lying else liar.change({POLICY: liar.read(POLICY) + b"# read\n"}))


@story("weakened-terms", "policy.weakenings")
def a_weakening_is_left_out_of_the_request(liar: Liar, lying: bool) -> None:
    liar.whole()
    asked = liar.open_request(liar.names["accepted"])
    files = liar.promotion(
        release=liar.names["weak"], approvals=(), weakenings=[] if lying else asked["weakenings"]
    )
    liar.push(files | liar.approval(FOLDER, "lee", files, accepts=["criteria.performance.accuracy.min"]))


@story("weakened-terms", "policy.weakenings")
def a_weakening_is_accepted_by_nobody(liar: Liar, lying: bool) -> None:
    liar.whole()
    asked = liar.open_request(liar.names["accepted"])
    files = liar.promotion(release=liar.names["weak"], approvals=(), weakenings=asked["weakenings"])
    accepts = [] if lying else ["criteria.performance.accuracy.min"]
    liar.push(files | liar.approval(FOLDER, "lee", files, accepts=accepts))


@story("weakened-terms", "policy.gates", "policy.waivers", "policy.questions")
def a_failed_release_is_promoted(liar: Liar, lying: bool) -> None:
    liar.whole()
    liar.push(liar.promotion(release=liar.names["failed" if lying else "three"]))


@story("weakened-terms", "policy.order")
def an_environment_is_skipped(liar: Liar, lying: bool) -> None:
    if not lying:
        liar.push(liar.promotion(id_="20261120-0badc0d0"))
    liar.push(liar.promotion("production"))


@story("weakened-terms", "policy.order", "policy.approvals", "policy.pointer")
def an_environment_is_made_up(liar: Liar, lying: bool) -> None:
    liar.push(liar.promotion("client/staging" if lying else "staging"))


@story("bare-push", "policy.base")
def a_request_was_made_on_another_history(liar: Liar, lying: bool) -> None:
    side = liar.commit({"train.py": "print(9)\n"})
    liar.push({"notes.md": "x\n"})
    liar.push(liar.promotion(base=side) if lying else liar.promotion())


@story("one-spelling", "policy.pointer")
def a_pointer_lands_in_another_spelling(liar: Liar, lying: bool) -> None:
    """The same to one reader of YAML, something else to another: a key that stands twice."""
    files = liar.promotion()
    text = files[STAGING]
    assert isinstance(text, bytes)
    twice = text.replace(b"    share: 100\n", b"    share: 100\n    share: 1\n")
    liar.push(files | {STAGING: twice if lying else text})


@story("one-spelling", "policy.pointer")
def a_pointer_hides_behind_an_anchor_of_yaml(liar: Liar, lying: bool) -> None:
    files = liar.promotion()
    text = files[STAGING]
    assert isinstance(text, bytes)
    hidden = text.replace(b"role: live", b"role: &r live").replace(b"state: live", b"state: live # &r")
    liar.push(files | {STAGING: hidden if lying else text})


@story("one-spelling", "record-bytes", "policy.records", "policy.approvals")
def an_approval_lands_in_another_spelling(liar: Liar, lying: bool) -> None:
    """Signed as it stands, so that the signature holds: one space more in the JSON."""
    files = liar.promotion()
    path = f"{FOLDER}/approvals/robin.json"
    data = files[path]
    assert isinstance(data, bytes)
    other = data.replace(b'"version": 1', b'"version":  1') if lying else data
    liar.push(files | {path: other, f"{path}.sig": liar.sign("robin", other)})


@story("one-spelling", "record-bytes", "request")
def a_request_says_something_twice(liar: Liar, lying: bool) -> None:
    files = liar.promotion(approvals=())
    data = files[REQUEST]
    assert isinstance(data, bytes)
    if lying:
        data = data.replace(
            b'  "environment": "staging",\n', b'  "environment": "x",\n  "environment": "staging",\n', 1
        )
    files |= {REQUEST: data, f"{REQUEST}.sig": liar.sign("dana", data)}
    liar.push(files | liar.approval(FOLDER, "robin", files))


@story("one-request", "request", "pushed-pointer")
def a_request_lies_in_another_environments_folder(liar: Liar, lying: bool) -> None:
    files = liar.promotion()
    if lying:
        files = {
            path.replace("promotions/staging/", "promotions/production/"): edit
            for path, edit in files.items()
        }
    liar.push(files)


@story("one-request", "record-bytes", "policy.only-its-own-paths")
def something_hides_beside_the_approvals(liar: Liar, lying: bool) -> None:
    liar.push(liar.promotion() | ({f"{FOLDER}/approvals/notes.txt": "hello\n"} if lying else {}))


@story("links", "tree", "policy.pointer")
def a_pointer_lands_as_a_link(liar: Liar, lying: bool) -> None:
    files = liar.promotion()
    blob = liar.blob(files[STAGING] if isinstance(files[STAGING], bytes) else b"")
    liar.push(files | {STAGING: ("120000" if lying else "100644", blob)})


@story("late-answers", "policy.refusals")
def a_refused_request_lands(liar: Liar, lying: bool) -> None:
    files = liar.promotion()
    liar.push(files | (liar.refusal(FOLDER, "ada", files) if lying else {}))


@story("late-answers", "policy.refusals")
def a_withdrawn_approval_is_counted(liar: Liar, lying: bool) -> None:
    files = liar.promotion()
    liar.push(files | (liar.refusal(FOLDER, "lee", files, "withdrawals") if lying else {}))


@story("late-answers", "pushed-pointer")
def a_refused_request_that_was_recorded_is_used_after_all(liar: Liar, lying: bool) -> None:
    """A refusal is part of the record; its pointer, pushed later, is explained by nothing."""
    files = liar.promotion(approvals=("robin",))
    refused = {path: edit for path, edit in files.items() if path != STAGING} | liar.refusal(
        FOLDER, "lee", files
    )
    liar.push(refused)
    if lying:
        liar.push({STAGING: files[STAGING]})


@story("late-answers", "refused", "request", "record-signature")
def a_request_is_recorded_as_refused_that_nobody_refused(liar: Liar, lying: bool) -> None:
    files = liar.promotion(approvals=("robin",))
    said = liar.refusal(FOLDER, "lee", files)
    if lying:
        path = f"{FOLDER}/refusals/lee.json"
        said[f"{path}.sig"] = liar.sign("dana", said[path])
    liar.push({path: edit for path, edit in files.items() if path != STAGING} | said)


@story("rubber-stamps", "policy.reasons", "policy.approvals")
def an_approval_says_nothing(liar: Liar, lying: bool) -> None:
    files = liar.promotion(approvals=())
    liar.push(files | liar.approval(FOLDER, "robin", files, reason="LGTM" if lying else SAYS["robin"][0]))


@story("rubber-stamps", "policy.reasons", "policy.approvals")
def an_approval_copies_another(liar: Liar, lying: bool) -> None:
    files = liar.promotion(approvals=("robin",))
    reason, risk = SAYS["robin"] if lying else SECOND
    liar.push(files | liar.approval(FOLDER, "lee", files, reason=reason, risk=risk))


@story("rubber-stamps", "policy.questions", "policy.approvals")
def an_open_question_stays_unanswered(liar: Liar, lying: bool) -> None:
    questions = [{"id": "group-b", "question": "Who has looked at group b?"}]
    files = liar.promotion(approvals=(), questions=questions)
    liar.push(files | liar.approval(FOLDER, "robin", files, **({"answers": {}} if lying else {})))


@story("rubber-stamps", "policy.owner", "policy.approvals")
def a_manifest_changes_without_its_owner(liar: Liar, lying: bool) -> None:
    path = "data/applications.manifest.yaml"
    edits = {path: liar.read(path).replace(b"terms: none", b"terms: any")}
    liar.push(liar.change(edits, approvals=("robin",) if lying else ("lee",)))


# Waivers


def leaning(liar: Liar, release: str, waiver: str, data: bytes | None = None) -> dict[str, Edit]:
    """A promotion to staging of a release whose bias gate did not pass, leaning on a waiver."""
    digest = sha256(data if data is not None else liar.read(waiver))
    question = {
        "id": "waived.bias",
        "question": "The gate bias is inconclusive. Why may this release go on without it?",
    }
    return liar.promotion(
        release=release,
        waivers=[{"path": waiver, "digest": digest}],
        questions=[question],
        approvals=("robin",),
    )


@story("waivers", "policy.waivers", "policy.gates")
def a_waiver_comes_after_the_promotion_that_leans_on_it(liar: Liar, lying: bool) -> None:
    liar.whole()
    release = liar.names["doubtful"]
    waiver = liar.waiver(release)
    (path,) = (path for path in waiver if path.endswith(".json"))
    files = leaning(liar, release, path, waiver[path])
    for edits in (files, waiver) if lying else (waiver, files):
        liar.push(edits)


@story("waivers", "policy.waivers", "policy.gates")
def a_waiver_of_another_release_carries(liar: Liar, lying: bool) -> None:
    liar.whole()
    two, old = liar.names["two"], f"governance/waivers/{liar.names['two']}.bias.lee.json"
    release = liar.names["doubtful"] if lying else two
    liar.push(leaning(liar, release, old))


@story("waivers", "waiver", "record-bytes")
def a_waiver_is_copied_under_the_name_of_another_release(liar: Liar, lying: bool) -> None:
    liar.whole()
    old = f"governance/waivers/{liar.names['two']}.bias.lee.json"
    new = old.replace(liar.names["two"], liar.names["failed"]) if lying else "notes.json"
    liar.push({f"{new}{end}": liar.read(f"{old}{end}") for end in ("", ".sig")})


@story("waivers", "record-signature", "waiver")
def a_waiver_is_signed_by_somebody_else(liar: Liar, lying: bool) -> None:
    files = liar.waiver(liar.names["three"])
    (path,) = (path for path in files if path.endswith(".json"))
    liar.push(files | {f"{path}.sig": liar.sign("dana" if lying else "lee", files[path])})


@story("waivers", "policy.waivers", "policy.gates")
def a_waiver_that_has_ended_carries(liar: Liar, lying: bool) -> None:
    liar.whole()
    liar.clock += timedelta(days=70 if lying else 10)
    path = f"governance/waivers/{liar.names['two']}.bias.lee.json"
    liar.push(leaning(liar, liar.names["two"], path))


@story("waivers", "policy.waivers", "policy.gates")
def a_waiver_by_somebody_who_may_not_carries(liar: Liar, lying: bool) -> None:
    liar.whole()
    who = "robin" if lying else "lee"
    release = liar.names["doubtful"]
    liar.push(liar.waiver(release, who))
    liar.push(leaning(liar, release, f"governance/waivers/{release}.bias.{who}.json"))


@story("waivers", "record-bytes", "request")
def a_waiver_is_kept_where_nobody_guards_it(liar: Liar, lying: bool) -> None:
    """Signed by the risk lead, but never put among the waivers: it can be taken away again without a trace."""
    liar.whole()
    release = liar.names["doubtful"]
    waiver = liar.waiver(release)
    (path,) = (path for path in waiver if path.endswith(".json"))
    where = "notes/waiver.json" if lying else path
    liar.push({where: waiver[path], f"{where}.sig": waiver[f"{path}.sig"]})
    liar.push(leaning(liar, release, where))
