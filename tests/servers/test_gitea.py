"""The server that other tests rest on: that it really enforces what they take for granted."""

import itertools
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
import requests

NUMBERS = itertools.count()

pytestmark = pytest.mark.ci_extension


def git(*arguments: str, at: Path) -> str:
    who = ["-c", "user.name=Ada", "-c", "user.email=ada@people.example"]
    done = subprocess.run(["git", *who, *arguments], cwd=at, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def work(tmp_path):
    """A work tree with `main`, and a branch `change` one commit ahead."""
    folder = tmp_path / "work"
    folder.mkdir()
    git("init", "--quiet", "--initial-branch=main", at=folder)
    for branch in ("main", "change"):
        if branch != "main":
            git("switch", "--quiet", "--create", branch, at=folder)
        (folder / branch).write_text(branch)
        git("add", branch, at=folder)
        git("commit", "--quiet", "--message", branch, at=folder)
    return folder


@pytest.fixture
def repository(gitea, work):
    """A protected repository (one approval, one check) of `owner`, who also pushed `change`; `peer` may review."""
    name = f"r{next(NUMBERS)}"
    url = gitea.repository("owner", name, work)
    gitea.collaborator("owner", name, "peer")
    gitea.protect("owner", name, approvals=1, checks=("mlassay/decide",))
    return name, url


def opened(gitea, name: str) -> dict:
    request = {"head": "change", "base": "main", "title": "A change"}
    return gitea.eventually("POST", f"/repos/owner/{name}/pulls", request, token=gitea.user("owner"))


def merge(gitea, name: str, pull: dict):
    wanted = {"Do": "merge", "head_commit_id": pull["head"]["sha"]}
    path = f"/repos/owner/{name}/pulls/{pull['number']}/merge"
    end = time.monotonic() + 10
    while True:  # "try again later" while the server still looks whether it merges
        answer = gitea.api("POST", path, wanted, token=gitea.user("owner"))
        if "try again later" not in answer.text.lower() or time.monotonic() > end:
            return answer
        time.sleep(0.05)


def approve(gitea, name: str, pull: dict, state: str = "APPROVED") -> dict:
    review = {"event": state, "body": "Reason: read it", "commit_id": pull["head"]["sha"]}
    path = f"/repos/owner/{name}/pulls/{pull['number']}/reviews"
    return gitea.must("POST", path, review, token=gitea.user("peer"))


def check(gitea, name: str, pull: dict, state: str = "success") -> None:
    status = {"context": "mlassay/decide", "state": state}
    gitea.must("POST", f"/repos/owner/{name}/statuses/{pull['head']['sha']}", status)


def test_the_server_is_the_pinned_one_and_root_does_not_run_it(gitea):
    assert gitea.must("GET", "/version")["version"] == "1.26.0"
    processes = [path for path in Path("/proc").glob("[0-9]*") if is_server(path)]
    assert processes
    assert all(path.stat().st_uid != 0 for path in processes)


def is_server(process: Path) -> bool:
    try:
        words = (process / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return words[0].endswith(b"/gitea") and words[1:2] == [b"web"]


def test_an_unprotected_main_line_takes_a_push(gitea, work):
    url = gitea.repository("owner", "open", work)
    gitea.git(gitea.user("owner"), "-C", str(work), "push", "--quiet", url, "change:main")


def test_a_protected_main_line_refuses_a_push_of_its_owner(gitea, work, repository):
    with pytest.raises(subprocess.CalledProcessError) as refused:
        gitea.git(gitea.user("owner"), "-C", str(work), "push", repository[1], "change:main")
    assert "protected branch" in refused.value.stderr


def test_a_protected_main_line_takes_a_push_of_whom_it_names(gitea, work):
    url = gitea.repository("owner", "named", work)
    gitea.protect("owner", "named", pushers=("owner",))
    gitea.git(gitea.user("owner"), "-C", str(work), "push", "--quiet", url, "change:main")


def test_a_stranger_may_not_push_at_all(gitea, work, repository):
    with pytest.raises(subprocess.CalledProcessError):
        gitea.git(gitea.user("stranger"), "-C", str(work), "push", repository[1], "change:another")


def test_a_merge_is_refused_without_an_approval_and_taken_with_one(gitea, repository):
    name, _ = repository
    pull = opened(gitea, name)
    check(gitea, name, pull)
    refused = merge(gitea, name, pull)
    assert refused.status == 405
    assert "approvals" in refused.text
    approve(gitea, name, pull)
    assert merge(gitea, name, pull).status == 200
    assert gitea.must("GET", f"/repos/owner/{name}/pulls/{pull['number']}")["merged"]


def test_a_merge_is_refused_while_the_required_check_is_missing_or_red(gitea, repository):
    name, _ = repository
    pull = opened(gitea, name)
    approve(gitea, name, pull)
    assert merge(gitea, name, pull).status == 405
    check(gitea, name, pull, "failure")
    assert merge(gitea, name, pull).status == 405
    check(gitea, name, pull)
    assert merge(gitea, name, pull).status == 200


def stale(gitea, name: str, pull: dict, *, wanted: bool) -> list[bool]:
    """Whether each review is stale, once it is as wanted: the server works a push off a moment later."""
    path = f"/repos/owner/{name}/pulls/{pull['number']}/reviews"
    end = time.monotonic() + 5
    while (found := [review["stale"] for review in gitea.must("GET", path)]) != [wanted]:
        if time.monotonic() > end:
            break
        time.sleep(0.05)
    return found


def pushed(gitea, work: Path, url: str, *options: str) -> str:
    git("commit", "--quiet", "--message", "more", *options, at=work)
    gitea.git(gitea.user("owner"), "-C", str(work), "push", "--quiet", url, "change")
    return git("rev-parse", "HEAD", at=work)


def test_a_push_that_changes_something_makes_an_approval_stale(gitea, work, repository):
    name, url = repository
    pull = opened(gitea, name)
    approve(gitea, name, pull)
    (work / "more").write_text("more")
    git("add", "more", at=work)
    newer = {**pull, "head": {"sha": pushed(gitea, work, url)}}
    assert stale(gitea, name, pull, wanted=True) == [True]
    check(gitea, name, newer)
    assert merge(gitea, name, newer).status == 405


def test_an_empty_commit_leaves_an_approval_standing_so_the_reviewed_commit_has_to_be_compared(
    gitea, work, repository
):
    name, url = repository
    pull = opened(gitea, name)
    approve(gitea, name, pull)
    head = pushed(gitea, work, url, "--allow-empty")
    newer = gitea.must("GET", f"/repos/owner/{name}/pulls/{pull['number']}")
    assert newer["head"]["sha"] == head
    review = gitea.must("GET", f"/repos/owner/{name}/pulls/{pull['number']}/reviews")[0]
    assert review["commit_id"] == pull["head"]["sha"]
    assert review["commit_id"] != head
    assert not review["stale"]


def test_a_merge_with_another_head_than_expected_is_refused(gitea, work, repository):
    name, _ = repository
    pull = opened(gitea, name)
    approve(gitea, name, pull)
    check(gitea, name, pull)
    elsewhere = {**pull, "head": {"sha": git("rev-parse", "main", at=work)}}
    assert merge(gitea, name, elsewhere).status == 409


def test_no_token_stands_in_what_the_server_or_git_wrote(gitea, work):
    url = gitea.repository("owner", "quiet", work)
    token = gitea.user("owner")
    assert token not in url
    assert token not in (work / ".git" / "config").read_text()
    assert token not in gitea.log.read_text()
    assert token not in " ".join(os.environ.values())


def test_a_killed_test_run_leaves_no_server_behind(tmp_path):
    if shutil.which("setpriv") is None:
        pytest.skip("needs setpriv, of util-linux")
    program = (
        "import sys, time; from pathlib import Path; from tests.servers.gitea import serve\n"
        "with serve(Path(sys.argv[1])) as server: print(server.url, flush=True); time.sleep(60)"
    )
    # Not below tmp_path, through which the server's own user may not walk.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        command = [sys.executable, "-c", program, tmp_path / "log"]
        environment = {**os.environ, "TMPDIR": folder}
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as run:
            url = run.stdout.readline().strip()
            assert answers(url)
            run.kill()
        end = time.monotonic() + 15
        while answers(url) and time.monotonic() < end:
            time.sleep(0.05)
        assert not answers(url)


def answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/api/v1/version", timeout=10).ok
    except requests.ConnectionError:
        return False
