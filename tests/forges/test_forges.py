"""One suite for every forge: branches moved by compare-and-swap, nothing twice, nothing of anybody's overwritten."""

from __future__ import annotations

import pytest

from mlassay.git import MovedOn
from tests.forges.worlds import NAME, OTHER


def opened(world, head, branch=NAME):
    return world.forge.open(branch, head, title="Ask to promote", body="Why.")


def seen(world):
    return [(each.id, each.branch, each.head) for each in world.forge.requests()]


def test_a_request_is_opened_found_updated_and_merged(world):
    main = world.repo.head()
    first = world.commit(main, "one")
    request = opened(world, first)
    assert (request.id, request.branch, request.head) == ("20261121-5e6f7a8b", NAME, first)
    assert world.forge.requests() == [request]
    second = world.commit(first, "two")
    updated = world.forge.update(request, second)
    assert world.forge.requests() == [updated]
    assert updated.head == second
    assert world.forge.merge(updated, second, main) == second
    assert world.forge.requests() == []
    assert world.branch(NAME) is None
    assert world.branch("main") == second


def test_whoever_is_late_is_told_and_nothing_is_overwritten(world):
    main = world.repo.head()
    one, other = world.commit(main, "one"), world.commit(main, "other")
    request = opened(world, one)
    with pytest.raises(MovedOn):
        opened(world, other)
    newer = world.commit(one, "newer")
    world.forge.update(request, newer)
    with pytest.raises(MovedOn):
        world.forge.update(request, other)
    (now,) = world.forge.requests()
    assert now.head == newer
    world.forge.merge(now, newer, main)
    with pytest.raises(MovedOn):
        world.forge.merge(now, other, main)
    assert world.branch("main") == newer


def test_opening_the_same_commit_again_is_the_same_request(world):
    one = world.commit(world.repo.head(), "one")
    assert opened(world, one) == opened(world, one)
    assert len(world.forge.requests()) == 1


def test_requests_are_sorted_by_branch(world):
    main = world.repo.head()
    one, other = world.commit(main, "one"), world.commit(main, "other")
    opened(world, one)
    opened(world, other, OTHER)
    assert [each.branch for each in world.forge.requests()] == sorted([NAME, OTHER])


def test_other_branches_are_no_requests(world):
    remote, one = world.repo.remote() or ".", world.commit(world.repo.head(), "one")
    for branch in ("feature", "promotion/staging/x", "promotionx", "change/20261121"):
        world.repo.push(remote, one, f"refs/heads/{branch}", None)
    assert world.forge.requests() == []


def test_a_pull_request_of_our_own_without_a_request_is_opened_and_is_none_to_decide(world):
    head = world.commit(world.repo.head(), "newer")
    opened_ = opened(world, head, "mlassay/upgrade-1.2.3")
    assert (opened_.id, opened_.branch, opened_.head) == ("", "mlassay/upgrade-1.2.3", head)
    assert world.branch("mlassay/upgrade-1.2.3") == head
    assert seen(world) == []
    assert opened(world, head, "mlassay/upgrade-1.2.3") == opened_
    with pytest.raises(ValueError, match="no branch of a request"):
        opened(world, head, "upgrade-1.2.3")


def test_a_request_that_something_came_onto_after_the_merge_stays_open(world):
    main = world.repo.head()
    one = world.commit(main, "one")
    request = opened(world, one)
    late = world.commit(one, "late")
    world.forge.update(request, late)
    world.forge.merge(request, one, main)
    assert seen(world) == [("20261121-5e6f7a8b", NAME, late)]


def test_a_merge_that_landed_already_closes_what_a_killed_run_left(world):
    main = world.repo.head()
    one = world.commit(main, "one")
    request = opened(world, one)
    world.repo.push(
        world.repo.remote() or ".", one, "refs/heads/main", main
    ) if world.repo.remote() else world.repo.fast_forward("main", one)
    assert world.forge.merge(request, one, one) == one
    assert world.branch(NAME) is None
