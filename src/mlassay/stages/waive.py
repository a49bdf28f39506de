"""The waive stage: one signed, reasoned, expiring exception, straight onto the main line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date

from mlassay.case.main_line import BRANCH, MainLine, land
from mlassay.case.release import read_release
from mlassay.case.requests import governance_at
from mlassay.config import Person, Policy
from mlassay.errors import ConfigurationError, EvidenceError, Problem, RemoteError
from mlassay.evidence import layout
from mlassay.evidence.records import Waiver
from mlassay.evidence.verdict import Outcome
from mlassay.policy.reasons import fault
from mlassay.ports import Signer
from mlassay.stages._message import message
from mlassay.stages.requests import TRIES, Desk, author, who_signs


@dataclass(frozen=True, slots=True)
class Waived:
    """What `waive` did, or would do: ``no`` says why the gate may not be waived ("" when it may)."""

    path: str
    waiver: Waiver
    commit: str = ""
    already: bool = False
    no: str = ""
    local_is_current: bool = False


def waive(
    desk: Desk, signer: Signer, gate: str, release: str, reason: str, until: date, *, dry_run: bool = False
) -> Waived:
    """Sign a waiver of one gate of one release and push it to the main line by compare-and-swap.

    A waiver that policy would never take is a no, not an error. EvidenceError when the release's evidence does not
    hold, ConfigurationError when there is no such gate in it.
    """
    for _ in range(TRIES):
        line = desk.line()
        policy, people = governance_at(desk.repository, line.tip)
        now = desk.now(line.tip)
        person = who_signs(people, signer, now)
        digest, outcome = _gate(desk, line, gate, release)
        waiver = Waiver(gate, release, digest, person.id, reason, until, now)
        path = f"{layout.WAIVERS}{release}.{gate}.{person.id}.json"
        already, other = _stands(desk, line, path, waiver)
        waived = Waived(path, waiver, already=already)
        if no := "; ".join(filter(None, (other, *_why_not(policy, person, waiver, outcome)))):
            return replace(waived, no=no)
        if dry_run:
            return waived
        if already:  # a run that was killed after its push left the local branch behind
            return replace(waived, local_is_current=desk.repository.fast_forward(BRANCH, line.tip))
        files = {path: waiver.to_bytes(), f"{path}.sig": signer.sign(waiver.to_bytes())}
        commit = desk.repository.write_commit(
            line.tip,
            files,
            message=_message(person, waiver),
            author=author(desk.repository, person),
            when=now,
        )
        if land(desk.repository, line, commit):
            return replace(
                waived, commit=commit, local_is_current=desk.repository.fast_forward(BRANCH, commit)
            )
    raise RemoteError(Problem("the main line kept moving on", remedy="run the command again"))


def _gate(desk: Desk, line: MainLine, gate: str, release: str) -> tuple[str, Outcome]:
    """The release digest and what the gate answered."""
    found = read_release(desk.repository, line.tip, release, desk.verifiers)
    EvidenceError.raise_if_any(found.problems)
    if found.release is None or found.verdict is None:
        raise EvidenceError(Problem(f"the evidence of {release} is not whole", remedy="mlassay verify"))
    outcomes = {report.gate: report.outcome for report in found.verdict.gates}
    if gate not in outcomes:
        raise ConfigurationError(
            Problem(f"{release} has no gate {gate!r}", remedy=f"its gates are: {', '.join(outcomes)}")
        )
    return found.release.digest, outcomes[gate]


def _why_not(policy: Policy, person: Person, waiver: Waiver, outcome: Outcome) -> Iterator[str]:
    roles = policy.waivable.get(str(outcome), ())
    if outcome is Outcome.PASSED:
        yield f"the gate {waiver.gate} passed: there is nothing to waive"
    elif not roles:
        yield f"the gate {waiver.gate} is {outcome}, and policy lets nobody waive that"
    elif not set(roles) & set(person.roles):
        yield f"{person.id} has none of the roles that may ({', '.join(roles)})"
    if waiver.until < waiver.at.date():
        yield f"{waiver.until} is past"
    if (waiver.until - waiver.at.date()).days > policy.waiver_days:
        yield f"policy allows a waiver for at most {policy.waiver_days} days"
    if why := fault(waiver.reason):
        yield f"the reason will not do: {why}"


def _stands(desk: Desk, line: MainLine, path: str, waiver: Waiver) -> tuple[bool, str]:
    """Whether this very waiver is on the main line, and why it may not be added where another one of theirs is."""
    data = desk.repository.read(line.tip, path)
    if data is None:
        return False, ""
    found = Waiver.parse(data, path)
    if replace(found, at=waiver.at) == waiver:
        return True, ""
    return False, (
        f"{waiver.person} has waived {waiver.gate} of {waiver.release} before, until {found.until}; "
        "waivers are never changed: somebody else with the right must, or a new release be made"
    )


def _message(person: Person, waiver: Waiver) -> str:
    told = (
        f"{person.name} lets release {waiver.release} go on without the gate {waiver.gate} until {waiver.until}. "
        "It is shown wherever the release is shown."
    )
    trailers = [
        ("Release", waiver.release),
        ("Gate", waiver.gate),
        ("Until", str(waiver.until)),
        ("Waived-by", person.id),
    ]
    return message(f"Waive {waiver.gate} of {waiver.release}", [told], [waiver.reason], trailers)
