"""The data gate: is the data what its manifest says, and disjoint?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from mlassay.errors import ConfigurationError, EvidenceError, Problem
from mlassay.evidence.verdict import Finding, GateReport, Outcome
from mlassay.gates.common import Criteria, report
from mlassay.gates.data_label import label_findings
from mlassay.gates.data_uses import sensitive_columns, trained_splits, training_data, unused, use_findings
from mlassay.manifest import Manifest

if TYPE_CHECKING:
    from mlassay.gates.data_drift import Before
    from mlassay.gates.data_scan import Asked, Scan
    from mlassay.ports import Subject

_NOT_LOOKED_AT = (
    "whether the labels are right, and whom the data leaves out: people write that down beside the manifest",
    "names and addresses of people, and identifiers of a kind that has no check digits or fixed form",
)


class DataGate:
    """Is the data what its manifest says, and are training and test rows disjoint?

    Reads every file of every data set again, in bounded batches: digests, header, types, ranges, declared values,
    missing values; rows that stand in two splits, or in the training data of one set and the evaluation rows of
    another; personal identifiers; uses that manifest or criteria refuse; and what has moved since the live release.
    """

    id = "data"

    def test(self, subject: Subject) -> GateReport:
        """Check all data sets of the plan; what is wrong with data is a failed finding, not an error."""
        from mlassay.gates.data_drift import Before

        criteria = Criteria.of(subject, self.id)
        before = Before.of(subject)
        findings: list[Finding] = []
        measured: dict[str, Any] = {}
        scans: dict[str, Scan] = {}
        for name, manifest in sorted(subject.plan.manifests.items()):
            scan, faults = _scanned(subject, name, manifest, criteria)
            if scan is None:
                findings += faults
                continue
            scans[name] = scan
            findings += _checked(subject, name, scan, before, criteria)
            measured[name] = _numbers(subject, name, scan, before)
        findings += _between_sets(subject, scans, criteria)
        evaluation = scans.get(subject.plan.config.evaluate.data.partition("/")[0])
        findings += label_findings(subject, evaluation.labels if evaluation else None)
        findings += use_findings(subject, criteria)
        return report(
            criteria,
            measured={"data": measured},
            findings=findings,
            not_looked_at=(*_NOT_LOOKED_AT, *_left_out(scans, before, criteria)),
        )


def _scanned(
    subject: Subject, name: str, manifest: Manifest, criteria: Criteria
) -> tuple[Scan | None, list[Finding]]:
    from mlassay.gates.data_scan import Scan

    try:
        return Scan(manifest, subject.root, _asked(subject, name, manifest, criteria)), []
    except (EvidenceError, ConfigurationError) as error:
        return None, list(_failed("data.files", name, error.problems))


def _asked(subject: Subject, name: str, manifest: Manifest, criteria: Criteria) -> Asked:
    from mlassay.gates.data_scan import Asked

    places = {split: code for code, split in enumerate(manifest.split.names)}
    data, _, split = subject.plan.config.evaluate.data.partition("/")
    label = subject.plan.config.evaluate.label
    columns = {column.name for column in manifest.columns}
    return Asked(
        trained=frozenset(places[each] for each in trained_splits(subject, name) if each in places),
        evaluated=places.get(split) if data == name else None,
        sensitive=sensitive_columns(subject, manifest),
        label=label if label in columns else "",
        inputs=tuple(c.name for c in subject.plan.model_columns if c.name in columns),
        smallest=(criteria.values.get("smallest_group") or {}).get("min", 0),
    )


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


def _checked(
    subject: Subject, name: str, scan: Scan, before: Before, criteria: Criteria
) -> Iterator[Finding]:
    from mlassay.gates.data_drift import drift_findings
    from mlassay.gates.data_groups import group_findings
    from mlassay.gates.data_personal_findings import personal_findings

    files = len(scan.manifest.files)
    yield _passed("data.files", name, f"{files} files of '{name}' have the digests of its manifest")
    rules = (
        ("data.columns", scan.faults.problems(), f"all columns of '{name}' hold what its manifest declares"),
        ("data.splits", scan.split_problems(), f"no row of '{name}' is in two splits, and no split is empty"),
    )
    for rule, problems, held in rules:
        yield from _failed(rule, name, problems) if problems else [_passed(rule, name, held)]
    for column in scan.constant:
        yield Finding(
            f"data.constant.{name}.{column}",
            Outcome.INCONCLUSIVE,
            f"the column {column} has one value in all training rows of '{name}'",
            "nothing can be learned from it; what the model does when it changes nobody has seen",
            "give it 'role: ignored', or find out why it does not vary",
            path=scan.manifest.path,
        )
    yield from personal_findings(name, scan)
    yield from group_findings(name, scan, criteria)
    if scan.asked.trained:
        label = subject.plan.config.evaluate.label
        yield from drift_findings(name, scan.profile, before, criteria, label)


def _numbers(subject: Subject, name: str, scan: Scan, before: Before) -> dict[str, Any]:
    from mlassay.gates.data_drift import drift_numbers
    from mlassay.gates.data_groups import group_numbers

    manifest = scan.manifest
    names = manifest.split.names
    numbers: dict[str, Any] = {
        "digest": manifest.digest,
        "root": manifest.root,
        "rows": scan.same.rows,
        "distinct_rows": scan.same.distinct,
        "columns": len(manifest.columns),
        "missing": {name: count for name, count in scan.faults.missing.items() if count},
        "splits": dict(zip(names, scan.of_split.tolist(), strict=False)),
        "not_used": unused(subject, manifest),
        "groups": group_numbers(scan),
    }
    if told := scan.proxies():
        numbers["proxies"] = told
    if scan.alike is not None:
        numbers["smallest_group"] = scan.alike.smallest
    if scan.asked.trained:
        numbers["profile"] = scan.profile.as_json()
        numbers["drift"] = drift_numbers(scan.profile, before, name)
    return numbers


def _between_sets(subject: Subject, scans: Mapping[str, Scan], criteria: Criteria) -> Iterator[Finding]:
    """Evaluation rows that training saw under the name of another data set, compared over the columns they share."""
    from mlassay.gates.data_near_findings import near_findings

    evaluation, _, split = subject.plan.config.evaluate.data.partition("/")
    if evaluation not in scans:
        return
    if f"{evaluation}/{split}" in training_data(subject):
        yield Finding(
            "data.trained_on_test",
            Outcome.FAILED,
            f"training is given {evaluation}/{split}, the rows that the gates measure on",
            "a model that has seen the test rows can know them by heart",
            "train on another split",
            path="ml.yaml",
            line=subject.plan.config.lines.get("train.data"),
        )
    for name in sorted(scans):
        if name != evaluation and scans[name].asked.trained:
            yield _overlap(name, scans[name], evaluation, scans[evaluation])
    yield from near_findings(evaluation, scans, criteria)


def _overlap(name: str, seen: Scan, other: str, asked: Scan) -> Finding:
    from mlassay.gates.data_scan import shared_rows

    rule = f"data.overlap.{name}"
    known = set(seen.rows.columns)
    shared = [column for column in asked.rows.columns if column in known]
    if not shared:
        return Finding(rule, Outcome.PASSED, f"'{name}' and '{other}' have no column in common", "", "")
    evaluated = asked.asked.evaluated
    many, first = (
        (0, 0)
        if evaluated is None
        else shared_rows((asked.rows, evaluated), (seen.rows, seen.asked.trained), shared)
    )
    if not many:
        what = f"no evaluation row is among the rows of '{name}' that training sees"
        return Finding(rule, Outcome.PASSED, what, "", "")
    return Finding(
        rule,
        Outcome.FAILED,
        f"{many} evaluation rows are among the rows of '{name}' that training sees (first: row {first})",
        "a row that training saw tests what was learned by heart",
        f"take these rows out of '{name}', or evaluate on others",
        numbers={"rows": many},
    )


def _left_out(scans: Mapping[str, Scan], before: Before, criteria: Criteria) -> Iterator[str]:
    if before.live and before.why:
        yield f"drift from the data that the live release was trained on: {before.why}"
    if not before.live:
        yield "drift: no release is live whose training rows these could be compared with"
    if "near_duplicates" not in criteria.values:
        yield "rows that are nearly the same in two splits; only exact copies are found"
    for name, scan in sorted(scans.items()):
        if scan.asked.trained and scan.profile.left_out:
            yield (
                f"drift of {scan.profile.left_out} columns of '{name}' without a declared range or values, "
                "or beyond the first 500 with them"
            )
        for column in sorted(scan.personal.cut):
            yield f"personal identifiers in {column} of '{name}' beyond a million different texts"
