"""The decision about one commit that a forge asks about: of a request, or that there is nothing to decide."""

from __future__ import annotations

from dataclasses import dataclass

from mlassay.errors import EvidenceError, RemoteError
from mlassay.evidence import layout
from mlassay.policy import Decision, Demand, decide
from mlassay.ports import Page, PullRequest
from mlassay.stages.requests import Desk, Found, find_head

CHECK = "mlassay/decide"
NAMED = 5


@dataclass(frozen=True, slots=True)
class HeadDecision:
    """``request`` is the id of the request whose branch stands at the commit ("": none does).

    ``decision`` is None where there is nothing to decide; ``pull`` is the pull request, None when no open one has it.
    """

    head: str
    request: str
    decision: Decision | None
    pull: PullRequest | None

    @property
    def allowed(self) -> bool:
        """Whether nothing stands in the way of merging this commit."""
        return self.decision is None or self.decision.allowed


def decide_head(desk: Desk, page: Page | None, head: str) -> HeadDecision:
    """Decide about the open request at ``head``; any other pull request may not touch what only requests change.

    RemoteError when the commit of a pull request cannot be had: what nobody has seen is not let through.
    """
    found = find_head(desk, head)
    if found is not None:
        return HeadDecision(head, found.name.id, _decided(desk, found), found.pull)
    pull = page.find(head) if page is not None else None
    if pull is None:
        return HeadDecision(head, "", None, None)
    touched = _guarded(desk, pull)
    if not touched:
        return HeadDecision(head, "", None, pull)
    shown = ", ".join(touched[:NAMED]) + (" and more" if len(touched) > NAMED else "")
    what = f"it touches {shown}, which change only by a request that mlassay opened and people answered"
    remedy = "take these paths off the branch; mlassay promote, propose, record and waive change them"
    return HeadDecision(
        head, "", Decision((Demand("guarded-paths", met=False, what=what, remedy=remedy),)), pull
    )


def _decided(desk: Desk, found: Found) -> Decision:
    line = desk.line()
    try:
        case = desk.case(line, found)
    except EvidenceError as error:
        faults = (Demand("records", met=False, what=str(p), remedy=p.remedy) for p in error.problems)
        return Decision(tuple(faults))
    decision = decide(case)
    # What the branch's own difference does not show, and a merge by the forge's button would change all the same.
    landing = desk.repository.merged_changes(line.tip, found.pull.head) or []
    if beyond := sorted({change.path for change in landing} - {touched.path for touched in case.touched}):
        what = f"a merge of its branch would also change {', '.join(beyond[:NAMED])}"
        remedy = "take main's own history off the branch: open a new request"
        return Decision(
            (*decision.demands, Demand("only-its-own-paths", met=False, what=what, remedy=remedy))
        )
    return decision


def _guarded(desk: Desk, pull: PullRequest) -> list[str]:
    """The guarded paths, and those that some machines hold for one, that a pull request could bring to the main line.

    By its whole difference, by each commit (a rebase lands them one by one) and by what git's own merge would make of
    it: a rename on the main line, or several merge bases, let a merge change what the difference does not show.
    """
    line, repository = desk.line(), desk.repository
    try:
        repository.commit(pull.head)
    except (EvidenceError, RemoteError):
        if line.remote is None or not pull.number:
            raise
        repository.fetch_ref(line.remote, f"refs/pull/{pull.number}/head")
    changes = repository.changes(repository.merge_base(line.tip, pull.head), pull.head)
    changes += repository.merged_changes(line.tip, pull.head) or []
    for commit in repository.commits_between(line.tip, pull.head):
        if len(commit.parents) == 1:
            changes += repository.changes(commit.parents[0], commit.id)
    return sorted({c.path for c in changes if layout.is_guarded(c.path) or layout.is_lookalike(c.path)})
