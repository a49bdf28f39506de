"""Traces through the record, in words and for machines."""

from __future__ import annotations

from collections.abc import Iterator

from mlassay.audit.chronicle import ChangeEntry, PromotionEntry, WaiverEntry
from mlassay.audit.trace import DataTrace, DataVersion, ModelTrace, ReleaseTrace
from mlassay.audit.trace_commit import CommitTrace, Ruled
from mlassay.audit.trace_person import Act, PersonTrace, about_request
from mlassay.render.audit_parts import (
    PROVEN,
    decision_id,
    decision_text,
    pointed,
    problem_lines,
    span_text,
    when_text,
    word_lines,
)
from mlassay.render.text import count, numbers_text, plain


def model_lines(trace: ModelTrace) -> Iterator[str]:
    """Each release of the model: from its data and source to where it ran."""
    yield f"model {trace.digest or 'that no evidence can be believed about'}: {count(len(trace.releases), 'release')}"
    for one in trace.releases:
        yield ""
        yield from _release(one)
    yield ""
    yield PROVEN


def data_lines(trace: DataTrace) -> Iterator[str]:
    """Each version of the data, every release made with it, and where those ran."""
    yield f"{count(len(trace.versions), 'version')} of this data"
    for version in trace.versions:
        yield ""
        yield from _version(version, trace.root)
    yield ""
    yield PROVEN


def person_lines(trace: PersonTrace) -> Iterator[str]:
    """Who it is, and every act with how far it is proven."""
    if trace.machine:
        yield f"{plain(trace.id)}: a CI signer"
    elif trace.name:
        roles = ", ".join(map(plain, trace.roles)) or "none"
        yield f"{plain(trace.id)}: {plain(trace.name)}, team {plain(trace.team)}, roles {roles}, by the newest people.yaml that names them"
    else:
        yield f"{plain(trace.id)}: no people.yaml ever named them"
    for key in trace.keys:
        end = f"until {when_text(key.until)}" if key.until is not None else "up to the newest commit read"
        yield f"  key {key.fingerprint}: {plain(key.validity)}; so in people.yaml from {when_text(key.since)} {end}"
    for act in trace.acts:
        yield from _act(act)
    if not trace.acts:
        yield "  nothing on the main line is signed by them or names them"
    if trace.commits is None:
        yield "Commits that name them are not looked at; --commits lists them, and nobody proves them."
        return
    yield f"{count(len(trace.commits), 'commit')} with an address of theirs; anybody can write a name into a commit, so this is only claimed:"
    for commit in trace.commits:
        yield f"  {commit.time:%Y-%m-%d %H:%M} UTC  {commit.commit[:12]}  {plain(commit.subject, 80)}"


def commit_lines(trace: CommitTrace) -> Iterator[str]:
    """Where a commit stands, what it brought, and what came of it."""
    yield f"commit {trace.id}: {plain(trace.subject)}"
    yield f"  claimed, and proven by nobody: author {plain(trace.author)}, committer {plain(trace.committer)}"
    if trace.moment is not None:
        yield f"  on the main line: number {trace.moment.number}, {when_text(trace.moment)}"
    elif trace.landed is not None:
        yield f"  not on the first-parent line; came in with number {trace.landed.number}, {when_text(trace.landed)}"
    else:
        yield "  not part of this main line"
    yield from _brought(trace)
    for one in trace.sources:
        yield f"  a release was made from it: {_outcome(one)}"
        yield from _ran(one, "    ")
    if trace.contained is not None:
        more = f", and {count(trace.later, 'release')} later" if trace.later else ""
        yield f"  first release made from a later commit that holds it: {_outcome(trace.contained)}{more}"
        yield from _ran(trace.contained, "    ")
    yield PROVEN


def _release(one: ReleaseTrace) -> Iterator[str]:
    entry, release = one.entry, one.entry.release
    yield f"release {_outcome(one)}"
    yield f"  recorded: {when_text(entry.moment)}, signed by {', '.join(map(plain, entry.signers)) or 'nobody whose signature was held'}"
    yield from problem_lines(entry.problems, "  ")
    if release is not None:
        stands = f"number {entry.source.number} on the main line" if entry.source else "NOT ON THE MAIN LINE"
        yield f"  source: commit {release.source.commit[:12]}, {stands}"
    for use in entry.data:
        yield f"  data: {plain(use.name)}, {plain(use.path) or 'a manifest that cannot be read'} {use.digest}, files {plain(use.root) or 'unknown'}"
    for report in entry.verdict.gates if entry.verdict else ():
        yield f"  gate {plain(report.gate)}: {report.outcome}. {numbers_text(report)}"
    for waiver in one.waivers:
        yield f"  {_waiver(waiver)}"
    for promotion in one.promotions:
        yield from _promotion(promotion)
    for refused in one.refused:
        yield f"  refused for {plain(refused.environment)}: {plain(refused.id)}, {when_text(refused.moment)}"
        yield from word_lines(refused.words, "    ")
        yield from problem_lines(refused.problems, "    ")
    yield from _ran(one, "  ")


def _promotion(entry: PromotionEntry) -> Iterator[str]:
    yield f"  promoted to {plain(entry.environment)}: {plain(entry.id)}, {when_text(entry.moment)}; {decision_text(entry.decision)}"
    if entry.request is not None:
        by = "CI signer " if entry.by_machine else ""
        signed = f"key {entry.request_key}" if entry.request_key else "NO SIGNATURE HOLDS"
        why = plain(entry.request.reason) or "no reason given"
        yield f"    {by}{plain(entry.request.requester)} asked ({signed}): {why}"
    yield from word_lines(entry.words, "    ")
    yield from problem_lines(entry.problems, "    ")


def _ran(one: ReleaseTrace, indent: str) -> Iterator[str]:
    for span in one.ran:
        yield f"{indent}ran in {span_text(span)}"
    if not one.ran:
        yield f"{indent}never ran anywhere"


def _outcome(one: ReleaseTrace) -> str:
    verdict = one.entry.verdict
    return f"{one.entry.id} ({verdict.outcome if verdict else 'no verdict can be read'})"


def _waiver(entry: WaiverEntry) -> str:
    waiver = entry.waiver
    if waiver is None:
        return f"waiver {plain(entry.path)}: cannot be read"
    signed = f"key {entry.key}" if entry.key else "NO SIGNATURE HOLDS"
    return f"waived: {plain(waiver.gate)} by {plain(waiver.person)} ({signed}) until {waiver.until}: {plain(waiver.reason)}"


def _version(version: DataVersion, root: str) -> Iterator[str]:
    names = ", ".join(map(plain, version.names)) or "a manifest that cannot be read"
    yield f"{names}: {plain(version.path) or 'path unknown'} {version.digest}"
    yield f"  files: {plain(version.root) or 'unknown'}"
    for entry in version.entries:
        by = f"by change {plain(entry.change)}" if entry.change else "with the root of trust"
        if not entry.change and entry.moment.commit != root:
            by = "BY NO CHANGE REQUEST"
        yield f"  on the main line since {when_text(entry.moment)}, {by}"
    for one in version.releases:
        yield f"  release {_outcome(one)}, recorded {when_text(one.entry.moment)}"
        yield from problem_lines(one.entry.problems, "    ")
        yield from _ran(one, "    ")
    if not version.releases:
        yield "  no release was ever made with it"


def _act(act: Act) -> Iterator[str]:
    proof = {"signed": f"signed, {plain(act.key)}", "reviewed": plain(act.key)}.get(
        act.proof, "CLAIMED: no signature holds"
    )
    fault = f"; {plain(act.fault)}" if act.fault else ""
    yield f"  {when_text(act.moment)}: {act.what} {plain(act.about)} [{proof}{fault}]"
    if act.says:
        yield f"    {plain(act.says)}"


def _brought(trace: CommitTrace) -> Iterator[str]:
    for one in trace.releases:
        yield f"  it recorded release {_outcome(one)}"
        yield from problem_lines(one.entry.problems, "    ")
        yield from _ran(one, "    ")
    landed: list[PromotionEntry | ChangeEntry] = [*trace.promotions, *trace.changes]
    for request in landed:
        yield f"  it landed {plain(about_request(request))}; {decision_text(request.decision)}"
        yield from word_lines(request.words, "    ")
        yield from problem_lines(request.problems, "    ")
    for refused in trace.refused:
        yield f"  it recorded that {plain(about_request(refused))} was refused"
        yield from word_lines(refused.words, "    ")
    for waiver in trace.waivers:
        yield f"  it brought in what was {_waiver(waiver)}"
    for span in trace.pointers:
        yield f"  it set {plain(pointed(span)) or 'nothing'} live in {span_text(span)}"
    for entry, made in trace.manifests:
        ids = ", ".join(release.id for release in made) or "none"
        yield f"  it set {plain(entry.path)} to {entry.digest or 'nothing'}; releases made with that: {ids}"
    for ruled in trace.governance:
        yield from _ruled(ruled)


def _ruled(ruled: Ruled) -> Iterator[str]:
    end = f"until {when_text(ruled.until)}" if ruled.until is not None else "up to the newest commit read"
    yield f"  it changed who may decide what, {end}:"
    for difference in ruled.differences or ("words only: nothing that decides",):
        yield f"    {plain(difference)}"
    yield f"    {count(len(ruled.decisions), 'later record')} rested on it" + (":" if ruled.decisions else "")
    for entry in ruled.decisions:
        yield f"      {entry.moment.commit[:12]} {plain(decision_id(entry))}"
