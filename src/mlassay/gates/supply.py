"""The supply gate: what was it built from? Looks at files and runs none of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlassay.config.criteria import with_defaults
from mlassay.config.locks import Lock, NotALockError, lock_kind, read_lock
from mlassay.evidence.verdict import Finding, GateReport, Outcome
from mlassay.gates.common import Criteria, report
from mlassay.gates.supply_words import deciding, items, one, unread
from mlassay.gates.tracked import Tracked

if TYPE_CHECKING:
    from mlassay.gates.supply_scan import Seen
    from mlassay.ports import Subject

LOCK_BYTES = 32 << 20
SOURCE_BYTES = 1 << 20
"""A larger text is data: it is not searched for secrets, and the report counts it."""
SEVERITIES = ("high", "medium", "low")
_NOT_LOOKED_AT = (
    "whether a package's bytes are what its hash says (whoever installs it checks that)",
    "what packages do when they are installed or imported",
    "secrets in the history before this commit, in binary files, and in mlassay's own records",
    "files that git does not track, except what training left and the data files of the manifests",
)


@dataclass
class _Look:
    """One look at a subject; each part is read once, and only if a rule asks for it."""

    subject: Subject
    criteria: Criteria
    measured: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def files(self) -> Tracked:
        return Tracked.of(self.subject.root)

    @cached_property
    def locks(self) -> tuple[list[Lock], dict[str, str]]:
        """``(locks, path -> why not read)``."""
        found, bad = [], {}
        for path in (each for each in self.files.paths if lock_kind(each)):
            text = self.files.text(path, LOCK_BYTES)
            try:
                found.append(read_lock(path, text or ""))
            except NotALockError as error:
                bad[path] = str(error)
            if text is None:
                bad[path] = "it is no text, or too large"
        return found, bad

    @cached_property
    def seen(self) -> Seen:
        """What the readers of source text found, in a process of their own."""
        from mlassay.gates.supply_scan import Asked, scan

        values = self.criteria.values
        asked, large = [], 0
        data = {file.path for manifest in self.subject.plan.manifests.values() for file in manifest.files}
        for path in self.files.paths:
            if path in data or self.files.size(path) > SOURCE_BYTES:
                large += 1
                continue
            secrets = values.get("secrets", {}).get("max") is not None and not lock_kind(path)
            python = path.endswith((".py", ".pyw", ".pyi")) and "code" in values
            if (secrets or python) and self.files.text(path, SOURCE_BYTES) is not None:
                asked.append(Asked(path, secrets, python))
        self.measured["texts"] = {"read": len(asked), "data_or_large": large}
        self.subject.progress(f"supply: reading {len(asked)} source files")
        return scan(self.subject.root, asked)

    def accepted(self, rule: str) -> frozenset[str]:
        """What ml.yaml accepts of a rule's items, by their names."""
        return frozenset(self.criteria.values.get(rule, {}).get("accept", ()))


class SupplyGate:
    """What was it built from?

    Lock hashes, unsafe pickles in any container, secrets, static analysis, licences, known vulnerabilities. Nothing of
    the team's is run or imported; what reads hostile text does so in a bounded process, and a file that it dies of is
    inconclusive. A secret is named by file, line and kind, never shown.
    """

    id = "supply"

    def test(self, subject: Subject) -> GateReport:
        """Hold every rule whose criteria are in force; the others are named as not looked at."""
        given = Criteria.of(subject, self.id)
        criteria = Criteria(given.gate, with_defaults(self.id, given.values), given.lines)
        look = _Look(subject, criteria)
        findings: list[Finding] = []
        skipped = []
        for rule, (hold, words) in RULES.items():
            if criteria.values.get(rule, False) is False:
                skipped.append(
                    f"{words}: {'switched off' if rule in criteria.values else 'no criteria are declared'}"
                )
            else:
                findings += hold(look)
        if look.files.more:
            findings.append(
                unread(criteria, "files", {"the rest": f"more than {len(look.files.paths):,} files"})
            )
        look.measured |= {"files": len(look.files.paths), "links": len(look.files.links)}
        return report(
            criteria, measured=look.measured, findings=findings, not_looked_at=[*_NOT_LOOKED_AT, *skipped]
        )


def _locks(look: _Look) -> Iterator[Finding]:
    locks, bad = look.locks
    look.measured["locks"] = [
        {"path": lock.path, "kind": lock.kind, "pins": len(lock.pins), "unhashed": len(lock.unhashed)}
        for lock in locks
    ]
    if bad:
        yield unread(look.criteria, "locks", bad)
    if not locks:
        what, remedy = (
            "there is no lock file",
            "lock what the model is built from; the standards gate says how",
        )
        yield one(
            look.criteria, "locks", Outcome.INCONCLUSIVE, what, "what was built in cannot be told", remedy
        )
        return
    loose = [
        (
            f"{lock.path}: {pin.name}",
            lock.path,
            pin.line,
            f"{pin.name} {pin.version or 'in any version'} has no hash",
        )
        for lock in locks
        for pin in lock.unhashed
    ]
    pins = sum(len(lock.pins) for lock in locks)
    yield from deciding(
        look.criteria,
        "locks",
        loose,
        most=0,
        noun="locked package without a hash",
        held=f"all {pins} locked packages have a hash",
        why="without a hash, whoever holds the registry or the way to it decides what runs here",
        remedy="lock again with hashes (uv pip compile --generate-hashes, uv lock, poetry lock)",
    )


def _pickles(look: _Look) -> Iterator[Finding]:
    from mlassay.gates.supply_pickles import Danger, Judged, pickles_of

    found: dict[Danger, list[tuple[str, str, int | None, str]]] = {each: [] for each in Danger}
    unseen: dict[str, str] = {}
    number = 0
    for name, path in _binaries(look):
        number += 1
        judged: Judged
        try:
            for judged in pickles_of(path):
                where = f" ({judged.where})" if judged.where else ""
                found[judged.danger].append((name, name, None, f"{name}{where}: {judged.why}"))
        except OSError as error:
            unseen[name] = error.strerror or "unreadable"
    look.measured["pickles"] = {
        "files": number,
        "plain": len(found[Danger.PLAIN]),
        "unknown": len(found[Danger.UNKNOWN]),
        "unsafe": len(found[Danger.UNSAFE]),
    }
    bounds = look.criteria.values["pickles"]
    why = "a pickle is a program that runs when it is loaded, with the rights of whoever loads it"
    remedy = "keep models in ONNX and arrays without objects; delete the file, or load it nowhere"
    held = f"none of {number} files holds one"
    for key, danger, noun, outcome in (
        ("unsafe", Danger.UNSAFE, "pickle that calls what a model never needs", Outcome.FAILED),
        ("unknown", Danger.UNKNOWN, "pickle or archive that cannot be vouched for", Outcome.INCONCLUSIVE),
    ):
        if (most := bounds.get(key, {}).get("max")) is not None:
            yield from deciding(
                look.criteria, f"pickles.{key}", found[danger], most=most, noun=noun, held=held, why=why, remedy=remedy, over=outcome
            )  # fmt: skip
    if unseen:
        yield unread(look.criteria, "pickles", unseen)


def _binaries(look: _Look) -> Iterator[tuple[str, Path]]:
    """Every tracked file, every output of training, every data file, by a name that says which."""
    root = look.subject.root
    names = dict.fromkeys(look.files.paths)
    names |= dict.fromkeys(
        file.path for manifest in look.subject.plan.manifests.values() for file in manifest.files if file.path
    )
    for name in names:
        path = root / name
        if path.is_file() and not path.is_symlink():
            yield name, path
    outputs = look.subject.outputs
    for path in sorted(outputs.rglob("*")):
        if path.is_file() and not path.is_symlink():
            yield f"output {path.relative_to(outputs).as_posix()}", path


def _secrets(look: _Look) -> Iterator[Finding]:
    accepted = look.accepted("secrets")
    found = [
        (f"{path}: {kind}", path, line, f"{path}:{line} looks like a secret ({kind})")
        for path, line, kind in look.seen.secrets
        if f"{path}: {kind}" not in accepted
    ]
    look.measured["secrets"] = {
        "found": len(look.seen.secrets),
        "accepted": len(look.seen.secrets) - len(found),
    }
    yield from deciding(
        look.criteria,
        "secrets",
        found,
        most=look.criteria.values["secrets"].get("max"),
        noun="likely secret",
        held="no line of the tracked texts looks like a secret",
        why="whoever can read the repository, now or later, has it too; deleting the line leaves it in the history",
        remedy="revoke it where it is valid, then take it out; if it is none, accept it by its name in "
        "gates.supply.secrets.accept",
    )
    if look.seen.unread:
        yield unread(look.criteria, "texts", look.seen.unread)


def _code(look: _Look) -> Iterator[Finding]:
    bounds = look.criteria.values["code"]
    least = ("low", "medium", "high").index(bounds.get("confidence", "medium"))
    accepted = look.accepted("code")
    counted: dict[str, int] = {}
    for severity in SEVERITIES:
        found = [
            (f"{path}: {test}", path, line, f"{path}:{line} {test}: {text}")
            for path, line, test, how_bad, sure, text in look.seen.code
            if how_bad == severity
            and ("low", "medium", "high").index(sure) >= least
            and f"{path}: {test}" not in accepted
        ]
        counted[severity] = len(found)
        if (most := bounds.get(severity, {}).get("max")) is not None:
            yield from deciding(
                look.criteria,
                f"code.{severity}",
                found,
                most=most,
                noun=f"finding of static analysis of {severity} severity",
                held=f"static analysis names nothing of {severity} severity",
                why="such code is how other people's commands get to run",
                remedy="rewrite it; where it must be, accept it by its name in gates.supply.code.accept",
            )
    look.measured["code"] = counted
    if look.seen.unread and "secrets" not in look.criteria.values:
        yield unread(look.criteria, "texts", look.seen.unread)


def _licences(look: _Look) -> Iterator[Finding]:
    from mlassay.gates.supply_licences import allowed, told_licences
    from mlassay.isolation.environment import activated

    bounds: Mapping[str, Any] = look.criteria.values["licences"]
    why = "a licence that nobody agreed to may forbid what the model is for, or demand what it holds"
    if "data" in bounds:
        manifests = look.subject.plan.manifests
        bad = [
            (name, each.path, each.lines.get("licence"), f"the data '{name}' are under {each.licence}")
            for name, each in sorted(manifests.items())
            if not allowed(each.licence, bounds["data"]["allow"])
        ]
        held = f"the licences of all {len(manifests)} data sets are allowed"
        remedy = "use other data, or let people allow it in gates.supply.licences.data.allow"
        yield from deciding(
            look.criteria, "licences.data", bad, most=0, noun="data licence that is not allowed", held=held, why=why, remedy=remedy
        )  # fmt: skip
    if "packages" not in bounds:
        return
    pins = [pin for lock in look.locks[0] if lock.ecosystem == "PyPI" for pin in lock.pins]
    told = told_licences(pins, activated(), bounds.get("known", {}))
    bad = [
        (name, "", None, f"{name} is under {licence}")
        for name, licence in sorted(told.items())
        if licence and not allowed(licence, bounds["packages"]["allow"])
    ]
    unknown = [
        (name, "", None, f"{name}: no licence is known")
        for name, licence in sorted(told.items())
        if not licence
    ]
    look.measured["licences"] = {"packages": len(told), "not_allowed": len(bad), "unknown": len(unknown)}
    held = f"the licences of all {len(told)} packages that are known are allowed"
    remedy = "use another package, or let people allow it in gates.supply.licences.packages.allow"
    noun = "package under a licence that is not allowed"
    yield from deciding(
        look.criteria, "licences.packages", bad, most=0, noun=noun, held=held, why=why, remedy=remedy
    )
    remedy = "install the lock file where the gates run, or say in gates.supply.licences.known what it is"
    if unknown or not told:
        noun = "package whose licence nobody told" if told else "lock file of Python packages is missing"
        yield from items(
            look.criteria,
            "licences.unknown",
            unknown,
            Outcome.INCONCLUSIVE,
            noun=noun,
            why=why,
            remedy=remedy,
        )


def _vulnerabilities(look: _Look) -> Iterator[Finding]:
    from mlassay.files import inside
    from mlassay.gates.supply_vulnerabilities import NotADatabaseError, vulnerable

    bounds = look.criteria.values["vulnerabilities"]
    accepted = look.accepted("vulnerabilities")
    why = "what is known to be broken is what is tried first"
    try:
        hits, database = vulnerable(inside(look.subject.root, bounds["database"].rstrip("/")), look.locks[0])
    except NotADatabaseError as error:
        what, remedy = f"the database of vulnerabilities: {error}", "export OSV's records for PyPI again"
        yield one(look.criteria, "vulnerabilities", Outcome.INCONCLUSIVE, what, why, remedy)
        return
    pins = [pin for lock in look.locks[0] if lock.ecosystem == "PyPI" for pin in lock.pins if pin.version]
    look.measured["vulnerabilities"] = {
        "records": database.records,
        "of_pypi": database.pypi,
        "unread": database.unread,
        "newest": database.newest,
        "packages": len({pin.name for pin in pins}),
        "other_locks": sorted({lock.ecosystem for lock in look.locks[0]} - {"PyPI"}),
    }
    if database.unread:
        yield unread(
            look.criteria, "vulnerabilities", {f"{database.unread} records": "they are no OSV records"}
        )
    if not pins:
        what, remedy = (
            "no Python package is locked, so nothing could be looked up",
            "lock what it is built from",
        )
        yield one(look.criteria, "vulnerabilities", Outcome.INCONCLUSIVE, what, why, remedy)
        return
    found = [
        (
            hit.id,
            hit.lock,
            hit.line,
            f"{hit.package} {hit.version}: {hit.id}"
            + (f" ({', '.join(hit.aliases[:2])})" if hit.aliases else "")
            + (f", mended in {', '.join(hit.fixed[:3])}" if hit.fixed else ", not mended yet"),
        )
        for hit in hits
        if not accepted & {hit.id, *hit.aliases}
    ]
    yield from deciding(
        look.criteria,
        "vulnerabilities",
        found,
        most=bounds.get("max", 0),
        noun="known vulnerability",
        held=f"no record of {database.records} names one of {len({pin.name for pin in pins})} locked packages",
        why=why,
        remedy="lock a version that is mended; where none is, accept it by its id in gates.supply.vulnerabilities.accept",
    )


Rule = Callable[[_Look], Iterator[Finding]]
RULES: Mapping[str, tuple[Rule, str]] = {
    "locks": (_locks, "hashes of lock files"),
    "pickles": (_pickles, "pickles"),
    "secrets": (_secrets, "secrets"),
    "code": (_code, "static analysis"),
    "licences": (_licences, "licences"),
    "vulnerabilities": (_vulnerabilities, "known vulnerabilities (no offline database is named)"),
}
