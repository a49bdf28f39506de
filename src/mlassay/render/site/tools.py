"""What templates may call: the files behind a claim, the checks at a page's end, and small words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from mlassay.audit.chronicle import fingerprint
from mlassay.audit.chronicle.types import (
    ChangeEntry,
    DataUse,
    Moment,
    PointerEntry,
    PromotionEntry,
    RefusedEntry,
    ReleaseEntry,
    WaiverEntry,
    Word,
)
from mlassay.config.types import Key
from mlassay.digest import sha256
from mlassay.errors import ConfigurationError
from mlassay.evidence import GateReport, layout
from mlassay.evidence.codec import report_json, verdict_json
from mlassay.evidence.records import WaiverUse
from mlassay.render.site import charts
from mlassay.render.site.engine import link
from mlassay.render.site.facts import Act, Lookup, Period
from mlassay.render.site.names import path
from mlassay.render.site.sources import File, MachineSigned, PersonSigned, Sources, release_file
from mlassay.render.site.terms import GATES, NUMBERS
from mlassay.render.site.text import shown, span
from mlassay.render.text import criteria_text

AnyRequest = PromotionEntry | ChangeEntry | RefusedEntry
QUIET = Markup()


class Tools:
    """The functions of one page. Methods that name a file only say where it lies; `src` in a template numbers it."""

    def __init__(self, look: Lookup, origin: str, sources: Sources) -> None:
        self._look, self._origin, self._sources = look, origin, sources

    def functions(self) -> Mapping[str, Any]:
        """What templates may call, by name."""
        return {name: getattr(self, name) for name in dir(type(self)) if not name.startswith("_")} | {
            "strip_of": charts.strip,
            "criteria": lambda gate: criteria_text(gate.criteria),
            "gate_words": GATES,
            "number_words": NUMBERS,
        }

    def pointer_file(self, entry: PointerEntry) -> File:
        """The file that says what an environment runs."""
        where = layout.pointer_path(entry.environment)
        commit = entry.moment.commit
        return File(commit, where, self._look.facts.pointers.get((commit, where), ""))

    def request_file(self, entry: AnyRequest) -> File:
        """The request as it landed."""
        digest = "" if isinstance(entry, RefusedEntry) else entry.request_digest
        if isinstance(entry, RefusedEntry) and entry.request is not None:
            digest = entry.request.digest
        return File(entry.moment.commit, f"{_folder(entry)}/{layout.REQUEST}", digest)

    def word_file(self, commit: str, word: Word) -> File:
        """What one person wrote."""
        return File(commit, word.path, word.digest)

    def verdict_file(self, entry: ReleaseEntry) -> File:
        """The verdict of a release; its bytes have one spelling."""
        digest = sha256(verdict_json(entry.verdict)) if entry.verdict is not None else ""
        return release_file(entry.id, entry.moment.commit, layout.VERDICT, digest)

    def gate_file(self, entry: ReleaseEntry, gate: GateReport) -> File:
        """A gate's report; its bytes have one spelling."""
        return release_file(
            entry.id, entry.moment.commit, layout.gate_report(gate.gate), sha256(report_json(gate))
        )

    def release_file(self, entry: ReleaseEntry) -> File:
        """What a release is made of."""
        digest = entry.release.digest if entry.release is not None else ""
        return release_file(entry.id, entry.moment.commit, layout.RELEASE, digest)

    def data_file(self, entry: ReleaseEntry, use: DataUse) -> File:
        """The manifest as the release's source had it."""
        commit = entry.release.source.commit if entry.release is not None else entry.moment.commit
        return File(commit, use.path, use.digest)

    def waiver_file(self, entry: WaiverEntry) -> File:
        """The waiver as it came in."""
        return File(entry.moment.commit, entry.path, entry.waiver.digest if entry.waiver is not None else "")

    def used_waiver(self, entry: PromotionEntry, use: WaiverUse) -> File:
        """The waiver that a promotion leans on."""
        return File(entry.moment.commit, use.path, use.digest)

    def people_file(self, since: Moment) -> File:
        """The list of people."""
        entry = self._look.governance_at(since)
        return File(since.commit, layout.PEOPLE, entry.people.digest if entry and entry.people else "")

    def sign(self, file: File, person: str, moment: Moment) -> Markup:
        """Tell at the page's end how to check a person's signature."""
        self._sources.signed(PersonSigned(file, person, self._look.people_before(moment)))
        return QUIET

    def sign_request(self, entry: AnyRequest) -> Markup:
        """The same for who asked."""
        if entry.request is None:
            return QUIET
        people, file = self._look.people_before(entry.moment), self.request_file(entry)
        machine = entry.by_machine if isinstance(entry, PromotionEntry) else ""
        if machine:
            path = file.path.removesuffix(layout.REQUEST) + layout.MACHINE_REQUEST
            self._sources.signed(MachineSigned(File(file.commit, path), machine, people))
        else:
            self._sources.signed(PersonSigned(file, entry.request.requester, people))
        return QUIET

    def sign_release(self, entry: ReleaseEntry) -> Markup:
        """The same for the machine that signed a release's evidence."""
        people = self._look.people_before(entry.moment)
        for signer in entry.signers[:5]:
            for name in (layout.SUMMARY, layout.PROVENANCE):
                file = release_file(entry.id, entry.moment.commit, name)
                self._sources.signed(MachineSigned(file, signer, people))
        return QUIET

    def agreed(self, entry: PromotionEntry) -> list[str]:
        """The ids of those whose yes holds, each once."""
        yes = (w.person for w in entry.words if w.kind == "approval" and (w.holds or w.review))
        return list(dict.fromkeys(yes))

    def owner_of(self, release: str) -> str:
        """Who answers for a release's model; "" where nobody can tell."""
        entry = self._look.releases.get(release)
        return self._look.owner(entry) if entry is not None else ""

    def lines_of(self, entry: ReleaseEntry) -> list[tuple[str, charts.Measure]]:
        """Each number of a release that was held against a limit, with its gate."""
        gates = entry.verdict.gates if entry.verdict is not None else ()
        return [(gate.gate, one) for gate in gates for one in charts.measures(gate.findings, gate.gate)][:100]

    def fingerprint(self, key: Key) -> str:
        """A key as people compare it."""
        try:
            return fingerprint(key.public)
        except ConfigurationError:
            return "not a key"

    def lasted(self, period: Period) -> str:
        """How long a period lasted, or lasts at the end of the record."""
        end = period.until or self._look.chronicle.head
        return span(period.entry.moment.time, end.time)

    def act_cell(self, act: Act) -> Markup:
        """What somebody acted on, linked."""
        entry = act.entry
        if isinstance(entry, WaiverEntry):
            release = entry.waiver.release if entry.waiver is not None else ""
            return self._linked(
                "a waiver for release", "release", release, known=release in self._look.releases
            )
        if isinstance(entry, PromotionEntry):
            return self._linked("promotion", "promotion", entry.environment, entry.id)
        if isinstance(entry, ChangeEntry):
            return self._linked("change", "change", entry.id)
        return self._linked("refused request", "refused", entry.environment or "change", entry.id)

    def about(self, where: str) -> Markup:
        """A link to the page of what a file belongs to; nothing where it has none."""
        folder, _, rest = where.partition("/")
        parts = rest.split("/")
        if folder == "evidence" and parts[0] in self._look.releases:
            return link(self._origin, path("release", parts[0]), parts[0], "id")
        for depth in range(2, len(parts) + 1):
            key = ("/".join(parts[: depth - 1]), parts[depth - 1])
            if folder == "promotions" and key in self._look.promotions:
                return link(self._origin, path("promotion", *key), key[1], "id")
        environment = rest.removesuffix(".yaml")
        if folder == "environments" and environment in self._look.environments:
            return link(self._origin, path("environment", environment), environment)
        return link(self._origin, path("data", where), where, "id") if where in self._look.data else QUIET

    def _linked(self, words: str, kind: str, *key: str, known: bool = True) -> Markup:
        target = path(kind, *key) if known else ""
        name = link(self._origin, target, key[-1], "id") if target else shown(key[-1])
        return Markup("{} {}").format(words, name)


def _folder(entry: AnyRequest) -> str:
    if isinstance(entry, ChangeEntry) or not entry.environment:
        return layout.change_dir(entry.id)
    return layout.promotion_dir(entry.environment, entry.id)
