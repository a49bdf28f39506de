"""A redacted export: no object and no file of it holds a personal value, and the rest still verifies."""

from __future__ import annotations

import gzip
import subprocess

import pytest

from mlassay.audit.export import gather
from mlassay.audit.export.personal import Redaction
from mlassay.audit.export.values import Values
from mlassay.digest import sha256
from mlassay.errors import ConfigurationError
from mlassay.git import Repository
from mlassay.manifest import DataFile, load_manifest, root_digest
from tests import factory
from tests.audit.exporting import export, follow, resum
from tests.audit.story import git
from tests.factory import histories
from tests.factory.project import AUTHOR, NOBODY, manifest_yaml

PERSONAL = "personal_data: {basis: consent, delete_by: 2030-01-01, quasi_identifiers: [income]}\n"
SPECIAL = "special_categories: {columns: [group], basis: consent, use: [test], delete_by: 2030-01-01}\n"
PEOPLE = "governance/people.yaml"
HEAD = "name,income,group,deny\n"


def table(*names):
    return HEAD + "".join(f"{name},{1000 + number},a,no\n" for number, name in enumerate(names))


def manifest(files, *, personal=PERSONAL, name="applications"):
    listed = [DataFile(path, len(text), sha256(text.encode())) for path, text in files.items()]
    rows = "".join(f'  - {{path: {f.path}, size: {f.size}, digest: "{f.digest}"}}\n' for f in listed)
    text = manifest_yaml().replace("name: applications", f"name: {name}")
    text = text.replace(
        "columns:\n", "columns:\n  - {name: name, type: text, role: id, available_at: before}\n"
    )
    text = text[: text.index("files:")] + f'files:\n{rows}root: "{root_digest(listed)}"\n'
    return text.replace("public: true\n", personal + "public: true\n")


class Team:
    """A project whose data hold names; every name that was ever planted is in ``planted``.

    Until `found`, nobody has a key, so manifests may come and go without a request.
    """

    def __init__(self, path, personal=PERSONAL):
        self.project, self.personal = factory.make(path), personal
        self.planted = []
        self.people = self.project.read(PEOPLE)
        repo, head = self.repo, self.repo.head()
        files = {path: repo.blob(entry.id) for path, entry in repo.tree(head).items()}
        files[PEOPLE] = NOBODY.encode()
        start = repo.write_commit(None, files, message="Start", author=AUTHOR, when=repo.commit(head).time)
        git(self.project.folder, "reset", "-q", "--hard", start)

    def found(self):
        """Let people have keys from now on."""
        self.commit({PEOPLE: self.people})

    @property
    def repo(self):
        return self.project.repo

    def name(self, where):
        self.planted.append(f"Quentin {where.title()} Zorblax")
        return self.planted[-1]

    def commit(self, files, message="Change something"):
        return self.project.commit(files, message)

    def data(self, text, path="data/people.csv"):
        self.commit(
            {
                path: text,
                "data/people.manifest.yaml": manifest({path: text}, personal=self.personal, name="people"),
            }
        )


def planted_everywhere(path, personal=PERSONAL):
    """A team that has been careless in every way, with a release in the middle of it."""
    team = Team(path, personal)
    old, kept, gone, moved, branch, copied = (
        team.name(word) for word in ("old", "kept", "gone", "moved", "branch", "copied")
    )
    team.commit({"old-name.csv": table(moved, kept)})  # before any manifest knew of it
    (team.project.folder / "old-name.csv").rename(team.project.folder / "data/people.csv")
    team.repo.add_and_commit(
        ["old-name.csv", "data/people.csv"], "Move it", author=AUTHOR, when=team.project.now()
    )
    team.data(table(old, kept, moved))
    team.data(table(kept, copied))
    team.commit({"backup/copy of people.txt": table(kept, copied), "README.md": f"Ask {kept} about it.\n"})
    team.commit({"notes/export.jsonl": f'{{"name": "{copied}", "income": 1}}\n'})
    (team.project.folder / "backup/people.csv.gz").write_bytes(gzip.compress(table(kept).encode()))
    (team.project.folder / "backup/utf16.txt").write_text(kept, encoding="utf-16")
    team.repo.add_and_commit(["backup"], "Keep a copy", author=AUTHOR, when=team.project.now())
    text = table(gone)
    team.commit(
        {
            "data/gone.csv": text,
            "data/gone.manifest.yaml": manifest({"data/gone.csv": text}, personal=personal, name="gone"),
        }
    )
    (team.project.folder / "data/gone.csv").unlink()
    (team.project.folder / "data/gone.manifest.yaml").unlink()
    team.repo.add_and_commit(["data"], "Forget them", author=AUTHOR, when=team.project.now())
    git(team.project.folder, "checkout", "-q", "-b", "side")
    team.data(table(branch, kept))
    team.data(table(kept, copied))
    git(team.project.folder, "checkout", "-q", "main")
    team.commit({"train.py": "print('trained')\n"})
    sides = [team.repo.branch("main"), team.repo.branch("side")]
    merge = team.repo.write_commit(
        sides[0], {}, message="Merge side", author=AUTHOR, when=team.project.now(), parents=sides
    )
    git(team.project.folder, "update-ref", "refs/heads/main", merge)
    git(team.project.folder, "checkout", "-q", "-b", "never-merged")
    team.data(table(team.name("unmerged")))
    git(team.project.folder, "checkout", "-q", "main")
    team.found()
    factory.record(team.project)
    return team


@pytest.fixture(scope="module", params=[PERSONAL, SPECIAL], ids=["personal_data", "special_categories"])
def careless(request, tmp_path_factory):
    return planted_everywhere(tmp_path_factory.mktemp("careless"), request.param)


@pytest.fixture(scope="module")
def redacted(careless, tmp_path_factory):
    folder = tmp_path_factory.mktemp("redacted")
    return export(careless.repo, folder, "redacted", at=careless.repo.branch("main"))


def everything(folder, tmp_path):
    """All bytes of an export: every file, and every object of its pack, unpacked."""
    store = tmp_path / "store.git"
    git(tmp_path, "init", "-q", "--bare", str(store))
    pack = next(folder / name for name in ("history.pack", "history.bundle") if (folder / name).exists())
    data = pack.read_bytes()
    data = data[data.index(b"PACK") :]
    git(store, "unpack-objects", "-q", data=data)
    asked = ["git", "cat-file", "--batch", "--batch-all-objects", "--unordered"]
    objects = subprocess.run(asked, cwd=store, capture_output=True, check=True).stdout
    return objects, {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_no_object_and_no_file_holds_a_personal_value(careless, redacted, tmp_path):
    objects, files = everything(redacted, tmp_path)
    assert b"tree" in objects
    for name in careless.planted:
        for spelled in (name.encode(), name.encode("utf-16-le")):
            assert spelled not in objects
            assert not [path for path, data in files.items() if spelled in data]


def test_the_control_holds_them_all_but_what_was_never_merged(careless, tmp_path):
    folder = export(careless.repo, tmp_path, at=careless.repo.branch("main"))
    objects, _ = everything(folder, tmp_path)
    *merged, unmerged = careless.planted
    assert all(name.encode() in objects for name in merged)
    assert unmerged.encode() not in objects
    assert follow(folder).returncode == 0


def test_the_rest_still_verifies_by_the_page(redacted):
    done = follow(redacted)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "verdict passed, 15 files" in done.stdout
    assert "left out: " in done.stdout


def test_what_was_left_out_is_told_by_path_size_digest_and_reason(careless, redacted):
    repo, page = careless.repo, (redacted / "LEFT-OUT.md").read_text()
    rows = [line.split("\t") for line in (redacted / "lists/left-out.tsv").read_text().splitlines()]
    paths = {row[3] for row in rows}
    assert paths == {
        *("data/people.csv", "old-name.csv", "backup/copy of people.txt", "README.md", "notes/export.jsonl"),
        *("backup/people.csv.gz", "backup/utf16.txt", "data/gone.csv"),
    }
    for blob, size, digest, path, _ in rows:
        data = repo.blob(blob)
        assert (int(size), digest) == (len(data), sha256(data))
        assert path in page
    assert "a manifest lists it" in page
    assert "names and addresses of those who wrote and committed" in page
    assert (redacted / "lists/missing.txt").read_text().split() == [repo.branch("side")]


def test_a_file_left_out_without_a_word_is_told(redacted, tmp_path):
    import shutil

    folder = shutil.copytree(redacted, tmp_path / "got" / "copy")
    rows = (folder / "lists/left-out.tsv").read_text().splitlines(keepends=True)
    (folder / "lists/left-out.tsv").write_text("".join(rows[1:]))
    resum(folder)
    done = follow(folder)
    assert "FAILED: something else is missing than what was left out" in done.stderr


def test_nothing_is_left_out_where_no_manifest_calls_anything_personal(tmp_path):
    team = Team(tmp_path, personal="")
    team.data(table(team.name("public")))
    found = gather(team.repo, team.repo.head(), "redacted")
    assert found.left_out == ()
    folder = export(team.repo, tmp_path, "redacted")
    assert team.planted[0].encode() in everything(folder, tmp_path)[0]
    assert "no file of the main line was left out" in (folder / "LEFT-OUT.md").read_text()
    assert follow(folder).returncode == 0


def test_a_manifest_that_cannot_be_read_takes_the_data_beside_it_along(tmp_path):
    team = Team(tmp_path)
    team.commit({"data/people.csv": table(team.name("unread")), "data/people.manifest.yaml": "version: [\n"})
    found = gather(team.repo, team.repo.head(), "redacted")
    assert {path for one in found.left_out for path in one.paths} == {
        "data/people.csv",
        "data/applications.csv",
    }
    assert {one.why for one in found.left_out} == {
        "a manifest beside it cannot be read, so nobody can tell what it holds"
    }


@pytest.mark.parametrize("where", ["message", "name"])
def test_a_value_in_a_message_or_a_files_name_is_refused_and_told_by_id_alone(tmp_path, where):
    team = Team(tmp_path)
    name = team.name("told")
    team.data(table(name))
    if where == "message":
        team.commit({"x.txt": "x\n"}, f"Ask {name} again")
    else:
        team.commit({f"letters/{name}.txt": "x\n"})
    at = team.repo.head()
    with pytest.raises(ConfigurationError) as refusal:
        gather(team.repo, at, "redacted")
    (problem,) = refusal.value.problems
    assert name not in str(problem)
    assert "--keep-names" in problem.remedy
    found = gather(team.repo, at, "redacted", keep_names=True)
    assert found.told == ((at,) if where == "message" else ())


def test_a_record_that_repeats_a_person_is_left_out_and_the_page_says_that_it_is_not_checked(tmp_path):
    team = Team(tmp_path)
    name = team.name("waived")
    team.data(table(name))
    team.found()
    factory.record(team.project)
    path = "governance/deliberations/0001.md"
    team.commit({path: f"We thought of {name}.\n"})
    folder = export(team.repo, tmp_path, "redacted")
    assert name.encode() not in everything(folder, tmp_path)[0]
    assert not (folder / "files" / path).exists()
    done = follow(folder)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "name",
    [
        *(
            "request.json",
            "approvals/robin.json",
            "release.json",
            "verdict.json",
            "verdict.dsse.json",
            "model.sig",
        ),
        *("model.onnx", "gates/bias.json", "gates/bias.dsse.json", "ml.yaml", "policy.yaml"),
    ],
)
def test_whatever_record_is_left_out_the_rest_is_checked_and_the_gap_is_said(
    tmp_path, monkeypatch, history, name
):
    def run(self):
        for id_, stood in self.line.paths.items():
            if any(path.endswith(name) for path in stood):
                self._size(id_)
                self.why[id_] = "for a test"

    monkeypatch.setattr(Redaction, "run", run)
    folder = export(history, tmp_path, "redacted")
    done = follow(folder)
    assert done.returncode == 0, done.stdout + done.stderr
    said = (
        name in {"ml.yaml", "policy.yaml", "model.onnx", "gates/bias.json"} or "NOT CHECKED: " in done.stdout
    )
    assert said
    (path, *_) = [row.split("\t")[3] for row in (folder / "lists/left-out.tsv").read_text().splitlines()]
    lists = folder / "lists/left-out.tsv"
    lists.write_text(lists.read_text().replace(path, "elsewhere"))
    resum(folder)
    assert "FAILED: " in follow(folder).stderr


@pytest.fixture(scope="module")
def history(tmp_path_factory):
    return Repository.open(histories.make(tmp_path_factory.mktemp("long") / "long.git", promotions=1).folder)


def test_people_yaml_stays_whoever_the_data_name(tmp_path):
    team = Team(tmp_path)
    team.data(table("Robin", team.name("other")))
    team.found()
    found = gather(team.repo, team.repo.head(), "redacted")
    assert {path for one in found.left_out for path in one.paths} == {"data/people.csv"}


# What counts as a value


@pytest.fixture
def learned():
    text = HEAD + "Ann Bell,52317.482913,a,no\nZoë,12,b,yes\n"
    values = Values.of([load_manifest("data/x.manifest.yaml", manifest({"data/x.csv": text}).encode())])
    values.add(text.encode())
    return values


@pytest.mark.parametrize(
    "data",
    [
        "Dear Ann Bell,",
        '{"who": "Ann Bell"}',
        "Ann Bell",
        "x\nAnn Bell,52317.482913,a,no\ny",
        "(Ann Bell)",
        "52317.482913",
    ],
)
def test_names_long_numbers_and_rows_are_found_wherever_they_stand(learned, data):
    assert learned.found_in(data.encode())


@pytest.mark.parametrize(
    "data",
    [
        "Ann Bellamy",
        "Joann Bell",
        "Bell",
        "Zoë",
        HEAD,
        "yes, no, a, b",
        "12",
        "name,income\n",
        "Ann  Bell",
        "",
    ],
)
def test_other_words_headings_categories_and_short_numbers_are_nobodys(learned, data):
    assert not learned.found_in(data.encode())


def test_short_values_in_a_binary_file_are_chance(learned):
    learned.add((HEAD + "Rose,1,a,no\n").encode())
    assert learned.found_in(b"Rose")
    assert not learned.found_in(b"\x00Rose\x00", closed=True)
    assert learned.found_in(b"\x00Ann Bell\x00", closed=True)
