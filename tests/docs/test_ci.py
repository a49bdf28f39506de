"""``docs/ci.md`` against the code."""

import re
from pathlib import Path

from mlassay.cli.told import OUTPUTS
from tests.docs.outputs import PAGE, filled

CLI = Path(__file__).parents[2] / "src/mlassay/cli"


def test_the_table_of_outputs_is_the_codes():
    assert filled(PAGE.read_text()) == PAGE.read_text(), (
        "write it anew: .venv/bin/python -m tests.docs.outputs"
    )


def test_every_verb_that_promises_outputs_writes_them():
    source = "".join(path.read_text() for path in CLI.glob("*.py"))
    told = set(re.findall(r"""(?:told\.outputs|_tell|_end_run|told\.verdict)\(\s*"([a-z]+)\"""", source))
    assert {"validate", "train", "test", "sign", "record"} <= told
    assert told <= OUTPUTS.keys()
