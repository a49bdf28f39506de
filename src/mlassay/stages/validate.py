"""The ``validate`` stage: every file read strictly, from a work tree or a commit alike, and every problem at once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from mlassay.config import Config, load_config, load_people, load_policy
from mlassay.config.demo import is_demo_key
from mlassay.config.types import People, Policy
from mlassay.errors import ConfigurationError, Problem
from mlassay.files import path_fault, read_yaml
from mlassay.manifest import Manifest, load_manifest
from mlassay.plan import Plan, make_plan
from mlassay.policy.requester import both_kinds

CONFIG, POLICY, PEOPLE = "ml.yaml", "governance/policy.yaml", "governance/people.yaml"

RUN_FOLDER = ".mlassay"

Read = Callable[[str], bytes | None]
Tracked = tuple[str, str]
"""Path, and mode as git writes it: "100644", "120000" for a link, "160000" for a submodule."""

_Loaded = TypeVar("_Loaded")


def validate(
    read: Read, tracked: Callable[[], Iterable[str | Tracked]], *, known_gates: Collection[str] | None = None
) -> Plan:
    """The plan of a repository; ConfigurationError with every problem of every file.

    ``read`` gives the bytes of a path, None when it is not there. ``tracked`` gives what git tracks: paths, or paths
    with modes; with modes, symbolic links and submodules are refused too.
    """
    reading = _Reading(read)
    config = reading.load(CONFIG, load_config)
    policy = reading.load(POLICY, load_policy)
    people = reading.load(PEOPLE, load_people)
    manifests = reading.manifests(config)
    entries = [(entry, "100644") if isinstance(entry, str) else entry for entry in tracked()]
    paths = {path for path, _ in entries}
    reading.problems += [
        *tree_problems(entries),
        *(problem for manifest in manifests.values() for problem in _tracked_people(manifest, paths)),
    ]
    if config is not None:
        reading.problems += reading.uses(config, paths)
    if policy is not None and people is not None:
        reading.problems += _demo_keys(policy, people)
        reading.problems += _both_kinds(people)
    if (
        config is not None
        and policy is not None
        and people is not None
        and len(manifests) == len(config.data)
    ):
        plan = reading.attempt(lambda: make_plan(config, manifests, policy, people, known_gates=known_gates))
        if plan is not None and not reading.problems:
            return plan
    raise ConfigurationError(*dict.fromkeys(reading.problems))


@dataclass
class _Reading:
    read: Read
    problems: list[Problem] = field(default_factory=list)

    def attempt(self, load: Callable[[], _Loaded]) -> _Loaded | None:
        try:
            return load()
        except ConfigurationError as error:
            self.problems += error.problems
            return None

    def load(
        self, path: str, load: Callable[[str, bytes], _Loaded], *, named: Problem | None = None
    ) -> _Loaded | None:
        before = len(self.problems)
        data = self.attempt(lambda: self.read(path))
        if data is None:
            if len(self.problems) == before:
                self.problems.append(named or _absent(path))
            return None
        return self.attempt(lambda: load(path, data))

    def manifests(self, config: Config | None) -> dict[str, Manifest]:
        """The manifests by name, each with its text about who is missing held to be one."""
        found = {}
        for name, path in (config.data if config else self._named()).items():
            line = config.lines.get(f"data.{name}") if config else None
            named = Problem(
                f"the manifest {path!r} is not there",
                why="data without a manifest has no owner, no purpose and no digest",
                remedy=f"mlassay data manifest FILE… --name {name}",
                path=CONFIG,
                line=line,
            )
            manifest = self.load(path, load_manifest, named=named)
            if manifest is not None:
                found[name] = manifest
                self.problems += self._missing_text(manifest)
        return found

    def _named(self) -> dict[str, str]:
        """The manifests that a faulty ml.yaml names, so that what is wrong with them is said in the same go."""
        try:
            document = read_yaml(CONFIG, self.read(CONFIG) or b"")
        except ConfigurationError:
            return {}
        data = document.get("data")
        named = data if isinstance(data, dict) else {}
        return {
            name: path
            for name, path in named.items()
            if isinstance(name, str) and isinstance(path, str) and not path_fault(path)
        }

    def _missing_text(self, manifest: Manifest) -> Iterator[Problem]:
        if fault := path_fault(manifest.missing):
            yield Problem(f"missing: {fault}", path=manifest.path, line=manifest.lines.get("missing"))
            return
        data = self.attempt(lambda: self.read(manifest.missing))
        why = "whom the data leaves out no test can see; only a person can say it"
        remedy = "answer the questions in your own words"
        if data is None:
            yield Problem(
                f"{manifest.missing!r} is not there",
                why,
                remedy,
                manifest.path,
                manifest.lines.get("missing"),
            )
            return
        text = data.decode("utf-8", "replace")
        lines = text.splitlines()
        for number, line in enumerate(lines, start=1):
            if line.lstrip(" -*>").startswith("TODO"):
                yield Problem("a question is not answered yet", why, remedy, manifest.missing, number)
        if not any(line.strip() and not line.startswith("#") for line in lines):
            yield Problem("the file says nothing", why, remedy, manifest.missing, 1)

    def uses(self, config: Config, paths: Collection[str]) -> Iterator[Problem]:
        """Files that commands use and that are neither tracked nor there."""
        named = [(f"train.uses.{number}", path) for number, path in enumerate(config.train.uses)]
        for gate, criteria in config.gates.items():
            uses = criteria.get("uses", ()) if "run" in criteria else ()
            named += [(f"gates.{gate}.uses.{number}", path) for number, path in enumerate(uses)]
        for step, each in enumerate(config.prepare):
            named += [(f"prepare.{step}.uses.{number}", path) for number, path in enumerate(each.uses)]
        folders = {path[:at] for path in paths for at, character in enumerate(path) if character == "/"}
        for place, path in named:
            bare = path.rstrip("/")
            if bare not in paths and bare not in folders and self._read(bare) is None:
                yield Problem(
                    f"{place}: there is no {path!r}",
                    why="a command sees only files that are named here, and a release only those that git tracks",
                    remedy=f"write it and 'git add {path}', or correct the name",
                    path=CONFIG,
                    line=config.lines.get(place),
                )

    def _read(self, path: str) -> bytes | None:
        try:
            return self.read(path)
        except ConfigurationError:
            return b""  # it is there, and whoever opens it will say what is wrong with it


def tree_problems(entries: Iterable[Tracked]) -> Iterator[Problem]:
    """Links, submodules, paths that no machine should follow, and paths that are one file where case is ignored."""
    seen: dict[str, str] = {}
    for path, mode in entries:
        if mode == "120000":
            yield _tree(
                path,
                "git tracks a symbolic link here",
                "it can point to any file of the machine that reads it",
            )
        elif mode == "160000":
            yield _tree(
                path,
                "git tracks a submodule here",
                "its files are not in this history, and can change or vanish",
            )
        if path.partition("/")[0].casefold() == RUN_FOLDER:
            yield Problem(
                f"git tracks this path, and {RUN_FOLDER} is where runs leave what they made",
                why="a file of the repository could pass for what a test or a signature left there",
                remedy=f"git rm -r --cached {RUN_FOLDER}, and put {RUN_FOLDER}/ into .gitignore",
                path=path,
            )
        if fault := path_fault(path):
            yield _tree(
                path[:200], f"git tracks this path, but {fault}", "it means another file on another machine"
            )
        if (other := seen.setdefault(path.casefold(), path)) != path:
            yield _tree(
                path, f"{other!r} differs from it in case only", "on some machines the two are one file"
            )


def _tree(path: str, what: str, why: str) -> Problem:
    return Problem(
        what, why=why, remedy="replace it by a plain file of another name, and commit that", path=path
    )


def _absent(path: str) -> Problem:
    return Problem(
        "the file is not there", remedy="'mlassay init --into .' writes what is missing", path=path
    )


def _tracked_people(manifest: Manifest, paths: Collection[str]) -> Iterator[Problem]:
    if manifest.public or not (manifest.personal_data or manifest.special_categories):
        return
    kind = "special-category columns" if manifest.special_categories else "personal data"
    for number, file in enumerate(manifest.files):
        if file.path in paths:
            yield Problem(
                f"git tracks {file.path!r}, which has {kind} and is not public",
                why="what was once in git cannot be taken back, nor deleted when its time is over",
                remedy="'git rm --cached' it and keep it elsewhere (files.url); "
                "or, if everybody may have it, write 'public: true' and 'public_why'",
                path=manifest.path,
                line=manifest.lines.get(f"files.{number}.path"),
            )


def _both_kinds(people: People) -> Iterator[Problem]:
    for signer in people.signers.values():
        if both_kinds(signer):
            yield Problem(
                f"the signer '{signer.id}' may sign evidence, and requests or records of reviews as well",
                why="the signer of review records is another than the signer of evidence: one key would vouch for itself",
                remedy="give each a key of its own: 'mlassay keys new --ci --desk --id ID'",
                path=people.path,
                line=people.lines.get(f"signers.{signer.id}.signs"),
            )


def _demo_keys(policy: Policy, people: People) -> Iterator[Problem]:
    if policy.demo:
        return
    keys = [
        (f"people.{one.id}.keys.{number}.key", one.id, key)
        for one in people.people.values()
        for number, key in enumerate(one.keys)
    ]
    keys += [(f"signers.{signer.id}.key", signer.id, signer.key) for signer in people.signers.values()]
    for place, holder, key in keys:
        if key.demo or is_demo_key(key.public):
            yield Problem(
                f"the key of {holder} was made by the demo",
                why="everybody has its private half",
                remedy=f"make one of your own: 'mlassay keys new --id {holder}'",
                path=people.path,
                line=people.lines.get(place),
            )
