"""What ``init`` says at its end: what it kept, and what people do next."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mlassay.stages.init import Written

GUIDE = "docs/verbs/init.md of mlassay, 'A project that stands'"


@dataclass(frozen=True, slots=True)
class Adopted:
    """Where init ran, what it did with which ``files``, for whom; ``drafted`` names the team's own table, if any."""

    target: Path
    files: Mapping[str, bytes]
    written: Written
    owner: str
    drafted: str | None

    def lines(self, *, dry_run: bool) -> list[str]:
        """What was written and kept, and the next steps."""
        wrote, kept = self.written.wrote, self.written.kept
        would = "Would write" if dry_run else "Wrote"
        said = [f"{would} {len(wrote)} files into {self.target}, kept {len(kept)} that stood already."]
        said += [f"  + {path}" for path in wrote]
        said += [f"  = {path}, as it was" for path in kept] if wrote else []
        return said if dry_run else [*said, "Next:", *(f"  {step}" for step in self._steps())]

    def _steps(self) -> list[str]:
        folder = shlex.quote(str(self.target))
        steps = [] if folder == "." else [f"cd {folder}"]
        table = self.drafted
        if table:
            questions = f"ml.yaml, data/{table}.manifest.yaml and data/{table}.missing.md"
            steps.append(f"answer each TODO in {questions}")
        if "ml.yaml" in self.written.wrote and "train.py" in self.written.kept:
            steps.append(f"let train.py read MLASSAY_DATA and write to MLASSAY_OUT: {GUIDE}")
            if not table:
                steps.append(
                    "ml.yaml and data/ are an example: make them yours, or delete them and run init with --data"
                )
        if "requirements.lock" in self.written.wrote and "train.py" in self.written.wrote:
            steps.append("pip install -r requirements.lock      # what train.py and the tests import")
        if lines := self._unignored():
            steps.append(f"add to your .gitignore: {'  '.join(lines)}")
        return [
            *steps,
            f"mlassay keys new --id {self.owner}              # who answers for the model; policy calls it risk-lead",
            "mlassay keys new --id YOU --name 'Your Name' --team TEAM --role developer",
            "mlassay keys new --id ci --ci",
            "git add -A && git commit -m 'Start from the template'",
            "mlassay run",
        ]

    def _unignored(self) -> list[str]:
        """Lines of the template's .gitignore that a .gitignore which was kept lacks."""
        if ".gitignore" not in self.written.kept:
            return []
        stands = (self.target / ".gitignore").read_text("utf-8", "replace").splitlines()
        ours = self.files[".gitignore"].decode().splitlines()
        return [line for line in ours if line and not line.startswith("#") and line not in stands]
