"""The sign stage: recompute every digest from git objects, then sign what train and test left. Runs no code of the team's.

Leaves ``sign/`` in the run folder: exactly the files of ``evidence/<release>/``. Commit, ref and run come from this
process's own CI context; what training said of itself is kept, marked as self-reported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from mlassay import __version__
from mlassay.case.card import CardFacts
from mlassay.case.main_line import main_line
from mlassay.case.release import inputs_at, live_at
from mlassay.case.requests import nobody_has_a_key
from mlassay.case.signer import Trust, signer_of, signer_problems
from mlassay.ci import Context
from mlassay.config import Config, load_config, load_people, load_policy
from mlassay.digest import parse_canonical, sha256, sha256_file
from mlassay.errors import ConfigurationError, EvidenceError, Problem
from mlassay.evidence import layout, predicates
from mlassay.evidence.codec import report_json
from mlassay.evidence.keys import key_id
from mlassay.evidence.model_signature import model_statement
from mlassay.evidence.release import Artifact, Release, Source
from mlassay.evidence.statement import (
    EVIDENCE_PREDICATES,
    PROVENANCE,
    SUMMARY,
    TEST_RESULT,
    Statement,
    subjects,
)
from mlassay.evidence.times import time_string
from mlassay.evidence.verdict import Verdict
from mlassay.files import read_file, staged_folder
from mlassay.git import Repository
from mlassay.manifest import load_manifest
from mlassay.ports import KeylessSigner, Signer
from mlassay.stages._context import refuse_side_branches
from mlassay.stages._documents import documents
from mlassay.stages._platform import versions
from mlassay.stages._run_folder import RECORD_BYTES, read_test, read_training
from mlassay.stages._sealed import run_now, signed_files, signed_model
from mlassay.stages._source import Source as Checkout


@dataclass(frozen=True, slots=True)
class Signed:
    """A signed release, not recorded yet: its evidence lies in ``folder``, signed by the CI signer ``signer``."""

    release: Release
    verdict: Verdict
    folder: Path
    signer: str


@dataclass(frozen=True, slots=True)
class _Inputs:
    """What the source commit says, from git objects: digests by role, and those of the data files that git holds."""

    commit: str
    config: Config
    digests: Mapping[str, str]
    data: Mapping[str, str]


def sign(
    repository: Repository,
    run_folder: Path,
    signer: Signer | KeylessSigner,
    context: Context,
    now: datetime,
    *,
    report: Callable[[Verdict], str] | None = None,
    card: Callable[[CardFacts], str] | None = None,
) -> Signed:
    """Sign the run in ``run_folder`` with the CI signer's key; everything is refused before anything is written.

    ``report`` renders a verdict, so that ``report.md`` is held against what it must say; ``card`` renders the model card,
    and without it there is neither a card nor a bill of materials.
    ConfigurationError when the source, the key or the run folder is not as it must be; EvidenceError when a digest
    that a stage before wrote down is not what git objects or the model's bytes say.
    """
    refuse_side_branches(context)
    commit = _source_commit(repository, run_folder, context)
    signer_id = _allowed(repository, commit, signer, now)
    inputs = _inputs(repository, commit)
    training, outputs = read_training(run_folder)
    verdict = read_test(run_folder)
    model = run_folder / "train/outputs" / inputs.config.model.file
    digest, size = sha256_file(model)
    release = Release(
        name=inputs.config.name,
        source=_source(repository, commit),
        artifacts=(Artifact("model", inputs.config.model.file, size, digest),),
        inputs=dict(inputs.digests),
    )
    told = {output.path: output.digest for output in outputs}.get(inputs.config.model.file)
    EvidenceError.raise_if_any(
        [
            *_compare_training(training, release, told),
            *_compare_verdict(verdict, release, live_at(repository, commit)),
        ]
    )
    files = _tested_files(run_folder, verdict, report)
    files |= {layout.RELEASE: release.to_bytes(), layout.MODEL: model.read_bytes()}
    if card is not None:
        files |= documents(repository, release, verdict, run_folder, card)
    run = run_now(repository, context)
    provenance = predicates.provenance(release, run, inputs.data, training, versions(__version__))
    files |= _statements(signer, release, verdict, provenance)
    digests = {name: sha256(data) for name, data in files.items()}
    summary = predicates.summary(release, verdict, digests, now)
    files |= signed_files(signer, layout.SUMMARY, _about(release, SUMMARY, summary))
    return Signed(release, verdict, _leave(run_folder / "sign", files), signer_id)


def _source_commit(repository: Repository, run_folder: Path, context: Context) -> str:
    """The commit that this release is of: committed whole, checked out, and on the main line."""
    ignored = [".mlassay"]
    if repository.worktree is not None and run_folder.resolve().is_relative_to(repository.worktree.resolve()):
        ignored.append(run_folder.resolve().relative_to(repository.worktree.resolve()).as_posix())
    matters = [layout.CONFIG, "data", *(prefix.rstrip("/") for prefix in layout.GUARDED)]
    checkout = Checkout.of(repository, matters=matters, ignored=ignored)
    if checkout.dirty:
        raise ConfigurationError(
            *(
                Problem(
                    "this is not committed", "a release is made of a commit, and of nothing else", path=path
                )
                for path in checkout.dirty[:20]
            ),
            Problem(
                "there are uncommitted changes", remedy="commit or remove them, then train and test again"
            ),
        )
    commit = context.commit or checkout.commit
    if not commit:
        raise ConfigurationError(
            Problem("there is no commit yet", remedy="commit the repository, and train again")
        )
    if commit != checkout.commit:
        raise ConfigurationError(
            Problem(
                f"the CI says that it runs for commit {commit[:12]}, but {checkout.commit[:12]} is checked out",
                why="what would be signed is not what the CI was asked to build",
                remedy="check out the commit of the event that started this run, with its whole history",
            )
        )
    if planted := [
        path for path in repository.tree(commit) if path.partition("/")[0].casefold() == ".mlassay"
    ]:
        raise ConfigurationError(
            Problem(
                "git tracks this path, and .mlassay is where runs leave what they made",
                why="a file of the repository could pass for what a test left there",
                remedy="git rm -r --cached .mlassay, and put .mlassay/ into .gitignore",
                path=planted[0],
            )
        )
    _on_main_line(repository, commit)
    return commit


def _on_main_line(repository: Repository, commit: str) -> None:
    if repository.on_first_parent_line(commit, main_line(repository, fetch=False).tip):
        return
    line = main_line(repository, fetch=True)
    if not repository.on_first_parent_line(commit, line.tip):
        where = f"'main' of {line.remote}" if line.remote else "the branch 'main'"
        raise ConfigurationError(
            Problem(
                f"commit {commit[:12]} is not on the first-parent line of {where}",
                why="a release is made of what was reviewed and merged, not of a side branch",
                remedy="merge it first, then run the pipeline on the main line"
                + (f": git push {line.remote} HEAD:main" if line.remote else ""),
            )
        )


def _allowed(repository: Repository, commit: str, signer: Signer | KeylessSigner, now: datetime) -> str:
    """The id of the CI signer whose key this is; ConfigurationError when it may not sign evidence here and now."""
    people = load_people(layout.PEOPLE, repository.read(commit, layout.PEOPLE) or b"")
    policy = load_policy(layout.POLICY, repository.read(commit, layout.POLICY) or b"")
    found = signer_of(people, key_id(signer.public))
    if found is None:
        raise ConfigurationError(_no_trust() if nobody_has_a_key(repository, commit) else _unknown(signer))
    trust = Trust(people, now, policy.demo)
    ConfigurationError.raise_if_any(signer_problems(found, EVIDENCE_PREDICATES, trust, layout.PEOPLE))
    return found.id


def _no_trust() -> Problem:
    return Problem(
        f"nobody has a key in {layout.PEOPLE}: this copy of the template may train and test, and not sign",
        why="what is signed is believed by that file, and the commit that brings the first key in is the root of trust",
        remedy="mlassay keys new for your people, mlassay keys new --ci --id ci for the CI, then commit and push governance/",
        path=layout.PEOPLE,
    )


def _unknown(signer: Signer | KeylessSigner) -> Problem:
    if isinstance(signer, KeylessSigner):
        return Problem(
            f"no signer in {layout.PEOPLE} is pinned to what this run's certificate names",
            why="evidence that it signs would count nowhere; it names: " + " ".join(signer.public.split()),
            remedy="if it is right, add it first: mlassay keys add --ci --keyless, then mlassay propose",
            path=layout.PEOPLE,
        )
    return Problem(
        "the public half of this key belongs to no signer in governance/people.yaml",
        why="evidence that it signs would count nowhere",
        remedy="sign with the CI's own key; or make one for it: mlassay keys new --ci --id ID, then mlassay propose",
        path=layout.PEOPLE,
    )


def _inputs(repository: Repository, commit: str) -> _Inputs:
    config = load_config(layout.CONFIG, repository.read(commit, layout.CONFIG) or b"")
    if config.store != "git":
        raise ConfigurationError(
            Problem(
                f"models can be kept in git only, not in {config.store!r}, in this version",
                remedy="write 'store: git'",
                path=layout.CONFIG,
                line=config.lines.get("store"),
            )
        )
    _manifests_are_guarded(config)
    digests = inputs_at(repository, commit)
    data: dict[str, str] = {}
    problems: list[Problem] = []
    for name, path in config.data.items():
        for file in load_manifest(path, repository.read(commit, path) or b"").files:
            data[f"data/{name}/{file.path}"] = file.digest
            tracked = repository.read(commit, file.path, most=2 << 30)
            if tracked is not None and sha256(tracked) != file.digest:
                problems.append(
                    Problem(f"these are not the bytes that {path} names", _WHY, _AGAIN, file.path)
                )
    EvidenceError.raise_if_any(problems)
    return _Inputs(commit, config, digests, data)


def _manifests_are_guarded(config: Config) -> None:
    ConfigurationError.raise_if_any(
        Problem(
            f"the manifest {path!r} is not where manifests are guarded",
            why="a manifest changes by a request that the data's owner approves; elsewhere any push could change it",
            remedy="move it to data/<name>.manifest.yaml",
            path=layout.CONFIG,
            line=config.lines.get(f"data.{name}"),
        )
        for name, path in config.data.items()
        if not layout.is_guarded(path)
    )


def _source(repository: Repository, commit: str) -> Source:
    read = repository.commit(commit)
    return Source(commit, read.tree, time_string(read.time))


def _compare_training(training: Mapping[str, Any], release: Release, told: str | None) -> list[Problem]:
    """What training wrote down, held against git objects and the model's bytes."""
    path, source = "train/provenance.json", training.get("source", {})
    problems = []
    if source.get("commit") != release.source.commit:
        trained = str(source.get("commit") or "no commit")[:12]
        problems.append(
            Problem(
                f"it was trained from {trained}, not from {release.source.commit[:12]}", _WHY, _AGAIN, path
            )
        )
    if dirty := source.get("dirty"):
        problems.append(
            Problem(f"it was trained with uncommitted changes: {', '.join(dirty[:10])}", _WHY, _AGAIN, path)
        )
    problems += _compare(training.get("inputs", {}), release.inputs, path)
    if told != release.model.digest:
        problems.append(Problem("it names another model than the one that lies there", _WHY, _AGAIN, path))
    return problems


def _compare_verdict(verdict: Verdict, release: Release, live: str) -> list[Problem]:
    expected = {"model": release.model.digest, **release.inputs} | ({"live": live} if live else {})
    problems = _compare(verdict.inputs, expected, "test/verdict.json")
    if verdict.model_name != release.name:
        problems.append(Problem("it is about a model of another name", _WHY, _AGAIN, "test/verdict.json"))
    return problems


def _compare(told: Mapping[str, str], expected: Mapping[str, str], path: str) -> list[Problem]:
    return [
        Problem(
            f"the digest of '{role}' is not what git objects and the model's bytes say", _WHY, _AGAIN, path
        )
        for role in sorted(told.keys() | expected.keys())
        if told.get(role) != expected.get(role)
    ]


_WHY = "what was tested must be what is signed"
_AGAIN = "train and test again from this commit: mlassay run"


def _tested_files(
    run_folder: Path, verdict: Verdict, rendered: Callable[[Verdict], str] | None
) -> dict[str, bytes]:
    """What the test stage left, each file held against the verdict or its own one spelling."""
    files = {
        name: read_file(run_folder / "test", name, RECORD_BYTES) for name in (layout.VERDICT, layout.REPORT)
    }
    if rendered is not None and files[layout.REPORT] != rendered(verdict).encode():
        raise EvidenceError(
            Problem("it is not what test/verdict.json says", _WHY, _AGAIN, f"test/{layout.REPORT}")
        )
    if (run_folder / "test" / layout.CROSS_CHECKS).exists():
        checks = read_file(run_folder / "test", layout.CROSS_CHECKS, RECORD_BYTES)
        parse_canonical(checks, f"test/{layout.CROSS_CHECKS}")
        files[layout.CROSS_CHECKS] = checks
    for report in verdict.gates:
        name = layout.gate_report(report.gate)
        files[name] = read_file(run_folder / "test", name, RECORD_BYTES)
        if files[name] != report_json(report):
            raise EvidenceError(
                Problem("it is not what test/verdict.json says of this gate", _WHY, _AGAIN, f"test/{name}")
            )
    return files


def _leave(folder: Path, files: Mapping[str, bytes]) -> Path:
    with staged_folder(folder) as staged:
        for name, data in files.items():
            path = staged / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(data)
    return folder


def _statements(
    signer: Signer | KeylessSigner, release: Release, verdict: Verdict, provenance: Mapping[str, Any]
) -> dict[str, bytes]:
    """Every signed file but the summary, which lists them."""
    model = model_statement(layout.MODEL, release.model.digest, release.digest)
    files = signed_files(signer, layout.PROVENANCE, _about(release, PROVENANCE, provenance))
    files |= signed_model(signer, model)
    for report in verdict.gates:
        result = _about(release, TEST_RESULT, predicates.test_result(report, release))
        files |= signed_files(signer, layout.gate_statement(report.gate), result)
    return files


def _about(release: Release, kind: str, predicate: Mapping[str, Any]) -> Statement:
    return Statement(kind, subjects(release.digest, release.model.digest), predicate)
