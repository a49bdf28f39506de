"""What personal identifiers look like, and how often a text of that look is one by chance.

A layout has ``#`` for a digit and ``L`` for a letter. ``alone`` layouts (separators or letters in their places) are
evidence by themselves once the check digits hold. Bare ones look like any number of that length, so a share of the
column's texts of that length must hold, more than chance gives. ``chance`` was measured on random texts of the
layout with python-stdnum 2.2 and rounded up; `tests/gates/test_data_personal.py` measures it again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module

_EDGES = (r"(?<![\w.+/-])", r"(?![\w/-]|\.\d)")
EMAIL = re.compile(r"[\w.%+'-]{1,64}@(?:[^\W_][\w-]{0,62}\.){1,8}[^\W\d_]{2,24}\b")
IBAN = re.compile(r"\b[A-Za-z]{2}\d{2}(?:[ -]?[A-Za-z0-9]){11,30}\b")
PHONE = re.compile(r"(?<![\w+.])(?:\+|00(?=\d{1,3} ))\d(?:[ .()/-]{0,3}\d){6,14}(?!\d)")
NATIONAL = re.compile(
    r"(?<![\w.+/-])(?<!\d )(?!\d{1,2}[-/]\d{1,2}[-/]\d)(?:\(\d{3}\) ?\d{3}[ -]\d{4}|\d{3}([-.])\d{3}\1\d{4}"
    r"|(?=(?:\D?\d){9,11}(?!\D?\d))(?:\(0\d{1,5}\)[ -]?\d{2,8}(?:[ -]\d{2,8}){0,4}"
    r"|0\d{1,5}[ /-]\d{2,8}(?:[ -]\d{2,8}){0,4}|0\d(?:\.\d\d){4}))(?![\w/-]|\.\d)"
)
REGIONS = ("US", "GB", "DE", "FR", "NL", "IT", "BE", "CH", "AT", "SE", "AU", "IE", "IN", "JP", "ZA", "FI")
CARD = re.compile(
    r"(?<![\w.+/-])(?:\d{4}([ -])\d{4}\1\d{4}\1\d{1,7}|3\d{3}([ -])\d{6}\2\d{4,5})(?![\w/-]|\.\d)"
)


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """One kind of identifier: what it is called, python-stdnum's module, its layouts."""

    name: str
    module: str
    alone: tuple[str, ...] = ()
    bare: Mapping[str, float] | None = None  # layout -> chance


def _bare(**chances: float) -> dict[str, float]:
    return {"#" * int(digits.removeprefix("n")): chance for digits, chance in chances.items()}


KINDS: Sequence[Kind] = (
    Kind("a Dutch citizen number", "nl.bsn", ("####.##.###",), _bare(n9=0.1)),
    Kind("a US social security number", "us.ssn", ("###-##-####",)),
    Kind("a US taxpayer number", "us.itin", ("9##-##-####",)),
    Kind("a Belgian national number", "be.nn", ("##.##.##-###.##", "##.##.##-###-##"), _bare(n11=0.003)),
    Kind("a Swiss insurance number", "ch.ssn", ("756.####.####.##",), _bare(n13=0.001)),
    Kind("a German tax id", "de.idnr", (), {"#" * 11: 0.005, "## ### ### ###": 0.005}),
    Kind("a Danish personal number", "dk.cpr", (), {"#" * 10: 0.05, "######-####": 0.05}),
    Kind("an Estonian personal code", "ee.ik", (), _bare(n11=0.005)),
    Kind("a Spanish identity number", "es.dni", ("########-L",), {"########L": 0.05}),
    Kind("a Spanish foreigner's number", "es.nie", ("L-#######-L",), {"L#######L": 0.01}),
    Kind("a Finnish personal code", "fi.hetu", ("######-###L", "######A###L", "######-####", "######A####")),
    Kind("a French social security number", "fr.nir", ("# ## ## ## ### ### ##",), _bare(n15=0.015)),
    Kind("a French tax number", "fr.nif", ("## ## ### ### ###",), _bare(n13=0.001)),
    Kind("a British health number", "gb.nhs", (), {"#" * 10: 0.1, "### ### ####": 0.1}),
    Kind("a Greek social security number", "gr.amka", (), _bare(n11=0.005)),
    Kind("a Croatian personal number", "hr.oib", (), _bare(n11=0.11)),
    Kind("an Irish public service number", "ie.pps", (), {"#######LL": 0.015, "#######L": 0.05}),
    Kind("an Israeli identity number", "il.idnr", (), _bare(n9=0.11)),
    Kind(
        "an Indian Aadhaar number",
        "in_.aadhaar",
        (),
        {"#" * 12: 0.1, "#### #### ####": 0.1, "####-####-####": 0.1},
    ),
    Kind("an Indian tax number", "in_.pan", (), {"LLLLL####L": 0.45}),
    Kind("an Icelandic personal number", "is_.kennitala", ("######-####",), _bare(n10=0.002)),
    Kind("an Italian tax code", "it.codicefiscale", ("LLLLLL##L##L###L",)),
    Kind("a Korean resident number", "kr.rrn", ("######-#######",), _bare(n13=0.005)),
    Kind("a Lithuanian personal code", "lt.asmens", (), _bare(n11=0.02)),
    Kind("a Mexican population code", "mx.curp", ("LLLL######LLLLLL##", "LLLL######LLLLLLL#")),
    Kind(
        "a Mexican tax code",
        "mx.rfc",
        (),
        {"LLLL######LLL": 0.05, "LLLL######LL#": 0.05, "LLLL######L##": 0.05},
    ),
    Kind("a Norwegian birth number", "no.fodselsnummer", ("###### #####",), _bare(n11=0.002)),
    Kind("a Polish personal number", "pl.pesel", (), _bare(n11=0.03)),
    Kind(
        "a Portuguese identity card",
        "pt.cc",
        ("########LLL#", "######## # LL#", "######### LL#", "#########LL#"),
    ),
    Kind("a Portuguese tax number", "pt.nif", (), _bare(n9=0.1)),
    Kind("a Romanian personal code", "ro.cnp", (), _bare(n13=0.005)),
    Kind(
        "a Swedish personal number",
        "se.personnummer",
        ("######-####", "########-####"),
        _bare(n10=0.005, n12=0.005),
    ),
    Kind("a Slovenian personal number", "si.emso", (), _bare(n13=0.005)),
    Kind("a Czech or Slovak birth number", "cz.rc", (), {"#" * 10: 0.03, "######/####": 0.03}),
    Kind("a Turkish identity number", "tr.tckimlik", (), _bare(n11=0.01)),
    Kind("a South African identity number", "za.idnr", ("###### #### ###",), _bare(n13=0.001)),
    Kind("a Canadian insurance number", "ca.sin", (), {"#" * 9: 0.1, "### ### ###": 0.1, "###-###-###": 0.1}),
    Kind("a Brazilian taxpayer number", "br.cpf", ("###.###.###-##",), _bare(n11=0.015)),
    Kind("an Argentinian tax number", "ar.cuit", ("##-########-#",), _bare(n11=0.01)),
    Kind("a Chilean identity number", "cl.rut", ("##.###.###-#", "##.###.###-L"), {"########-#": 0.1}),
    Kind("a Bulgarian personal number", "bg.egn", (), _bare(n10=0.01)),
    Kind("an Australian tax number", "au.tfn", (), {"#" * 9: 0.1, "### ### ###": 0.1}),
    Kind("a Chinese identity number", "cn.ric", ("#################L",), _bare(n18=0.001)),
    Kind("a Malaysian identity number", "my.nric", ("######-##-####",)),
    Kind("a Pakistani identity number", "pk.cnic", ("#####-#######-#",)),
    Kind("a Thai identity number", "th.pin", ("#-####-#####-##-#",), _bare(n13=0.11)),
    Kind("a British insurance number", "", ("LL ## ## ## L",), {"LL######L": 0.12}),
    Kind("a payment card", "luhn", (), _bare(n13=0.012, n14=0.004, n15=0.003, n16=0.02, n19=0.015)),
)

_NINO = re.compile(r"(?!BG|GB|NK|KN|TN|NT|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]\d{6}[A-D]")
_CARD_STARTS = (  # first digits, lengths: Visa, Mastercard, American Express, Discover, JCB, Diners Club
    (re.compile(r"4"), (13, 16, 19)),
    (re.compile(r"5[1-5]|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)"), (16,)),
    (re.compile(r"3[47]"), (15,)),
    (re.compile(r"6011|65|64[4-9]"), (16, 19)),
    (re.compile(r"35(?:2[89]|[3-8]\d)"), (16,)),
    (re.compile(r"3(?:0[0-5]|[689])"), (14,)),
)


def is_card(text: str) -> bool:
    """Whether the digits begin as a card's do, are as many, and end with Luhn's check digit."""
    digits = re.sub(r"\D", "", text)
    known = any(start.match(digits) and len(digits) in lengths for start, lengths in _CARD_STARTS)
    return known and len(set(digits)) > 1 and bool(import_module("stdnum.luhn").is_valid(digits))


@cache
def validator(kind: Kind) -> Callable[[str], bool]:
    """Whether a text of one of the kind's layouts has the right check digits, dates and the like."""
    if kind.module == "luhn":
        return is_card
    if not kind.module:
        return lambda text: bool(_NINO.fullmatch(re.sub(r"\W", "", text).upper()))
    module = import_module(f"stdnum.{kind.module}")

    def valid(text: str) -> bool:
        if len(set(re.sub(r"\D", "", text))) <= 1:
            return False  # 000000000 and the like: valid by many a rule, and nobody's
        try:
            return bool(module.is_valid(text))
        except (LookupError, ValueError, TypeError):  # stdnum stumbles over places that it does not know
            return False

    return valid


def pattern(layout: str) -> str:
    """A layout as a regular expression without edges."""
    return "".join({"#": r"\d", "L": "[A-Za-z]"}.get(part, re.escape(part)) for part in layout)


@cache
def alone() -> Sequence[tuple[Kind, re.Pattern[str]]]:
    """Each kind with layouts that are evidence by themselves, and where they stand in a text."""
    return tuple(
        (kind, re.compile(f"{_EDGES[0]}(?:{'|'.join(map(pattern, kind.alone))}){_EDGES[1]}", re.ASCII))
        for kind in KINDS
        if kind.alone
    )


@cache
def bare() -> Mapping[str, Sequence[tuple[Kind, float]]]:
    """Layout -> the kinds that have it, each with its chance."""
    found: dict[str, list[tuple[Kind, float]]] = {}
    for kind in KINDS:
        for layout, chance in (kind.bare or {}).items():
            found.setdefault(layout, []).append((kind, chance))
    return found


def is_iban(text: str) -> bool:
    """Whether a text begins with an IBAN; words that follow it may have been taken along."""
    iban = import_module("stdnum.iban")
    compact = re.sub(r"[ -]", "", text).upper()
    return any(iban.is_valid(compact[:end]) for end in range(min(len(compact), 34), 14, -1))


def is_phone(text: str, regions: Sequence[str] = ()) -> bool:
    """Whether a text is a telephone number that some country, or one of ``regions``, gives out."""
    import phonenumbers

    if not regions:
        text = "+" + re.sub(r"\D", "", text).removeprefix("00" if text.startswith("00") else "")
    for region in regions or (None,):
        try:
            number = phonenumbers.parse(text, region)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(number):
            return True
    return False
