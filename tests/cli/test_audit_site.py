"""``mlassay audit site`` on really signed histories: the same bytes, commands that hold, folders that are not ours."""

import hashlib
import json
import os
import re
import subprocess
import sys
from html import unescape
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.factory import histories

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def history(tmp_path_factory):
    return histories.make(tmp_path_factory.mktemp("site") / "record.git", promotions=2)


@pytest.fixture(scope="module")
def site(history, tmp_path_factory):
    out = tmp_path_factory.mktemp("made") / "site"
    assert run(history.folder, out).returncode == 0
    return out


def run(repository, out, *options, **environment):
    command = [
        sys.executable,
        "-m",
        "mlassay",
        "audit",
        "site",
        "-C",
        str(repository),
        "--out",
        str(out),
        *options,
    ]
    return subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )


def content(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def test_the_same_commit_gives_the_same_bytes_on_any_machine(history, site, tmp_path):
    other = {"TZ": "Asia/Kathmandu", "LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8", "PYTHONHASHSEED": "77"}
    elsewhere = tmp_path / "deep er/clone"
    subprocess.run(["git", "clone", "-q", history.folder, elsewhere], check=True)
    assert run(elsewhere, tmp_path / "again", **other).returncode == 0
    assert content(tmp_path / "again") == content(site)


def test_whatever_is_named_with_out_lies_where_the_shell_is_and_not_where_the_repository_is(
    history, tmp_path
):
    elsewhere = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", history.folder, elsewhere], check=True)
    before = sorted(elsewhere.iterdir())
    for verb, out, made in (
        (("site",), "pages", "pages/index.html"),
        (("anchor", "--unsigned"), "one.anchor", "one.anchor"),
        (("export",), "all.tar.gz", "all.tar.gz"),
    ):
        command = [sys.executable, "-m", "mlassay", "audit", *verb, "-C", "clone", "--out", out]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert (tmp_path / made).is_file()
    assert sorted(elsewhere.iterdir()) == before


def test_no_folder_of_the_machine_is_in_any_page(history, site):
    everything = b"".join(content(site).values())
    for place in (history.folder, site):
        assert str(place).encode() not in everything


def test_every_file_is_in_the_list_of_sums(site):
    checked = subprocess.run(["sha256sum", "-c", "--quiet", "--strict", "SHA256SUMS"], cwd=site, check=False)
    assert checked.returncode == 0
    listed = {line.split("  ")[1] for line in (site / "SHA256SUMS").read_text().splitlines()}
    assert listed == content(site).keys() - {"SHA256SUMS", "mlassay-site.json"}


def checks(page):
    """``(lines, answer)`` of everything that a page tells to type."""
    text = page[page.index('<section class="check"') :]
    blocks = re.findall(
        r"<pre><code>(.*?)</code></pre>\s*<p>(?:It must answer:</p>\s*<pre><code>(.*?)</code>|The answer must begin with <code>(.*?)</code>)",
        text,
        re.DOTALL,
    )
    return [(unescape(lines), unescape(exact or begins)) for lines, exact, begins in blocks]


def typed(history, folder, lines):
    done = subprocess.run(
        ["sh", "-e", "-c", lines],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "GIT_DIR": str(history.folder), "LC_ALL": "C"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout.strip()


@pytest.mark.parametrize("kind", ["index.html", "release", "promotion", "person", "environment", "data"])
def test_what_a_page_tells_to_type_answers_what_it_says(history, site, tmp_path, kind):
    pages = [site / kind] if kind.endswith("html") else sorted((site / kind).iterdir())
    found = [check for page in pages for check in checks(page.read_text())]
    assert found
    for lines, answer in found:
        code, said = typed(history, tmp_path, lines)
        assert code == 0, (lines, said)
        assert said.startswith(answer), (lines, said)


@pytest.mark.parametrize(("kind", "tool"), [("promotion", "ssh-keygen"), ("release", "openssl")])
def test_what_it_tells_to_type_fails_for_other_bytes(history, site, tmp_path, kind, tool):
    page = next((site / kind).iterdir()).read_text()
    signed = [lines for lines, _ in checks(page) if tool in lines]
    assert signed
    for lines in signed:
        other = lines.replace("| ssh-keygen", "| sed s/e/a/ | ssh-keygen").replace(
            "cat payload", "sed s/e/a/ payload"
        )
        assert other != lines
        assert typed(history, tmp_path, lines)[0] == 0
        assert typed(history, tmp_path, other)[0] != 0


def test_a_folder_that_is_not_ours_is_refused_before_anything_is_read(history, tmp_path):
    (tmp_path / "index.html").write_text("mine")
    done = run(history.folder, tmp_path)
    assert done.returncode == 2
    assert "--out" in done.stderr
    assert content(tmp_path) == {"index.html": b"mine"}


def test_when_it_is_overdue_is_an_argument_and_no_clock(history, tmp_path):
    done = run(history.folder, tmp_path / "site", "--as-of", "2031-01-01", "--json")
    told = json.loads(done.stdout)
    assert told["pages"] == len(content(tmp_path / "site")) - 2
    assert b"overdue</strong>" in (tmp_path / "site/index.html").read_bytes()


def test_a_record_that_was_altered_is_told_and_ends_with_3(history, tmp_path):
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", history.folder, clone], check=True)
    verdict = next((clone / "evidence").glob("*/verdict.json"))
    verdict.write_bytes(verdict.read_bytes().replace(b"passed", b"failed", 1))
    identity = ["-c", "user.name=x", "-c", "user.email=x@y"]
    subprocess.run(["git", *identity, "commit", "-qam", "<script>planted</script>"], cwd=clone, check=True)
    done = run(clone, tmp_path / "site")
    assert done.returncode == 3
    assert "Not intact" in (tmp_path / "site/index.html").read_text()
    assert (
        hashlib.sha256(verdict.read_bytes()).hexdigest()[:8] not in (tmp_path / "site/index.html").read_text()
    )
    assert not [name for name, page in content(tmp_path / "site").items() if b"planted" in page]


def test_a_repository_without_any_record_says_that_nothing_is_known(tmp_path):
    subprocess.run(["git", "init", "-q", tmp_path / "plain"], check=True)
    identity = ["-c", "user.name=x", "-c", "user.email=x@y"]
    subprocess.run(
        ["git", *identity, "commit", "-q", "--allow-empty", "-m", "Start"], cwd=tmp_path / "plain", check=True
    )
    assert run(tmp_path / "plain", tmp_path / "site").returncode == 3
    front = (tmp_path / "site/index.html").read_text()
    assert "No environment is known yet." in front
    assert "Nobody can tell" in front


def test_the_templates_are_in_the_wheel(tmp_path):
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    inside = {name for name in ZipFile(wheel).namelist() if "/site/templates/" in name}
    templates = ROOT / "src/mlassay/render/site/templates"
    assert inside == {f"mlassay/render/site/templates/{path.name}" for path in templates.iterdir()}
