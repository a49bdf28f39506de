"""Two releases side by side: results, groups, data, criteria, code, parameters, packages, who let them in, where they part."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from itertools import islice
from typing import Any

from mlassay.audit import clone
from mlassay.audit.chronicle.releases import Releases
from mlassay.audit.chronicle.types import DataUse
from mlassay.audit.diverge import Difference, Stage, differences, flat, stages_of
from mlassay.audit.named import Place, find_release
from mlassay.case.answers import SignedReader, read_answers
from mlassay.case.history import pointer_at
from mlassay.case.release import ReleaseEvidence, read_release
from mlassay.case.requests import governance_at, name_of_branch
from mlassay.config import load_config
from mlassay.errors import ConfigurationError, EvidenceError
from mlassay.evidence import layout
from mlassay.evidence.verdict import GateReport, Verdict
from mlassay.git import Commit, LineRepository, Repository, read_line
from mlassay.ports import Verifiers

MOST_COMMITS = 2000
MOST_SHOWN = 50
_POINTS = (
    "value",
    "gap",
    "robust_rate_at_most",
)  # where a finding keeps the number that its criterion is about


@dataclass(frozen=True, slots=True)
class Promoted:
    """A promotion that made a release live: where, which, and who approved it with which reason (unjudged)."""

    environment: str
    promotion: str
    commit: str
    approvals: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two: what was typed, the release that it means, its evidence, its data, and where it was let in."""

    place: Place
    evidence: ReleaseEvidence
    data: tuple[DataUse, ...]
    promotions: tuple[Promoted, ...]


@dataclass(frozen=True, slots=True)
class Number:
    """A measured number of a finding on both sides ("" where it was not measured)."""

    finding: str
    a: str
    b: str


@dataclass(frozen=True, slots=True)
class GatePair:
    """A gate on both sides (None: it did not run), its differing criteria and its numbers."""

    gate: str
    a: GateReport | None
    b: GateReport | None
    criteria: tuple[Difference, ...]
    numbers: tuple[Number, ...]


@dataclass(frozen=True, slots=True)
class GroupPair:
    """A rate of one group on both sides as decimal strings; ``fell`` by how much, None where it cannot be told."""

    column: str
    group: str
    rate: str
    a: str
    b: str
    rows: tuple[int, int]
    fell: Decimal | None

    @property
    def worse(self) -> bool:
        """Whether the second release gives this group less."""
        return self.fell is not None and self.fell > 0


@dataclass(frozen=True, slots=True)
class Code:
    """What happened between the two source commits: ``new`` on the way to b, ``undone`` only on a's side.

    ``paths`` changed that are no records; ``more`` says that not every commit was looked at.
    """

    new: tuple[Commit, ...]
    undone: tuple[Commit, ...]
    paths: tuple[str, ...]
    more: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """Everything that differs from ``a`` to ``b``. ``parted`` is the first of ``stages`` where their digests differ."""

    a: Side
    b: Side
    gates: tuple[GatePair, ...]
    groups: tuple[GroupPair, ...]
    settings: tuple[Difference, ...]
    environment: tuple[Difference, ...]
    code: Code | None
    stages: tuple[Stage, ...]

    @property
    def parted(self) -> Stage | None:
        """The first stage whose inputs or outputs differ; None where all are the same."""
        return next((stage for stage in self.stages if stage.differs), None)


def compare(
    repository: Repository,
    head: str,
    one: str,
    other: str,
    verifiers: Verifiers,
    progress: Callable[[str], None] = lambda _: None,
) -> Comparison:
    """Compare two releases as the main line up to ``head`` holds them; each may be named by an environment or a commit.

    ConfigurationError for a name that means no release.
    """
    clone.refuse_incomplete(repository)
    repo = LineRepository(repository, read_line(repository, head))
    a, b = (_side(repo, head, name, verifiers, progress) for name in (one, other))
    progress("what lies between them")
    sources = [_source(side) for side in (a, b)]
    verdicts = [side.evidence.verdict for side in (a, b)]
    return Comparison(
        a=a,
        b=b,
        gates=tuple(_gates(*verdicts)),
        groups=tuple(_groups(*verdicts)),
        settings=tuple(differences(*(_settings(repo, source) for source in sources))),
        environment=tuple(differences(*(_environment(side) for side in (a, b)))),
        code=_code(repo, *sources),
        stages=stages_of(repo, a.evidence, b.evidence),
    )


def _side(
    repo: LineRepository, head: str, name: str, verifiers: Verifiers, progress: Callable[[str], None]
) -> Side:
    place = find_release(repo, head, name)
    progress(place.release)
    evidence = read_release(repo, head, place.release, verifiers)
    data = tuple(Releases(repo).data_of(evidence.release)) if evidence.release else ()
    return Side(place, evidence, data, tuple(_promotions(repo, head, evidence, verifiers)))


def _promotions(
    repo: LineRepository, head: str, found: ReleaseEvidence, verifiers: Verifiers
) -> Iterator[Promoted]:
    """Every promotion of a release since its record, newest first in each environment."""
    try:
        policy, people = governance_at(repo, head)
    except (ConfigurationError, EvidenceError):
        return
    reader = SignedReader(repo, head, people, verifiers)
    for environment in policy.environments:
        path = layout.pointer_path(environment)
        for commit in repo.first_parents(head, paths=[path], until=found.record_commit or None):
            try:
                pointer = pointer_at(repo, commit.id, environment)
            except EvidenceError:
                continue  # it names no release
            name = name_of_branch(f"promotion/{environment}/{pointer.promotion}") if pointer else None
            if pointer is None or pointer.live.release != found.id or name is None:
                continue
            words = tuple((a.record.person, a.record.reason) for a in read_answers(reader, name).approvals)
            yield Promoted(environment, name.id, commit.id, words)


def _source(side: Side) -> str | None:
    return side.evidence.release.source.commit if side.evidence.release else None


def _gates(a: Verdict | None, b: Verdict | None) -> Iterator[GatePair]:
    old, new = ({g.gate: g for g in verdict.gates} if verdict else {} for verdict in (a, b))
    for gate in dict.fromkeys([*old, *new]):
        one, other = old.get(gate), new.get(gate)
        criteria = differences(*({**flat(g.criteria)} if g else {} for g in (one, other)))
        yield GatePair(gate, one, other, tuple(criteria), tuple(_numbers(one, other)))


def _numbers(a: GateReport | None, b: GateReport | None) -> Iterator[Number]:
    old, new = ({f.id: _point(f.numbers) for f in gate.findings} if gate else {} for gate in (a, b))
    for id_ in dict.fromkeys([*old, *new]):
        if old.get(id_) or new.get(id_):
            yield Number(id_, old.get(id_, ""), new.get(id_, ""))


def _point(numbers: Mapping[str, str | int]) -> str:
    return next((str(numbers[name]) for name in _POINTS if name in numbers), "")


def _groups(a: Verdict | None, b: Verdict | None) -> Iterator[GroupPair]:
    """The favourable answer, and how often those get it whose label says so, by group."""
    old, new = _counted(a), _counted(b)
    for key in dict.fromkeys([*old, *new]):
        for rate in ("selection_rate", "true_positive_rate"):
            was, now = (_rate(side.get(key, {}), rate) for side in (old, new))
            rows = tuple(int(side.get(key, {}).get("rows", 0)) for side in (old, new))
            yield GroupPair(key[0], key[1], rate, was, now, (rows[0], rows[1]), _fell(was, now))


def _counted(verdict: Verdict | None) -> dict[tuple[str, str], Mapping[str, Any]]:
    bias = next((gate for gate in verdict.gates if gate.gate == "bias"), None) if verdict else None
    columns = bias.measured.get("columns") if bias else None
    found = {}
    for column, counted in columns.items() if isinstance(columns, Mapping) else ():
        for group in counted.get("groups", ()) if isinstance(counted, Mapping) else ():
            if isinstance(group, Mapping):
                found[str(column), str(group.get("group", "unknown"))] = group
    return found


def _rate(group: Mapping[str, Any], name: str) -> str:
    told = group.get(name)
    return str(told.get("rate", "")) if isinstance(told, Mapping) else ""


def _fell(was: str, now: str) -> Decimal | None:
    try:
        return Decimal(was) - Decimal(now)
    except InvalidOperation:
        return None


def _settings(repo: LineRepository, source: str | None) -> dict[str, str]:
    """ml.yaml at a source commit as dotted keys: training, parameters, criteria, data, risk; none where unreadable."""
    try:
        data = repo.read(source, layout.CONFIG) if source else None
        config = load_config(layout.CONFIG, data) if data is not None else None
    except (ConfigurationError, EvidenceError):
        return {}
    if config is None:
        return {}
    said: dict[str, Any] = {
        "train": {
            "run": config.train.run,
            "uses": list(config.train.uses),
            "data": list(config.train.data),
            "withhold": list(config.train.withhold),
            "weigh": list(config.train.weigh.by) if config.train.weigh else [],
            "parameters": dict(config.train.parameters),
        },
        "prepare": {step.name: step.run for step in config.prepare},
        "model": {
            "task": config.model.task,
            "favourable": config.model.favourable,
            "threshold": config.model.threshold,
            "select": str(config.model.select or ""),
        },
        "evaluate": {"data": config.evaluate.data, "label": config.evaluate.label},
        "gates": {name: dict(criteria) for name, criteria in config.gates.items()},
        "risk": {name: list(pair) for name, pair in config.risk.probability_impact.items()},
        "data": dict(config.data),
        "objective": config.objective,
        "owner": config.owner,
    }
    return flat(said)


def _environment(side: Side) -> dict[str, str]:
    """What training said of the machine that it ran on: interpreter, packages, isolation (self-reported)."""
    details = (side.evidence.provenance or {}).get("runDetails", {})
    told = details.get("mlassay_self_reported", {})
    environment = told.get("environment", {})
    found = {
        "isolation": str(told.get("isolation", "")),
        "builder": str(details.get("builder", {}).get("id", "")),
    }
    if isinstance(environment, Mapping):
        for name in ("python", "implementation", "platform", "machine"):
            found[name] = str(environment.get(name, ""))
        packages = environment.get("packages")
        if isinstance(packages, Mapping):
            found |= {f"package {name}": str(version) for name, version in packages.items()}
    return {name: value for name, value in found.items() if value}


def _code(repo: LineRepository, a: str | None, b: str | None) -> Code | None:
    """None where a source commit cannot be read."""
    try:
        if a is None or b is None:
            return None
        paths = tuple(c.path for c in repo.changes(a, b) if not layout.is_guarded(c.path))
        new, more = _commits(repo, a, b)
        undone, still = _commits(repo, b, a)
    except EvidenceError:
        return None
    return Code(new, undone, paths, more or still)


def _commits(repo: LineRepository, base: str, head: str) -> tuple[tuple[Commit, ...], bool]:
    """Commits between two that touched code themselves; whether there are more than were looked at."""
    seen = list(islice(repo.commits_between(base, head), MOST_COMMITS + 1))
    touched = (commit for commit in seen[:MOST_COMMITS] if _touches_code(repo, commit))
    found = tuple(islice(touched, MOST_SHOWN + 1))
    return found[:MOST_SHOWN], len(seen) > MOST_COMMITS or len(found) > MOST_SHOWN


def _touches_code(repo: LineRepository, commit: Commit) -> bool:
    if len(commit.parents) > 1:
        return False  # what it merged is listed by itself
    changes = repo.changes(commit.parents[0] if commit.parents else None, commit.id)
    return any(not layout.is_guarded(change.path) for change in changes)
