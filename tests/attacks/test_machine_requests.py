"""A CI that asks for promotions: it may ask, with a key for that alone, and never answer. Each beside its control."""

from dataclasses import replace

import pytest
from click.testing import CliRunner

from mlassay.audit.verify import verify
from mlassay.case.promotion import judge_merged
from mlassay.config import load_people
from mlassay.errors import ConfigurationError, MlassayError
from mlassay.evidence.predicates import Dispatcher
from mlassay.evidence.records import Approval, Request
from mlassay.evidence.statement import EVIDENCE_PREDICATES, REQUEST, Statement
from mlassay.policy.requester import both_kinds
from mlassay.stages._sealed import sealed
from mlassay.stages.answer import Words, answer
from mlassay.stages.merge import decided
from mlassay.stages.validate import validate
from mlassay.stages.waive import waive
from mlassay.wiring import person_signer, verifiers
from tests.factory.project import DESK, ci_key
from tests.stages.reviewing import RUN, make_reviewed

PEOPLE = "governance/people.yaml"


@pytest.fixture
def team(tmp_path):
    return make_reviewed(tmp_path, reviews="github")


def demands(team, id_):
    return {demand.id: demand for demand in decided(team.desk, id_)[1].demands}


def set_off_by(**who):
    return replace(RUN, dispatcher=Dispatcher(**who))


def test_a_machine_asks_a_person_approves_and_it_lands_and_verifies(team):
    done = team.ask(reason="Every release that passed is asked for.")
    assert any(path.endswith("request.dsse.json") for path in done.paths)
    id_ = done.name.id
    found = demands(team, id_)["request-signature"]
    assert found.met
    assert "set off by octocat (account 999), whom people.yaml does not know" in found.what
    assert not team.say(id_, "robin").no
    landed = team.merge(id_)
    assert landed.commit
    assert not landed.unrecorded
    team.repo.fetch("origin")
    report = verify(team.repo, team.main(), None, verifiers(), worktree=False)
    assert not report.problems
    assert any("asked by desk" in item.says for item in report.confirmed)
    assert team.ask(environment="production").name.environment == "production"


def test_asking_again_finds_the_machines_own_request(team):
    first = team.ask()
    assert team.ask().already
    assert team.ask().name == first.name


@pytest.mark.parametrize(
    ("who", "barred"),
    [
        ({"account": "anything", "account_id": "102"}, True),
        ({"account": "Robin"}, True),
        ({"email": "robin@example.org"}, True),
        ({"account": "octocat", "account_id": "103999"}, False),
        ({}, False),
    ],
)
def test_whoever_set_off_the_run_that_asked_may_not_approve(team, who, barred):
    id_ = team.ask(run=set_off_by(**who)).name.id
    assert bool(team.say(id_, "robin").no) is barred
    team.review(id_, "robin", body="Reason: I have read all of it twice.\nRisk: It may err for few rows.")
    assert demands(team, id_)["approvals"].met is not barred
    if barred:
        assert "set off the run that asked for it" in demands(team, id_)["approvals"].what
        assert not team.say(id_, "lee").no
        assert team.merge(id_, dry_run=True).decision.allowed


def test_a_run_on_somebodys_own_machine_is_fine_and_bars_them(team):
    id_ = team.ask(run=None).name.id
    assert "dana@example.org" in demands(team, id_)["request-signature"].what
    assert not team.say(id_, "robin").no
    assert team.merge(id_, dry_run=True).decision.allowed


def test_the_key_of_evidence_may_not_ask(team):
    with pytest.raises(ConfigurationError, match="may not sign statements"):
        team.ask(key="ci")
    assert team.ask().pull


def test_a_key_that_nobody_knows_may_not_ask(team):
    ci_key(team.project.keys, "stranger")
    with pytest.raises(ConfigurationError, match="does not know this CI key"):
        team.ask(key="stranger")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ("valid_from: 2026-01-01\nvalid_until: 2026-02-01", "expired"),
        ("valid_from: 2029-01-01", "not valid before"),
        ("valid_from: 2026-01-01\nrevoked: {at: 2026-03-01, because: lost}", "revoked"),
    ],
)
def test_a_desks_key_that_is_not_valid_may_not_ask(tmp_path, monkeypatch, fields, words):
    monkeypatch.setattr("tests.factory.project.DESK", f"{fields}\n{DESK.splitlines()[1]}")
    team = make_reviewed(tmp_path)
    with pytest.raises(ConfigurationError, match=words):
        team.ask()


def pushed(team, key="desk", kind=REQUEST, asks=None, subject=None, keep_sig=False):
    """A request of the CI's whose statement was written anew by hand."""
    id_ = team.ask().name.id
    branch, folder = f"promotion/staging/{id_}", f"promotions/staging/{id_}"
    head = team.pull(id_).head
    request = Request.parse(team.repo.read(head, f"{folder}/request.json"), "x")
    if asks:
        request = replace(request, requester=asks)
    about = {"request.json": subject or request.digest, "release": request.release_digest}
    from mlassay.evidence.predicates import request as said

    statement = Statement(kind, about, said(asks or "desk", RUN))
    files = {
        f"{folder}/request.dsse.json": sealed(team.ci(key), statement).to_bytes(),
        f"{folder}/request.json": request.to_bytes(),
    }
    if keep_sig:
        files[f"{folder}/request.json.sig"] = team.key("dana").sign(request.to_bytes())
    team.push(branch, files)
    team.say(id_, "robin")
    return demands(team, id_)


def test_a_statement_made_by_hand_in_the_same_way_holds_the_control(team):
    found = pushed(team)
    assert found["request-signature"].met
    assert found["records"].met


@pytest.mark.parametrize(
    ("attack", "words"),
    [
        ({"key": "ci"}, "'ci' signed, and the request says that 'desk' asks"),
        ({"key": "ci", "asks": "ci"}, "'ci' may not sign statements"),
        ({"kind": EVIDENCE_PREDICATES[0]}, "another request"),
        ({"subject": "sha256:" + "0" * 64}, "another request"),
        ({"asks": "dana"}, "'desk' signed, and the request says that 'dana' asks"),
        ({"keep_sig": True}, "never by both"),
    ],
)
def test_a_statement_that_is_not_the_desks_own_lets_nothing_in(team, attack, words):
    found = pushed(team, **attack)
    assert not found["request-signature"].met
    told = found["request-signature"].what + found["records"].what
    assert words in told, told


def test_a_machines_request_without_its_statement_is_unsigned(team):
    id_ = team.ask().name.id
    team.push(f"promotion/staging/{id_}", {f"promotions/staging/{id_}/request.dsse.json": None})
    assert not demands(team, id_)["request-signature"].met


def test_a_machine_asks_for_no_change_of_the_rules(team):
    team.repo.fetch("origin")
    team.repo.fast_forward("main", team.main())
    policy = team.project.folder / "governance/policy.yaml"
    policy.write_text(policy.read_text() + "# more\n")
    from mlassay.stages.propose import propose

    with pytest.raises(ConfigurationError, match="does not know this key"):
        propose(team.desk, team.ci(), "The machine wants it to be so from now on.")
    assert propose(team.desk, team.key("dana"), "A remark for whoever reads it next.").pull


@pytest.mark.parametrize("kind", ["approve", "refuse", "withdraw"])
def test_a_machine_never_answers(team, kind):
    id_ = team.promote().name.id
    words = Words("The machine has looked at every number.", "A machine bears no risk of its own.")
    with pytest.raises(ConfigurationError, match="does not know this key"):
        answer(team.desk, team.ci(), id_, kind, words)
    assert not team.say(id_, "robin", kind if kind != "withdraw" else "approve").no


def test_a_machines_approval_pushed_by_hand_does_not_count(team):
    asked = team.promote()
    folder = f"promotions/staging/{asked.name.id}/approvals/desk.json"
    said = Approval(
        asked.request.digest,
        "desk",
        "The machine has looked at it.",
        "It bears no risk at all itself.",
        team.project.now(),
    )
    data = said.to_bytes()
    team.push(asked.name.branch, {folder: data, f"{folder}.sig": team.ci().sign(data)})
    found = demands(team, asked.name.id)
    assert not found["approvals"].met
    assert not found["records"].met


def test_a_machine_never_waives(team):
    with pytest.raises(ConfigurationError, match="does not know this key"):
        waive(
            team.desk,
            team.ci(),
            "bias",
            team.release,
            "Too few rows of one group.",
            team.project.clock.date(),
        )


def test_a_desks_key_is_no_persons_key(team):
    with pytest.raises(MlassayError):
        answer(
            team.desk,
            person_signer(team.project.keys / "desk.pem", team.repo),
            team.promote().name.id,
            "approve",
            Words("The machine has looked at every number.", "A machine bears no risk."),
        )


def test_a_key_found_to_be_compromised_counts_back(team):
    id_ = team.ask().name.id
    team.say(id_, "robin")
    commit = team.merge(id_).commit
    assert judge_merged(team.repo, commit, verifiers()).allowed
    text = team.repo.read(team.main(), PEOPLE).decode()
    revoked = f"{DESK}\nrevoked: {{at: 2026-12-01, because: compromised, compromised_since: 2026-11-01}}"
    indented = [text_.replace("\n", "\n    ") for text_ in (DESK, revoked)]
    assert indented[0] in text
    later = load_people("p", text.replace(*indented).encode())
    assert not judge_merged(team.repo, commit, verifiers(), later=later).allowed


def test_one_signer_for_evidence_and_for_requests_is_refused(tmp_path, monkeypatch):
    kinds = ", ".join([*EVIDENCE_PREDICATES, REQUEST])
    monkeypatch.setattr("tests.factory.project.DESK", f"valid_from: 2026-01-01\nsigns: [{kinds}]")
    team = make_reviewed(tmp_path)
    people = load_people(PEOPLE, team.repo.read(team.main(), PEOPLE))
    assert both_kinds(people.signers["desk"])
    assert not both_kinds(people.signers["ci"])
    with pytest.raises(ConfigurationError, match="signs evidence"):
        team.ask()
    head = team.main()
    with pytest.raises(ConfigurationError) as found:
        validate(lambda path: team.repo.read(head, path), lambda: team.repo.tree(head))
    assert any("signer of review records is another" in problem.why for problem in found.value.problems)


def test_the_ci_key_is_taken_from_the_environment_or_a_file_but_not_beside_a_persons(team, monkeypatch):
    from mlassay.cli import cli

    def run(*words):
        return CliRunner().invoke(cli, [*words, "-C", str(team.project.folder)], standalone_mode=False)

    both = run(
        "promote",
        "staging",
        "--key",
        str(team.project.keys / "dana"),
        "--ci-key",
        str(team.project.keys / "desk.pem"),
    )
    assert "not both" in str(both.exception)
    done = run("promote", "staging", "--dry-run", "--ci-key", str(team.project.keys / "desk.pem"))
    assert "request.dsse.json" in done.output, done.output + str(done.exception)
    monkeypatch.setenv("MLASSAY_DESK_KEY", (team.project.keys / "desk.pem").read_text())
    assert "request.dsse.json" in run("promote", "staging", "--dry-run").output
