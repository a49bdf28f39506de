"""The champion gate: is it so different from the live release that people must look?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mlassay.evidence.verdict import Finding, GateReport, Outcome
from mlassay.gates.champion_live import Live, ask_live
from mlassay.gates.common import CRITERIA_FILE, Criteria, not_applicable, report, shown
from mlassay.gates.evaluated import Evaluated
from mlassay.gates.shares import Share, groups_of, interval, nearest_threshold, plain, sensitive_of
from mlassay.statistics import auc_drop, macro_auc_drop, mcnemar, paired_difference, rate_limits
from mlassay.tasks import BINARY, MULTICLASS, RANKING

if TYPE_CHECKING:
    from mlassay.ports import Subject

OVERALL, BY_GROUP = "disagreement", "disagreement_by_group"
SHOWN = 6
"""Rows whose decision changes that the report names, those worse off first."""
_NOT_LOOKED_AT = (
    "which of the two is right where they differ, apart from the labels that these rows have",
    "rows unlike the evaluation rows",
    "groups of several sensitive columns at once",
)
_UNTOLD = "the live release's own threshold: its report does not tell it, so both decide at this release's"


class ChampionGate:
    """How many of the evaluation rows does this release decide otherwise than the one that runs now, and who are they?

    Each decides at its own threshold, where the live release's report of this gate tells it. While nothing is live
    there is nothing to differ from.
    """

    id = "champion"

    def test(self, subject: Subject) -> GateReport:
        """Hold the share of rows that change, of all and of each group of the sensitive columns."""
        criteria = Criteria.of(subject, self.id)
        if not subject.decides:
            why = "the model predicts a number, and model.threshold does not say which are favourable"
            return not_applicable(criteria, why)
        rows = Evaluated.of(subject, sensitive_of(subject))
        live = None if subject.live is None else ask_live(subject, subject.live)
        inputs = tuple(each.name for each in subject.model.inputs)
        return assess(rows, criteria, live, inputs)


def assess(
    rows: Evaluated, criteria: Criteria, live: Live | str | None, inputs: tuple[str, ...] = ()
) -> GateReport:
    """The whole gate over plain arrays; ``live`` is the live model's decisions, why there are none, or None."""
    decided_at = {} if not np.isfinite(rows.threshold) else {"decided_at": plain(rows.threshold)}
    if live is None or isinstance(live, str):
        findings = [
            _not_compared(criteria, key, live) for key in (OVERALL, BY_GROUP) if key in criteria.values
        ]
        return report(
            criteria,
            measured=decided_at,
            findings=findings,
            not_looked_at=("everything: " + (live or "nothing is live yet"),),
        )
    both = Both(rows, live)
    aside = list(_NOT_LOOKED_AT)
    if decided_at and live.threshold is None:
        aside.append(_UNTOLD)
    if inputs and set(inputs) != set(live.inputs):
        other = sorted(set(inputs) ^ set(live.inputs))
        aside.append(f"inputs that only one of the two takes, by themselves: {', '.join(other)}")
    measured = {**decided_at, **both.measured()}
    return report(criteria, measured=measured, findings=list(_findings(both, criteria)), not_looked_at=aside)


@dataclass(frozen=True)
class Both:
    """Two releases' decisions on the same rows."""

    rows: Evaluated
    live: Live

    @cached_property
    def changed(self) -> NDArray[np.bool_]:
        """Which rows are decided otherwise, (n,)."""
        return np.asarray(self.rows.predicted != self.live.predicted)

    @cached_property
    def now(self) -> NDArray[np.bool_]:
        """Which rows get the favourable answer now, (n,)."""
        return np.asarray(self.rows.favoured, dtype=bool)

    @cached_property
    def groups(self) -> dict[str, NDArray[np.bool_]]:
        """Rows of each group of each sensitive column."""
        return groups_of(self.rows.columns, self.rows.declared)

    def measured(self) -> dict[str, Any]:
        """Counts in each direction, paired tests, groups, and the rows that people should look at."""
        return {
            **self.counts(np.ones(len(self.now), dtype=bool)),
            "favourable": self._favourable(),
            **self._right(),
            "groups": {name: self.counts(members) for name, members in self.groups.items()},
            "changed_rows": self.examples(),
        }

    def counts(self, members: NDArray[np.bool_]) -> dict[str, Any]:
        """How many of ``members`` change, in which direction, with the interval of their share."""
        count, of = int((self.changed & members).sum()), int(members.sum())
        lower, upper = (float(each) for each in rate_limits(count, of))
        return {
            "rows": of,
            "changed": count,
            "worse_off": int((self.live.favoured & ~self.now & members).sum()),
            "better_off": int((self.now & ~self.live.favoured & members).sum()),
            "disagreement": {
                "value": shown(count / of if of else float("nan")),
                "lower": shown(lower),
                "upper": shown(upper),
            },
        }

    def _favourable(self) -> dict[str, Any]:
        """Whether one gives the favourable answer more often: a paired difference, and McNemar's test."""
        cells = _crossed(self.now, self.live.favoured)
        difference = interval(paired_difference(*cells))
        return {**_named(cells), "difference": difference, "p": shown(mcnemar(cells[1], cells[2]))}

    def _right(self) -> dict[str, Any]:
        """Whether one is right more often, and whether one orders rows better; by task."""
        rows = self.rows
        found: dict[str, Any] = {}
        if rows.task in (BINARY, MULTICLASS):
            cells = _crossed(rows.predicted == rows.truth, self.live.predicted == rows.truth)
            found["right"] = {**_named(cells), "p": shown(mcnemar(cells[1], cells[2]))}
        if rows.task == MULTICLASS and rows.answers is not None:
            found["roc_auc_drop"] = interval(macro_auc_drop(rows.truth, self.live.answers, rows.answers))
        elif rows.task in (BINARY, RANKING):
            truth = rows.truth > 0 if rows.task == RANKING else rows.truth
            found["roc_auc_drop"] = interval(auc_drop(truth, self.live.scores, rows.scores))
        return found

    def examples(self) -> list[dict[str, Any]]:
        """Up to `SHOWN` rows by number (from 1), those worse off first and those whose score moved most before others."""
        worse = self.live.favoured & ~self.now
        moved = np.abs(self.rows.scores - self.live.scores)
        changed = np.flatnonzero(self.changed)
        order = np.lexsort((changed, -moved[changed].round(6), ~worse[changed]))
        return [self._example(int(row)) for row in changed[order][:SHOWN]]

    def _example(self, row: int) -> dict[str, Any]:
        before, after = bool(self.live.favoured[row]), bool(self.now[row])
        groups = [name for name, members in self.groups.items() if members[row]]
        return {
            "row": row + 1,
            "live": self._word(self.live.predicted[row], before),
            "now": self._word(self.rows.predicted[row], after),
            "live_score": shown(float(self.live.scores[row])),
            "score": shown(float(self.rows.scores[row])),
            "for_the_row": "worse" if before and not after else "better" if after and not before else "other",
            "smallest_group": min((int(self.groups[name].sum()) for name in groups), default=len(self.now)),
        }

    def _word(self, decided: Any, favoured: bool) -> str:
        if self.rows.task in (BINARY, MULTICLASS):
            return self.rows.labels[int(decided)]
        return self.rows.good if favoured else self.rows.bad

    def direction(self, members: NDArray[np.bool_]) -> str:
        """``12 worse off, 3 better off``."""
        counts = self.counts(members)
        return f"{counts['worse_off']} worse off and {counts['better_off']} better off"


def _findings(both: Both, criteria: Criteria) -> Iterator[Finding]:
    everybody = np.ones(len(both.now), dtype=bool)
    if (limit := _limit(criteria, OVERALL)) is not None:
        share = Share(int(both.changed.sum()), len(everybody), limit)
        yield _finding(both, criteria, OVERALL, "", everybody, share)
    if (limit := _limit(criteria, BY_GROUP)) is None:
        return
    if not both.groups:
        what = "disagreement by group is held, and no sensitive column is declared"
        fix = "name sensitive columns in gates.bias.sensitive, or in policy"
        line = criteria.line(BY_GROUP)
        why = "a criterion that was declared decides"
        yield Finding(f"champion.{BY_GROUP}", Outcome.INCONCLUSIVE, what, why, fix, CRITERIA_FILE, line)
    for name, members in both.groups.items():
        share = Share(int((both.changed & members).sum()), int(members.sum()), limit, len(both.groups))
        yield _finding(both, criteria, BY_GROUP, name, members, share)


def _finding(
    both: Both, criteria: Criteria, key: str, group: str, members: NDArray[np.bool_], share: Share
) -> Finding:
    among = f" where {group}" if group else ""
    what = (
        f"the share of rows decided otherwise than by the live release is {share.told()} rows{among}, "
        f"where at most {plain(share.limit)} is asked: {both.direction(members)}."
    )
    remedy = ""
    if share.outcome is Outcome.FAILED:
        setting = ""
        if not group:
            held = both.live.predicted == 1
            setting = nearest_threshold(both.rows, share.limit, lambda at: (both.rows.scores >= at) != held)
        remedy = (
            f"{share.settled_by()}{setting}Look at the rows that change; if they should, people say so and promote "
            "by a waiver. Changing the criterion is a weakening to be accepted by name."
        )
    elif share.outcome is Outcome.INCONCLUSIVE:
        remedy = share.settled_by() or "No number of rows that can be foretold would settle it."
    numbers = share.numbers()
    counts = both.counts(members)
    numbers |= {name: counts[name] for name in ("worse_off", "better_off")}
    id_ = f"champion.{key}" + (f".{group}" if group else "")
    line = criteria.line(key, "max")
    return Finding(id_, share.outcome, what, share.why(), remedy.strip(), CRITERIA_FILE, line, numbers)


def _not_compared(criteria: Criteria, key: str, live: str | None) -> Finding:
    line = criteria.line(key, "max")
    why = "disagreement is measured against the live release, on the same rows"
    if live is None:
        what = f"{key} does not apply: nothing is live yet."
        return Finding(f"champion.{key}", Outcome.PASSED, what, why, "", CRITERIA_FILE, line)
    what = f"{key} could not be measured: {live}."
    fix = "See that the live model's columns are still in the evaluation data; else people decide what changes for whom"
    return Finding(f"champion.{key}", Outcome.INCONCLUSIVE, what, why, fix, CRITERIA_FILE, line)


def _limit(criteria: Criteria, key: str) -> float | None:
    found = (criteria.values.get(key) or {}).get("max")
    return None if found is None else float(found)


def _crossed(now: NDArray[np.bool_], live: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """``(both, only now, only live, neither)``."""
    cells = ((now & live), (now & ~live), (~now & live), (~now & ~live))
    both, only_now, only_live, neither = (int(each.sum()) for each in cells)
    return both, only_now, only_live, neither


def _named(cells: tuple[int, int, int, int]) -> dict[str, int]:
    return dict(zip(("both", "only_now", "only_live", "neither"), cells, strict=True))
