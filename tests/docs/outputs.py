"""The table of outputs in ``docs/ci.md``, written from the code: ``python -m tests.docs.outputs`` writes it anew."""

import re
from pathlib import Path

from mlassay.cli.told import OUTPUTS

PAGE = Path(__file__).parents[2] / "docs/ci.md"
MARKED = re.compile(r"(<!-- outputs -->\n).*?(<!-- end -->)", re.DOTALL)


def filled(page: str) -> str:
    """``page`` with the table as the code has it now."""
    rows = [
        f"| [{verb}](verbs/{verb}.md) | `{name}` | {means} |"
        for verb, names in OUTPUTS.items()
        for name, means in names.items()
    ]
    table = "\n".join(["| verb | output | is |", "|---|---|---|", *rows])
    return MARKED.sub(lambda found: f"{found[1]}\n{table}\n\n{found[2]}", page)


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text()))
