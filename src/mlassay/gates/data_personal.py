"""Personal identifiers planted in data: which column, which row, which kind; never the value."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mlassay.gates import data_personal_kinds as kinds
from mlassay.manifest.columnar import text_of
from mlassay.manifest.types import Manifest

if TYPE_CHECKING:
    import polars as pl

    from mlassay.manifest.stream import Batch

ALONE = 1_000_000  # different texts of a column that are looked at one by one
BARE = 3_000  # different texts of one layout in a column; a share needs no more
_LOOK = r"@|\+\d|\(\d|[A-Za-z]{2}\d\d|[A-Za-z]\d|\d[A-Za-z]|\d[ ./+-]+\(?\d"
_WORD = r"[0-9A-Za-z](?:[./-]?[0-9A-Za-z]){7,20}"
_NAMES = (
    "email e_mail email_address phone phone_number telephone mobile mobile_number iban account_number ssn "
    "social_security_number bsn nino nhs_number passport passport_number national_id tax_id credit_card card_number "
    "first_name last_name surname full_name date_of_birth dob birth_date street_address home_address"
)
NAMES = frozenset(_NAMES.split())


@dataclass
class Hits:
    """Cells of one column with one kind of identifier: how many were found, and the first rows (from 1)."""

    many: int = 0
    rows: list[int] = field(default_factory=list)

    def note(self, row: int) -> None:
        """One more, in row ``row`` (from 0)."""
        self.many += 1
        if len(self.rows) < 5:
            self.rows.append(row + 1)


class Personal:
    """Looks at text and category columns, and at numbers whose digits could be an identifier's."""

    def __init__(self, manifest: Manifest) -> None:
        self.columns = {column.name: column for column in manifest.columns}
        self._hits: dict[tuple[str, str], Hits] = {}
        self._looked = dict.fromkeys(self.columns, 0)
        self._seen = dict.fromkeys(self.columns, 0)
        self._bare: dict[tuple[str, str], dict[str, int]] = {}  # (column, layout) -> text -> first row
        self.cut: set[str] = set()  # columns with more texts than are looked at

    def add(self, batch: Batch) -> None:
        """Look at some more rows."""
        import polars as pl

        for name in self._asked(batch.frame):
            values = batch.frame[name]
            cells = pl.DataFrame({"text": text_of(values)}).with_row_index("row").unique("text", keep="first")
            cells = cells.filter(pl.col("text").str.len_bytes() > 4).sort("row")
            if self.columns[name].type in ("text", "category"):
                self._alone(name, cells, batch.start)
            if not self._full(name) and self._seen[name] < ALONE:
                self._seen[name] += cells.height
                self._layouts(name, cells, batch.start)

    def _asked(self, frame: pl.DataFrame) -> list[str]:
        """Columns with a cell that could be an identifier, found in one sweep over all of them."""
        import polars as pl

        wanted = []
        schema = frame.schema  # made anew each time that it is asked for
        for name, column in self.columns.items():
            dtype, cell = schema[name], pl.col(name)
            if dtype == pl.String and column.type in ("text", "category"):
                wanted.append((cell.str.len_bytes() > 4).any())
            elif dtype == pl.String:  # a number as it is written
                wanted.append(cell.str.contains(r"^[0-9]{9,}").any())
            elif dtype.is_integer():
                wanted.append((cell >= 10**8).any())
        found = frame.select(wanted).row(0, named=True) if wanted else {}
        return [name for name, looks in found.items() if looks]

    def found(self) -> dict[tuple[str, str], Hits]:
        """(column, kind) -> where, once all rows were looked at."""
        found = {key: hits for key, hits in self._hits.items() if hits.many}
        for (name, layout), texts in self._bare.items():
            for kind, hits in _by_share(layout, texts):
                known = found.get((name, kind), Hits())
                rows = sorted({*known.rows, *hits.rows})[:5]
                found[name, kind] = Hits(known.many + hits.many, rows)
        return found

    def named(self) -> list[str]:
        """Columns whose very name is that of personal data."""
        return [name for name in self.columns if re.sub(r"[\W_]+", "_", name).strip("_").lower() in NAMES]

    def headers(self) -> dict[int, str]:
        """Columns (by number, from 1) whose name is itself an identifier, and of which kind."""
        found = {}
        for number, name in enumerate(self.columns, start=1):
            for kind in identifiers(name):
                found[number] = kind
        return found

    def _full(self, name: str) -> bool:
        held = [len(texts) for (column, _), texts in self._bare.items() if column == name]
        return bool(held) and min(held) >= BARE

    def _alone(self, name: str, cells: pl.DataFrame, start: int) -> None:
        import polars as pl

        text = pl.col("text")
        looks = text.str.contains(_LOOK) & (
            text.str.contains("@", literal=True) | (text.str.count_matches(r"[0-9]") > 4)
        )
        asked = cells.filter(looks)
        room = ALONE - self._looked[name]
        if asked.height > room:
            self.cut.add(name)
            asked = asked.head(max(room, 0))
        self._looked[name] += asked.height
        for row, cell in asked.iter_rows():
            for kind in identifiers(cell):
                self._hits.setdefault((name, kind), Hits()).note(start + row)

    def _layouts(self, name: str, cells: pl.DataFrame, start: int) -> None:
        """Remember texts whose layout is that of a bare identifier: whole cells, and words in them."""
        import polars as pl

        known = list(kinds.bare())
        whole = cells.with_columns(pl.col("text").str.strip_chars())
        words = cells.with_columns(pl.col("text").str.extract_all(_WORD)).explode("text").drop_nulls()
        tokens = pl.concat([whole, words]).unique("text", keep="first")
        layout = pl.col("text").str.replace_all(r"[0-9]", "#").str.replace_all(r"[A-Za-z]", "L")
        tokens = tokens.with_columns(layout.alias("layout"))
        tokens = tokens.filter(pl.col("layout").is_in(pl.Series(known).implode())).sort("row", "text")
        for row, text, shape in (
            tokens.group_by("layout", maintain_order=True)
            .head(BARE)
            .select("row", "text", "layout")
            .iter_rows()
        ):
            held = self._bare.setdefault((name, shape), {})
            if len(held) < BARE:
                held.setdefault(text, start + row)


def identifiers(cell: str) -> Iterator[str]:
    """The kinds of identifiers in one text that need no other text as evidence."""
    rest = cell
    for name, where, valid in (
        ("an e-mail address", kinds.EMAIL, lambda _: True),
        ("a bank account (IBAN)", kinds.IBAN, kinds.is_iban),
        ("a payment card", kinds.CARD, kinds.is_card),
    ):
        taken = [found[0] for found in where.finditer(rest) if valid(found[0])]
        for text in taken:
            rest = rest.replace(text, "|")  # its parts are not looked at as something else
        if taken:
            yield name
    if any(kinds.is_phone(found[0]) for found in kinds.PHONE.finditer(rest)) or any(
        kinds.is_phone(found[0], kinds.REGIONS) for found in kinds.NATIONAL.finditer(rest)
    ):
        yield "a telephone number"
    for kind, layouts in kinds.alone():
        if any(kinds.validator(kind)(found[0]) for found in layouts.finditer(rest)):
            yield kind.name
            return  # other countries' layouts may fit as well


def _by_share(layout: str, texts: Mapping[str, int]) -> Iterator[tuple[str, Hits]]:
    """Kinds whose check digits hold for more texts of one layout than chance gives; else several kinds together."""
    held: dict[str, list[str]] = {}
    missed = 1.0
    for kind, chance in kinds.bare()[layout]:
        valid = kinds.validator(kind)
        held[kind.name] = [text for text in texts if valid(text)]
        missed *= 1 - chance
        if _more_than_chance(len(held[kind.name]), len(texts), chance, 0.5):
            yield kind.name, _hits(held[kind.name], texts)
            return
    any_ = sorted(set().union(*held.values()))
    if len(held) > 1 and _more_than_chance(len(any_), len(texts), 1 - missed, 1 - missed / 2):
        yield "an identity number with check digits", _hits(any_, texts)


def _more_than_chance(valid: int, of: int, chance: float, share: float) -> bool:
    from scipy.special import bdtrc

    return valid > 0 and valid >= share * of and float(bdtrc(valid - 1, of, chance)) <= 1e-3


def _hits(found: list[str], texts: Mapping[str, int]) -> Hits:
    hits = Hits()
    for row in sorted(texts[text] for text in found):
        hits.note(row)
    return hits
