"""The pages as a folder: whole or not at all, and never over files that are not ours."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mlassay.errors import ConfigurationError
from mlassay.render.site.folder import write_site

PAGES = {"index.html": b"one", "release/a.html": b"two", "person/b.html": b"three"}
COMMIT = "1" * 40


def write(out, pages=PAGES):
    return write_site(out, iter(pages.items()), COMMIT)


def content(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def test_a_site_takes_the_place_of_an_earlier_one_whole(tmp_path):
    assert write(tmp_path / "site") == 3
    write(tmp_path / "site", {"index.html": b"new"})
    assert content(tmp_path / "site").keys() == {"index.html", "SHA256SUMS", "mlassay-site.json"}
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


@pytest.mark.parametrize("foreign", ["notes.txt", "release/mine.html", "CNAME", "deep/er/x", ".git"])
def test_a_file_of_somebody_else_is_never_lost(tmp_path, foreign):
    write(tmp_path / "site")
    (tmp_path / "site" / foreign).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / "site" / foreign).write_text("mine")
    before = content(tmp_path / "site")
    with pytest.raises(ConfigurationError, match="not of the site"):
        write(tmp_path / "site")
    assert content(tmp_path / "site") == before


def test_an_altered_page_of_ours_is_ours(tmp_path):
    write(tmp_path / "site")
    (tmp_path / "site/index.html").write_text("altered")
    write(tmp_path / "site")
    assert content(tmp_path / "site")["index.html"] == b"one"


@pytest.mark.parametrize("kind", ["folder", "file", "link", "marker alone"])
def test_what_is_not_ours_is_refused(tmp_path, kind):
    out = tmp_path / "site"
    if kind == "file":
        out.write_text("mine")
    elif kind == "link":
        (tmp_path / "mine").write_text("mine")
        out.symlink_to(tmp_path / "mine")
    else:
        out.mkdir()
        (out / ("mlassay-site.json" if kind == "marker alone" else "index.html")).write_text("{}")
        (out / "mine").write_text("mine")
    with pytest.raises(ConfigurationError):
        write(out)
    assert any(
        path.read_bytes() == b"mine" for path in (out / "mine", out, tmp_path / "mine") if path.is_file()
    )


def test_a_link_inside_an_earlier_site_is_foreign_and_is_not_followed(tmp_path):
    write(tmp_path / "site")
    (tmp_path / "site/person").rename(tmp_path / "person")
    (tmp_path / "site/person").symlink_to(tmp_path / "person")
    with pytest.raises(ConfigurationError):
        write(tmp_path / "site")
    assert content(tmp_path / "person") == {"b.html": b"three"}


def test_a_link_to_an_earlier_site_leads_to_it(tmp_path):
    write(tmp_path / "real")
    (tmp_path / "site").symlink_to(tmp_path / "real")
    write(tmp_path / "site", {"index.html": b"new"})
    assert (tmp_path / "site").is_symlink()
    assert content(tmp_path / "real")["index.html"] == b"new"


def test_an_empty_folder_will_do(tmp_path):
    (tmp_path / "site").mkdir()
    assert write(tmp_path / "site") == 3


def test_a_mistake_in_the_middle_leaves_the_earlier_site(tmp_path):
    write(tmp_path / "site")
    before = content(tmp_path / "site")

    def broken():
        yield "index.html", b"new"
        raise ValueError("in the middle")

    with pytest.raises(ValueError, match="in the middle"):
        write_site(tmp_path / "site", broken(), COMMIT)
    assert content(tmp_path / "site") == before
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


def test_a_kill_in_the_middle_leaves_the_earlier_site_and_the_next_run_cleans_up(tmp_path):
    write(tmp_path / "site")
    before = content(tmp_path / "site")
    program = (
        "import os\nfrom pathlib import Path\nfrom mlassay.render.site.folder import write_site\n"
        "def dying():\n    yield 'index.html', b'new'\n    os.kill(os.getpid(), 9)\n"
        f"write_site(Path({str(tmp_path / 'site')!r}), dying(), '2' * 40)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], check=False, env={**os.environ})
    assert done.returncode == -9
    assert content(tmp_path / "site") == before
    assert len(list(tmp_path.iterdir())) == 2
    write(tmp_path / "site")
    assert [path.name for path in Path(tmp_path).iterdir()] == ["site"]
