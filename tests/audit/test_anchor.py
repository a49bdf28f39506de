"""Anchors against clones: what holds, what was rewritten, and who is believed to have signed."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from mlassay.audit.anchor import PINNED, check_anchor, check_chain
from mlassay.audit.anchor_pin import make_anchor, pin, signer_for, trust_root
from mlassay.errors import ConfigurationError
from mlassay.evidence import key_id, layout
from mlassay.evidence.anchors import MACHINE, PERSON, AnchorFile, AnchorSigner, read_anchor
from mlassay.evidence.keys import ssh_fingerprint
from mlassay.evidence.statement import ANCHOR, EVIDENCE_PREDICATES
from mlassay.git import Identity, Repository
from mlassay.signers.p256 import find_signer
from mlassay.signers.ssh import SshSigner
from mlassay.signers.timestamp import Stamps
from mlassay.wiring import verifiers
from tests import factory
from tests.audit.story import git
from tests.factory.project import person_key
from tests.servers.timestamp import Openssl

LIAR = Identity("Robin", "robin@example.org")
MAY = f"valid_from: 2026-01-01\nsigns: ['{ANCHOR}', {', '.join(repr(each) for each in EVIDENCE_PREDICATES)}]"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A project with a release, whose CI signer may sign anchors; never changed."""
    project = factory.make(tmp_path_factory.mktemp("anchored"), signer=MAY)
    factory.record(project)
    return project


@pytest.fixture
def project(made, tmp_path):
    """A copy of it, to be written to."""
    shutil.copytree(made.folder.parent, tmp_path / "copy")
    return replace(made, repo=Repository.open(tmp_path / "copy/team"), keys=tmp_path / "copy/keys")


def anchor(project, who="dana", *, at=None, **changes):
    """An anchor of HEAD by somebody's key, made at the project's own clock, as it reads back from a file."""
    signer = None
    if who == "ci":
        signer = find_signer(project.keys / "ci.pem"), MACHINE
    elif who:
        person_key(project.keys, who)
        signer = SshSigner.from_file(project.keys / who), PERSON
    options = {"date": project.now(), "findings": 0, "signer": signer} | changes
    file = make_anchor(project.repo, at or project.repo.head(), **options)
    return read_anchor(file.to_bytes(), "my.anchor")


def check(project, file, **options):
    return check_anchor(project.repo, project.repo.head(), file, verifiers(), **options)


def pen(project, base, *, parents=None, changes=None, move=True):
    """A commit by somebody with a pen and no key; HEAD moves there, whatever stood there."""
    when = project.repo.commit(base).time + timedelta(minutes=1)
    commit = project.repo.write_commit(
        base, changes or {"notes.md": b"tidy\n"}, message="Tidy", author=LIAR, when=when, parents=parents
    )
    if move:
        git(project.folder, "reset", "-q", "--hard", commit)
    return commit


def only(found):
    """The one problem of an anchor, which carries the rule that it breaks and the file that tells."""
    (problem,) = found.problems
    assert (problem.rule, problem.path) == ("anchor", "my.anchor")
    assert all((problem.what, problem.why, problem.remedy))
    return problem.what


@pytest.mark.parametrize("who", ["dana", "ci", ""])
def test_an_anchor_of_the_head_holds(project, who):
    found = check(project, anchor(project, who))
    assert (found.problems, found.behind, found.signer) == ((), 0, who)
    assert (len(found.notes) > 0) == (who == "")


def test_it_holds_on_and_tells_how_much_came_after_it(project):
    file = anchor(project)
    for day in range(3):
        project.clock += timedelta(days=1)
        project.commit({"notes.md": f"{day}\n"})
    found = check(project, file)
    assert (found.problems, found.behind, found.days) == ((), 3, 3)


def test_a_merge_of_another_branch_into_the_main_line_is_no_matter(project):
    file = anchor(project)
    side = pen(project, file.anchor.head, move=False, changes={"b.md": b"b\n"})
    pen(project, file.anchor.head, parents=[file.anchor.head, side])
    found = check(project, file)
    assert (found.problems, found.behind) == ((), 1)


def test_a_history_that_was_rewritten_is_told_from_a_clone_that_never_had_the_other(project, tmp_path):
    file = anchor(project)
    pen(project, project.repo.commit(file.anchor.head).parents[0])
    clone = Repository.clone(project.folder, tmp_path / "clone")
    found = check_anchor(clone, clone.head(), file, verifiers())
    assert f"does not have the anchored commit {file.anchor.head}" in only(found)
    assert "fetched from elsewhere, or the history was rewritten" in found.problems[0].why
    assert (found.behind, found.days) == (None, None)


def test_a_history_that_was_rewritten_where_the_old_commit_still_lies(project):
    file = anchor(project)
    pen(project, project.repo.commit(file.anchor.head).parents[0])
    assert "does not pass through the anchored commit" in only(check(project, file))


def test_an_orphan_history_merged_in_front_of_the_anchored_one_is_caught(project):
    """Plain ancestry says yes here."""
    file = anchor(project)
    orphan = pen(project, file.anchor.head, parents=[], move=False)
    pen(project, orphan, parents=[orphan, file.anchor.head])
    assert project.repo.is_ancestor(file.anchor.head, project.repo.head())
    assert "was merged beside the main line" in only(check(project, file))


def test_an_anchored_commit_that_is_merged_as_the_second_parent_is_caught(project):
    file = anchor(project)
    parent = project.repo.commit(file.anchor.head).parents[0]
    other = pen(project, parent, move=False)
    pen(project, other, parents=[other, file.anchor.head])
    assert "was merged beside the main line" in only(check(project, file))


def test_commits_that_were_taken_off_the_end_are_caught(project):
    file = anchor(project)
    git(project.folder, "reset", "-q", "--hard", "HEAD~1")
    assert "the anchor is newer than what is looked at" in only(check(project, file))


def test_replaced_objects_and_grafts_hide_nothing(project):
    file = anchor(project)
    head = pen(project, project.repo.commit(file.anchor.head).parents[0])
    git(project.folder, "replace", "--graft", head, file.anchor.head)
    (project.folder / ".git/info").mkdir(exist_ok=True)
    (project.folder / ".git/info/grafts").write_text(f"{head} {file.anchor.head}\n")
    assert file.anchor.head in git(project.folder, "rev-list", "--first-parent", "HEAD")
    assert "does not pass through" in only(check(project, file))


@pytest.mark.parametrize("options", [{"depth": 1}, {}])
def test_a_clone_that_is_shallow_or_partial_is_refused(project, tmp_path, options):
    file = anchor(project)
    project.commit({"notes.md": "later\n"})
    clone = Repository.clone(f"file://{project.folder}", tmp_path / "clone", **options)
    if not options:
        clone.set_config("remote.origin.promisor", "true")
        clone = Repository.open(tmp_path / "clone")
    with pytest.raises(ConfigurationError, match=r"shallow|partial"):
        check_anchor(clone, clone.head(), file, verifiers())


@pytest.mark.parametrize("id_", ["blob", "tree"])
def test_an_anchor_of_something_that_is_no_commit_does_not_hold(project, id_):
    pinned = pin(project.repo, project.repo.head())
    people = project.repo.entry(pinned.head, layout.PEOPLE)
    wrong = replace(pinned, head=people.id if id_ == "blob" else pinned.tree)
    assert "does not have the anchored commit" in only(check(project, AnchorFile(wrong, path="my.anchor")))


OTHER = {"commits": 1, "root": None, "evidence": "9" * 40, "tree": "8" * 40, "guarded": "sha256:" + "7" * 64}


@pytest.mark.parametrize("name", PINNED)
def test_whatever_it_says_beside_the_id_must_be_so(project, name):
    pinned = pin(project.repo, project.repo.head())
    assert check(project, AnchorFile(pinned, path="my.anchor")).problems == ()
    wrong = AnchorFile(replace(pinned, **{name: OTHER[name]}), path="my.anchor")
    assert f"another {PINNED[name]} than its own head has" in only(check(project, wrong))


def test_what_it_pins_is_what_git_tells(project):
    file, head = anchor(project), project.repo.head()
    first = git(project.folder, "rev-list", "--max-parents=0", "HEAD")
    assert (file.anchor.head, file.anchor.root) == (head, first)
    assert file.anchor.tree == git(project.folder, "rev-parse", "HEAD^{tree}")
    assert file.anchor.evidence == git(project.folder, "rev-parse", "HEAD:evidence")
    assert file.anchor.commits == int(git(project.folder, "rev-list", "--first-parent", "--count", "HEAD"))


def test_the_root_of_trust_is_the_first_commit_with_somebodys_key(tmp_path):
    forked = factory.make(tmp_path, forked=True)
    assert trust_root(forked.repo, forked.repo.head()) == forked.repo.head()
    assert pin(forked.repo, forked.repo.head()).evidence is None


def test_an_auditors_own_key_will_do_and_is_told_as_unknown(project):
    file = anchor(project, "auditor")
    found = check(project, file)
    assert (found.problems, found.signer, file.anchor.signer.id) == ((), "", None)
    assert "is not in the people.yaml" in found.notes[0]


def test_a_signature_over_other_bytes_is_a_finding(project):
    file = anchor(project)
    later = replace(file, anchor=replace(file.anchor, date=file.anchor.date + timedelta(days=1)))
    assert "SSH signature is not valid" in only(check(project, later))
    by_machine = anchor(project, "ci")
    later = replace(by_machine, anchor=replace(by_machine.anchor, findings=3))
    assert "does not fit" in only(check(project, later))


def test_a_name_that_is_not_the_keys_is_a_finding(project):
    person_key(project.keys, "mallory")
    signer = SshSigner.from_file(project.keys / "mallory")
    said = AnchorSigner(PERSON, "dana", ssh_fingerprint(signer.public))
    forged = replace(pin(project.repo, project.repo.head()), signer=said)
    file = AnchorFile(forged, signer.sign(forged.signed_bytes()), path="my.anchor")
    assert "said to be signed by dana" in only(check(project, file))
    named = replace(forged, signer=anchor(project).anchor.signer)
    file = AnchorFile(named, signer.sign(named.signed_bytes()), path="my.anchor")
    assert "another key than the one that it names" in only(check(project, file))


def test_an_approvals_signature_under_another_namespace_is_none(project):
    file = anchor(project)
    command = ["ssh-keygen", "-Y", "sign", "-n", "git", "-f", str(project.keys / "dana")]
    done = subprocess.run(command, input=file.anchor.signed_bytes(), capture_output=True, check=True)
    assert "another purpose" in only(check(project, replace(file, signature=done.stdout)))


def people(project, **keys):
    """Change people.yaml by a bare push: ``dana`` or ``ci`` gets these lines."""
    text = project.read(layout.PEOPLE)
    line = next(each for each in text.splitlines() if "keys: [" in each and "dana" in keys)
    return project.commit({layout.PEOPLE: text.replace(line, line.replace("}]", f", {keys['dana']}}}]"), 1)})


LOST = "revoked: {at: 2026-11-25, because: lost, compromised_since: 2026-11-%s}"


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        (LOST % 19, "in wrong hands since"),
        (LOST % 24, "only its own date says"),
        ("revoked: {at: 2026-11-25, because: left}", ""),
    ],
)
def test_a_key_that_was_lost_later_vouches_for_nothing_and_one_that_ended_does(project, fields, told):
    file = anchor(project)
    people(project, dana=fields)
    found = check(project, file)
    assert found.problems == ()
    assert (found.signer == "dana") == (not told)
    assert told in " ".join(found.notes)


def test_a_key_that_had_ended_when_it_signed_vouches_for_nothing(project):
    people(project, dana="valid_until: 2026-02-01")
    found = check(project, anchor(project))
    assert (found.problems, found.signer) == ((), "")
    assert "was not valid at" in found.notes[0]


def test_a_ci_signer_must_be_allowed_to_sign_anchors(tmp_path):
    project = factory.make(tmp_path)
    key = find_signer(project.keys / "ci.pem")
    with pytest.raises(ConfigurationError, match="may not sign anchors"):
        signer_for(project.repo, project.repo.head(), key.public, MACHINE)
    pinned = pin(project.repo, project.repo.head())
    forged = replace(pinned, signer=AnchorSigner(MACHINE, "ci", key_id(key.public)))
    file = AnchorFile(forged, key.sign(forged.signed_bytes()), path="my.anchor")
    assert "may not sign anchors" in only(check(project, file))


def test_a_ci_key_that_nobody_knows_is_told(project):
    file = anchor(project, "ci")
    unknown = replace(file.anchor, signer=AnchorSigner(MACHINE, None, "9" * 64))
    found = check(project, replace(file, anchor=unknown))
    assert (found.problems, found.signer) == ((), "")
    assert "was not checked" in found.notes[0]


def test_an_anchor_over_findings_says_so(project):
    assert "2 findings" in " ".join(check(project, anchor(project, findings=2)).notes)


def test_a_chain_holds_and_names_what_is_missing(project):
    first = anchor(project)
    project.commit({"notes.md": "1\n"})
    second = anchor(project, previous=first.digest)
    head = project.repo.head()
    found = check_chain(project.repo, head, [second, first], verifiers())
    assert [(one.problems, one.notes) for one in found] == [((), ()), ((), ())]
    alone = check_chain(project.repo, head, [second], verifiers())[0]
    assert (alone.problems, first.digest in alone.notes[0]) == ((), True)


def test_a_chain_that_goes_back_is_a_finding(project):
    project.commit({"notes.md": "1\n"})
    newer = anchor(project)
    older = anchor(project, at=project.repo.commit(newer.anchor.head).parents[0], previous=newer.digest)
    found = check_chain(project.repo, project.repo.head(), [newer, older], verifiers())
    assert found[0].problems == ()
    assert "pins an older commit" in only(found[1])


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Openssl(tmp_path_factory.mktemp("tsa") / "one")


def stamped(file, authority):
    with authority.serve() as served:
        return replace(file, stamp=Stamps().ask(served.url, file.stamped_bytes))


def test_a_time_stamp_is_proven_by_the_authority_that_is_named_and_told_otherwise(project, authority):
    file = stamped(anchor(project), authority)
    found = check(project, file, stamps=Stamps.from_file(authority.certificates))
    assert (found.problems, found.notes, found.signer) == ((), (), "dana")
    assert found.stamp.proven
    assert abs(found.stamp.time - datetime.now(UTC)) < timedelta(hours=1)
    for stamps, note in ((Stamps(), "unchecked"), (None, "not looked at")):
        found = check(project, file, stamps=stamps)
        assert (found.problems, note in found.notes[0]) == ((), True)


def test_a_time_stamp_of_another_anchor_or_of_another_signature_is_a_finding(project, authority):
    stamps = Stamps.from_file(authority.certificates)
    file = stamped(anchor(project), authority)
    other = replace(anchor(project, "robin"), stamp=file.stamp)
    assert "other bytes" in only(check(project, other, stamps=stamps))
    unsigned = replace(file, anchor=replace(file.anchor, signer=None), signature=None)
    assert "other bytes" in only(check(project, unsigned, stamps=stamps))


def test_a_proven_time_before_a_key_was_lost_keeps_its_signature(project, authority):
    now = datetime.now(UTC)
    file = stamped(anchor(project), authority)
    lost = f"{now + timedelta(days=2):%Y-%m-%d}"
    people(project, dana=f"revoked: {{at: {lost}, because: lost, compromised_since: {lost}}}")
    assert check(project, file, stamps=Stamps.from_file(authority.certificates)).signer == "dana"
    assert check(project, file, stamps=Stamps()).signer == ""


def test_a_commit_dated_after_its_proven_time_is_told(project, authority):
    project.clock = datetime.now(UTC) + timedelta(days=400)
    project.commit({"notes.md": "from the future\n"})
    found = check(
        project, stamped(anchor(project), authority), stamps=Stamps.from_file(authority.certificates)
    )
    assert "after the authority had already seen it" in " ".join(found.notes)


def test_its_json_is_the_first_lines_of_the_file(project):
    data = anchor(project).to_bytes()
    assert json.loads(data[: data.index(b"\n}\n") + 3])["kind"] == "anchor"
