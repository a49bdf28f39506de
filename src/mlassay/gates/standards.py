"""The standards gate: is it fit to be read, run and taken over by others?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from mlassay.evidence.card import ASKED, sections
from mlassay.evidence.layout import CARD_TEXT
from mlassay.evidence.verdict import Finding, GateReport, Outcome
from mlassay.gates.common import CRITERIA_FILE, Criteria, report
from mlassay.gates.standards_locks import ecosystems, locks_of
from mlassay.gates.standards_notebooks import commands, granted_notebooks, started_notebook
from mlassay.gates.standards_texts import answered, words
from mlassay.gates.tracked import Tracked

if TYPE_CHECKING:
    from mlassay.ports import Subject

README = ("README.md", "README.rst", "README.txt", "README", "README.adoc", "docs/README.md")
DELIBERATIONS = "governance/deliberations/"
LEAST_WORDS = 30
"""Of a text that people were asked for; a sentence or two. Ours, chosen so that headings and questions alone never do."""
LEAST_WORDS_OF_A_SECTION = 10
"""Of one section of the model card; ours too: one whole sentence."""
NAMED = 10
_NOT_LOOKED_AT = (
    "whether what the texts say is true, or enough",
    "whether the declared seed is used",
    "code style, and code that no command of ml.yaml uses",
    "files that git does not track, and mlassay's own records",
)


class StandardsGate:
    """Is it fit to be read, run and taken over by others? Looks at tracked files, and runs none of them.

    Each rule is a criterion that is on unless ml.yaml says false, which policy can forbid: no notebook as entry
    point, a lock file with hashes, a seed, what the data leave out, a deliberation, a README.
    """

    id = "standards"

    def test(self, subject: Subject) -> GateReport:
        """Hold every rule that is on; one that is off is named, and counts as nothing."""
        criteria = Criteria.of(subject, self.id)
        files = Tracked.of(subject.root)
        findings: list[Finding] = []
        measured: dict[str, Any] = {"files": len(files.paths)}
        off = []
        for rule, hold in RULES.items():
            if rule in ASKED_FOR and rule not in criteria.values:
                continue
            if criteria.values.get(rule, True) is False:
                off.append(rule)
                continue
            findings += [_placed(finding, rule, criteria) for finding in hold(subject, files, measured)]
        if files.more:
            findings.append(_cut_short(files))
        measured["rules_off"] = off
        not_looked_at = [*_NOT_LOOKED_AT, *(f"{rule}: switched off in {CRITERIA_FILE}" for rule in off)]
        return report(criteria, measured=measured, findings=findings, not_looked_at=not_looked_at)


def _entry_points(subject: Subject, files: Tracked, measured: dict[str, Any]) -> Iterator[Finding]:
    found = {}
    for place, run, uses in commands(subject.plan.config):
        if what := started_notebook(run):
            found[f"{place}.run"] = what
        if granted := granted_notebooks(uses, files.paths):
            found[f"{place}.uses"] = granted
    measured["notebooks"] = sum(path.endswith(".ipynb") for path in files.paths)
    if not found:
        yield _held("entry_points", "no command of ml.yaml starts or uses a notebook")
    for place, what in found.items():
        yield Finding(
            f"standards.entry_points.{place}",
            Outcome.FAILED,
            f"{place} names a notebook: {what}",
            "cells run in any order and keep hidden state, so nobody can say what was run, nor test a part of it",
            "mlassay notebook extract NOTEBOOK makes a script and a test skeleton of it; run and test those",
        )


def _lock(subject: Subject, files: Tracked, measured: dict[str, Any]) -> Iterator[Finding]:
    runs = [run for _, run, _ in commands(subject.plan.config)]
    used = ecosystems(files.paths, runs)
    found = locks_of(files)
    measured["languages"] = sorted(used)
    measured["locks"] = [
        {"path": each.path, "kind": each.kind, "pins": each.pins, "unhashed": each.unhashed} for each in found
    ]
    for language, lock in sorted(used.items()):
        mine = [each for each in found if each.kind in lock.kinds]
        good = [each for each in mine if each.whole or (each.pins and lock.hashes_elsewhere(files.paths))]
        if good:
            yield _held(f"lock.{language}", f"{good[0].path} locks {good[0].pins} packages by hash")
            continue
        near = next((each for each in mine), None)
        what = f"{language} is used, and no lock file is tracked"
        if near is not None:
            what = f"{language} is used, and {near.path} {near.why}"
        why = "without it the next person, and the next machine, builds with other packages"
        yield Finding(f"standards.lock.{language}", Outcome.FAILED, what, why, lock.remedy)
    if not used:
        yield Finding(
            "standards.lock",
            Outcome.INCONCLUSIVE,
            "no language was found whose lock files mlassay knows",
            "what is not known cannot be held",
            "track the lock file of your tool, or switch the rule off with 'lock: false', which policy may forbid",
        )


def _seed(subject: Subject, _: Tracked, measured: dict[str, Any]) -> Iterator[Finding]:
    parameters = subject.plan.config.train.parameters
    reason = str(subject.plan.gates.get("standards", {}).get("seed_rationale", "")).strip()
    names = sorted(name for name in parameters if name.lower() in _SEEDS or name.lower().endswith("_seed"))
    measured["seeds"] = names
    if names:
        yield _held("seed", f"train.parameters declares {', '.join(names[:NAMED])}")
    elif reason:
        yield _held("seed", "no seed is declared, and ml.yaml says why")
    else:
        yield Finding(
            "standards.seed",
            Outcome.FAILED,
            "train.parameters declares no seed",
            "a training that cannot be repeated cannot be checked by anybody else",
            "add 'seed: 7' to train.parameters and use it, or say in gates.standards.seed_rationale why none is needed",
        )


_SEEDS = {"seed", "random_state", "random_seed", "seeds"}


def _missing(subject: Subject, files: Tracked, _: dict[str, Any]) -> Iterator[Finding]:
    for name, manifest in sorted(subject.plan.manifests.items()):
        path = manifest.missing
        what = _unwritten(files, path)
        if not what:
            yield _held(f"missing.{name}", f"{path} says what the data '{name}' leave out")
            continue
        yield Finding(
            f"standards.missing.{name}",
            Outcome.FAILED,
            f"{path} {what}",
            "no test on these rows can see whom they leave out; only people can say it",
            f"write in {path} who and what these data leave out, in your own words",
            path=manifest.path,
            line=manifest.lines.get("missing"),
        )


def _deliberations(_: Subject, files: Tracked, measured: dict[str, Any]) -> Iterator[Finding]:
    texts = [
        path for path in files.paths if path.startswith(DELIBERATIONS) and path.endswith((".md", ".txt"))
    ]
    written = [path for path in texts if not _unwritten(files, path)]
    measured["deliberations"] = {"texts": len(texts), "answered": len(written)}
    if written:
        yield _held("deliberations", f"{len(written)} of {len(texts)} deliberations are answered")
        return
    what = f"{texts[0]} {_unwritten(files, texts[0])}" if texts else f"there is no text in {DELIBERATIONS}"
    yield Finding(
        "standards.deliberations",
        Outcome.FAILED,
        what,
        "why there is a model at all, for whom and at whose cost, is nothing that a measurement can answer",
        f"answer the questions in {DELIBERATIONS} in your own words, and bring it in with 'mlassay propose'",
    )


def _readme(_: Subject, files: Tracked, measured: dict[str, Any]) -> Iterator[Finding]:
    there = next((path for path in README if path in files.paths), "")
    count = words(files.text(there) or "") if there else 0
    measured["readme_words"] = count
    if count >= LEAST_WORDS:
        yield _held("readme", f"{there} has {count} words")
        return
    what = f"{there} has {count} words" if there else "there is no README"
    yield Finding(
        "standards.readme",
        Outcome.FAILED,
        what,
        "whoever takes this over begins there",
        f"say in README.md what this is, how it is run and whom to ask ({LEAST_WORDS} words at least)",
    )


def _card(_: Subject, files: Tracked, measured: dict[str, Any]) -> Iterator[Finding]:
    text = files.text(CARD_TEXT) if CARD_TEXT in files.paths else None
    told = sections(text or "")
    counts = {key: answered(told.get(key, "")) for key in ASKED}
    measured["card_words"] = counts
    for key, title in ASKED.items():
        if counts[key] >= LEAST_WORDS_OF_A_SECTION:
            yield _held(f"card.{key}", f"{CARD_TEXT} says {counts[key]} words below '{title}'")
            continue
        said = f"{counts[key]} words below '## {title}'" if text is not None else "no text that git tracks"
        yield Finding(
            f"standards.card.{key}",
            Outcome.FAILED,
            f"{CARD_TEXT} has {said}",
            "the model card can be made of measurements but for what people must answer for",
            f"write it below '## {title}' in {CARD_TEXT}, in your own words, and bring it in with 'mlassay propose'",
            path=CARD_TEXT,
        )


def _unwritten(files: Tracked, path: str) -> str:
    """Why the text at ``path`` says nothing yet, as a predicate; "" when somebody wrote it."""
    text = files.text(path) if path in files.paths else None
    if text is None:
        return "is not there as a text that git tracks"
    if "TODO" in text:
        return "still has a TODO"
    count = answered(text)
    return "" if count >= LEAST_WORDS else f"is not answered yet ({count} words besides its questions)"


def _held(rule: str, what: str) -> Finding:
    return Finding(f"standards.{rule}", Outcome.PASSED, what, "", "")


def _cut_short(files: Tracked) -> Finding:
    what = f"there are more than {len(files.paths):,} files; the rest was not looked at"
    why = "what was not looked at is not held"
    return Finding("standards.files", Outcome.INCONCLUSIVE, what, why, "keep data out of the source tree")


def _placed(finding: Finding, rule: str, criteria: Criteria) -> Finding:
    from dataclasses import replace

    if finding.path:
        return finding
    return replace(finding, path=CRITERIA_FILE, line=criteria.line(rule))


Rule = Callable[["Subject", Tracked, dict[str, Any]], Iterator[Finding]]
RULES: Mapping[str, Rule] = {
    "entry_points": _entry_points,
    "lock": _lock,
    "seed": _seed,
    "missing": _missing,
    "deliberations": _deliberations,
    "readme": _readme,
    "card": _card,
}
ASKED_FOR = frozenset({"card"})
"""Rules that are off until somebody asks for them."""
