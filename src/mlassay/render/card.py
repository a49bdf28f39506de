"""``card.md``: the model card, for people and for hubs. Every number is the verdict's own; what people wrote is quoted."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

from mlassay.case.card import CardFacts
from mlassay.evidence.card import (
    ASKED,
    FINDINGS_BEGIN,
    FINDINGS_END,
    GENERATED,
    GROUPS_BEGIN,
    GROUPS_END,
    INTENDED_USE,
    LIMITS,
    MISSING,
    NOBODY,
    RATIONALE,
    Written,
    claim,
    groups,
    metrics,
    numbers,
    quotable,
)
from mlassay.evidence.layout import CARD_TEXT
from mlassay.manifest import Manifest
from mlassay.render.markdown import code, escape
from mlassay.render.text import WORDS, plain
from mlassay.render.unshown import ALWAYS, TITLE, unseen
from mlassay.tasks import REGRESSION

_DECIMAL = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?")
_MARKED = f"*{GENERATED}*"


def card(facts: CardFacts) -> str:
    """The card of a release; the same bytes for the same facts. Text from outside is escaped, and obeyed nowhere."""
    verdict = facts.verdict
    lines = [
        *_front(facts),
        "",
        f"# {_whole(verdict.model_name)}",
        "",
        *_section("What it is for", _purpose(facts)),
        *_asked(facts, INTENDED_USE),
        *_section(
            "Who answers for it",
            [f"{_whole(facts.owner)} ({code(facts.config.owner)} in the team's people)."],
        ),
        *_section("Data", _data(facts)),
        *_left_out(facts),
        *_section("How it was tested", _tested(facts)),
        *_section("Who is treated differently", _treated(facts)),
        *_section(TITLE, _unshown(facts)),
        *_asked(facts, LIMITS),
        *_asked(facts, RATIONALE),
        *_section("Risks", _risks(facts)),
        *_section("Where this comes from", _origin(facts)),
    ]
    return "\n".join(lines).rstrip("\n") + "\n"


def _whole(text: object) -> str:
    """``text`` escaped on one line, never shortened: what is held against its source must stand there whole."""
    return escape(text, 2 * len(str(text)) + 20)


def _quoted(text: object) -> str:
    """A YAML string of any text."""
    return json.dumps(plain(text, 2 * len(str(text)) + 20), ensure_ascii=False)


def _front(facts: CardFacts) -> Iterator[str]:
    task = "tabular-regression" if facts.config.model.task == REGRESSION else "tabular-classification"
    yield "---"
    declared = {key: value for key, value in facts.front.items() if key != "tags"}
    for key, value in sorted(declared.items()):
        yield f"{key}: {json.dumps([*value], ensure_ascii=False) if isinstance(value, tuple) else _quoted(value)}"
    given = facts.front.get("tags", ())
    yield "tags:"
    for tag in dict.fromkeys([*((given,) if isinstance(given, str) else given), "mlassay", "onnx"]):
        yield f"- {_quoted(tag)}"
    yield f"pipeline_tag: {task}"
    yield "datasets:"
    yield from (f"- {_quoted(name)}" for name in facts.manifests)
    found = metrics(facts.verdict)
    if not found:
        yield "model-index: []"
        yield "---"
        return
    yield "metrics:"
    yield from (f"- {_quoted(name)}" for name in dict.fromkeys(metric["type"] for metric in found))
    data, _, split = facts.config.evaluate.data.partition("/")
    yield "model-index:"
    yield f"- name: {_quoted(facts.verdict.model_name)}"
    yield "  results:"
    yield f"  - task: {{type: {task}, name: {_quoted(facts.config.model.task)}}}"
    yield f"    dataset: {{type: {_quoted(data)}, name: {_quoted(data)}, split: {_quoted(split)}}}"
    yield "    metrics:"
    for metric in found:
        yield f"    - type: {_quoted(metric['type'])}"
        yield f"      name: {_quoted(metric['name'])}"
        yield f"      value: {_decimal(metric['value'])}"
        if "args" in metric:
            lower, upper = (_decimal(metric["args"][name]) for name in ("lower", "upper"))
            yield f"      args: {{lower: {lower}, upper: {upper}}}"
    yield "---"


def _decimal(text: str) -> str:
    """A number as YAML has it; what two readers might read otherwise is text."""
    return text if len(text) < 16 and _DECIMAL.fullmatch(text) else f'"{text}"'


def _section(title: str, body: Sequence[str] | Iterator[str]) -> list[str]:
    return [f"## {title}", "", _MARKED, "", *body, ""]


def _asked(facts: CardFacts, key: str) -> list[str]:
    written = facts.written[key]
    return [f"## {ASKED[key]}", "", *_told(key, written), ""]


def _told(key: str, written: Written) -> list[str]:
    """A text that people wrote, below the mark by which it is held to its source; headings and markup become words."""
    if not written.commit:
        return [f"<!-- mlassay:unwritten {key} -->", "", f"*{NOBODY}*"]
    lines = [f"<!-- mlassay:written {key} {written.commit} -->", "", f"*{_whole(claim(written))}*", ""]
    for line in quotable(written).splitlines():
        bare = line.strip()
        item = bare.startswith(("- ", "* "))
        lines.append(f"> {'- ' if item else ''}{_whole(bare[2:] if item else bare)}".rstrip())
    return lines


def _purpose(facts: CardFacts) -> Iterator[str]:
    yield _whole(facts.verdict.objective)
    yield ""
    yield f"Task: {_whole(facts.config.model.task)}. Verdict of its test: {WORDS[facts.verdict.outcome]}."


def _data(facts: CardFacts) -> Iterator[str]:
    yield f"Trained on {_named(facts.config.train.data)}; measured on {_named([facts.config.evaluate.data])}."
    for name, manifest in facts.manifests.items():
        yield ""
        yield f"### {_whole(name)}"
        yield ""
        yield from _manifest(manifest)
    if withheld := facts.config.train.withhold:
        yield ""
        yield f"Withheld from training: {_named(withheld)}."


def _manifest(manifest: Manifest) -> Iterator[str]:
    yield f"- What: {_whole(manifest.description)}"
    yield f"- Source: {_whole(manifest.origin)}"
    yield f"- Collected: {manifest.collected_from} to {manifest.collected_to}, {_whole(manifest.jurisdiction)}"
    yield f"- Purpose: {_whole(manifest.purpose)}"
    yield f"- Licence and terms: {_whole(manifest.licence)}; {_whole(manifest.terms)}"
    yield f"- Who answers for it: {code(manifest.owner)}"
    yield f"- Holds answers of models: {'yes' if manifest.contains_model_outputs else 'no'}"
    if manifest.sensitive:
        yield f"- Columns of special categories: {_named(manifest.sensitive)}"
    if manifest.label is not None:
        label = manifest.label
        yield f"- Labels: {_whole(label.source)} By {_whole(label.labeller)} Known errors: {_whole(label.known_errors)}"
    yield f"- Digest over its files: {code(manifest.root, 200)}"


def _left_out(facts: CardFacts) -> Iterator[str]:
    for name, manifest in facts.manifests.items():
        yield f"### Who and what {_whole(name)} leaves out"
        yield ""
        yield f"From {code(manifest.missing)}:"
        yield ""
        yield from _told(f"{MISSING}{name}", facts.written[f"{MISSING}{name}"])
        yield ""


def _tested(facts: CardFacts) -> Iterator[str]:
    yield "Numbers with their 95% intervals, what failed first; criteria were declared before."
    yield ""
    header = ("finding", "answer", "number", "from", "to", "asked", "rows")
    yield from _table(FINDINGS_BEGIN, header, [n.cells for n in numbers(facts.verdict)], FINDINGS_END)
    own = [gate.gate for gate in facts.verdict.gates if gate.self_reported]
    if own:
        yield ""
        yield f"The team's own code gave the numbers of: {_named(own)}."
    yield ""
    answers = ", ".join(f"{_whole(gate.gate)} {WORDS[gate.outcome]}" for gate in facts.verdict.gates)
    yield f"Gates: {answers}."


def _treated(facts: CardFacts) -> Iterator[str]:
    found = groups(facts.verdict)
    if found:
        yield "The share of each group that gets the favourable answer, with its 95% interval."
    else:
        yield "No gate counted groups: who is treated differently was not measured."
    yield ""
    yield from _table(
        GROUPS_BEGIN, ("column", "group", "rows", "favourable", "share", "from", "to"), found, GROUPS_END
    )


def _table(begin: str, header: Sequence[str], rows: Sequence[Sequence[str]], end: str) -> Iterator[str]:
    yield begin
    yield ""
    yield f"| {' | '.join(header)} |"
    yield f"| {' | '.join('---' for _ in header)} |"
    yield from (f"| {' | '.join(map(_whole, row))} |" for row in rows)
    yield ""
    yield end


def _unshown(facts: CardFacts) -> Iterator[str]:
    yield from (f"- {text}" for text in ALWAYS)
    yield from (f"- {_whole(gate)}: {_whole(text)}" for gate, text in unseen(facts.verdict.gates))


def _risks(facts: CardFacts) -> Iterator[str]:
    risk = facts.verdict.risk
    yield f"Level in force: {_whole(risk.get('level', 'unknown'))}; to be looked at again by {_whole(risk.get('review_by', 'nobody said'))}."
    for name, (probability, impact) in facts.config.risk.probability_impact.items():
        yield f"- {_whole(name.replace('_', ' '))}: probability {probability} of 5, impact {impact} of 5"


def _origin(facts: CardFacts) -> Iterator[str]:
    release = facts.release
    yield f"- Release: {code(release.id)}, digest {code(release.digest, 200)}"
    yield f"- Model: {code(release.model.digest, 200)}"
    yield f"- Source commit: {code(release.source.commit)}"
    yield f"- Intended use, rationale and limits are written in {code(CARD_TEXT)} of the team's repository."


def _named(names: Sequence[str]) -> str:
    return ", ".join(code(name) for name in names)
