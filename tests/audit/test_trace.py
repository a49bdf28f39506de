"""Up and down the chain: models, data, people and commits, each to what it came from and what came of it."""

from __future__ import annotations

import pytest

from mlassay.audit.chronicle import read_chronicle
from mlassay.audit.trace import trace_data, trace_model
from mlassay.audit.trace_commit import trace_commit
from mlassay.audit.trace_person import trace_person, with_commits
from mlassay.errors import ConfigurationError
from mlassay.render import audit_trace as render
from mlassay.wiring import verifiers
from tests.audit.told import MANIFEST, NO, WAIVED
from tests.audit.told_fixtures import chronicle, ids, story
from tests.stages.promoting import make_team


def commit_of(name):
    return trace_commit(chronicle(), story().team.repo, ids()[name])


def did(person):
    return [(act.what, act.proof) for act in trace_person(chronicle(), person).acts]


def test_a_model_leads_to_its_data_source_requests_and_where_it_ran():
    (one,) = trace_model(chronicle(), ids()["first"]).releases
    assert one.entry.release.source.commit == ids()["root"]
    assert [use.path for use in one.entry.data] == [MANIFEST]
    assert [promotion.id for promotion in one.promotions] == [ids()["promotion"]]
    assert [refused.id for refused in one.refused] == [ids()["refused"]]
    assert [(span.entry.environment, span.until.commit) for span in one.ran] == [
        ("staging", ids()["later_commit"])
    ]


@pytest.mark.parametrize("cut", [None, 71, 19, 11])
def test_a_model_is_found_by_its_digest_and_by_a_beginning_of_it(cut):
    (second,) = [entry for entry in chronicle().releases if entry.id == ids()["second"]]
    for digest in (second.release.model.digest, second.release.digest):
        assert trace_model(chronicle(), digest[:cut]).releases[0].entry == second
        assert trace_model(chronicle(), digest.removeprefix("sha256:")[:cut]).releases[0].entry == second


def test_the_last_digits_of_a_release_name_it():
    assert trace_model(chronicle(), ids()["first"][-8:]).releases[0].entry.id == ids()["first"]


def test_a_model_that_nobody_knows_is_an_error_that_names_what_is_near():
    with pytest.raises(ConfigurationError) as caught:
        trace_model(chronicle(), ids()["first"][:-1] + "z")
    assert ids()["first"] in caught.value.problems[0].remedy


def test_a_beginning_of_several_models_is_refused_with_each_of_them():
    with pytest.raises(ConfigurationError) as caught:
        trace_model(chronicle(), "20261120")
    (problem,) = caught.value.problems
    assert "the beginning of 3" in problem.what
    assert all(ids()[name] in problem.remedy for name in ("first", "second", "failed"))


@pytest.mark.parametrize("asked", ["applications", MANIFEST])
def test_data_leads_to_every_version_and_every_release_made_with_it(asked):
    versions = trace_data(chronicle(), asked).versions
    assert [[one.entry.id for one in version.releases] for version in versions] == [
        [ids()["first"]],
        [ids()["failed"], ids()["second"]],
    ]
    assert [version.entries[0].change for version in versions] == ["", ids()["manifest"]]
    assert [len(one.ran) for one in versions[1].releases] == [0, 1]


def test_a_digest_names_one_version_of_the_data_and_the_root_of_its_files_all_that_list_the_same():
    first, second = trace_data(chronicle(), "applications").versions
    assert trace_data(chronicle(), second.digest[:15]).versions == (second,)
    assert trace_data(chronicle(), first.root).versions == (first, second)


def test_data_that_nobody_knows_is_an_error_that_names_what_is_near():
    with pytest.raises(ConfigurationError) as caught:
        trace_data(chronicle(), "aplications")
    assert "applications" in caught.value.problems[0].remedy


def test_a_person_leads_to_all_that_they_signed():
    assert did("robin") == [("refused", "signed"), ("approved", "signed"), ("approved", "signed")]
    assert did("lee") == [
        *[("approved", "signed")] * 3,
        ("waived", "signed"),
        ("approved", "signed"),
    ]
    assert set(did("dana")) == {("asked for", "signed"), ("set off", "signed")}
    assert ("signed", "signed") in did("ci")
    acts = trace_person(chronicle(), "robin").acts
    assert acts[0].says == NO
    assert acts[0].about == f"promotion staging/{ids()['refused']} ({ids()['first']})"


def test_a_person_is_found_by_name_and_address_and_a_stranger_is_not():
    assert trace_person(chronicle(), "Robin").id == "robin"
    assert trace_person(chronicle(), "ROBIN@example.org").id == "robin"
    with pytest.raises(ConfigurationError) as caught:
        trace_person(chronicle(), "robyn")
    assert "robin" in caught.value.problems[0].remedy


def test_keys_are_told_with_when_people_yaml_said_so():
    (key,) = trace_person(chronicle(), "lee").keys
    assert key.fingerprint.startswith("SHA256:")
    assert key.validity == "valid from 2026-01-01T00:00:00Z"
    assert (key.since.commit, key.until) == (ids()["root"], None)


def test_commits_that_name_a_person_are_looked_for_only_on_demand_and_only_claimed():
    trace = trace_person(chronicle(), "dana")
    assert trace.commits is None
    found = with_commits(trace, chronicle(), story().team.repo)
    assert ids()["source"] in {commit.commit for commit in found.commits}
    assert "only claimed" in "\n".join(render.person_lines(found))


def test_a_source_commit_leads_to_its_release():
    trace = commit_of("source")
    assert [one.entry.id for one in trace.sources] == [ids()["second"]]
    assert trace.contained is None
    assert commit_of("governance_commit").contained.entry.id == ids()["failed"]
    assert commit_of("governance_commit").later == 1


def test_a_landing_leads_to_the_pointer_that_it_set():
    trace = commit_of("promotion_commit")
    assert [entry.id for entry in trace.promotions] == [ids()["promotion"]]
    (span,) = trace.pointers
    assert (span.entry.pointer.live.release, span.until.commit) == (ids()["first"], ids()["later_commit"])


def test_a_change_of_governance_leads_to_what_it_changed_and_to_what_rested_on_it():
    (ruled,) = commit_of("governance_commit").governance
    assert ruled.differences == (
        "robin: roles reviewer became reviewer, auditor",
        "policy waiver_days: 90 became 60",
    )
    decided = [entry.moment.commit for entry in ruled.decisions]
    assert decided[0] == ids()["manifest_commit"]
    assert decided[-1] == ids()["later_commit"]
    assert len(decided) == 5
    (founded,) = commit_of("root").governance
    assert founded.until == ruled.entry.moment
    assert [entry.moment.commit for entry in founded.decisions][-1] == ids()["governance_commit"]


def test_a_manifest_change_leads_to_the_releases_made_with_it():
    ((entry, made),) = commit_of("manifest_commit").manifests
    assert entry.change == ids()["manifest"]
    assert [release.id for release in made] == [ids()["failed"], ids()["second"]]


def test_a_recorded_refusal_is_told_as_one():
    trace = commit_of("refusal_commit")
    assert ([entry.id for entry in trace.refused], trace.promotions) == ([ids()["refused"]], ())
    assert "was refused" in "\n".join(render.commit_lines(trace))


def test_a_commit_of_a_branch_is_told_with_the_landing_that_brought_it_in():
    repo = story().team.repo
    side = repo.commit(ids()["later_commit"]).parents[1]
    trace = trace_commit(chronicle(), repo, side)
    assert trace.moment is None
    assert trace.landed.commit == ids()["later_commit"]


def test_a_commit_that_is_no_part_of_the_main_line_caused_nothing():
    repo = story().team.repo
    head = chronicle().head.commit
    lost = repo.write_commit(
        head,
        {"x": b"y"},
        message="Elsewhere",
        author=repo.commit(head).author,
        when=chronicle().head.claimed,
    )
    trace = trace_commit(chronicle(), repo, lost)
    assert (trace.moment, trace.landed, trace.contained) == (None, None, None)


def test_the_words_of_a_trace_tell_the_whole_chain():
    text = "\n".join(render.model_lines(trace_model(chronicle(), ids()["second"])))
    for part in (
        WAIVED,
        "gate bias: inconclusive",
        "policy says yes again",
        "ran in staging: from",
        MANIFEST,
    ):
        assert part in text
    text = "\n".join(render.data_lines(trace_data(chronicle(), "applications")))
    assert "with the root of trust" in text
    assert f"by change {ids()['manifest']}" in text
    assert "NO CHANGE REQUEST" not in text


def test_each_commit_of_a_rebase_merge_leads_to_the_promotion_that_they_landed_together(tmp_path):
    team = make_team(tmp_path)
    id_ = team.promote().name.id
    for who in ("robin", "lee"):
        team.say(id_, who)
    team.repo.fetch("origin")
    branch = f"refs/remotes/origin/promotion/staging/{id_}"
    head, before = team.repo.refs(branch)[branch], team.main()
    steps = []
    for commit in reversed(list(team.repo.commits_between(before, head))):
        changes = team.repo.changes(commit.parents[0], commit.id)
        files = {each.path: team.repo.blob(each.new.id) for each in changes}
        base = steps[-1] if steps else before
        steps.append(
            team.repo.write_commit(
                base, files, message=commit.message, author=commit.author, when=commit.time
            )
        )
    told = read_chronicle(team.repo, steps[-1], verifiers())
    assert told.problems == ()
    assert len(steps) == 3
    for step in steps:
        trace = trace_commit(told, team.repo, step)
        assert [entry.id for entry in trace.promotions] == [id_]
        assert [span.entry.explained for span in trace.pointers] == [True]
    assert trace_commit(told, team.repo, before).promotions == ()
