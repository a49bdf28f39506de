"""``mlassay audit export``: what it prints, what it refuses, how it exits."""

from __future__ import annotations

import json
import os
import tarfile

import pytest

from mlassay.cli import main
from tests.factory import histories


@pytest.fixture(scope="module")
def history(tmp_path_factory):
    return histories.make(tmp_path_factory.mktemp("long") / "long.git", promotions=1)


@pytest.fixture
def run(history, monkeypatch):
    """Run the verb as the installed command does; its exit code."""

    def run(*arguments):
        monkeypatch.setattr("sys.argv", ["mlassay", "audit", "export", *arguments, "-C", str(history.folder)])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code

    return run


def test_it_writes_one_file_and_says_which_commit_to_tell(run, history, tmp_path, capsys):
    out = tmp_path / "record.tar.gz"
    assert run("--out", str(out)) == 0
    printed = capsys.readouterr()
    assert history.head in printed.out
    assert "send the commit's id in another way" in printed.err
    with tarfile.open(out) as tar:
        assert f"mlassay-full-{history.head[:12]}/README.md" in tar.getnames()


def test_for_machines_it_names_what_is_missing(run, history, tmp_path, capsys):
    assert run("--profile", "ai-act", "--out", str(tmp_path / "a.tar.gz"), "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["profile"] == "ai-act"
    assert told["commit"] == history.head
    assert {
        "heading": "7",
        "missing": [
            "Nothing in this repository says which harmonised standards or other specifications were applied."
        ],
    } in told["gaps"]
    assert told["left_out"] == told["records_left_out"] == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--env", "nowhere"], "runs nothing"),
        (["--at", "nothing"], "names no commit here"),
        (["--profile", "iso"], "iso"),
    ],
)
def test_what_cannot_be_exported_ends_with_2_and_leaves_nothing(run, tmp_path, capsys, arguments, said):
    assert run("--out", str(tmp_path / "x.tar.gz"), *arguments) == 2
    assert said in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_without_out_it_says_so(run, capsys):
    assert run() == 2
    assert "--out" in capsys.readouterr().err


def test_a_device_or_a_pipe_is_never_replaced(run, tmp_path, capsys):
    os.mkfifo(tmp_path / "pipe")
    assert run("--out", str(tmp_path / "pipe")) == 2
    assert "a device or a pipe" in capsys.readouterr().err
    assert (tmp_path / "pipe").is_fifo()


def test_no_name_at_all_is_no_file(run, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run("--out", "") == 2
    assert "this is a folder" in capsys.readouterr().err
