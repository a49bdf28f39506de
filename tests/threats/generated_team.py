"""A team at honest work, in memory: really signed by everybody's own key, and nothing of it made by the stages.

What may be done depends on what was done before, as for a real team: each act answers whether it could be done.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from mlassay.case.terms import _read as terms_of
from mlassay.config import Environment, EnvironmentRelease, dump_environment, load_config, load_policy
from mlassay.digest import bare, canonical, sha256, short, without_floats
from mlassay.evidence import layout
from mlassay.evidence.records import (
    Approval,
    ChangeRequest,
    PathChange,
    Record,
    Refusal,
    Request,
    Waiver,
    WaiverUse,
    Withdrawal,
)
from mlassay.evidence.release import Artifact, Release, Source
from mlassay.evidence.times import time_string
from mlassay.evidence.verdict import Outcome
from mlassay.files import read_yaml
from mlassay.git import Identity
from mlassay.plan.floors import criteria_in_force, gates_in_force
from mlassay.policy import Terms
from mlassay.policy.questions import open_questions
from mlassay.policy.weakenings import weakenings
from tests.factory import project
from tests.factory.histories import _sshsig
from tests.factory.release import make_verdict
from tests.threats.generated_objects import Entry, History, Node, plain, read
from tests.threats.generated_signing import (
    BOT,
    DANA,
    OTHERS,
    HeldKey,
    ci,
    model,
    people_yaml,
    person_key,
    signed_evidence,
)

START = datetime(2026, 2, 1, 9, 0, tzinfo=UTC)
MANIFEST = "data/applications.manifest.yaml"
SAID = {
    "robin": (
        "I compared the refusals of both groups by hand.",
        "Few rows of one group, so it may err there.",
    ),
    "ada": ("I went through the record of its tests twice.", "Its data is from one month of the year alone."),
    "lee": ("The board's appetite covers this product.", "A downturn would make its labels out of date."),
}
WHY = "It sends fewer people by mistake to a second look than before."
NO = "Nobody looked at the older applicants since the summer."
WAIVED = "Too few rows of group b to settle it before spring."
MERGES = ("merge", "squash", "rebase", "forge")


@dataclass(frozen=True)
class Made:
    """A recorded release: what a promotion needs to know of it."""

    release: Release
    gates: Mapping[str, Outcome]
    terms: Terms


@dataclass(frozen=True)
class Open:
    """A request on its branch: ``nodes`` are its commits there, ``keys`` who signed anything with which key.

    ``brings`` is what a team knows of itself once this has landed.
    """

    folder: str
    record: Request | ChangeRequest
    nodes: tuple[int, ...]
    keys: tuple[tuple[str, str], ...]
    said: tuple[str, ...] = ()
    objected: bool = False
    brings: tuple[tuple[str, Any], ...] = ()


@dataclass
class Team:
    """The team's main line, its clock, and what its people know."""

    history: History = field(default_factory=History)
    clock: datetime = START
    number: int = 0
    people: dict[str, tuple[HeldKey, ...]] = field(
        default_factory=lambda: {name: (HeldKey(name),) for name in project.PEOPLE}
    )
    signers: tuple[HeldKey, ...] = (HeldKey("ci"),)
    environments: tuple[str, ...] = ("staging", "production")
    releases: dict[str, Made] = field(default_factory=dict)
    held: dict[str, tuple[str, ...]] = field(default_factory=dict)
    waived: dict[str, tuple[str, Waiver, str]] = field(default_factory=dict)
    open: list[Open] = field(default_factory=list)

    @classmethod
    def start(cls) -> Team:
        """A team whose first commit brought everything but a model."""
        return _started().copy()

    def copy(self) -> Team:
        """The same team, to live on another way."""
        plain_copies = {name: dict(getattr(self, name)) for name in ("people", "releases", "held", "waived")}
        return replace(self, history=self.history.copy(), open=list(self.open), **plain_copies)

    # The main line

    @property
    def files(self) -> dict[str, Entry]:
        """What the main line holds now."""
        return self.history.files[self.history.tip]

    def text(self, path: str) -> str:
        """A file of the main line."""
        return read(self.files[path]).decode()

    def now(self, minutes: float = 1) -> datetime:
        """Later than the last time."""
        self.clock += timedelta(minutes=minutes)
        return self.clock.replace(microsecond=0)

    def commit(
        self,
        files: Mapping[str, Entry | bytes | None],
        message: str,
        *,
        parents: tuple[int, ...] | None = None,
        who: Identity = DANA,
        committer: Identity | None = None,
        when: datetime | None = None,
        headers: bytes = b"",
        zone: str = "+0000",
    ) -> int:
        """A commit: upon the main line, which moves on to it, or, with ``parents``, wherever they stand."""
        delta = tuple((p, plain(e) if isinstance(e, bytes) else e) for p, e in files.items())
        onto = parents if parents is not None else ((self.history.tip,) if self.history.tip >= 0 else ())
        when = when or self.now()
        node = Node(delta, onto, f"{message}\n".encode(), when, who, committer or who, headers, zone)
        made = self.history.add(node)
        if parents is None:
            self.history.tip = made
        return made

    def work(self, path: str = "", data: bytes | None = None, **more: Any) -> bool:
        """An ordinary commit by somebody who approves nothing."""
        self.number += 1
        path = path or f"src/part{self.number % 7}.py"
        who = Identity(f"Dev {self.number % 5}", f"dev{self.number % 5}@example.org")
        self.commit({path: data or b"VALUE = %d\n" % self.number}, f"Work on {path}", who=who, **more)
        return True

    # Releases

    def record(self, outcome: Outcome = Outcome.PASSED, *, waits: int = 0) -> bool:
        """A release of the tip; ``waits`` commits come to the main line before it is recorded."""
        self.number += 1
        source_at = self.history.tip
        files = self.history.files[source_at]
        texts = {path: read(files[path]) for path in (layout.CONFIG, layout.POLICY, layout.PEOPLE, MANIFEST)}
        config = load_config(layout.CONFIG, texts[layout.CONFIG])
        policy = load_policy(layout.POLICY, texts[layout.POLICY])
        roles = {layout.CONFIG: layout.CONFIG, "policy": layout.POLICY, "people": layout.PEOPLE}
        roles["manifest/applications"] = MANIFEST
        inputs = {role: sha256(texts[path]) for role, path in roles.items()}
        criteria = criteria_in_force(config, policy)
        level = policy.in_force(config.risk.level)
        told = {
            gate: without_floats(criteria.get(gate, {})) for gate in gates_in_force(criteria, level, policy)
        }
        id_, tree_id = self.history.ids[source_at], self._root(source_at)
        source = Source(id_, tree_id, time_string(self.history.nodes[source_at].when))
        data = model(self.number)
        artifact = Artifact("model", "model.onnx", len(data), sha256(data))
        made = Release("toy", source, (artifact,), inputs)
        first = self.environments[0]
        live = {"live": self._live(first).model.digest} if self._live(first) else {}
        gates = dict.fromkeys(told, Outcome.PASSED) | {"bias": outcome}
        verdict = make_verdict(artifact.digest, inputs | live, gates, told)
        for _ in range(waits):
            self.work()
        signer = next(key for key in reversed(self.signers) if self._valid(key))
        now = self.now()
        brought = signed_evidence(ci(signer.name), made, verdict, data, now)
        folder = layout.evidence_dir(made.id)
        self.commit({f"{folder}/{name}": d for name, d in brought.items()}, f"Record {made.id}", when=now)
        terms = terms_of(
            texts[layout.CONFIG], texts[layout.POLICY], (("applications", MANIFEST, texts[MANIFEST]),)
        )
        self.releases[made.id] = Made(made, gates, terms)
        return True

    def _root(self, at: int) -> str:
        from tests.threats.generated_objects import tree

        return tree(self.history.files[at])

    def _live(self, environment: str) -> Release | None:
        held = self.held.get(environment)
        return self.releases[held[-1]].release if held else None

    def _valid(self, key: HeldKey) -> bool:
        day = f"{self.clock + timedelta(minutes=60):%Y-%m-%d}"
        return key.since <= day and all(not end or day < end for end in (key.until, key.lost))

    def waive(self, release: str) -> bool:
        """Lee lets a gate pass for now that nothing settled."""
        made = self.releases[release]
        if made.gates["bias"] is not Outcome.INCONCLUSIVE or release in self.waived:
            return False
        now = self.now()
        until = (now + timedelta(days=60)).date()
        waiver = Waiver("bias", release, made.release.digest, "lee", WAIVED, until, now)
        path = f"{layout.WAIVERS}{release}.bias.lee.json"
        files, key = self._signed(path, waiver, "lee")
        self.waived[release] = (path, waiver, key)
        self.commit(files, f"Waive bias of {release}", when=now)
        return True

    # Requests

    def promotable(self, environment: str) -> list[str]:
        """The releases that policy lets into an environment now."""
        at = self.environments.index(environment)
        before = self.held.get(self.environments[at - 1], ()) if at else tuple(self.releases)
        return [id_ for id_ in dict.fromkeys(before) if self._fit(id_)]

    def _fit(self, release: str) -> bool:
        outcome = self.releases[release].gates["bias"]
        if outcome is Outcome.PASSED:
            return True
        if outcome is not Outcome.INCONCLUSIVE or release not in self.waived:
            return False
        _, waiver, key = self.waived[release]
        return ("lee", key) in self._keys() and (self.clock + timedelta(days=1)).date() <= waiver.until

    def _keys(self) -> set[tuple[str, str]]:
        """Who may sign now, and with which key."""
        return {(who, key.name) for who, held in self.people.items() for key in held if self._valid(key)}

    def ask(self, environment: str, release: str) -> bool:
        """Dana asks for a promotion."""
        made, tip, now = self.releases[release], self.history.tip, self.now()
        pointer_path = layout.pointer_path(environment)
        previous = self.files[pointer_path][1] if pointer_path in self.files else None
        live = self.held.get(environment)
        old = self.releases[live[-1]].terms if live else None
        base = self.history.ids[tip]
        about = {
            "e": environment,
            "r": made.release.digest,
            "b": base,
            "p": previous,
            "n": len(self.history.nodes),
        }
        id_ = f"{now:%Y%m%d}-{short(sha256(canonical(about)))}"
        url = f"{layout.evidence_dir(release)}/{layout.MODEL}"
        runs = EnvironmentRelease(release, made.release.digest, bare(made.release.model.digest), url)
        pointer = dump_environment(Environment(environment, "live", now, id_, (runs,)))
        policy = load_policy(layout.POLICY, read(self.files[layout.POLICY]))
        uses = []
        if made.gates["bias"] is not Outcome.PASSED:
            path, waiver, _ = self.waived[release]
            uses = [WaiverUse(path, waiver.digest)]
        request = Request(
            environment=environment,
            release=release,
            release_digest=made.release.digest,
            pointer=read_yaml(pointer_path, pointer).value,
            previous=previous,
            base=base,
            evidence_tree=self.history.subtree(tip, layout.evidence_dir(release)) or "",
            policy=policy.digest,
            requester="dana",
            requested_at=now,
            reason=WHY,
            weakenings=weakenings(made.terms, old, policy),
            waivers=tuple(uses),
            questions=open_questions(made.gates, policy.in_force(made.terms.risk.level)),
        )
        self._opened(layout.promotion_dir(environment, id_), request, {pointer_path: pointer})
        return True

    def propose(self, files: Mapping[str, bytes | None], **brings: Any) -> bool:
        """Dana asks for a change under governance/ or of manifests; ``brings`` are fields that it changes here."""
        tip, now = self.history.tip, self.now()
        trial = self.history.copy()
        delta = tuple((path, plain(data) if data is not None else None) for path, data in files.items())
        at = trial.add(Node(delta, (tip,), b"", now, DANA, DANA))
        paths = []
        for path in sorted({"governance" if p.startswith("governance/") else p for p in files}):
            old, new = (self._id_of(h, n, path) for h, n in ((self.history, tip), (trial, at)))
            paths.append(PathChange(path, old, new))
        if any(path.old == path.new for path in paths):
            return False
        base = self.history.ids[tip]
        request = ChangeRequest(
            base, tuple(paths), "dana", now, "The team agreed on this in its last meeting."
        )
        id_ = f"{now:%Y%m%d}-{short(sha256(canonical({'b': base, 'n': len(self.history.nodes)})))}"
        self._opened(layout.change_dir(id_), request, dict(files))
        self.open[-1] = replace(self.open[-1], brings=tuple(brings.items()))
        return True

    @staticmethod
    def _id_of(history: History, at: int, path: str) -> str | None:
        entry = history.files[at].get(path)
        return entry[1] if entry else history.subtree(at, path)

    def _opened(
        self, folder: str, request: Request | ChangeRequest, files: Mapping[str, bytes | None]
    ) -> None:
        signed, key = self._signed(f"{folder}/{layout.REQUEST}", request, "dana")
        node = self.commit({**files, **signed}, "Ask", parents=(self.history.tip,), when=request.requested_at)
        self.open.append(Open(folder, request, (node,), (("dana", key),)))

    def _signed(self, path: str, record: Record, who: str) -> tuple[dict[str, bytes], str]:
        key = next(key for key in reversed(self.people[who]) if self._valid(key))
        data = record.to_bytes()
        other = OTHERS.get(key.name)
        signature = other[1](data) if other else _sshsig(person_key(key.name), data)
        return {path: data, f"{path}.sig": signature}, key.name

    def say(self, number: int, who: str, kind: str = "approvals") -> bool:
        """Somebody approves, refuses, or withdraws what they approved."""
        request = self.open[number]
        if who not in self.people or (kind == "withdrawals") != (who in request.said):
            return False
        now = self.now()
        digest = request.record.digest
        said: Record
        if kind == "approvals":
            asked = request.record
            accepts = tuple(w.id for w in asked.weakenings) if isinstance(asked, Request) else ()
            answers = {q.id: f"{SAID[who][0]} So {q.id} was weighed." for q in asked.questions}
            said = Approval(digest, who, *SAID[who], now, answers, accepts)
        else:
            said = {"refusals": Refusal, "withdrawals": Withdrawal}[kind](digest, who, NO, now)
        files, key = self._signed(f"{request.folder}/{kind}/{who}.json", said, who)
        node = self.commit(files, f"{kind} of {who}", parents=(request.nodes[-1],), when=now)
        self.open[number] = replace(
            request,
            nodes=(*request.nodes, node),
            keys=(*request.keys, (who, key)),
            said=(*request.said, *([who] if kind == "approvals" else [])),
            objected=request.objected or kind != "approvals",
        )
        return True

    def enough(self, request: Open) -> bool:
        """Whether merge would let a request land: nothing that it rests on has moved, and enough people agreed."""
        record, said = request.record, set(request.said)
        if request.objected or not set(request.keys) <= self._keys():
            return False
        if isinstance(record, ChangeRequest):
            here = (self._id_of(self.history, self.history.tip, path.path) for path in record.paths)
            return "lee" in said and all(
                path.old == now for path, now in zip(record.paths, here, strict=True)
            )
        path = layout.pointer_path(record.environment)
        if (self.files[path][1] if path in self.files else None) != record.previous:
            return False
        policy = load_policy(layout.POLICY, read(self.files[layout.POLICY]))
        if policy.digest != record.policy or record.environment not in self.environments:
            return False
        if record.waivers and not self._fit(record.release):
            return False
        outside = "lee" in said or not (record.weakenings or record.environment != self.environments[0])
        return outside and len(said) >= (1 if record.environment == self.environments[0] else 2)

    def land(self, number: int, how: str = "merge", *, skew: float = 0) -> bool:
        """Merge a request; what nobody may merge stays open. ``skew``: minutes by which the forge's clock is behind."""
        request = self.open[number]
        if not self.enough(request):
            return False
        del self.open[number]
        self._merged(request.nodes, f"Land {request.folder}", how, self.now() - timedelta(minutes=skew))
        if isinstance(request.record, Request):
            environment = request.record.environment
            self.held[environment] = (*self.held.get(environment, ()), request.record.release)
        for name, value in request.brings:
            setattr(self, name, value)
        return True

    def record_refused(self, number: int) -> bool:
        """The folder of a request that somebody objected to comes to the main line, and nothing that it asked for."""
        request = self.open[number]
        if not request.objected or not set(request.keys) <= self._keys():
            return False
        del self.open[number]
        files = self.history.files[request.nodes[-1]]
        inside = {path: entry for path, entry in files.items() if path.startswith(f"{request.folder}/")}
        self.commit(inside, f"Record that {request.folder} was refused")
        return True

    def _merged(self, nodes: Sequence[int], message: str, how: str, when: datetime) -> None:
        """Bring a branch in: by a merge commit, in one commit, each commit anew, or by the forge's own merge."""
        deltas = [self.history.nodes[node].delta for node in nodes]
        whole: dict[str, Entry | None] = {path: entry for delta in deltas for path, entry in delta}
        if how == "rebase":
            for node, delta in zip(nodes, deltas, strict=True):
                text = self.history.nodes[node].message.decode().strip()
                self.commit(dict(delta), text, committer=BOT, when=when)
            return
        if how == "squash":
            self.commit(whole, message, committer=BOT, when=when)
            return
        who = BOT if how == "forge" else DANA
        tip = self.commit(whole, message, parents=(self.history.tip, nodes[-1]), who=who, when=when)
        self.history.tip = tip

    def renew(self, number: int) -> bool:
        """A branch that waits is rebased onto today's main line before its merge; every signature stays as it is."""
        request = self.open[number]
        onto, made = self.history.tip, []
        for node in request.nodes:
            old = self.history.nodes[node]
            onto = self.history.add(replace(old, parents=(onto,), committer=DANA, when=self.now()))
            made.append(onto)
        self.open[number] = replace(request, nodes=tuple(made))
        return True

    def branch(self, behind: int, how: str, *, revert: bool = False) -> bool:
        """A branch of ordinary work, begun so many commits ago, comes in; or one that takes ordinary work back."""
        line = self.history.line()
        at, made = line[max(0, len(line) - 1 - behind)], []
        self.number += 1
        path = f"feature/part{self.number}.py"
        if revert and (worked := [p for p in self.files if p.startswith("src/")]):
            path = worked[self.number % len(worked)]
        who = Identity(f"Dev {self.number % 5}", f"dev{self.number % 5}@example.org")
        for step in range(1 + self.number % 2):
            data = b"STEP = %d\n" % step
            at = self.commit({path: None if revert else data}, "Branch", parents=(at,), who=who)
            made.append(at)
        self._merged(made, "Merge a branch of ordinary work", how, self.now())
        return True

    # Governance

    def rotate(self, who: str) -> bool:
        """Somebody proposes a key of tomorrow beside today's, which ends the day after; ``ci`` is the CI's."""
        keys = self.signers if who == "ci" else self.people.get(who, ())
        if not keys or len(keys) > 3:
            return False
        fresh = HeldKey(f"{who}{len(keys) + 1}", f"{self.clock:%Y-%m-%d}")
        end = f"{self.clock + timedelta(days=2):%Y-%m-%d}"
        held = (*keys[:-1], replace(keys[-1], until=keys[-1].until or end), fresh)
        if who == "ci":
            return self._govern(signers=held)
        return self._govern(people=self.people | {who: held})

    def join(self) -> bool:
        """Ada comes."""
        return "ada" not in self.people and self._govern(people=self.people | {"ada": (HeldKey("ada"),)})

    def leave(self) -> bool:
        """Robin goes, once Ada is there."""
        if "ada" not in self.people or "robin" not in self.people:
            return False
        return self._govern(people={who: keys for who, keys in self.people.items() if who != "robin"})

    def rename(self, old: str, new: str) -> bool:
        """An environment gets another name."""
        if old not in self.environments or new in self.environments:
            return False
        text = self.text(layout.POLICY).replace(old, new).encode()
        names = tuple(new if name == old else name for name in self.environments)
        return self.propose({layout.POLICY: text}, environments=names)

    def reword(self) -> bool:
        """A line of policy that changes nothing."""
        self.number += 1
        return self.propose({layout.POLICY: f"{self.text(layout.POLICY)}# read {self.number}\n".encode()})

    def describe(self) -> bool:
        """The data's manifest says more."""
        self.number += 1
        text = self.text(MANIFEST).replace("Twenty applications", f"Twenty, {self.number}, applications", 1)
        return self.propose({MANIFEST: text.encode()})

    def demand(self, accuracy: str) -> bool:
        """ml.yaml asks for another accuracy; less is a weakening that somebody must accept."""
        text = re.sub(
            r"accuracy: \{min: [0-9.]+\}", f"accuracy: {{min: {accuracy}}}", self.text(layout.CONFIG)
        )
        return self.work(layout.CONFIG, text.encode())

    def _govern(self, **changes: Any) -> bool:
        people, signers = changes.get("people", self.people), changes.get("signers", self.signers)
        return self.propose({layout.PEOPLE: people_yaml(people, signers)}, **changes)

    def changed(self, how: str = "merge") -> bool:
        """Lee approves what was proposed last, and it lands."""
        return self.say(len(self.open) - 1, "lee") and self.land(len(self.open) - 1, how)

    def promoted(self, environment: str, release: str, how: str = "merge") -> bool:
        """A promotion from request to landing."""
        number = len(self.open)
        who = "robin" if "robin" in self.people else "ada"
        asked = self.ask(environment, release) and self.say(number, who) and self.say(number, "lee")
        return asked and self.land(number, how)


@cache
def _started() -> Team:
    team = Team()
    texts = {
        layout.CONFIG: project.CONFIG,
        "train.py": "print('never run')\n",
        layout.POLICY: project.POLICY,
        "data/applications.csv": project.TABLE,
        "data/applications.missing.md": "People without a bank account are missing, and may be harmed.\n",
        MANIFEST: project.manifest_yaml(),
    }
    files: dict[str, Entry | bytes | None] = {path: text.encode() for path, text in texts.items()}
    team.commit(files | {layout.PEOPLE: people_yaml(team.people, team.signers)}, "Start")
    return team
