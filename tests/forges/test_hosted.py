"""What every forge with a server does besides: forks, reviews, checks, comments, protection, and its refusals."""

from __future__ import annotations

import re

import pytest

from mlassay.errors import RemoteError
from mlassay.forges._comments import CHARACTERS
from mlassay.git import Declined, MovedOn
from mlassay.ports import Check
from tests.forges.worlds import CHECK, NAME, WHO

MARKER = "<!-- mlassay:report -->"


@pytest.fixture
def request_(hosted):
    return opened(hosted)


def opened(world, head=""):
    return world.forge.open(
        NAME, head or world.commit(world.repo.head(), "one"), title="Ask to promote", body="Why."
    )


def merged(world, request):
    """The commit that mlassay itself would land: the main line with the request's head beside it."""
    main, when = world.repo.head(), world.repo.commit(request.head).time
    return world.repo.write_commit(
        main,
        {"new": b"one"},
        message="Promote it\n\nBecause.\n",
        author=WHO,
        when=when,
        parents=[main, request.head],
    )


# Opening


def test_a_request_has_a_number_and_an_address(hosted, request_):
    assert request_.number > 0
    assert request_.url.endswith(f"/{request_.number}")


def test_a_branch_that_a_killed_run_left_gets_its_pull_request_from_the_next(hosted):
    one, later = hosted.commit(hosted.repo.head(), "one"), hosted.commit(hosted.repo.head(), "later")
    hosted.repo.push("origin", one, f"refs/heads/{NAME}", None)
    assert hosted.forge.requests() == []
    with pytest.raises(MovedOn):
        opened(
            hosted, later
        )  # the same request, made anew: the one that stands is opened, and found next time
    assert [each.head for each in hosted.forge.requests()] == [one]


def test_one_that_people_closed_is_not_opened_behind_their_back(hosted, request_):
    hosted.close(request_)
    assert hosted.forge.requests() == []
    with pytest.raises(RemoteError, match="closed without being merged") as caught:
        opened(hosted, hosted.commit(hosted.repo.head(), "again"))
    assert request_.url in caught.value.problems[0].remedy
    assert hosted.state(request_) == "closed"


def test_a_request_whose_branch_is_gone_is_no_request(hosted, request_):
    hosted.repo.push("origin", None, f"refs/heads/{NAME}", request_.head)
    assert hosted.forge.requests() == []


def test_a_forks_branch_of_the_same_name_is_none_of_ours(hosted):
    foreign = hosted.commit(hosted.repo.head(), "foreign")
    number = hosted.fork_with(NAME, foreign)
    assert hosted.forge.requests() == []
    request = opened(hosted)
    assert request.number != number
    assert [each.number for each in hosted.forge.requests()] == [request.number]


# Finding


def test_the_pull_request_of_a_commit_is_found_by_its_head(hosted, request_):
    assert hosted.forge.find(request_.head) == request_
    assert hosted.forge.find(hosted.repo.head()) is None


def test_a_forks_pull_request_is_found_by_its_head_and_is_no_request_of_ours(hosted):
    foreign = hosted.commit(hosted.repo.head(), "foreign")
    number = hosted.fork_with(NAME, foreign)
    for found in (hosted.forge.find(foreign), hosted.forge.find(foreign, hosted.fork, NAME)):
        assert (found.number, found.head, found.id) == (number, foreign, "")
    assert hosted.forge.find(foreign, hosted.name, NAME) is None


# Reviews


def test_reviews_tell_who_saw_which_commit_and_what_became_of_it(hosted, request_):
    first = request_.head
    hosted.review(request_, "robin", "approved", "Reason: read it all.")
    request_ = hosted.forge.update(request_, hosted.commit(first, "two"))
    hosted.review(request_, "lee", "refused", "Too few rows.")
    dismissed = hosted.review(request_, "kim", "approved", "Fine.")
    hosted.dismiss(request_, dismissed)
    hosted.review(request_, "ada", "commented", "Which rows?")
    told = {each.login: each for each in hosted.forge.reviews(request_)}
    assert {login: each.state for login, each in told.items()} == {
        "robin": "approved",
        "lee": "refused",
        "kim": "dismissed",
        "ada": "commented",
    }
    assert told["robin"].head == first
    assert told["lee"].head == request_.head
    assert told["robin"].account == hosted.account("robin")
    assert told["robin"].body == "Reason: read it all."
    assert [each.at for each in told.values()] == sorted(each.at for each in told.values())


def test_people_are_asked_by_account_and_who_cannot_be_asked_is_passed_over(hosted, request_):
    robin, lee = hosted.account("robin"), hosted.account("lee")
    me = hosted.server.account(hosted.token if hasattr(hosted, "home") else hosted.bot)
    author = me if isinstance(me, int) else me.id
    hosted.forge.ask(request_, [author, robin, 99_999_999, lee])
    assert hosted.asked(request_) == {"robin", "lee"}
    hosted.forge.ask(request_, [robin])
    assert hosted.asked(request_) == {"robin", "lee"}
    hosted.forge.ask(request_, [])


# The page


def test_there_is_one_sticky_comment_and_it_is_written_anew(hosted, request_):
    for text in ("red", "green"):
        hosted.forge.comment(request_, MARKER, f"It is {text}.")
    hosted.forge.comment(request_, "<!-- another -->", "Something else.")
    assert hosted.comments(request_) == [
        (hosted.me(), f"{MARKER}\nIt is green."),
        (hosted.me(), "<!-- another -->\nSomething else."),
    ]


def test_somebody_elses_comment_with_our_marker_is_not_taken_over(hosted, request_):
    hosted.says(request_, "robin", f"{MARKER}\nAll gates passed.")
    for text in ("red", "still red"):
        hosted.forge.comment(request_, MARKER, f"It is {text}.")
    assert hosted.comments(request_) == [
        ("robin", f"{MARKER}\nAll gates passed."),
        (hosted.me(), f"{MARKER}\nIt is still red."),
    ]


def test_a_comment_longer_than_the_forge_takes_is_cut_at_a_line_and_says_so(hosted, request_):
    hosted.forge.comment(request_, MARKER, "A line of text.\n" * 10_000)
    ((_, body),) = hosted.comments(request_)
    assert len(body) <= CHARACTERS
    assert body.rstrip().endswith("does not fit on this page.)")


# Merging


def test_where_the_main_line_takes_no_push_the_forge_merges_the_head_that_was_judged(hosted):
    main = hosted.repo.head()
    hosted.protect(checks=[CHECK])
    request = opened(hosted)
    with pytest.raises(Declined):
        hosted.repo.push("origin", request.head, "refs/heads/main", main)
    hosted.forge.check(request.head, Check(CHECK, True, "All demands are met"))
    mine = merged(hosted, request)
    landed = hosted.forge.merge(request, mine, main)
    commit = hosted.repo.commit(landed)
    assert landed != mine
    assert commit.parents == (main, request.head)
    assert commit.subject == "Promote it"
    assert "Because." in commit.message
    assert hosted.repo.entry(landed, "").id == hosted.repo.entry(mine, "").id
    assert hosted.state(request) == "merged"
    assert hosted.branch(NAME) is None


def test_what_the_forge_still_waits_for_is_said_and_nothing_is_merged(hosted):
    main = hosted.repo.head()
    hosted.protect(approvals=1, checks=[CHECK])
    request = opened(hosted)
    with pytest.raises(RemoteError, match="does not merge") as caught:
        hosted.forge.merge(request, request.head, main)
    assert caught.value.exit_code == 4
    assert f"mlassay merge {request.id}" in caught.value.problems[0].remedy
    assert hosted.branch("main") == main
    assert hosted.branch(NAME) == request.head


def test_a_head_that_nobody_judged_is_not_merged(hosted):
    main = hosted.repo.head()
    hosted.protect(checks=[CHECK])
    request = opened(hosted)
    sneaked = hosted.commit(request.head, "sneaked in")
    hosted.forge.update(request, sneaked)
    for head in (request.head, sneaked):
        hosted.forge.check(head, Check(CHECK, True, "All demands are met"))
    with pytest.raises(MovedOn):
        hosted.forge.merge(request, merged(hosted, request), main)
    assert hosted.branch("main") == main


def test_a_merge_onto_another_main_line_than_was_judged_is_refused(hosted):
    main = hosted.repo.head()
    request = opened(hosted)
    hosted.repo.push("origin", hosted.commit(main, "quicker", "other"), "refs/heads/main", main)
    hosted.protect(checks=[CHECK])
    with pytest.raises(MovedOn):
        hosted.forge.merge(request, request.head, main)


def test_a_closed_pull_request_is_not_merged(hosted):
    main = hosted.repo.head()
    hosted.protect(checks=[CHECK])
    request = opened(hosted)
    hosted.forge.check(request.head, Check(CHECK, True, "Yes"))
    hosted.close(request)
    with pytest.raises(RemoteError, match="was closed"):
        hosted.forge.merge(request, merged(hosted, request), main)


# Refusals


def test_a_token_that_is_none_any_more_is_told_and_never_shown(hosted):
    secret = "ghp_thistokenisnobodys0123456789"
    forge = hosted.forge_of(secret)
    for doing in (forge.requests, lambda: opened(hosted)):
        with pytest.raises(RemoteError) as caught:
            doing()
        told = " ".join(f"{p.what} {p.why} {p.remedy}" for p in caught.value.problems)
        assert caught.value.exit_code == 4
        assert re.search("token|credentials", told)
        assert secret not in told
    assert hosted.branch_by_others(NAME) is None


def test_a_repository_that_is_not_there_is_told(hosted):
    from mlassay.forges._address import Address

    forge = type(hosted.forge)(
        hosted.repo,
        Address("http://127.0.0.1", hosted.api(), f"{hosted.name}-gone"),
        hosted.token,
        hosted.patience(),
    )
    with pytest.raises(RemoteError, match="shows this token nothing") as caught:
        forge.requests()
    assert "renamed" in caught.value.problems[0].why


def test_no_network_is_told_after_a_bounded_number_of_tries(hosted):
    from mlassay.forges._address import Address

    address = Address("http://127.0.0.1", "http://127.0.0.1:9/api/v3", hosted.name)
    forge = type(hosted.forge)(hosted.repo, address, hosted.token, hosted.patience())
    with pytest.raises(RemoteError, match="did not answer"):
        forge.requests()
    assert forge.calls.made == 5


def test_whoever_may_only_read_is_told_which_permission_lacks(hosted, request_):
    reader = hosted.reader()
    forge = hosted.forge_of(reader)
    with pytest.raises(RemoteError) as caught:
        forge.check(request_.head, Check(CHECK, True, "Yes"))
    told = f"{caught.value.problems[0].what} {caught.value.problems[0].why}"
    assert re.search("checks|statuses|write", told)
    assert reader not in told


# What protects the main line


def test_what_protects_the_main_line_is_told_before_and_after(hosted):
    from mlassay.stages.guarding import guards

    forge = hosted.keeper()
    bare = {each.name: each.met for each in guards(forge.protection())}
    assert not any(
        bare[name] for name in ("protection", "force-push", "deletion", "pull-request", "required-check")
    )
    hosted.protect(approvals=1, checks=[CHECK])
    held = {each.name: each.met for each in guards(forge.protection())}
    assert all(
        held[name] for name in ("protection", "force-push", "deletion", "pull-request", "required-check")
    )
    assert held["bypass"]
