"""The installer: each tool once, aside and renamed, and a clear line where it cannot."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tools import find, install, recipes, tool
from tests.tools.catalog import BUILT, SYSTEM, cache

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    cache().mkdir()


def leaves(text: str):
    def recipe(folder: Path) -> None:
        (folder / "act").write_text(text)

    return recipe


def test_a_tool_is_found_where_it_was_built(capsys):
    assert find("act") is None
    install.build("act", leaves("the program"))
    assert find("act") == cache() / "act-0.2.87" / "act"
    assert capsys.readouterr().out.startswith("act 0.2.87: building")


def test_a_build_that_was_interrupted_leaves_nothing_that_looks_done():
    def interrupted(folder: Path) -> None:
        (folder / "act").write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        install.build("act", interrupted)
    assert find("act") is None
    assert list(cache().iterdir()) == []


def test_a_killed_build_is_no_tool_and_the_next_one_is():
    program = (
        "import os, signal; from tests.tools import install\n"
        "def killed(folder): (folder / 'act').write_text('half'); os.kill(os.getpid(), signal.SIGKILL)\n"
        "install.build('act', killed)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, check=False)
    assert done.returncode == -9
    assert find("act") is None
    install.build("act", leaves("whole"))
    assert find("act").read_text() == "whole"


def test_of_two_builds_at_once_the_first_stays():
    def slow(folder: Path) -> None:
        install.build("act", leaves("first"))
        (folder / "act").write_text("second")

    install.build("act", slow)
    assert find("act").read_text() == "first"


def test_a_build_that_leaves_no_program_is_an_error():
    with pytest.raises(recipes.CannotInstallError, match="left no act"):
        install.build("act", lambda folder: None)


def test_without_go_a_person_gets_one_line_for_each_tool_and_ci_a_failure(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    recipes.go_command.cache_clear()
    monkeypatch.delenv("CI", raising=False)
    assert install.main([]) == 0
    said = capsys.readouterr().out
    assert "Not installed: act 0.2.87: it is built with Go, and there is no `go` here" in said
    assert "sudo apt-get install" in said
    assert "Traceback" not in said
    monkeypatch.setenv("CI", "true")
    assert install.main([]) == 1
    recipes.go_command.cache_clear()


def test_another_archive_than_the_pinned_one_is_refused(monkeypatch, tmp_path):
    fake = tmp_path / "bin" / "npm"
    fake.parent.mkdir()
    fake.write_text("#!/bin/sh\necho other > octokit-openapi.tgz\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}:{os.environ['PATH']}")
    with pytest.raises(recipes.CannotInstallError, match="not the one that we pinned"):
        install.build("octokit-openapi", recipes.octokit)
    assert find("octokit-openapi") is None


def test_a_missing_tool_skips_for_a_person_and_fails_in_ci(monkeypatch):
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="act is not installed: run `make tools`"):
        tool("act")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="act is not installed"):
        tool("act")


def test_an_unknown_name_is_a_mistake_of_the_test():
    with pytest.raises(KeyError):
        find("atc")


def test_each_built_tool_has_a_recipe_and_its_folder_names_its_version():
    assert set(BUILT) == set(recipes.RECIPES)
    for name, it in BUILT.items():
        assert re.fullmatch(r"\d+\.\d+\.\d+", it.version), name
        assert it.folder == f"{name}-{it.version}"


def test_the_module_that_builds_gitea_requires_the_version_of_the_catalog():
    module = (recipes.GITEA / "go.mod").read_text()
    assert f"\tcode.gitea.io/gitea v{BUILT['gitea'].version} " in module or (
        f"require code.gitea.io/gitea v{BUILT['gitea'].version}" in module
    )


def test_light_tools_are_those_that_make_test_needs():
    assert {name for name, it in SYSTEM.items() if not it.heavy} == {
        "bwrap",
        "strace",
        "cc",
        "ssh-keygen",
        "openssl",
    }
