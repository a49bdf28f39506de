"""``python -m tests.golden NAME``: write what is expected of a bundle that is new here; kept ones are never written anew."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from mlassay.git import Repository
from tests.golden.test_golden import FOLDER, answers

for name in sys.argv[1:]:
    bundle = FOLDER / f"{name}.bundle"
    target = bundle.with_suffix(".json")
    if target.exists():
        sys.exit(f"{target} is kept already: a later mlassay must give the same answers")
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "clone.git"
        subprocess.run(["git", "clone", "-q", "--bare", str(bundle), str(home)], check=True)
        found = json.dumps(answers(Repository.open(home)), default=str, indent=1, sort_keys=True)
    target.write_text(found + "\n")
