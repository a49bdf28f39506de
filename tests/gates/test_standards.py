"""The standards gate reads what a repository tracks, and fails what the next person could not pick up."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mlassay.config.locks import NotALockError, lock_kind, read_lock
from mlassay.digest import canonical
from mlassay.evidence.verdict import Outcome
from mlassay.gates.standards import ASKED_FOR, RULES, StandardsGate
from mlassay.gates.standards_texts import answered
from mlassay.git import Repository
from tests.gates.subjects import config, finding, subject

HASH = "--hash=sha256:" + "ab" * 32
WORDS = "The branch desk of the bank decides about loans with it, and lee answers for that decision. " * 3
GOOD = {
    "README.md": f"# Loans\n\n{WORDS}",
    "train.py": "print(1)\n",
    "requirements.lock": f"numpy==2.0.0 \\\n    {HASH}\n",
    "data/data.missing.md": WORDS,
    "governance/deliberations/0001.md": f"# Why\n\n- What decision does this change?\n\n{WORDS}",
}


def repository(
    tmp_path, files=GOOD, criteria=None, *, train=("python train.py", ("train.py",)), **parameters
):
    made = subject(tmp_path, gates={"standards": criteria or {}})
    for name, text in files.items():
        path = made.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    run, uses = train
    told = replace(made.plan.config.train, run=run, uses=tuple(uses), parameters=parameters or {"seed": 7})
    plan = replace(made.plan, config=replace(config({"standards": criteria or {}}), train=told))
    return replace(made, plan=plan)


def without(name, text=None):
    files = {path: each for path, each in GOOD.items() if path != name}
    return files if text is None else {**files, name: text}


def test_a_repository_that_others_can_take_over_passes(tmp_path):
    report = StandardsGate().test(repository(tmp_path))
    assert report.outcome is Outcome.PASSED, report.findings
    assert {each.id.split(".")[1] for each in report.findings} == set(RULES) - ASKED_FOR
    canonical(dict(report.measured))


BAD = {
    "no readme": (without("README.md"), "standards.readme"),
    "empty readme": (without("README.md", "# Loans\n"), "standards.readme"),
    "no lock": (without("requirements.lock"), "standards.lock.Python"),
    "lock without hashes": (without("requirements.lock", "numpy==2.0.0\n"), "standards.lock.Python"),
    "one pin without a hash": (
        without("requirements.lock", f"numpy==2.0.0 {HASH}\nscipy==1.14.0\n"),
        "standards.lock.Python",
    ),
    "loose requirement": (without("requirements.lock", f"numpy==2.0.0 {HASH}\nscipy>=1\n"), "standards.lock.Python"),
    "nothing missing": (without("data/data.missing.md"), "standards.missing.data"),
    "missing to do": (without("data/data.missing.md", f"TODO: {WORDS}"), "standards.missing.data"),
    "missing asks only": (
        without("data/data.missing.md", "# Who\n\n- Who is not in these rows, and why are they not?\n" * 9),
        "standards.missing.data",
    ),
    "no deliberation": (without("governance/deliberations/0001.md"), "standards.deliberations"),
    "template's questions": (
        without("governance/deliberations/0001.md", f"# Why\n\n*To be answered. {WORDS}*\n\n- Whom did we ask?\n"),
        "standards.deliberations",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("files", "id_"), BAD.values(), ids=BAD)
def test_what_lacks_is_a_finding_of_its_own_and_the_only_one(tmp_path, files, id_):
    report = StandardsGate().test(repository(tmp_path, files))
    assert [each.id for each in report.findings if each.outcome is not Outcome.PASSED] == [id_]
    assert finding(report, id_).remedy


CARD = "".join(
    f"## {title}\n\n- What of it?\n\n{WORDS}\n\n" for title in ("Intended use", "Rationale", "Limits")
)


def test_the_sections_of_the_card_are_held_only_if_asked_for(tmp_path):
    report = StandardsGate().test(repository(tmp_path))
    assert "card_words" not in report.measured
    assert not any("card" in text for text in report.not_looked_at)


@pytest.mark.parametrize(
    ("text", "lacking"),
    [
        (CARD, set()),
        (CARD.replace("## Limits", "## Borders"), {"limits"}),
        (CARD.replace("## Rationale", "## TODO"), {"rationale"}),
        ("## Intended use\n\n*To be written.*\n\n- For whom?\n", {"intended-use", "rationale", "limits"}),
        (None, {"intended-use", "rationale", "limits"}),
    ],
)
def test_each_section_of_the_card_that_nobody_wrote_is_a_finding(tmp_path, text, lacking):
    files = GOOD if text is None else {**GOOD, "governance/card.md": text}
    report = StandardsGate().test(repository(tmp_path, files, {"card": True}))
    open_ = {each.id for each in report.findings if each.outcome is not Outcome.PASSED}
    assert open_ == {f"standards.card.{key}" for key in lacking}
    canonical(dict(report.measured))


@pytest.mark.parametrize(
    ("train", "place"),
    [
        (("jupyter nbconvert --execute a.ipynb", ("a.ipynb",)), "run"),
        (("python -m papermill a.ipynb out.ipynb", ("train.py",)), "run"),
        (("papermill a.ipynb --x=1", ("train.py",)), "run"),
        (("python train.py", ("train.py", "a.ipynb")), "uses"),
        (("python train.py", ("train.py", "notes/")), "uses"),
    ],
)
def test_a_notebook_is_refused_as_entry_point_and_among_what_is_granted(tmp_path, train, place):
    files = {**GOOD, "a.ipynb": "{}", "notes/b.ipynb": "{}"}
    report = StandardsGate().test(repository(tmp_path, files, train=train))
    found = finding(report, f"standards.entry_points.train.{place}")
    assert found.outcome is Outcome.FAILED
    assert "notebook extract" in found.remedy


def test_a_notebook_that_nothing_uses_may_lie_there(tmp_path):
    report = StandardsGate().test(repository(tmp_path, {**GOOD, "explore.ipynb": "{}"}))
    assert report.outcome is Outcome.PASSED
    assert report.measured["notebooks"] == 1


def test_a_seed_or_the_reason_why_none_is_needed(tmp_path):
    no_seed = StandardsGate().test(repository(tmp_path, depth=3))
    assert finding(no_seed, "standards.seed").outcome is Outcome.FAILED
    told = StandardsGate().test(repository(tmp_path, criteria={"seed_rationale": "a closed form"}, depth=3))
    assert finding(told, "standards.seed").outcome is Outcome.PASSED


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_that_is_off_is_named_as_not_looked_at(tmp_path, rule):
    report = StandardsGate().test(
        repository(tmp_path, {}, criteria={rule: False}, train=("python train.py", ()))
    )
    assert not [each for each in report.findings if each.id.startswith(f"standards.{rule}")]
    assert any(text.startswith(f"{rule}: switched off") for text in report.not_looked_at)
    assert report.outcome is not Outcome.PASSED


def test_only_what_git_tracks_counts_and_records_never(tmp_path):
    made = repository(tmp_path, {**GOOD, ".gitignore": "README.md\n"})
    git = Repository.init(made.root)
    names = [name for name in GOOD if name != "README.md"]
    from subprocess import run

    run(["git", "-C", made.root, "add", *names], check=True)
    run(
        ["git", "-C", made.root, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "x"],
        check=True,
    )
    assert git.head()
    report = StandardsGate().test(made)
    assert finding(report, "standards.readme").outcome is Outcome.FAILED
    assert report.measured["files"] == len(names)


LOCKS = {
    "requirements-dev.txt": (f"a==1 ; x > '2' \\\n  {HASH} \\\n  # by hand\n  {HASH}\nb[c]==2 {HASH}\n", 2, 0),
    "requirements.txt": (f"-r other.txt\n--index-url x\n-e .\na @ file:///x {HASH}\nc\n", 3, 2),
    "uv.lock": ('[[package]]\nname="a"\nversion="1"\nwheels=[{url="u", hash="sha256:1"}]\n[[package]]\nname="b"\nversion="1"\nsource={editable="."}\n', 2, 0),
    "poetry.lock": ('[[package]]\nname="a"\nversion="1"\nfiles=[{file="f", hash="sha256:1"}]\n[[package]]\nname="b"\nversion="2"\nfiles=[]\n', 2, 1),
    "pdm.lock": ('[[package]]\nname="a"\nversion="1"\nfiles=[{file="f", hash="sha256:1"}]\n', 1, 0),
    "pylock.toml": ('[[packages]]\nname="a"\nversion="1"\nwheels=[{url="u", hashes={sha256="1"}}]\n', 1, 0),
    "Pipfile.lock": ('{"default": {"a": {"version": "==1", "hashes": ["sha256:1"]}}, "develop": {"b": {"version": "==1"}}}', 2, 1),
    "env.conda-lock.yml": ("package:\n  - name: a\n    version: 1.0.0\n    hash: {md5: aa}\n", 1, 0),
    "renv.lock": ('{"Packages": {"a": {"Version": "1", "Hash": "x"}, "b": {"Version": "2"}}}', 2, 1),
    "Cargo.lock": ('[[package]]\nname="a"\nversion="1"\nsource="registry"\nchecksum="x"\n[[package]]\nname="me"\nversion="0"\n', 2, 0),
    "go.sum": ("a.b/c v1.0.0 h1:aaaa=\na.b/c v1.0.0/go.mod h1:bbbb=\n", 1, 0),
    "package-lock.json": ('{"packages": {"": {}, "node_modules/a": {"version": "1", "integrity": "sha512-x"}, "node_modules/a/node_modules/b": {"version": "2"}}}', 2, 1),
    "gradle.lockfile": ("# comment\na.b:c:1.0=compileClasspath\nempty=\n", 1, 1),
}  # fmt: skip


@pytest.mark.parametrize(("name", "told"), LOCKS.items(), ids=LOCKS)
def test_every_kind_of_lock_is_read_as_its_tool_writes_it(name, told):
    text, pins, unhashed = told
    lock = read_lock(f"some/{name}", text)
    assert (len(lock.pins), len(lock.unhashed)) == (pins, unhashed), lock.pins


@pytest.mark.parametrize("name", [name for name in LOCKS if not name.startswith("requirements")])
@pytest.mark.parametrize("text", ["", "[[", "{}", "a b", '{"Packages": 1}', "[package]\nx=1\n", "- a\n"])
def test_what_is_no_lock_is_refused_or_pins_nothing(name, text):
    try:
        assert read_lock(name, text).pins == ()
    except NotALockError:
        return


@pytest.mark.parametrize("name", ["notes.txt", "lock.yaml", "requirements.md", "setup.py", "my.lock"])
def test_other_files_are_no_locks(name):
    assert lock_kind(name) == ""


def test_an_answer_below_a_question_counts_and_the_question_does_not():
    assert answered("# Why\n\n- Who decides, and for whom?\n") == 0
    assert (
        answered("# Why\n\n- Who decides, and for whom? The desk does, and the manager looks at it.\n") == 9
    )
    assert answered("誰が決めますか？\n\n担当者が決めます。") > 0  # noqa: RUF001
