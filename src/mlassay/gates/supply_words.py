"""How the supply gate says what it found: a count against its bound first, then each thing at its own place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from mlassay.evidence.verdict import Finding, Outcome
from mlassay.gates.common import CRITERIA_FILE, Criteria

SHOWN = 20
TEXT = 300

Item = tuple[str, str, int | None, str]  # name, path, line, what


def deciding(
    criteria: Criteria,
    rule: str,
    found: Sequence[Item],
    *,
    most: int | None,
    noun: str,
    held: str,
    why: str,
    remedy: str,
    over: Outcome = Outcome.FAILED,
) -> Iterator[Finding]:
    """One finding that holds the count against ``most``, and when it is passed over, one for each thing found."""
    if most is None:
        return
    numbers: dict[str, str | int] = {"found": len(found), "max": most}
    if len(found) <= most:
        what = held if not found else f"{_count(len(found), noun)}, and {most} may be"
        yield one(criteria, rule, Outcome.PASSED, what, "", "", numbers)
        return
    names = ", ".join(dict.fromkeys(name for name, *_ in found[:5]))
    what = f"{_count(len(found), noun)}, {most} may be: {names}{' …' if len(found) > 5 else ''}"
    yield one(criteria, rule, over, _flat(what), why, remedy, numbers)
    yield from _each(rule, found, over, why, remedy)


def items(
    criteria: Criteria,
    rule: str,
    found: Sequence[Item],
    outcome: Outcome,
    *,
    noun: str,
    why: str,
    remedy: str,
) -> Iterator[Finding]:
    """One finding that counts them; no more, because nobody need act on each."""
    names = ", ".join(name for name, *_ in found[:10])
    what = f"{_count(len(found), noun)}: {names}{' …' if len(found) > 10 else ''}" if found else f"a {noun}"
    yield one(criteria, rule, outcome, _flat(what), why, remedy, {"found": len(found)})


def one(
    criteria: Criteria,
    rule: str,
    outcome: Outcome,
    what: str,
    why: str,
    remedy: str,
    numbers: Mapping[str, str | int] | None = None,
) -> Finding:
    """A finding about a rule as a whole, at the line of ml.yaml that decided it."""
    line = criteria.line(*rule.split("."))
    return Finding(f"supply.{rule}", outcome, what, why, remedy, CRITERIA_FILE, line, dict(numbers or {}))


def unread(criteria: Criteria, rule: str, files: Mapping[str, str]) -> Finding:
    """Files that nobody could look at: never a pass, whatever the others say."""
    shown = "; ".join(f"{path} ({why})" for path, why in sorted(files.items())[:10])
    more = f" and {len(files) - 10} more" if len(files) > 10 else ""
    what = _flat(f"{_count(len(files), 'thing')} could not be looked at: {shown}{more}")
    remedy = "mend what is broken, and keep data and generated files out of the source tree"
    return one(
        criteria, f"{rule}.unread", Outcome.INCONCLUSIVE, what, "what was not looked at is not held", remedy
    )


def _each(rule: str, found: Sequence[Item], outcome: Outcome, why: str, remedy: str) -> Iterator[Finding]:
    for number, (_, path, line, what) in enumerate(found[:SHOWN], start=1):
        shown = path if not path.startswith("output ") else ""
        yield Finding(f"supply.{rule}.{number}", outcome, _flat(what), why, remedy, shown, line)
    if len(found) > SHOWN:
        what = f"and {len(found) - SHOWN} more"
        yield Finding(f"supply.{rule}.more", outcome, what, why, remedy)


def _count(number: int, noun: str) -> str:
    if number == 1:
        return f"1 {noun}"
    words = noun.split(" ")
    plural = {"package": "packages", "pickle": "pickles", "secret": "secrets", "vulnerability": "vulnerabilities", "finding": "findings", "licence": "licences", "thing": "things"}  # fmt: skip
    at = next((index for index, word in enumerate(words) if word in plural), None)
    if at is None:
        return f"{number} {noun}"
    words[at] = plural[words[at]]
    return f"{number} {' '.join(words)}"


def _flat(text: str) -> str:
    """One printable line: names of files and packages are other people's text."""
    flat = " ".join("".join(c if c.isprintable() else "�" for c in text).split())
    return flat if len(flat) <= TEXT else f"{flat[: TEXT - 1]}…"
