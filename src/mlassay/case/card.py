"""What a model card is made of, read from git objects at a release's source commit, and a recorded card held to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import islice

from mlassay.case.common import needed
from mlassay.case.reading import Reading
from mlassay.config import Config, load_config, load_people
from mlassay.errors import ConfigurationError, EvidenceError, Problem
from mlassay.evidence import layout
from mlassay.evidence.card import (
    ASKED,
    MISSING,
    Written,
    card_faults,
    read_card,
    sections,
)
from mlassay.evidence.release import Release
from mlassay.evidence.verdict import Verdict
from mlassay.files import read_yaml
from mlassay.git import Repository
from mlassay.manifest import Manifest, load_manifest

MOST_COMMITS = 2_000
"""So far back is looked for who wrote a text; the oldest of them is named when it stood there already."""
_NAME = 80
_KNOWN = frozenset({"license", "license_name", "license_link", "tags", "language"})


@dataclass(frozen=True, slots=True)
class CardFacts:
    """All that a card may say. ``owner`` answers for the model; ``written`` maps each human section to its text;
    ``front`` is what people declared for the front matter (licence, tags).
    """

    release: Release
    verdict: Verdict
    config: Config
    owner: str
    manifests: Mapping[str, Manifest]
    written: Mapping[str, Written]
    front: Mapping[str, str | tuple[str, ...]]


def card_facts(repo: Repository, release: Release, verdict: Verdict) -> CardFacts:
    """The facts for a card; ConfigurationError when ``governance/card.md`` begins with front matter that no card takes."""
    commit = release.source.commit
    config, manifests = _configured(repo, commit)
    people = load_people(layout.PEOPLE, needed(repo, commit, layout.PEOPLE)).people
    owner = people[config.owner].name if config.owner in people else config.owner
    front = _front(repo.read(commit, layout.CARD_TEXT))
    written = written_at(repo, commit, manifests)
    return CardFacts(release, verdict, config, owner, manifests, written, front)


def written_at(repo: Repository, commit: str, manifests: Mapping[str, Manifest]) -> dict[str, Written]:
    """Each text that people wrote for a card, as it stood at ``commit``; one that nobody wrote is empty."""
    told = sections(_text(repo, commit, layout.CARD_TEXT))
    found = {}
    for key in ASKED:
        found[key] = _by(repo, commit, layout.CARD_TEXT, told.get(key, ""), partial(_section, key))
    for name, manifest in manifests.items():
        text = _text(repo, commit, manifest.missing)
        found[f"{MISSING}{name}"] = _by(repo, commit, manifest.missing, text.strip(), str.strip)
    return found


def card_holds(repo: Repository, reading: Reading, release: Release, verdict: Verdict) -> None:
    """Hold a recorded card, where there is one, to the verdict and to the texts at the source commit."""
    data = reading.files.get(layout.CARD)
    if data is None:
        return
    path = reading.path(layout.CARD)
    card = read_card(data, path)
    try:
        _, manifests = _configured(repo, release.source.commit)
    except ConfigurationError as error:
        raise EvidenceError(*error.problems) from error
    for fault in card_faults(card, verdict, written_at(repo, release.source.commit, manifests)):
        why = "people read the card in place of the reports"
        reading.wrong(layout.CARD, fault, why, rule="evidence-card")


def _configured(repo: Repository, commit: str) -> tuple[Config, dict[str, Manifest]]:
    config = load_config(layout.CONFIG, needed(repo, commit, layout.CONFIG))
    return config, {
        name: load_manifest(path, needed(repo, commit, path)) for name, path in config.data.items()
    }


def _text(repo: Repository, commit: str, path: str) -> str:
    return (repo.read(commit, path) or b"").decode("utf-8", "replace")


def _section(key: str, text: str) -> str:
    return sections(text).get(key, "")


def _by(repo: Repository, commit: str, path: str, text: str, part: Callable[[str], str]) -> Written:
    """``text`` with the commit that brought it in as it stands; ``part`` takes it out of the file at ``path``."""
    if not text:
        return Written("")
    found = commit
    for older in islice(_touching(repo, commit, path), MOST_COMMITS):
        if part(_text(repo, older, path)) != text:
            break
        found = older
    origin = repo.commit(found)
    return Written(text, origin.author.name[:_NAME].strip() or "somebody without a name", origin.id)


def _touching(repo: Repository, commit: str, path: str) -> Iterator[str]:
    """The commits behind ``path`` as it stands at ``commit``, newest first: through a merge into the branch that it came from."""
    for landed in repo.first_parents(commit, paths=[path]):
        yield landed.id
        yield from _behind(repo, landed.id, path)


def _behind(repo: Repository, merge: str, path: str) -> Iterator[str]:
    """The commits of a merged branch that hold ``path`` as the merge does, the newest first."""
    held = repo.entry(merge, path)
    parents = repo.commit(merge).parents[1:]
    while held is not None and parents:
        same = next((each for each in parents if repo.entry(each, path) == held), None)
        if same is None:
            return
        yield same
        parents = repo.commit(same).parents


def _front(data: bytes | None) -> dict[str, str | tuple[str, ...]]:
    """The licence and the like that people declared at the head of ``governance/card.md``."""
    lines = (data or b"").decode("utf-8", "replace").splitlines()
    if not lines or lines[0].strip() != "---" or "---" not in (line.strip() for line in lines[1:]):
        return {}
    end = [line.strip() for line in lines[1:]].index("---") + 1
    value = read_yaml(layout.CARD_TEXT, "\n".join(["", *lines[1:end]]).encode()).value
    odd = sorted(set(value) - _KNOWN) if isinstance(value, dict) else ["not a mapping"]
    found = value if isinstance(value, dict) else {}
    odd += [key for key in found if key in _KNOWN and not _texts(found[key])]
    if odd:
        known = ", ".join(sorted(_KNOWN))
        what = f"its front matter says what a card takes from nobody ({', '.join(map(str, odd))})"
        raise ConfigurationError(
            Problem(what, remedy=f"keep {known}, as texts", path=layout.CARD_TEXT, line=1)
        )
    return {key: tuple(told) if isinstance(told, list) else told for key, told in found.items()}


def _texts(value: object) -> bool:
    listed = value if isinstance(value, list) else [value]
    return bool(listed) and all(isinstance(each, str) and 0 < len(each) <= 200 for each in listed)
