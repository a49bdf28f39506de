"""Lies in a release's evidence: what is signed, by whom, about what, and what lies beside it."""

from __future__ import annotations

import base64
import json
from datetime import timedelta

from tests.threats.evidence import (
    SUMMARY,
    Statement,
    edited,
    listed_again,
    payload,
    placed,
    recorded,
    replaced,
    taken,
)
from tests.threats.liar import PEOPLE, Liar, canonical, sha256
from tests.threats.play import story


def three(liar: Liar) -> tuple[str, str, dict[str, bytes]]:
    """The commit before the record of a release that passed, its id, and its files."""
    release = liar.names["three"]
    return liar.names["before-three"], release, taken(liar, release)


# Bytes


@story("flipped-bits", "evidence-bytes")
def a_number_of_a_report_is_nicer_than_it_was(liar: Liar, lying: bool) -> None:
    before, release, files = three(liar)
    if lying:
        replaced("gates/bias.json", "0.9000", "0.9900")(files)
    recorded(liar, before, files, release)


@story("flipped-bits", "evidence-bytes", "evidence-signature")
def a_bit_is_flipped_where_a_decoder_of_base64_does_not_look(liar: Liar, lying: bool) -> None:
    """The last letter before the padding carries bits that no decoder needs: the same bytes in another spelling."""
    before, release, files = three(liar)
    name = next(name for name in sorted(files) if name.endswith(".dsse.json") and b'=",\n' in files[name])
    if lying:
        text = files[name].decode()
        at = text.index("=") - 1
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        files[name] = (text[:at] + alphabet[alphabet.index(text[at]) ^ 1] + text[at + 1 :]).encode()
        listed_again(liar, files)
    recorded(liar, before, files, release)


@story("flipped-bits", "evidence-bytes")
def a_signed_file_is_spaced_otherwise(liar: Liar, lying: bool) -> None:
    before, release, files = three(liar)
    if lying:
        replaced("verdict.json", '"version": 1', '"version":  1')(files)
        listed_again(liar, files)
    recorded(liar, before, files, release)


@story("flipped-bits", "evidence-extra")
def a_file_lies_beside_the_listed_ones(liar: Liar, lying: bool) -> None:
    before, release, files = three(liar)
    recorded(liar, before, files | ({"leaderboard.md": b"# The best model\n"} if lying else {}), release)


@story("flipped-bits", "evidence-extra")
def a_signed_list_names_a_file_that_no_release_has(liar: Liar, lying: bool) -> None:
    before, release, files = three(liar)
    if lying:
        files["best.md"] = b"# The best model\n"

        def edit(said: Statement) -> None:
            entry = {
                "digest": {"sha256": sha256(files["best.md"]).partition(":")[2]},
                "name": "best.md",
            }
            said["predicate"]["mlassay_files"].insert(0, entry)

        edited(liar, files, SUMMARY, edit)
    recorded(liar, before, files, release)


@story("evidence-edited", "evidence-missing")
def a_report_is_left_out(liar: Liar, lying: bool) -> None:
    before, release, files = three(liar)
    if lying:
        del files["gates/bias.json"]
    recorded(liar, before, files, release)


@story("swapped-artifact", "evidence-bytes")
def the_model_is_another_than_was_signed(liar: Liar, lying: bool) -> None:
    before, release, files = three(liar)
    if lying:
        files["model.onnx"] = liar.read(f"evidence/{liar.names['one']}/model.onnx")
    recorded(liar, before, files, release)


@story("renamed-file", "evidence-missing", "evidence-extra")
def the_model_is_renamed(liar: Liar, lying: bool) -> None:
    before, release, files = three(liar)
    if lying:
        files["model2.onnx"] = files.pop("model.onnx")
    recorded(liar, before, files, release)


@story("copied-evidence", "evidence-bytes", "evidence-subject")
def the_verdict_of_another_release_is_copied_over(liar: Liar, lying: bool) -> None:
    """The release that failed shows the statements and reports of one that passed."""
    release = liar.names["failed"]
    files = taken(liar, release, liar.names["head"])
    if lying:
        good = taken(liar, liar.names["three"])
        shown = ("gates/", "verdict", "card", "bom")
        files |= {name: data for name, data in good.items() if name.startswith(shown)}
    recorded(liar, liar.names["short"], files, release)


@story("copied-evidence", "evidence-subject", "evidence-source")
def the_whole_evidence_is_copied_to_another_name(liar: Liar, lying: bool) -> None:
    _, release, files = three(liar)
    liar.push(
        placed(files, f"{release[:-1]}{'0' if release[-1] != '0' else '1'}") if lying else {"notes.md": "x\n"}
    )


@story("copied-evidence", "evidence-subject")
def one_statement_is_about_another_release(liar: Liar, lying: bool) -> None:
    before, release, files = three(liar)
    if lying:
        files["gates/bias.dsse.json"] = liar.read(f"evidence/{liar.names['one']}/gates/bias.dsse.json")
        listed_again(liar, files)
    recorded(liar, before, files, release)


@story("copied-evidence", "evidence-subject")
def the_model_signature_is_about_another_model(liar: Liar, lying: bool) -> None:
    before, release, files = three(liar)
    if lying:
        files["model.sig"] = liar.read(f"evidence/{liar.names['one']}/model.sig")
        listed_again(liar, files)
    recorded(liar, before, files, release)


# Who signed


@story("wrong-signer", "evidence-signer")
def the_desks_key_signs_evidence(liar: Liar, lying: bool) -> None:
    before, release, files = three(liar)
    edited(liar, files, "gates/bias.dsse.json", lambda said: None, "desk" if lying else "ci")
    listed_again(liar, files)
    recorded(liar, before, files, release)


@story("wrong-signer", "review-record", "policy.reviews")
def the_key_of_evidence_signs_a_record_of_reviews(liar: Liar, lying: bool) -> None:
    folder = f"promotions/production/{liar.names['reviewed']}"
    record = liar.read(f"{folder}/record.dsse.json")
    landed = liar.git("log", "--first-parent", "--format=%H", "--reverse", "--", folder).splitlines()[0]
    liar.move(landed)
    liar.push({f"{folder}/record.dsse.json": liar.seal("ci" if lying else "desk", _said(record))})


@story("wrong-signer", "policy.reviews")
def a_record_of_reviews_tells_of_reviews_that_nobody_gave(liar: Liar, lying: bool) -> None:
    """The desk's key was stolen; the words are of an account that people.yaml does not know."""
    folder = f"promotions/production/{liar.names['reviewed']}"
    text = _said(liar.read(f"{folder}/record.dsse.json"))
    landed = liar.git("log", "--first-parent", "--format=%H", "--reverse", "--", folder).splitlines()[0]
    liar.move(landed)
    other = text.replace(b'"account": 103', b'"account": 666') if lying else text
    liar.push({f"{folder}/record.dsse.json": liar.seal("desk", other)})


@story("own-key", "evidence-signer", "evidence-signature")
def evidence_is_signed_by_a_key_that_nobody_knows(liar: Liar, lying: bool) -> None:
    before, release, files = three(liar)
    liar.new_ci_key("mine")
    for name in [name for name in files if name.endswith(".dsse.json") and name != SUMMARY]:
        edited(liar, files, name, lambda said: None, "mine" if lying else "ci")
    listed_again(liar, files, "mine" if lying else "ci")
    recorded(liar, before, files, release)


@story("own-key", "pushed-governance", "evidence-signer")
def a_ci_key_comes_with_the_evidence_that_it_signs(liar: Liar, lying: bool) -> None:
    before, release, files = three(liar)
    liar.new_ci_key("mine")
    people = liar.read(PEOPLE, before).replace(liar.public("ci"), liar.public("mine"))
    assert people != liar.read(PEOPLE, before)
    for name in [name for name in files if name.endswith(".dsse.json") and name != SUMMARY]:
        edited(liar, files, name, lambda said: None, "mine" if lying else "ci")
    listed_again(liar, files, "mine" if lying else "ci")
    liar.move(before)
    liar.push(placed(files, release) | ({PEOPLE: people} if lying else {}))


@story("bundled-key", "evidence-bytes", "evidence-signature")
def a_statement_brings_its_own_key(liar: Liar, lying: bool) -> None:
    """Members beside the envelope's own, as some bundles carry keys: nothing but people.yaml is asked for one."""
    before, release, files = three(liar)
    liar.new_ci_key("mine")
    if lying:
        edited(liar, files, "gates/bias.dsse.json", lambda said: None, "mine")
        value = json.loads(files["gates/bias.dsse.json"])
        value["signatures"][0]["cert"] = base64.b64encode(liar.pem("mine")).decode()
        files["gates/bias.dsse.json"] = canonical(value)
        listed_again(liar, files)
    recorded(liar, before, files, release)


@story("bundled-key", "evidence-bytes")
def a_model_signature_brings_its_own_key(liar: Liar, lying: bool) -> None:
    before, release, files = three(liar)
    if lying:
        value = json.loads(files["model.sig"])
        value["verificationMaterial"] = {
            "publicKey": {"rawBytes": base64.b64encode(liar.pem("spare")).decode()}
        }
        files["model.sig"] = canonical(value)
        listed_again(liar, files)
    recorded(liar, before, files, release)


@story("two-ids", "evidence-bytes", "evidence-signature", "evidence-signer")
def a_statement_carries_two_signatures(liar: Liar, lying: bool) -> None:
    before, release, files = three(liar)
    if lying:
        value = json.loads(files["gates/bias.dsse.json"])
        value["signatures"] *= 2
        files["gates/bias.dsse.json"] = canonical(value)
        listed_again(liar, files)
    recorded(liar, before, files, release)


@story("wrong-signer", "evidence-signature")
def a_signature_is_another_statements(liar: Liar, lying: bool) -> None:
    before, release, files = three(liar)
    if lying:
        value, other = (json.loads(files[f"gates/{gate}.dsse.json"]) for gate in ("bias", "data"))
        value["signatures"] = other["signatures"]
        files["gates/bias.dsse.json"] = canonical(value)
        listed_again(liar, files)
    recorded(liar, before, files, release)


@story("key-time", "evidence-signer")
def evidence_is_signed_after_its_key_was_revoked(liar: Liar, lying: bool) -> None:
    revoke(liar, days=0 if lying else 30)
    liar.clock += timedelta(days=3)
    foreign = taken(liar, liar.names["failed"], liar.names["head"])
    liar.push(placed(foreign, liar.names["failed"]))


@story("key-time", "backdated", "evidence-signer")
def evidence_is_dated_back_to_before_its_key_was_revoked(liar: Liar, lying: bool) -> None:
    """A stolen, revoked key; the step back in time is a commit that touches nothing guarded, and the record stands upon it."""
    when = liar.time(liar.names["short"])
    revoke(liar, days=0 if lying else 30)
    liar.clock = when if lying else liar.clock + timedelta(days=3)
    liar.push({"notes.md": "a typing mistake\n"})
    liar.push(placed(taken(liar, liar.names["failed"], liar.names["head"]), liar.names["failed"]))


def revoke(liar: Liar, days: int) -> None:
    """Before the record of the failed release: the CI's key is revoked from so many days on."""
    liar.move(liar.names["short"])
    at = (liar.clock + timedelta(days=days)).date().isoformat()
    before = liar.read(PEOPLE).decode()
    head, tail = before.split("  ci:\n", 1)
    told = f'    revoked: {{at: "{at}", because: it leaked}}\n    valid_from'
    liar.push(
        liar.change(
            {PEOPLE: head + "  ci:\n" + tail.replace("    valid_from", told, 1)}, id_="20261120-0badc0d0"
        )
    )


@story("root", "evidence-signer", "pushed-governance")
def evidence_was_signed_before_anybody_had_a_key(liar: Liar, lying: bool) -> None:
    """Evidence in the very commit that founds governance; the control records it one commit later."""
    release = liar.names["one"]
    root, files = liar.names["root"], placed(taken(liar, liar.names["one"]), release)
    first = liar.time(root)
    if lying:
        liar.move(liar.commit(dict.fromkeys(liar.paths("governance", root)), base=root, when=first))
        later = {p: liar.read(p, root) for p in liar.paths("governance", root)}
        liar.push(files | later, when=first)
    else:
        liar.move(root)
        liar.push(files, when=first + timedelta(minutes=1))


# What it says


@story("no-gate", "evidence-criteria", "evidence-verdict")
def a_gate_that_failed_is_left_out_of_the_verdict(liar: Liar, lying: bool) -> None:
    """Signed by the CI's stolen key, and everything agrees: only ml.yaml at the source commit says that the gate was due."""
    before, release, files = three(liar)
    if lying:
        del files["gates/bias.json"], files["gates/bias.dsse.json"]
        verdict = json.loads(files["verdict.json"])
        verdict["gates"] = [gate for gate in verdict["gates"] if gate["gate"] != "bias"]
        files["verdict.json"] = canonical(verdict)

        def edit(said: Statement) -> None:
            for pile in ("inputAttestations", "mlassay_files"):
                kept = [each for each in said["predicate"][pile] if "bias" not in each["name"]]
                said["predicate"][pile] = kept
            digest = sha256(files["verdict.json"]).partition(":")[2]
            said["predicate"]["mlassay_verdict"]["digest"]["sha256"] = digest

        edited(liar, files, SUMMARY, edit)
        listed_again(liar, files)
    recorded(liar, before, files, release)


def _told_again(liar: Liar, files: dict[str, bytes], gate: dict[str, object]) -> None:
    """The verdict, the report and the statements of the bias gate made to agree with ``gate``, all signed again."""
    verdict = json.loads(files["verdict.json"])
    verdict["gates"] = [gate if each["gate"] == "bias" else each for each in verdict["gates"]]
    files["verdict.json"] = canonical(verdict)
    files["gates/bias.json"] = canonical(gate | {"version": 1})

    def statement(said: Statement) -> None:
        said["predicate"]["mlassay_criteria"] = gate["criteria"]
        said["predicate"]["mlassay_outcome"] = gate["outcome"]
        said["predicate"]["mlassay_report"]["digest"]["sha256"] = sha256(files["gates/bias.json"]).partition(
            ":"
        )[2]

    def summary(said: Statement) -> None:
        said["predicate"]["mlassay_verdict"]["digest"]["sha256"] = sha256(files["verdict.json"]).partition(
            ":"
        )[2]

    edited(liar, files, "gates/bias.dsse.json", statement)
    edited(liar, files, SUMMARY, summary)
    listed_again(liar, files)


@story("no-gate", "evidence-criteria")
def a_gate_is_judged_by_looser_criteria(liar: Liar, lying: bool) -> None:
    before, release, files = three(liar)
    gate = next(g for g in json.loads(files["verdict.json"])["gates"] if g["gate"] == "bias")
    if lying:
        gate["criteria"]["selection_rate_ratio"]["min"] = "0.5"
    _told_again(liar, files, gate)
    recorded(liar, before, files, release)


@story("no-gate", "evidence-verdict")
def a_gate_passed_although_its_finding_failed(liar: Liar, lying: bool) -> None:
    before, release, files = three(liar)
    gate = next(g for g in json.loads(files["verdict.json"])["gates"] if g["gate"] == "bias")
    if lying:
        gate["findings"][0]["outcome"] = "failed"
    _told_again(liar, files, gate)
    recorded(liar, before, files, release)


@story("no-gate", "evidence-verdict")
def a_gate_passed_with_no_finding_at_all(liar: Liar, lying: bool) -> None:
    before, release, files = three(liar)
    gate = next(g for g in json.loads(files["verdict.json"])["gates"] if g["gate"] == "bias")
    if lying:
        gate["findings"] = []
    _told_again(liar, files, gate)
    recorded(liar, before, files, release)


# What is read in place of it


@story("flipped-bits", "evidence-bytes")
def a_number_of_the_model_card_is_nicer_than_it_was(liar: Liar, lying: bool) -> None:
    before, release, files = three(liar)
    if lying:
        replaced("card.md", "| bias.measured | passed | 0.9000 |", "| bias.measured | passed | 0.9900 |")(
            files
        )
    recorded(liar, before, files, release)


def _signed(liar: Liar, lying: bool, name: str, old: str, new: str) -> None:
    """One file made to say something else, and the list signed again by the CI's stolen key."""
    before, release, files = three(liar)
    if lying:
        replaced(name, old, new)(files)
        listed_again(liar, files)
    recorded(liar, before, files, release)


@story("card", "evidence-card")
def a_signed_card_tells_a_nicer_number(liar: Liar, lying: bool) -> None:
    _signed(
        liar, lying, "card.md", "| bias.measured | passed | 0.9000 |", "| bias.measured | passed | 0.9900 |"
    )


@story("card", "evidence-card")
def a_signed_card_tells_hubs_a_nicer_number(liar: Liar, lying: bool) -> None:
    """The front matter alone, which no person reads."""
    _signed(liar, lying, "card.md", "value: 0.9000", "value: 0.9900")


@story("card", "evidence-card")
def a_signed_card_leaves_a_finding_out(liar: Liar, lying: bool) -> None:
    _signed(liar, lying, "card.md", "| bias.measured | passed | 0.9000 |  |  |  | 20 |\n", "")


@story("card", "evidence-card")
def a_signed_card_has_a_second_table_of_findings(liar: Liar, lying: bool) -> None:
    again = "<!-- mlassay:findings:1 -->\n\n| a | b |\n| --- | --- |\n| best | 1 |\n\n<!-- mlassay:findings end -->\n"
    _signed(liar, lying, "card.md", "\n## What these tests", f"\n{again}\n## What these tests")


@story("card", "evidence-card")
def a_signed_card_puts_words_into_a_persons_mouth(liar: Liar, lying: bool) -> None:
    _signed(liar, lying, "card.md", "are missing, and may be harmed", "are missing, and are not harmed")


@story("card", "evidence-card")
def a_signed_card_names_somebody_else_as_the_writer(liar: Liar, lying: bool) -> None:
    _signed(liar, lying, "card.md", "Written by Dana", "Written by Robin")


@story("card", "evidence-card")
def a_signed_card_says_what_nobody_wrote(liar: Liar, lying: bool) -> None:
    text = "*Nobody has written this yet.*"
    _signed(liar, lying, "card.md", text, f"{text}\n\n> It has no limits.")


@story("card", "evidence-card")
def a_signed_bill_is_about_another_model(liar: Liar, lying: bool) -> None:
    digest = json.loads(liar.read(f"evidence/{liar.names['three']}/release.json"))["artifacts"][0]["digest"]
    _signed(liar, lying, "bom.cdx.json", digest.partition(":")[2], "0" * 64)


@story("card", "evidence-card")
def a_signed_bill_tells_a_nicer_number(liar: Liar, lying: bool) -> None:
    _signed(liar, lying, "bom.cdx.json", '"value": "0.9000"', '"value": "0.9900"')


@story("card", "evidence-card")
def a_signed_bill_leaves_the_data_out(liar: Liar, lying: bool) -> None:
    before, release, files = three(liar)
    if lying:
        value = json.loads(files["bom.cdx.json"])
        value["components"] = []
        files["bom.cdx.json"] = canonical(value)
        listed_again(liar, files)
    recorded(liar, before, files, release)


@story("swapped-source", "evidence-source")
def a_release_comes_from_a_commit_off_the_line(liar: Liar, lying: bool) -> None:
    """The sources lie on a branch that nobody merged: the record stands on a line without its source commit."""
    liar.whole()
    files = taken(liar, liar.names["weak"])
    source = liar.git("log", "--format=%H", "--grep=Ask less", "-1")
    liar.git("update-ref", "refs/heads/side", source)
    if lying:
        liar.move(liar.git("rev-parse", f"{source}^"))
        liar.push({"ml.yaml": liar.read("ml.yaml", source)})
    else:
        liar.move(source)
    liar.push(placed(files, liar.names["weak"]))


@story("links", "tree", "evidence-bytes", "evidence-missing")
def a_file_of_a_release_is_a_link(liar: Liar, lying: bool) -> None:
    before, release, files = three(liar)
    edits = placed(files, release)
    if lying:
        edits[f"evidence/{release}/report.md"] = ("120000", liar.blob("/etc/passwd"))
    liar.move(before)
    liar.push(edits)


@story("links", "tree", "evidence-bytes")
def a_file_of_a_release_is_executable(liar: Liar, lying: bool) -> None:
    before, release, files = three(liar)
    edits = placed(files, release)
    blob = liar.blob(files["report.md"])
    edits[f"evidence/{release}/report.md"] = ("100755" if lying else "100644", blob)
    liar.move(before)
    liar.push(edits)


@story(
    "one-request",
    "policy.only-its-own-paths",
    *("policy.evidence-tree", "policy.evidence-valid", "policy.pointer"),
    *("policy.gates", "policy.floors", "policy.isolation", "policy.risk-review", "policy.weakenings"),
    *("policy.approvals", "policy.base", "policy.questions"),
)
def evidence_comes_in_the_commit_that_promotes_it(liar: Liar, lying: bool) -> None:
    release = liar.names["three"]
    files = liar.promotion(release=release)
    evidence = placed(taken(liar, release), release)
    request = "promotions/staging/20261120-0badc0de"
    liar.move(liar.names["before-three"])
    if lying:
        liar.push({p: e for p, e in files.items() if p.startswith((request, "environments/"))} | evidence)
    else:
        liar.push(evidence)
        liar.push(liar.promotion(release=release))


def _said(envelope: bytes) -> bytes:
    """The bytes of an envelope's statement."""
    assert payload(envelope)
    return base64.b64decode(json.loads(envelope)["payload"])
