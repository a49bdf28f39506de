"""The train stage: run the team's command on what it is granted, keep what it left, and write down how that came about.

Leaves ``train/`` in the run folder: ``outputs/``, ``log.txt`` and the unsigned ``provenance.json``. A command that
fails is a value with its reason, not an exception; then ``train/`` holds only the log and the provenance.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mlassay.ci import Context
from mlassay.digest import canonical, decimal_string
from mlassay.errors import Problem
from mlassay.files import staged_folder
from mlassay.git import Repository
from mlassay.isolation import Kind, Limits, available, remove_tree, why_not
from mlassay.plan import Plan
from mlassay.stages import _probe
from mlassay.stages._commands import Ran, Settings, clean_folder, run_granted
from mlassay.stages._failure import tail
from mlassay.stages._grants import Granter
from mlassay.stages._outputs import TOTAL_BYTES, metrics, without_floats
from mlassay.stages._platform import facts as host_facts
from mlassay.stages._source import Source
from mlassay.stages.prepare import prepare

DISK_BYTES = 2 << 30  # what one command may write, temporary files included
MATTERS = ("ml.yaml", "governance")
LOCAL = Context("local")


@dataclass(frozen=True)
class Trained:
    """What became of a training: ``problems`` say why there is no model, ``warnings`` what may block a release."""

    provenance: Mapping[str, Any]
    problems: tuple[Problem, ...]
    warnings: tuple[str, ...]
    log: Path
    log_tail: str

    @property
    def passed(self) -> bool:
        """Whether there is a model to test."""
        return not self.problems

    def digest(self, path: str) -> str:
        """The digest of one output; KeyError when training did not leave it."""
        return {output["path"]: str(output["digest"]) for output in self.provenance["outputs"]}[path]


@dataclass
class _Run:
    plan: Plan
    source: Source
    granter: Granter
    settings: Settings
    context: Context
    steps: list[dict[str, Any]] = field(default_factory=list)
    environment: dict[str, Any] = field(default_factory=dict)


def train(
    plan: Plan,
    repository: Repository,
    run_folder: Path,
    *,
    root: Path | None = None,
    context: Context = LOCAL,
    isolation: Kind | None = None,
    disk_bytes: int = DISK_BYTES,
    output_bytes: int = TOTAL_BYTES,
    progress: Callable[[str], None] = lambda _: None,
    on_line: Callable[[str], None] | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Trained:
    """Prepare and train as ``plan`` says, from the files of ``repository``, into ``run_folder``/train.

    ``root`` is where the data files of the manifests lie (the work tree), ``context`` the run of the CI, if any. What a former test or signature left
    in the run folder is removed first: it belongs to another model. ConfigurationError when a grant names
    something that is not there.
    """
    declared = plan.config.train
    limits = Limits(
        wall_seconds=declared.limits.wall_seconds,
        memory_bytes=declared.limits.memory_bytes,
        disk_bytes=disk_bytes,
    )
    settings = Settings(limits, isolation or available(), output_bytes, progress, on_line, clock)
    source = Source.of(repository, matters=_matters(plan), ignored=_ignored(repository, run_folder))
    run = _Run(plan, source, Granter(plan, root or repository.folder, source), settings, context)
    for later in ("parts", "test", "sign"):
        remove_tree(run_folder / later)
    with staged_folder(run_folder / "train") as folder:
        scratch = folder / "scratch"
        scratch.mkdir()
        ran = _execute(run, scratch, folder / "outputs")
        remove_tree(scratch)
        if not ran.problems and plan.config.model.file not in {output.path for output in ran.outputs}:
            ran.problems = [_no_model(plan, ran)]
        if ran.problems:
            remove_tree(folder / "outputs")
            ran.outputs = []
        (folder / "log.txt").write_bytes(ran.outcome.log)
        provenance = _provenance(run, ran, metrics(folder / "outputs") if ran.outputs else {})
        (folder / "provenance.json").write_bytes(canonical(provenance))
    warnings = tuple(_warnings(plan, provenance))
    return Trained(
        provenance, tuple(ran.problems), warnings, run_folder / "train/log.txt", tail(ran.outcome.log)
    )


def _execute(run: _Run, scratch: Path, outputs: Path) -> Ran:
    run.steps, failed = prepare(run.granter, run.settings, scratch)
    if failed is not None:
        return failed
    declared = run.plan.config.train
    with clean_folder(scratch / "probe") as empty:
        run.environment = _environment(
            run, _probe.read_environment(declared.run, empty, run.settings.isolation)
        )
    run.settings.progress(f"train: {declared.run}")
    return run_granted(
        run.granter,
        run.settings,
        key="train",
        command=declared.run,
        uses=declared.uses,
        data=declared.data,
        folder=scratch,
        keep=outputs,
    )


def _environment(run: _Run, said: dict[str, Any]) -> dict[str, Any]:
    """``said`` with every lock file among ``uses`` held against it."""
    if not said["read"]:
        return said
    locks = []
    for path, _, read in run.source.files(run.plan.config.train.uses):
        if read is not None and _probe.is_lock(path):
            locks.append(_probe.held_against(path, read().decode("utf-8", "replace"), said["packages"]))
    return {**said, "locks": [lock for lock in locks if lock]}


def _provenance(run: _Run, ran: Ran, self_reported: dict[str, Any]) -> dict[str, Any]:
    config, limits = run.plan.config, run.settings.limits
    return {
        "version": 1,
        "kind": "training",
        "model": config.name,
        "source": run.source.as_json(),
        "inputs": dict(run.plan.inputs),
        "command": config.train.run,
        "parameters": without_floats(dict(config.train.parameters)),
        "steps": run.steps,
        "environment": run.environment
        or {"read": False, "why": "a prepare step failed before training began"},
        "host": host_facts(),
        "run": {"builder": run.context.builder, "id": run.context.run_id, "ref": run.context.ref},
        "limits": {
            "wall_seconds": decimal_string(limits.wall_seconds, 3),
            "memory_bytes": limits.memory_bytes,
            "disk_bytes": limits.disk_bytes,
        },
        **ran.facts,
        "outputs": [output.as_json() for output in ran.outputs],
        "self_reported": self_reported,
    }


def _warnings(plan: Plan, provenance: Mapping[str, Any]) -> list[str]:
    found = []
    if dirty := provenance["source"]["dirty"]:
        shown = ", ".join(dirty[:5]) + (f" and {len(dirty) - 5} more" if len(dirty) > 5 else "")
        found.append(
            f"uncommitted changes ({shown}): good for trying out, but no release can be made of this run"
        )
    if provenance["isolation"] == "none":
        found.append(
            f"NOT ISOLATED: training could read everything that you can, withheld data too ({why_not() or 'as asked'})"
        )
        start = plan.policy.isolation_from
        if start is not None and plan.level.rank >= start.rank:
            found.append(
                f"policy refuses a release of risk level {plan.level} that was trained without isolation"
            )
    for lock in provenance["environment"].get("locks", []):
        if bad := lock["mismatches"]:
            first = bad[0]
            there = first["installed"]
            there = there if there == "not installed" else f"{there} is installed"
            example = f"{first['package']} {first['locked']} is locked, {there}"
            found.append(f"{len(bad)} of {lock['pinned']} packages differ from {lock['path']}: {example}")
    return found


def _no_model(plan: Plan, ran: Ran) -> Problem:
    left = ", ".join(output.path for output in ran.outputs[:5]) or "nothing"
    name = plan.config.model.file
    return Problem(
        f"training ended well but did not leave {name!r}; it left {left}",
        why="there is nothing to test",
        remedy=f"write the model to MLASSAY_OUT/{name}, or correct 'model.file'",
        path="ml.yaml",
        line=plan.config.lines.get("model.file"),
    )


def _matters(plan: Plan) -> list[str]:
    """Paths whose change, even untracked, makes a run another one."""
    config = plan.config
    uses = [*config.train.uses, *(path for step in config.prepare for path in step.uses)]
    manifests = [manifest.path for manifest in plan.manifests.values()]
    data = [file.path for manifest in plan.manifests.values() for file in manifest.files]
    return [*MATTERS, *uses, *manifests, *data]


def _ignored(repository: Repository, run_folder: Path) -> list[str]:
    try:
        inside = run_folder.resolve().relative_to(repository.folder.resolve())
    except ValueError:
        return []
    return [inside.parts[0] if inside.parts[0] == ".mlassay" else inside.as_posix()] if inside.parts else []
