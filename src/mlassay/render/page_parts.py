"""The parts that both pages share: what changed, what is weaker, the main line, how to try it here."""

from __future__ import annotations

from collections.abc import Sequence

from mlassay.evidence import Outcome, Verdict
from mlassay.evidence.records import Waiver, Weakening
from mlassay.render.page_blocks import Block, Bullets, Folded, Grid, Mono, Para, Section, Strong, Text
from mlassay.render.text import SIGNS, count
from mlassay.stages.page_changes import Changed, DataChange, Setting
from mlassay.stages.page_facts import Newest

FEW = 8
SHOWN = 3  # settings told in a sentence


def gates_sentence(verdict: Verdict) -> Strong:
    """What the gates say, in one sentence; the worst first."""
    total = len(verdict.gates)
    failed, open_ = (
        [report.gate for report in verdict.gates if report.outcome is outcome]
        for outcome in (Outcome.FAILED, Outcome.INCONCLUSIVE)
    )
    if not total:
        return Strong("No gate ran, so nothing is known.")
    if not failed and not open_:
        return Strong(f"{'The gate' if total == 1 else f'All {total} gates'} passed.")
    parts = [
        f"{len(failed)} of {count(total, 'gate')} failed: {', '.join(failed)}.",
        f"{len(open_)} of {count(total, 'gate')} could not settle {'its' if len(open_) == 1 else 'their'} question: {', '.join(open_)}.",
    ]
    return Strong(" ".join(part for part, gates in zip(parts, (failed, open_), strict=True) if gates))


def worst_finding(verdict: Verdict) -> str:
    """The sentence of the finding that weighs most; people by group come before numbers about all."""
    order = [Outcome.FAILED, Outcome.INCONCLUSIVE]
    bad = [(gate, finding) for gate in verdict.gates for finding in gate.findings if finding.outcome in order]
    ranked = sorted(bad, key=lambda pair: (order.index(pair[1].outcome), pair[0].gate != "bias"))
    return ranked[0][1].what if ranked else ""


def weaker_section(
    weakenings: Sequence[Weakening], waivers: Sequence[Waiver] = (), note: str = ""
) -> Section | None:
    """Every criterion that became weaker, and every waiver, in bold; None where there is neither."""
    if not weakenings and not waivers:
        return None
    items: list[Text] = [
        [
            Strong(f"{each.what[:1].upper()}{each.what[1:]}"),
            ", from ",
            Mono(each.before),
            " to ",
            Mono(each.after),
        ]
        for each in weakenings
    ]
    items += [
        [Strong(f"Waived: {each.gate}"), f" by {each.person} until {each.until}: {each.reason}"]
        for each in waivers
    ]
    blocks: list[Block] = [Bullets(items, most=20)]
    if note:
        blocks.append(Para(note))
    return Section("⚠️ Judged less strictly", blocks, weight=1)


def changed_section(changed: Changed | None, since: str, unknown: str) -> Section:
    """What differs in data, code, settings and policy; ``since`` names what it is compared with."""
    title = "What changed"
    if changed is None:
        return Section(title, [Para(unknown)], weight=3)
    if not changed.before:
        return Section(
            title, [Para("Everything is new: nothing runs yet that it could be compared with.")], weight=3
        )
    items: list[Text] = [
        [Strong("Data:"), " ", *_data(changed.data)],
        [Strong("Code:"), " ", *_code(changed)],
        [Strong("Settings in ml.yaml:"), f" {_settings(changed.settings)}"],
        [Strong("Policy:"), f" {_settings(changed.policy)}"],
    ]
    items += [[Strong("Unknown:"), f" {problem}, so it cannot be compared."] for problem in changed.problems]
    blocks: list[Block] = [Para(f"Since {since}:"), Bullets(items)]
    settings = [("ml.yaml", each) for each in changed.settings] + [
        ("policy", each) for each in changed.policy
    ]
    if len(settings) > SHOWN:
        rows = [[file, _mono(each.key), _mono(each.before), _mono(each.after)] for file, each in settings]
        title_ = f"{count(len(settings), 'setting')}, before and after"
        blocks.append(Folded(title_, [Grid(["file", "key", "before", "after"], rows, most=40)]))
    if len(changed.code) > FEW:
        listed = [[Mono(each.path)] for each in changed.code]
        blocks.append(Folded(f"All {count(len(listed), 'file')}", [Bullets(listed, most=100)]))
    return Section(title, blocks, weight=3)


def _mono(text: str) -> Text:
    return [Mono(text)]


def _data(data: tuple[DataChange, ...]) -> list[str | Mono]:
    if not data:
        return ["no manifest changed."]
    told: list[str | Mono] = []
    for each in data[:FEW]:
        counts = [
            f"{number} {word}"
            for number, word in (
                (each.added, "added"),
                (each.removed, "removed"),
                (each.changed, "with other bytes"),
            )
            if number > 0
        ]
        what = (
            f"files: {', '.join(counts)}" if counts else "its files are the same, what it says of them is not"
        )
        told += [
            "; " if told else "",
            Mono(each.path),
            f" ({what})" if each.added >= 0 else " (cannot be read)",
        ]
    return [*told, "."]


def _code(changed: Changed) -> list[str | Mono]:
    if not changed.code:
        return ["nothing changed."]
    names: list[str | Mono] = []
    for each in changed.code[:FEW]:
        word = "new " if each.old is None else "deleted " if each.new is None else ""
        names += [", " if names else "", word, Mono(each.path)]
    left = len(changed.code) - FEW
    more = f" and {count(left, 'more file')}" if left > 0 else ""
    return [*names, f"{more}, in {count(changed.commits, 'commit')}."]


def _settings(settings: tuple[Setting, ...]) -> str:
    if not settings:
        return "nothing changed."
    if len(settings) > SHOWN:
        return f"{count(len(settings), 'key')} differ."
    return "; ".join(f"{each.key} from {each.before} to {each.after}" for each in settings) + "."


def main_line(newest: Newest | None, this: str = "", *, red: bool = False) -> Text:
    """Whether the main line is red too; ``this`` is the release that the page is about, ``red`` that it is."""
    if newest is not None and newest.release == this:
        return f"{this} is the newest release of the main line."
    if newest is None:
        return "The main line has recorded no release yet."
    if newest.verdict is None:
        return f"The main line's newest release is {newest.release}, and its verdict cannot be read."
    outcome = newest.verdict.outcome
    open_ = [report.gate for report in newest.verdict.gates if report.outcome is not Outcome.PASSED]
    which = f" ({', '.join(open_)})" if open_ else ""
    if outcome is Outcome.PASSED:
        return f"{SIGNS[outcome]} The main line's newest release, {newest.release}, passed."
    if outcome is Outcome.INCONCLUSIVE:
        return f"{SIGNS[outcome]} The main line's newest release, {newest.release}, is inconclusive{which}."
    return [
        Strong(f"{SIGNS[outcome]} The main line is red{' too' if red else ''}:"),
        f" its newest release, {newest.release}, failed{which}.",
    ]


def try_here(fetch: str, commit: str) -> list[str]:
    """The one command that fetches a commit and tests it here, beside the checkout that one works in."""
    folder = f"../try-{commit[:10]}"
    return [
        f"git fetch origin {fetch} && \\",
        f"git worktree add --detach {folder} {commit} && \\",
        f"mlassay run -C {folder}",
    ]


def favourable(verdict: Verdict) -> str:
    """The answer that people hope for, as the bias gate names it; an empty text where it did not run."""
    bias = next((report for report in verdict.gates if report.gate == "bias"), None)
    return str(bias.measured.get("favourable", "")) if bias else ""


def running_now(environment: str) -> str:
    """The title of a column about what runs."""
    return f"{environment} now"
