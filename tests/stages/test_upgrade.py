"""The upgrade of a real repository that a team made of an older template and went on with."""

import json
import subprocess
from datetime import UTC, datetime

import pytest

from mlassay.digest import sha256
from mlassay.errors import ConfigurationError, RemoteError
from mlassay.forges.local import LocalForge
from mlassay.git import Repository
from mlassay.stages.init import adopt, personalise, template_files
from mlassay.stages.template import RECORD, Record, is_calling, is_recorded
from mlassay.stages.upgrade import upgrade
from mlassay.stages.upgrade_fork import Template, Wanted
from tests.stages.projects import commit

MAIN = ".github/workflows/main.yml"
PULL = ".github/workflows/pull-request.yml"
OLD, NEW, FAR = ("a" * 40, "1.0.0"), ("b" * 40, "1.1.0"), ("c" * 40, "2.0.0")
NOW = datetime.now(UTC)  # teams commit while the tests run


def workflow(pin, cron="1 1 * * 1", extra=""):
    calls = "\n".join(
        f"  {job}:\n    uses: mlassay/mlassay/.github/workflows/ml-{job}.yml@{pin[0]} # v{pin[1]}\n    with:\n      a: b\n"
        for job in ("pr", "release")
    )
    return f"on:\n  push:\n    branches: [main]\n  schedule:\n    - cron: '{cron}'\n\n# jobs\n\njobs:\n{calls}{extra}".encode()


def template(pin, **changed):
    files = {**template_files(), MAIN: workflow(pin), PULL: workflow(pin), "CODEOWNERS": b"/a @x\n"}
    files |= {".github/workflows/after.yml": None, **changed.pop("files", {})}
    return Template(
        pin[1], {path: data for path, data in files.items() if data is not None}, changed.get("known", {})
    )


def write(folder, path, data):
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(data)


class Team:
    """A team's clone of a bare remote, made of the template of 1.0.0."""

    def __init__(self, folder, **options):
        self.folder = folder
        files = personalise(template(OLD, **options).files, name="loans", owner="kim")
        adopt(folder, files, files)
        record = json.loads((folder / RECORD).read_text())
        write(folder, RECORD, json.dumps(record | {"template": OLD[1]}).encode())
        self.repository = Repository.init(folder)
        for key, value in (("user.name", "Ann"), ("user.email", "ann@example.org")):
            self.repository.set_config(key, value)
        Repository.init(folder.parent / "remote.git", bare=True)
        self.git("remote", "add", "origin", "../remote.git")
        self.push()

    def git(self, *words):
        done = subprocess.run(["git", *words], cwd=self.folder, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def push(self, **files):
        commit(self.folder)
        self.git("push", "-q", "origin", "HEAD:main")

    def edit(self, path, old, new):
        file = self.folder / path
        assert old in file.read_bytes()
        file.write_bytes(file.read_bytes().replace(old, new))

    def upgrade(self, to, wanted=None, **options):
        return upgrade(self.repository, LocalForge(self.repository), to, NOW, wanted, **options)

    def merge(self, done):
        self.git("fetch", "-q")
        self.git("merge", "-q", "--no-ff", "-m", "Merge", done.seen)
        self.git("push", "-q", "origin", "HEAD:main")
        self.git("push", "-q", "origin", "--delete", done.branch)

    def at(self, commit_, path):
        return self.repository.read(commit_, path)


@pytest.fixture
def team(tmp_path):
    (tmp_path / "team").mkdir()
    return Team(tmp_path / "team")


def did(done):
    return {file.path: file.did for file in done.files}


def state(repository):
    listed = subprocess.run(
        ["git", "ls-remote", "origin"], cwd=repository.folder, check=True, capture_output=True
    ).stdout
    return listed, repository.refs("refs/heads/"), repository.head(), repository.uncommitted()


def test_what_a_team_left_alone_becomes_the_templates_and_only_that(team):
    done = team.upgrade(template(NEW))
    assert did(done)[MAIN] == did(done)[PULL] == "pins"
    assert team.at(done.commit, MAIN) == workflow(NEW)
    assert {c.path for c in team.repository.changes(team.git("rev-parse", "main"), done.commit)} == {
        MAIN,
        PULL,
        RECORD,
    }
    assert team.git("ls-remote", "origin", f"refs/heads/{done.branch}").split()[0] == done.commit


def test_a_teams_changes_and_the_templates_come_together(team):
    team.edit(MAIN, b"branches: [main]", b"branches: [main, trunk]")
    team.push()
    done = team.upgrade(template(NEW, files={MAIN: workflow(NEW, extra="  due: {}\n")}))
    assert did(done)[MAIN] == "merged"
    merged = team.at(done.commit, MAIN)
    assert merged == workflow(NEW, extra="  due: {}\n").replace(b"[main]", b"[main, trunk]")


def test_pins_move_also_where_a_bot_moved_them_before_or_a_team_calls_us_itself(team):
    team.edit(PULL, b"@" + b"a" * 40 + b" # v1.0.0", b"@" + b"d" * 40 + b" # v1.0.1")
    write(team.folder, ".github/workflows/own.yml", workflow(OLD, cron="9 9 * * 9"))
    write(team.folder, ".github/workflows/other.yml", b"jobs: {a: {uses: other/x@" + b"e" * 40 + b"}}\n")
    team.push()
    done = team.upgrade(template(NEW))
    assert team.at(done.commit, PULL) == workflow(NEW)
    assert team.at(done.commit, ".github/workflows/own.yml") == workflow(NEW, cron="9 9 * * 9")
    assert ".github/workflows/other.yml" not in did(done)


def test_on_a_collision_nothing_at_all_is_written(team):
    team.edit(MAIN, b"1 1 * * 1", b"2 2 * * 2")
    team.push()
    before = state(team.repository)
    done = team.upgrade(template(NEW, files={MAIN: workflow(NEW, cron="3 3 * * 3")}))
    assert did(done)[MAIN] == "conflict"
    assert did(done)[PULL] == "pins"
    assert (done.commit, done.pull) == ("", None)
    assert b"<<<<<<< yours" in done.conflicts[0].collision
    assert state(team.repository) == before


@pytest.mark.parametrize(("side", "cron"), [("ours", "2 2 * * 2"), ("theirs", "3 3 * * 3")])
def test_people_decide_a_collision_once(team, side, cron):
    team.edit(MAIN, b"1 1 * * 1", b"2 2 * * 2")
    team.push()
    newer = template(NEW, files={MAIN: workflow(NEW, cron="3 3 * * 3")})
    done = team.upgrade(newer, Wanted(**{side: [MAIN]}))
    assert team.at(done.commit, MAIN) == workflow(NEW, cron=cron)
    team.merge(done)
    again = team.upgrade(newer)
    assert (again.conflicts, again.written) == ((), False)


def test_that_a_team_keeps_its_own_is_remembered_where_no_file_changes_by_it(team):
    team.edit("CODEOWNERS", b"@x", b"@ours")
    team.push()
    newer = template(OLD, files={"CODEOWNERS": b"/a @new\n"})
    assert team.upgrade(newer).conflicts
    team.merge(team.upgrade(newer, Wanted(ours=["CODEOWNERS"])))
    assert not team.upgrade(newer).conflicts
    assert did(team.upgrade(template(NEW, files={"CODEOWNERS": b"/a @new\n"})))["CODEOWNERS"] == "kept"


def test_a_second_upgrade_merges_over_the_template_of_the_first(team):
    team.edit(MAIN, b"branches: [main]", b"branches: [main, trunk]")
    team.push()
    team.merge(team.upgrade(template(NEW, files={MAIN: workflow(NEW, cron="3 3 * * 3")})))
    done = team.upgrade(template(FAR, files={MAIN: workflow(FAR, cron="4 4 * * 4")}))
    assert did(done)[MAIN] == "merged"
    assert team.at(done.commit, MAIN) == workflow(FAR, cron="4 4 * * 4").replace(b"[main]", b"[main, trunk]")


def test_running_it_twice_changes_nothing(team):
    first = team.upgrade(template(NEW))
    before = state(team.repository)
    second = team.upgrade(template(NEW))
    assert (second.already, second.commit) == (True, first.commit)
    assert state(team.repository) == before
    team.merge(first)
    third = team.upgrade(template(NEW))
    assert (third.written, third.commit) == (False, "")


def test_an_upgrade_that_is_open_is_found_when_the_main_line_moved_elsewhere(team):
    first = team.upgrade(template(NEW))
    write(team.folder, "train.py", b"other = 1\n")
    team.push()
    assert team.upgrade(template(NEW)).commit == first.commit


def test_somebodys_work_on_the_branch_is_not_overwritten(team):
    done = team.upgrade(template(NEW))
    team.git("fetch", "-q")
    team.git("checkout", "-q", "-b", "mine", done.seen)
    team.edit(MAIN, b"a: b", b"a: c")
    commit(team.folder)
    team.git("push", "-q", "origin", f"HEAD:{done.branch}")
    with pytest.raises(RemoteError, match="stands already"):
        team.upgrade(template(NEW))


def test_a_dry_run_and_a_dirty_work_tree_leave_everything_as_it_was(team):
    write(team.folder, "train.py", b"half done")
    write(team.folder, MAIN, b"half done")
    (team.folder / "Jenkinsfile").unlink()
    team.git("add", "train.py")
    before = team.git("status", "--porcelain")
    assert team.upgrade(template(NEW), dry_run=True).commit == ""
    assert team.git("ls-remote", "origin").count("\n") == 1
    done = team.upgrade(template(NEW))
    assert team.git("status", "--porcelain") == before
    assert team.at(done.commit, MAIN) == workflow(NEW)
    assert team.at(done.commit, "train.py") == team.at(team.git("rev-parse", "HEAD"), "train.py")


def test_files_come_and_go_with_the_template_but_never_against_the_team(team):
    team.git("rm", "-q", "Jenkinsfile")
    write(team.folder, "CODEOWNERS", b"/ours @y\n")
    team.push()
    files = {
        PULL: None,
        "CODEOWNERS": None,
        ".github/new.yml": b"version: 2\n",
        "Jenkinsfile": b"new\n",
    }
    done = team.upgrade(template(NEW, files=files))
    told = did(done)
    assert told[PULL] == "removed"
    assert told["CODEOWNERS"] == "kept"
    assert told["Jenkinsfile"] == "kept"
    assert told[".github/new.yml"] == "added"
    assert team.at(done.commit, PULL) is None
    assert team.at(done.commit, "Jenkinsfile") is None
    assert not {PULL, "CODEOWNERS"} & set(Record.parse(team.at(done.commit, RECORD)).files)


def test_a_file_that_was_never_the_templates_stays_the_teams(tmp_path):
    folder = tmp_path / "team"
    write(folder, ".gitignore", b"ours\n")
    team = Team(folder)
    done = team.upgrade(template(NEW, files={".gitignore": b"theirs\n"}))
    assert did(done)[".gitignore"] == "kept"
    assert ".gitignore" not in Record.parse(team.at(done.commit, RECORD)).files


def test_the_teams_own_files_change_only_by_name(team):
    newer = template(NEW, files={"train.py": b"new = 1\n"})
    assert "train.py" not in did(team.upgrade(newer, dry_run=True))
    done = team.upgrade(newer, Wanted(named=["train.py", "ml.yaml"]))
    assert team.at(done.commit, "train.py") == b"new = 1\n"
    assert did(done)["ml.yaml"] == "same", "with this team's name and owner put in"


@pytest.mark.parametrize("how", ["named", "ours", "theirs"])
def test_what_is_guarded_or_not_the_templates_is_never_touched(team, how):
    newer = template(NEW, files={"governance/policy.yaml": b"version: 2\n"})
    guarded = ["governance/policy.yaml", "data/applications.manifest.yaml", "Governance/policy.yaml"]
    for path in [*guarded, "data/hmda.csv", "nothing", "../x"]:
        with pytest.raises(ConfigurationError):
            team.upgrade(newer, Wanted(**{how: [path]}))
    assert not any(path.startswith(("governance/", "data/")) for path in did(team.upgrade(newer)))


def test_a_fork_without_a_record_is_told_by_the_templates_that_are_known(team):
    (team.folder / RECORD).unlink()
    team.edit(MAIN, b"branches: [main]", b"branches: [main, trunk]")
    team.push()
    newer = workflow(NEW, cron="3 3 * * 3")
    known = {path: {sha256(workflow(OLD))} for path in (MAIN, PULL)}
    done = team.upgrade(template(NEW, files={MAIN: newer, PULL: newer}, known=known))
    assert did(done)[PULL] == "taken"
    assert did(done)[MAIN] == "merged", "over the version that its own history holds"
    assert Record.parse(team.at(done.commit, RECORD)).template == "1.1.0"


def test_a_fork_without_a_record_whose_base_nobody_knows_is_left_as_it_is(team):
    (team.folder / RECORD).unlink()
    team.push()
    done = team.upgrade(template(NEW, files={MAIN: workflow(NEW, cron="3 3 * * 3")}))
    assert did(done)[MAIN] == "conflict"
    assert did(done)[PULL] == "pins", "but for the pins it is the template's"
    assert done.commit == ""


def test_a_fork_without_a_record_of_just_this_template_keeps_what_it_changed(team):
    (team.folder / RECORD).unlink()
    team.edit(MAIN, b"branches: [main]", b"branches: [main, trunk]")
    team.push()
    done = team.upgrade(template(NEW))
    assert did(done)[MAIN] == "pins"
    assert team.at(done.commit, MAIN) == workflow(NEW).replace(b"[main]", b"[main, trunk]")


def test_an_upgrade_never_goes_back(team):
    team.merge(team.upgrade(template(NEW)))
    with pytest.raises(ConfigurationError, match=r"uses mlassay 1\.1\.0, and this is 1\.0\.0"):
        team.upgrade(template(OLD))


def test_a_record_with_other_lines_than_its_digest_says_is_refused(team):
    record = json.loads((team.folder / RECORD).read_text())
    write(team.folder, RECORD, json.dumps(record | {"bases": {MAIN: ["evil"]}}).encode())
    team.push()
    with pytest.raises(ConfigurationError, match="not those that its digest names"):
        team.upgrade(template(NEW))


def test_a_link_in_the_place_of_a_file_is_not_followed(team):
    (team.folder / "Jenkinsfile").unlink()
    (team.folder / "Jenkinsfile").symlink_to("governance/policy.yaml")
    team.push()
    done = team.upgrade(template(NEW, files={"Jenkinsfile": b"new\n"}))
    assert did(done)["Jenkinsfile"] == "kept"


def test_every_file_of_the_template_is_updated_or_the_teams_or_guarded():
    files = set(template_files())
    assert {path for path in files if is_calling(path)} >= {
        MAIN,
        PULL,
        "Jenkinsfile",
        "CODEOWNERS",
        ".gitignore",
    }
    assert {"train.py", "ml.yaml", "README.md"} <= {p for p in files if is_recorded(p) and not is_calling(p)}
    assert not any(is_recorded(p) for p in files if p.startswith(("governance/", "data/")))
