"""``init`` and ``keys`` as people call them."""

import json
import subprocess
import sys

import pytest
import yaml

from mlassay.files import schema


def mlassay(*words, cwd, code=0):
    done = subprocess.run(
        [sys.executable, "-m", "mlassay", *map(str, words)],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done


def snapshot(folder):
    return {
        path.relative_to(folder): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and ".git" not in path.parts
    }


@pytest.fixture
def made(tmp_path):
    mlassay("init", "team", "--name", "loans", "--owner", "kim", cwd=tmp_path)
    return tmp_path / "team"


def test_init_twice_does_no_harm(made):
    before = snapshot(made)
    done = mlassay("init", made, "--name", "other", "--owner", "other", "--json", cwd=made.parent)
    assert json.loads(done.stdout)["wrote"] == []
    assert snapshot(made) == before


def test_init_keeps_what_people_changed_and_adds_what_is_missing(made):
    (made / "train.py").write_text("mine")
    (made / "CODEOWNERS").unlink()
    done = mlassay("init", "--into", made, "--name", "loans", "--owner", "kim", "--json", cwd=made)
    assert json.loads(done.stdout)["wrote"] == ["CODEOWNERS"]
    assert (made / "train.py").read_text() == "mine"


def test_init_puts_in_the_name_and_the_owner(made):
    config = yaml.safe_load((made / "ml.yaml").read_text())
    assert (config["name"], config["owner"]) == ("loans", "kim")
    assert "kim" in yaml.safe_load((made / "governance" / "people.yaml").read_text())["people"]


def test_the_templates_ml_yaml_is_short(made):
    assert len((made / "ml.yaml").read_text().splitlines()) <= 40


def test_init_into_a_repository_that_stands_moves_nothing(tmp_path):
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / "README.md").write_text("ours")
    mlassay("init", "--into", tmp_path, "--name", "loans", "--owner", "kim", cwd=tmp_path)
    assert (tmp_path / "README.md").read_text() == "ours"
    assert (tmp_path / "ml.yaml").is_file()


def test_a_project_that_stands_is_told_what_was_kept_and_what_is_left_to_do(tmp_path):
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    table = "n,spend,visits,age,churn\n" + "".join(
        f"{i},{i * 7 % 100},{i % 9},{('old', 'young')[i % 2]},{('go', 'stay')[i % 3 == 0]}\n"
        for i in range(90)
    )
    ours = {
        ".github/workflows/ci.yml": "on: push\n",
        ".gitignore": "*.pem\n",
        "README.md": "ours",
        "train.py": "ours",
        "data/customers.csv": table,
    }
    for path, text in ours.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    words = ["--data", "data/customers.csv", "--label", "churn", "--sensitive", "age"]
    done = mlassay("init", "--into", ".", "--name", "churn", "--owner", "kim", *words, cwd=tmp_path)
    assert {path: (tmp_path / path).read_text() for path in ours} == ours
    assert "= train.py, as it was" in done.stdout
    assert "let train.py read MLASSAY_DATA" in done.stdout
    (ignore,) = [line for line in done.stdout.splitlines() if "add to your .gitignore" in line]
    assert "/data/customers.csv" in ignore
    assert "*.pem" not in ignore, "which stands there already"
    assert sorted(path.name for path in (tmp_path / ".github/workflows").iterdir()) == [
        "after.yml",
        "ci.yml",
        "main.yml",
        "pull-request.yml",
    ]
    record = json.loads((tmp_path / ".mlassay-template.json").read_text())
    assert "Jenkinsfile" in record["files"]
    assert not {"train.py", "README.md", ".gitignore", "ml.yaml"} & set(record["files"])
    config = yaml.safe_load((tmp_path / "ml.yaml").read_text())
    assert config["train"]["withhold"] == ["age", "n"], (
        "a running number names the row, and says nothing of it"
    )


def test_the_record_holds_what_was_added_to_a_file_of_the_templates(tmp_path):
    rows = "".join(f"{i * 3},{i % 2},{('no', 'yes')[i % 3 == 0]}\n" for i in range(90))
    (tmp_path / "t.csv").write_text("spend,age,churn\n" + rows)
    words = ["--data", "t.csv", "--label", "churn", "--sensitive", "age"]
    mlassay("init", "team", "--name", "churn", "--owner", "kim", *words, cwd=tmp_path)
    record = json.loads((tmp_path / "team/.mlassay-template.json").read_text())
    added = set((tmp_path / "team/.gitignore").read_text().split("\n")) - set(record["bases"][".gitignore"])
    assert "/data/t.csv" in added


def test_a_new_folder_becomes_a_repository_of_its_own_even_inside_another(tmp_path):
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    mlassay("init", "team", "--name", "loans", "--owner", "kim", cwd=tmp_path)
    assert (tmp_path / "team" / ".git").is_dir()


def test_a_subfolder_that_is_adopted_stays_in_its_repository(tmp_path):
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / "sub").mkdir()
    mlassay("init", "--into", "sub", "--name", "loans", "--owner", "kim", cwd=tmp_path)
    assert not (tmp_path / "sub" / ".git").exists()


def test_init_says_what_it_would_write_and_writes_nothing(tmp_path):
    done = mlassay("init", "new", "--name", "a", "--owner", "b", "--dry-run", cwd=tmp_path)
    assert "ml.yaml" in done.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "words", [[], ["a", "--into", "."], ["a", "--name", "../x"], ["a", "--name", "Ab c", "--owner", "x"]]
)
def test_init_refuses_what_makes_no_sense(tmp_path, words):
    done = mlassay("init", *words, cwd=tmp_path, code=2)
    assert "Traceback" not in done.stderr


def test_a_table_of_their_own_leaves_only_questions_for_people(tmp_path):
    rows = [
        f"{i * 2},{('red', 'blue')[i % 2]},{('old', 'young')[i % 3 == 0]},{('stay', 'go')[i % 5 == 0]}"
        for i in range(200)
    ]
    (tmp_path / "My Table.csv").write_text("\n".join(["spend,colour,age,churn", *rows]) + "\n")
    words = ["--data", "My Table.csv", "--label", "churn", "--sensitive", "age"]
    mlassay("init", "team", "--name", "churn", "--owner", "kim", *words, cwd=tmp_path)
    team = tmp_path / "team"
    subprocess.run(["git", "-C", team, "add", "-A"], check=True)
    done = mlassay("validate", cwd=team, code=2)
    assert "TODO" in done.stderr
    assert "Traceback" not in done.stderr
    config = yaml.safe_load((team / "ml.yaml").read_text())
    assert config["train"]["withhold"] == ["age"]
    assert config["gates"]["adversarial"]["perturb"]["columns"] == ["spend"]
    assert not (team / "data" / "hmda.csv").exists()
    assert "hmda" not in (team / "README.md").read_text()
    ignored = subprocess.run(["git", "-C", team, "check-ignore", "data/my-table.csv"], check=False)
    assert ignored.returncode == 0, "a table with people's sensitive columns is not for git"


def test_a_reason_that_many_problems_share_is_said_once(tmp_path):
    (tmp_path / "t.csv").write_text("x,y\n" + "".join(f"{i * 2},{i % 2}\n" for i in range(90)))
    mlassay("init", "t", "--name", "t", "--owner", "kim", "--data", "t.csv", "--label", "y", cwd=tmp_path)
    done = mlassay("validate", cwd=tmp_path / "t", code=2)
    assert "ml.yaml:4" in done.stderr
    assert "data/t.manifest.yaml:5" in done.stderr, "all files, though ml.yaml has faults of its own"
    assert done.stderr.count("only a person can know this") == 1


def test_keys_new_writes_the_private_half_elsewhere_and_the_public_half_here(made, tmp_path):
    words = ["--id", "ann", "--team", "lending", "--role", "developer", "--no-passphrase"]
    mlassay("keys", "new", *words, "--out", tmp_path / "keys", cwd=made)
    public = (tmp_path / "keys" / "mlassay-ann.pub").read_text().strip()
    assert public in (made / "governance" / "people.yaml").read_text()
    assert "PRIVATE" not in "".join(
        path.read_text(errors="replace") for path in made.rglob("*") if path.is_file()
    )


def test_keys_new_makes_no_key_that_it_could_not_register(made, tmp_path):
    done = mlassay("keys", "new", "--id", "ann", "--no-passphrase", "--out", tmp_path, cwd=made, code=2)
    assert "--team" in done.stderr
    words = ["--id", "kim", "--team", "lending", "--role", "developer", "--no-passphrase", "--out", tmp_path]
    done = mlassay("keys", "new", *words, cwd=made, code=2)
    assert "not lending" in done.stderr
    assert not list(tmp_path.glob("mlassay-*"))
    mlassay("keys", "new", "--id", "kim", "--no-passphrase", "--out", tmp_path, cwd=made)


def test_keys_new_refuses_a_folder_inside_the_repository(made):
    done = mlassay("keys", "new", "--id", "ci", "--ci", "--out", made / "keys", cwd=made, code=2)
    assert "inside the repository" in done.stderr
    assert not (made / "keys").exists()


def test_a_key_can_be_added_revoked_and_stands_in_the_file(made, tmp_path):
    subprocess.run(["ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-f", tmp_path / "k"], check=True)
    mlassay("keys", "add", "--id", "kim", "--key", tmp_path / "k.pub", cwd=made)
    mlassay("keys", "revoke", "--id", "kim", "--because", "lost", cwd=made)
    (key,) = yaml.safe_load((made / "governance" / "people.yaml").read_text())["people"]["kim"]["keys"]
    assert key["revoked"]["because"] == "lost"
    assert mlassay("keys", "revoke", "--id", "kim", "--because", "compromised", cwd=made, code=2)


def test_schemas_are_published_with_the_package():
    assert schema("people")["properties"]["people"]
