"""What somebody with the right to push does between two honest acts, while the team lives on upon it unaware."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from mlassay.evidence import layout
from mlassay.evidence.verdict import Outcome
from tests.factory.histories import _sshsig
from tests.threats.generated_alterations import Dice, _sibling, changed_mode, spoilt
from tests.threats.generated_objects import Entry, plain, read
from tests.threats.generated_signing import HeldKey, people_yaml, person_key
from tests.threats.generated_team import Team

Tampering = Callable[[Team, Dice], bool]
TAMPERINGS: dict[str, Tampering] = {}
ADDED = (
    "{evidence}/note.txt",
    "{evidence}/gates/extra.json",
    "{promotion}/approvals/eve.json",
    "{promotion}/note.txt",
    "promotions/staging/20990101-00000000/approvals/eve.json",
    "changes/20990101-00000000/request.json",
    "environments/beta.yaml",
    "environments/staging",
    "evidence/20990101-00000000/release.json",
    "governance/waivers/eve.json",
    "governance/sigstore.json",
    "data/other.manifest.yaml",
    "data/deep/er.manifest.yaml",
)


def _entered(function: Tampering) -> Tampering:
    TAMPERINGS[function.__name__.strip("_")] = function
    return function


def _guarded(team: Team) -> list[str]:
    return sorted(path for path in team.files if layout.is_guarded(path))


def _pushed(team: Team, files: dict[str, Entry | bytes | None]) -> bool:
    now = {path: plain(e) if isinstance(e, bytes) else e for path, e in files.items()}
    if all(team.files.get(path) == entry for path, entry in now.items()):
        return False
    team.commit(files, "Tidy up")
    return True


def _one(team: Team, dice: Dice, change: Callable[[str, Entry], Entry | None]) -> bool:
    paths = _guarded(team)
    path = paths[dice.what % len(paths)]
    return _pushed(team, {path: change(path, team.files[path])})


@_entered
def edit(team: Team, dice: Dice) -> bool:
    """Other bytes in a guarded file."""
    return _one(team, dice, lambda _, entry: spoilt(entry, dice.how))


@_entered
def delete(team: Team, dice: Dice) -> bool:
    """A guarded file is gone."""
    return _one(team, dice, lambda *_: None)


@_entered
def mode(team: Team, dice: Dice) -> bool:
    """A guarded file is a link, a submodule or a program."""
    return _one(team, dice, lambda _, entry: changed_mode(entry, dice.how))


@_entered
def transplant(team: Team, dice: Dice) -> bool:
    """A record stands in the place of another."""
    return _one(team, dice, lambda path, entry: _sibling(team.history, path, entry, dice.other))


@_entered
def add(team: Team, dice: Dice) -> bool:
    """A file more where none belongs."""
    promotions = [
        p.rpartition("/")[0] for p in team.files if p.startswith("promotions/") and "request.json" in p
    ]
    release = list(team.releases)[-1] if team.releases else "20990101-11111111"
    path = ADDED[dice.what % len(ADDED)].format(
        evidence=layout.evidence_dir(release),
        promotion=sorted(promotions)[dice.how % len(promotions)] if promotions else "promotions/staging/x",
    )
    return _pushed(team, {path: b"{}\n"})


@_entered
def move(team: Team, dice: Dice) -> bool:
    """A record under another name."""
    paths = _guarded(team)
    path = paths[dice.what % len(paths)]
    other = paths[dice.other % len(paths)].rpartition("/")[0]
    return _pushed(team, {f"{other}/{path.rpartition('/')[2]}": team.files[path], path: None})


@_entered
def revert(team: Team, dice: Dice) -> bool:
    """git revert of what landed, as far as it still stands."""
    line = team.history.line()[1:]
    guarded = [at for at in line if any(layout.is_guarded(p) for p, _ in team.history.nodes[at].delta)]
    if not guarded:
        return False
    at = guarded[-1 - dice.where % len(guarded)]
    before = team.history.files[team.history.nodes[at].parents[0]]
    return _pushed(team, {path: before.get(path) for path, _ in team.history.nodes[at].delta})


@_entered
def old_pointer(team: Team, dice: Dice) -> bool:
    """An environment runs again what it ran, with the pointer of then, or with that promotion's folder once more."""
    runs = [
        (at, path, entry)
        for at in team.history.line()
        for path, entry in team.history.nodes[at].delta
        if path.startswith(layout.ENVIRONMENTS) and entry is not None
    ]
    if not runs:
        return False
    at, path, entry = runs[dice.where % len(runs)]
    files: dict[str, Entry | bytes | None] = {path: entry}
    if dice.how % 2:
        for record, held in team.history.files[at].items():
            if held and record.startswith(layout.PROMOTIONS) and team.history.nodes[at].delta:
                folder, _, rest = record.removeprefix(layout.PROMOTIONS).partition("/")
                files[f"{layout.PROMOTIONS}{folder}/20990101-{dice.other:08x}/{rest.partition('/')[2]}"] = (
                    held
                )
    return _pushed(team, files)


@_entered
def govern(team: Team, dice: Dice) -> bool:
    """Policy, or somebody's key, by a bare push."""
    ways: tuple[dict[str, Entry | bytes | None], ...] = (
        {layout.POLICY: team.text(layout.POLICY).replace("count: 2", "count: 1").encode()},
        {layout.POLICY: team.text(layout.POLICY).encode() + b"# eve was here\n"},
        {
            layout.PEOPLE: people_yaml(
                team.people | {"lee": (*team.people["lee"], HeldKey("eve"))}, team.signers
            )
        },
        {layout.PEOPLE: people_yaml(team.people, (*team.signers, HeldKey("eve")))},
    )
    return _pushed(team, ways[dice.how % len(ways)])


@_entered
def unapproved(team: Team, dice: Dice) -> bool:
    """A request lands that nobody, too few, or the wrong people agreed to, or that somebody refused."""
    fit = team.promotable(team.environments[0])
    if not fit:
        return False
    team.ask(team.environments[0], fit[dice.what % len(fit)])
    number = len(team.open) - 1
    if dice.how % 3 == 1:
        team.say(number, "robin" if "robin" in team.people else "ada")
        team.say(number, "lee", "refusals")
    elif dice.how % 3:
        team.say(number, "lee")
        _resigned(team, number, "eve")
    request = team.open.pop()
    team._merged(request.nodes, "Land", ("merge", "squash", "rebase")[dice.other % 3], team.now())
    return True


def _resigned(team: Team, number: int, key: str) -> None:
    """The last thing that was said, signed with somebody else's key."""
    request = team.open[number]
    last = team.history.nodes[request.nodes[-1]]
    path = next(p for p, _ in last.delta if p.endswith(".json"))
    entry = dict(last.delta)[path]
    assert entry is not None
    signature = plain(_sshsig(person_key(key), read(entry)))
    node = team.history.add(replace(last, delta=((path, entry), (f"{path}.sig", signature))))
    team.open[number] = replace(request, nodes=(*request.nodes[:-1], node))


@_entered
def honest_but_for_a_file(team: Team, dice: Dice) -> bool:
    """An honest act of which one guarded file is other, missing, of another mode, or from elsewhere."""
    twin = team.copy()
    if not _act(twin, dice):
        return False
    at = twin.history.tip
    node = twin.history.nodes[at]
    paths = [path for path, entry in node.delta if entry is not None and layout.is_guarded(path)]
    path = paths[dice.what % len(paths)]
    entry = dict(node.delta)[path]
    assert entry is not None
    ways = (
        spoilt(entry, dice.how),
        None,
        changed_mode(entry, dice.how),
        _sibling(team.history, path, entry, dice.other),
    )
    other = ways[dice.how % len(ways)]
    if other == entry:
        return False
    _taken_over(team, twin)
    team.history.tip = team.history.add(replace(node, delta=tuple({**dict(node.delta), path: other}.items())))
    return True


@_entered
def backdated(team: Team, dice: Dice) -> bool:
    """An honest act, dated a week back."""
    twin = team.copy()
    if not _act(twin, dice):
        return False
    node = twin.history.nodes[twin.history.tip]
    _taken_over(team, twin)
    team.history.tip = team.history.add(replace(node, when=node.when - timedelta(days=7)))
    return True


def _act(twin: Team, dice: Dice) -> bool:
    if dice.where % 2:
        return twin.record(Outcome.PASSED)
    fit = twin.promotable(twin.environments[0])
    how = ("merge", "squash")[dice.other % 2]
    return bool(fit) and twin.promoted(twin.environments[0], fit[dice.what % len(fit)], how)


def _taken_over(team: Team, twin: Team) -> None:
    for name in ("history", "clock", "number", "releases", "held"):
        setattr(team, name, getattr(twin, name))
