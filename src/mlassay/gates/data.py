"""The data gate: is the data what its manifest says, and disjoint?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mlassay.errors import ConfigurationError, EvidenceError, Problem
from mlassay.evidence.verdict import Finding, GateReport, Outcome
from mlassay.gates.common import Criteria, report
from mlassay.gates.data_label import label_findings
from mlassay.manifest import Manifest, Table, check_splits, check_table, read_table, split_rows

if TYPE_CHECKING:
    from mlassay.ports import Subject

_NOT_LOOKED_AT = (
    "drift from the data that the previous release was trained on",
    "rows that are nearly the same in two splits; only exact copies are found",
    "whether the labels are right, and whom the data leaves out: people write that down beside the manifest",
    "personal data hidden in text columns",
)


class DataGate:
    """Is the data what its manifest says, and are training and test rows disjoint?

    Reads every file of every data set again: digests, header, types, ranges, declared values, missing values;
    looks for rows that stand in two splits, or in the training data of one set and the evaluation rows of another;
    and holds special-category columns to the uses that the manifest allows.
    """

    id = "data"

    def test(self, subject: Subject) -> GateReport:
        """Check all data sets of the plan; what is wrong with data is a failed finding, not an error."""
        criteria = Criteria.of(subject, self.id)
        findings: list[Finding] = []
        measured: dict[str, Any] = {}
        tables: dict[str, Table] = {}
        for name, manifest in sorted(subject.plan.manifests.items()):
            try:
                tables[name] = read_table(manifest, subject.root)
            except (EvidenceError, ConfigurationError) as error:
                findings += _failed("data.files", name, error.problems)
                continue
            findings += _checked(name, manifest, tables[name])
            measured[name] = _numbers(manifest, tables[name])
        findings += _between_sets(subject, tables)
        findings += label_findings(subject, tables)
        findings += _special(subject)
        return report(criteria, measured={"data": measured}, findings=findings, not_looked_at=_NOT_LOOKED_AT)


def _passed(rule: str, name: str, what: str) -> Finding:
    return Finding(f"{rule}.{name}", Outcome.PASSED, what, "", "")


def _failed(rule: str, name: str, problems: Iterable[Problem]) -> Iterator[Finding]:
    """One finding for each problem, numbered from the second on, so that ids stay unique."""
    for number, problem in enumerate(problems, start=1):
        end = "" if number == 1 else f".{number}"
        yield Finding(
            f"{rule}.{name}{end}",
            Outcome.FAILED,
            problem.what,
            problem.why,
            problem.remedy,
            path=problem.path,
            line=problem.line,
        )


def _checked(name: str, manifest: Manifest, table: Table) -> list[Finding]:
    findings = [
        _passed(
            "data.files", name, f"{len(manifest.files)} files of '{name}' have the digests of its manifest"
        )
    ]
    rules: list[tuple[str, Callable[[Manifest, Table], Sequence[Problem]], str]] = [
        ("data.columns", check_table, f"all columns of '{name}' hold what its manifest declares"),
        ("data.splits", check_splits, f"no row of '{name}' is in two splits, and no split is empty"),
    ]
    for rule, check, held in rules:
        problems = check(manifest, table)
        findings += _failed(rule, name, problems) if problems else [_passed(rule, name, held)]
    return findings


def _numbers(manifest: Manifest, table: Table) -> dict[str, Any]:
    splits = split_rows(manifest, table)
    digests = table.row_digests()
    missing = {c.name: table.column(c.name).count("") for c in manifest.columns}
    return {
        "digest": manifest.digest,
        "root": manifest.root,
        "rows": len(table),
        "distinct_rows": len(set(digests)),
        "columns": len(manifest.columns),
        "missing": {name: count for name, count in missing.items() if count},
        "splits": {split: len(numbers) for split, numbers in splits.items()},
    }


def _between_sets(subject: Subject, tables: Mapping[str, Table]) -> Iterator[Finding]:
    """Evaluation rows that training saw under the name of another data set, compared over the columns they share."""
    evaluation, _, split = subject.plan.config.evaluate.data.partition("/")
    if evaluation not in tables:
        return
    manifests = subject.plan.manifests
    numbers = split_rows(manifests[evaluation], tables[evaluation])[split]
    trained = [use.partition("/") for use in _training_data(subject)]
    if [evaluation, split] in [[name, part] for name, _, part in trained]:
        yield Finding(
            "data.trained_on_test",
            Outcome.FAILED,
            f"training is given {evaluation}/{split}, the rows that the gates measure on",
            "a model that has seen the test rows can know them by heart",
            "train on another split",
            path="ml.yaml",
            line=subject.plan.config.lines.get("train.data"),
        )
    for name, _, part in trained:
        if name == evaluation or name not in tables:
            continue
        splits = split_rows(manifests[name], tables[name])
        chosen = splits.get(part, []) if part else list(range(len(tables[name])))
        yield _overlap((name, tables[name].take(chosen)), (evaluation, tables[evaluation].take(numbers)))


def _training_data(subject: Subject) -> list[str]:
    """What training reads, prepare steps' own reading included."""
    config = subject.plan.config
    steps = [read for step in config.prepare for read in step.reads]
    return sorted({*config.train.data, *steps})


def _overlap(training: tuple[str, Table], evaluation: tuple[str, Table]) -> Finding:
    (name, seen), (other, asked) = training, evaluation
    shared = [column for column in asked.columns if column in seen.columns]
    rows = {tuple(row) for row in zip(*(seen.column(c) for c in shared), strict=True)} if shared else set()
    both = (
        [n for n, row in enumerate(zip(*(asked.column(c) for c in shared), strict=True), 1) if row in rows]
        if shared
        else []
    )
    rule = f"data.overlap.{name}"
    if not shared:
        return Finding(rule, Outcome.PASSED, f"'{name}' and '{other}' have no column in common", "", "")
    if not both:
        return Finding(
            rule,
            Outcome.PASSED,
            f"no evaluation row is among the rows of '{name}' that training sees",
            "",
            "",
        )
    return Finding(
        rule,
        Outcome.FAILED,
        f"{len(both)} evaluation rows are among the rows of '{name}' that training sees (first: row {both[0]})",
        "a row that training saw tests what was learned by heart",
        f"take these rows out of '{name}', or evaluate on others",
        numbers={"rows": len(both)},
    )


def _special(subject: Subject) -> Iterator[Finding]:
    """Special-category columns may be used only as their manifest says: train, weigh or test."""
    plan = subject.plan
    train, lines = plan.config.train, plan.config.lines
    taken = {column.name for column in plan.model_columns}
    sensitive = set((plan.gates.get("bias") or {}).get("sensitive", ())) | set(plan.policy.sensitive)
    trained = {use.partition("/")[0] for use in _training_data(subject)}
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
            yield _passed(
                "data.special_categories", name, f"special-category columns of '{name}' are used to: {used}"
            )
