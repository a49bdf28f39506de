"""What each action takes and how that becomes a command line; every ``action.yml`` is held against this table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from launcher import Refused

PREFIX = "MLASSAY_INPUT_"


@dataclass(frozen=True)
class Action:
    """One action: the lock that its verb needs, and what becomes of each input.

    ``options`` are given as ``--option=value`` unless they are empty, ``switches`` where they are "true", ``words``
    after all options. ``own`` are read by the launcher; ``secrets`` (input to variable) only by mlassay. ``team``
    actions run commands of the team's, ``commits`` ones write commits.
    """

    lock: str
    options: Mapping[str, str] = field(default_factory=dict)
    switches: Mapping[str, str] = field(default_factory=dict)
    words: tuple[str, ...] = ()
    own: tuple[str, ...] = ()
    secrets: Mapping[str, str] = field(default_factory=dict)
    team: bool = False
    commits: bool = False

    @property
    def inputs(self) -> tuple[str, ...]:
        """Every input but the secrets."""
        return ("directory", *self.options, *self.switches, *self.words, *self.own)


RUN = {"run": "--run"}
FILES = {"junit": "--junit", "sarif": "--sarif"}
TOKEN = {"token": "GITHUB_TOKEN"}
TEAM = ("requirements", "python")

# The verbs of people (approve, refuse, withdraw, waive, keys) are not here: no machine may do what they do.
ACTIONS = {
    "validate": Action("light"),
    "train": Action("light", RUN, own=TEAM, team=True),
    "test": Action(
        "gates",
        RUN | FILES,
        {"part": "--part", "with-parts": "--with-parts", "cross-checks": "--cross-checks"},
        words=("gates",),
        own=(*TEAM, "allow-no"),
        team=True,
    ),
    "run": Action(
        "gates", RUN | FILES, {"cross-checks": "--cross-checks"}, own=(*TEAM, "allow-no"), team=True
    ),
    "sign": Action("light", RUN, secrets={"key": "MLASSAY_SIGNING_KEY"}),
    "record": Action(
        "light",
        RUN | {"reviews": "--reviews"},
        secrets={"key": "MLASSAY_DESK_KEY"} | TOKEN,
        commits=True,
    ),
    "promote": Action(
        "light",
        {"reason": "--reason"},
        words=("environment", "release"),
        secrets={"key": "MLASSAY_DESK_KEY"} | TOKEN,
        commits=True,
    ),
    "decide": Action(
        "light",
        {"head": "--head"},
        {"all": "--all", "post": "--post"},
        words=("promotion",),
        own=("allow-no",),
        secrets=TOKEN,
    ),
    "report": Action(
        "light",
        RUN | {name: f"--{name}" for name in ("head", "head-repository", "head-branch", "sarif")},
        own=("run-id", "conclusion"),
        secrets=TOKEN,
    ),
    "verify": Action("light", words=("release",)),
    "status": Action("light", {"due": "--due"}),
    "audit-anchor": Action(
        "light",
        {"out": "--out", "timestamp": "--timestamp", "tsa-cert": "--tsa-cert"},
        {"even-so": "--even-so", "unsigned": "--unsigned"},
    ),
    "audit-site": Action("light", {"out": "--out", "title": "--title", "as-of": "--as-of"}),
}

AUDIT = "audit-"
"""What an action of one of the audit's verbs begins with: ``audit-anchor`` runs ``mlassay audit anchor``."""


def read(action: Action, environment: Mapping[str, str]) -> dict[str, str]:
    """Each input's value; Refused for one that could be taken for an option or that hides something."""
    given = {name: environment.get(variable(name), "").strip() for name in action.inputs}
    given["directory"] = given["directory"] or "."
    for name, value in given.items():
        if not value.isprintable() or (value.startswith("-") and name not in action.options):
            raise Refused(f"the input '{name}' cannot be {value[:80]!r}")
    return given


def variable(name: str) -> str:
    """The environment variable that carries an input."""
    return PREFIX + name.upper().replace("-", "_")


def truth(given: Mapping[str, str], name: str) -> bool:
    """Whether an input is "true"; empty and "false" are not, and nothing else is said."""
    value = given.get(name, "")
    if value not in {"", "true", "false"}:
        raise Refused(f"the input '{name}' is either true or false, not {value[:80]!r}")
    return value == "true"


def arguments(verb: str, action: Action, given: Mapping[str, str]) -> list[str]:
    """The words after ``mlassay``."""
    words = ["audit", verb.removeprefix(AUDIT)] if verb.startswith(AUDIT) else [verb]
    words += ["-C", given["directory"]]
    words += [f"{option}={given[name]}" for name, option in action.options.items() if given[name]]
    words += [switch for name, switch in action.switches.items() if truth(given, name)]
    return words + [word for name in action.words for word in given[name].split()]
