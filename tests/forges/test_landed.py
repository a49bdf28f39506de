"""After the merge the reviews are still to be had: by the branch of a pull request that has ended."""

from tests.forges.test_hosted import merged, opened
from tests.forges.worlds import NAME


def test_a_pull_request_that_has_ended_is_found_by_its_branch_with_the_head_that_it_had(hosted):
    assert hosted.forge.landed(NAME) is None
    request = opened(hosted)
    hosted.forge.merge(request, merged(hosted, request), hosted.repo.head())
    found = hosted.forge.landed(NAME)
    assert found is not None
    assert (found.branch, found.head, found.number) == (NAME, request.head, request.number)
    assert list(hosted.forge.reviews(found)) == []


def test_another_pull_request_from_a_branch_of_that_name_takes_no_merged_ones_place(hosted):
    request = opened(hosted)
    hosted.forge.merge(request, merged(hosted, request), hosted.repo.head())
    again = hosted.commit(hosted.repo.head(), "another")
    other = hosted.forge.open(NAME, again, title="Another", body="")
    assert other.number > request.number
    found = hosted.forge.landed(NAME)
    assert (found.number, found.head) == (request.number, request.head)
