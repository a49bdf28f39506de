"""What columns are used for, held to what manifest, policy and criteria allow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mlassay.evidence.verdict import Finding, Outcome
from mlassay.gates.common import CRITERIA_FILE, Criteria

if TYPE_CHECKING:
    from mlassay.manifest.types import Manifest
    from mlassay.ports import Subject


def training_data(subject: Subject) -> list[str]:
    """What training reads (``data/split``, or ``data`` for all but the evaluated split), prepare steps' own reading included."""
    config = subject.plan.config
    steps = [read for step in config.prepare for read in step.reads]
    return sorted({*config.train.data, *steps})


def trained_splits(subject: Subject, name: str) -> frozenset[str]:
    """The splits of one data set that training is given."""
    found: set[str] = set()
    for use in training_data(subject):
        data, _, split = use.partition("/")
        if data != name:
            continue
        names = subject.plan.manifests[name].split.names
        evaluated = subject.plan.config.evaluate.data
        found |= {split} if split else {each for each in names if f"{name}/{each}" != evaluated}
    return frozenset(found)


def sensitive_columns(subject: Subject, manifest: Manifest) -> tuple[str, ...]:
    """Categories of the manifest that it, the bias gate or policy calls sensitive, in declared order."""
    plan = subject.plan
    named = {
        *manifest.sensitive,
        *plan.policy.sensitive,
        *(plan.gates.get("bias") or {}).get("sensitive", ()),
    }
    return tuple(c.name for c in manifest.columns if c.name in named and c.type == "category")


def use_findings(subject: Subject, criteria: Criteria) -> Iterator[Finding]:
    """Findings on special categories, on forbidden columns, and on inputs known only after the decision."""
    yield from _special(subject)
    yield from _forbidden(subject, criteria)
    late = [c.name for c in subject.plan.model_columns if c.available_at == "after"]
    if late:
        yield Finding(
            "data.known_after",
            Outcome.FAILED,
            f"{_named(late)} {'is' if len(late) == 1 else 'are'} known only after the decision, and an input of the model",
            "the model looks good here and will have nothing to go by when it decides",
            "take it out of model.inputs, withhold it, or correct available_at in the manifest",
            path=subject.plan.evaluation.path,
        )


def unused(subject: Subject, manifest: Manifest) -> list[str]:
    """Columns that were collected and that nothing uses: no input, label, key, weight or sensitive column."""
    plan = subject.plan
    train = plan.config.train
    used = {column.name for column in plan.model_columns} | {plan.config.evaluate.label}
    used |= set(sensitive_columns(subject, manifest)) | set(train.weigh.by if train.weigh else ())
    used |= set(manifest.split.by)
    slices = (plan.gates.get("performance") or {}).get("slices", {})
    used |= {rows["column"] for rows in slices.values()}
    return [c.name for c in manifest.columns if c.name not in used and c.role in ("feature", "ignored", "id")]


def _forbidden(subject: Subject, criteria: Criteria) -> Iterator[Finding]:
    plan = subject.plan
    names = list((criteria.values.get("forbidden") or {}).get("columns", ()))
    inputs = {column.name for column in plan.model_columns}
    given = {
        column.name
        for name, manifest in plan.manifests.items()
        if trained_splits(subject, name)
        for column in manifest.columns
    } - set(plan.config.train.withhold)
    for name in names:
        where = "an input of the model" if name in inputs else "given to training" if name in given else ""
        yield Finding(
            f"data.forbidden.{name}",
            Outcome.FAILED if where else Outcome.PASSED,
            f"the forbidden column {name} is {where}"
            if where
            else f"the forbidden column {name} is no input, and training does not see it",
            "it was agreed that nothing is decided on it" if where else "",
            "withhold it (train.withhold)" if where else "",
            path=CRITERIA_FILE,
            line=criteria.line("forbidden", "columns"),
        )


def _special(subject: Subject) -> Iterator[Finding]:
    """Special-category columns may be used only as their manifest says: train, weigh or test."""
    plan = subject.plan
    train, lines = plan.config.train, plan.config.lines
    taken = {column.name for column in plan.model_columns}
    sensitive = set((plan.gates.get("bias") or {}).get("sensitive", ())) | set(plan.policy.sensitive)
    trained = {use.partition("/")[0] for use in training_data(subject)}
    for name, manifest in sorted(plan.manifests.items()):
        special = manifest.special_categories
        if special is None:
            continue
        columns = set(special.columns)
        given = columns - set(train.withhold) if name in trained else set()
        uses = {
            "train": (columns & taken) | given,
            "weigh": columns & set(train.weigh.by if train.weigh else ()),
            "test": columns & sensitive,
        }
        refused = {use: names for use, names in uses.items() if names and use not in special.use}
        for use, names in refused.items():
            yield Finding(
                f"data.special_categories.{name}.{use}",
                Outcome.FAILED,
                f"{', '.join(sorted(names))} of '{name}' is used to {use}, which its manifest does not allow",
                f"it is held on this basis: {special.basis[:200]}",
                "withhold it (train.withhold), or have the data owner extend special_categories.use",
                path=manifest.path,
                line=manifest.lines.get("special_categories", lines.get(f"train.{use}")),
            )
        if not refused:
            used = ", ".join(use for use, names in uses.items() if names) or "nothing"
            yield Finding(
                f"data.special_categories.{name}",
                Outcome.PASSED,
                f"special-category columns of '{name}' are used to: {used}",
                "",
                "",
            )


def _named(names: list[str]) -> str:
    return ", ".join(names[:10]) + (", …" if len(names) > 10 else "")
