"""A notebook becomes a script that Python reads, and tests that fail until they are written."""

from __future__ import annotations

import ast
import json
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlassay.errors import ConfigurationError
from mlassay.stages.notebook import extract


def notebook(folder, cells, name="explore.ipynb", **metadata):
    value = {
        "nbformat": 4,
        "metadata": metadata,
        "cells": [
            {"cell_type": kind, "source": source, "outputs": [{"text": "SECRET OUTPUT"}], "metadata": {}}
            for kind, source in cells
        ],
    }
    path = folder / name
    path.write_text(json.dumps(value))
    return path


CELLS = [
    ("markdown", ["# Title\n", "Some words"]),
    ("code", "%matplotlib inline\nimport json\n!pip install x\nfiles = !ls\n"),
    ("code", ["def clean(rows):\n", "    %time\n", "    return rows\n"]),
    ("code", "%%bash\nls -l\nrm x"),
    ("code", 'text = """\n%not a magic\n!nor this\n"""\nclean?\nx = 5 % 3\n'),
    ("raw", "ignored"),
    ("code", ""),
]


def test_code_cells_become_a_script_and_the_rest_comments(tmp_path):
    done = extract(notebook(tmp_path, CELLS), tmp_path)
    text = done.script.read_text()
    ast.parse(text)
    assert done.unread == ""
    assert done.functions == ("clean",)
    assert done.magics == (2, 3, 4, 5)
    assert "SECRET OUTPUT" not in text
    for kept in ("# # Title", "# !pip install x", "# files = !ls", "    pass  # %time", "# %%bash", "# rm x"):
        assert kept in text
    assert '"""\n%not a magic\n!nor this\n"""' in text
    assert "x = 5 % 3" in text


def test_the_skeleton_fails_until_somebody_writes_it(tmp_path):
    done = extract(notebook(tmp_path, CELLS), tmp_path)
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(done.tests)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 1, ran.stdout
    assert "1 failed" in ran.stdout
    assert "explore.clean must do" in ran.stdout


@pytest.mark.parametrize("there", ["explore.py", "tests/test_explore.py"])
def test_nothing_is_overwritten_and_then_nothing_is_written(tmp_path, there):
    path = tmp_path / there
    path.parent.mkdir(exist_ok=True)
    path.write_text("mine")
    with pytest.raises(ConfigurationError, match="already"):
        extract(notebook(tmp_path, CELLS), tmp_path)
    assert path.read_text() == "mine"
    assert len(list(tmp_path.rglob("*.py"))) == 1


@pytest.mark.parametrize(
    ("stem", "module"),
    [("My Notebook (2)", "my_notebook_2"), ("01-load", "notebook_01_load"), ("class", "notebook_class")],
)
def test_the_script_has_a_name_that_can_be_imported(tmp_path, stem, module):
    done = extract(notebook(tmp_path, CELLS, name=f"{stem}.ipynb"), tmp_path)
    assert done.script.name == f"{module}.py"


def test_an_old_notebook_is_read_too(tmp_path):
    path = tmp_path / "a.ipynb"
    cells = [{"cell_type": "code", "input": ["x = 1\n"]}]
    path.write_text(json.dumps({"nbformat": 3, "worksheets": [{"cells": cells}]}))
    assert "x = 1" in extract(path, tmp_path).script.read_text()


def test_a_script_that_is_no_python_is_written_and_said_to(tmp_path):
    done = extract(notebook(tmp_path, [("code", "print 'old'\n")]), tmp_path)
    assert "no valid Python yet" in done.unread
    assert done.script.exists()


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "{}", '{"cells": 1}', '{"cells": [1]}', '{"cells": [{"cell_type": "code", "source": [1]}]}',
     '{"cells": [], "metadata": {"kernelspec": {"language": "R"}}}'],
)  # fmt: skip
def test_what_is_no_python_notebook_is_refused_by_name(tmp_path, text):
    path = tmp_path / "a.ipynb"
    path.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        extract(path, tmp_path)
    assert "a.ipynb" in caught.value.problems[0].where


@given(
    source=st.text(max_size=80),
    title=st.text(alphabet=st.characters(codec="ascii", exclude_characters="/\0"), min_size=1, max_size=20),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
def test_markdown_and_names_never_become_code(tmp_path, source, title):
    path = notebook(tmp_path, [("markdown", source), ("code", "x = 1")], name=f"{title.strip('.')}x.ipynb")
    done = extract(path, tmp_path / "out")
    body = ast.parse(done.script.read_text()).body
    done.script.unlink()
    done.tests.unlink()
    assert [type(each) for each in body] == [ast.Expr, ast.Assign]
