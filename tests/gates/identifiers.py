"""Generated identifiers of people who do not exist, and texts that look a little like them."""

from __future__ import annotations

import random
import string
from collections.abc import Callable, Iterator

import phonenumbers
from stdnum import iban, luhn

from mlassay.gates import data_personal_kinds as kinds

FIRST = ["anna", "bo", "chidi", "dana", "emre", "fatima", "george", "hana", "ivan", "jose", "kim", "li"]
LAST = [
    "smith",
    "jansen",
    "o'neil",
    "garcia",
    "mueller",
    "okafor",
    "rossi",
    "novak",
    "tanaka",
    "yilmaz",
    "dubois",
]
STREETS = [
    "High Street",
    "Keizersgracht",
    "Rue de la Paix",
    "Hauptstrasse",
    "Via Roma",
    "5th Avenue",
    "Gran Via",
]
CARDS = [("4", 16), ("51", 16), ("55", 16), ("2221", 16), ("34", 15), ("37", 15), ("6011", 16), ("3530", 16)]
ACCOUNTS = {"DE": "#" * 18, "NL": "LLLL" + "#" * 10, "GB": "LLLL" + "#" * 14, "AT": "#" * 16, "CH": "#" * 17,
            "DK": "#" * 14, "IE": "LLLL" + "#" * 14, "SE": "#" * 20}  # fmt: skip
NUMBERED = [
    "US",
    "GB",
    "DE",
    "FR",
    "NL",
    "IT",
    "ES",
    "BE",
    "SE",
    "PL",
    "IN",
    "BR",
    "JP",
    "ZA",
    "NG",
    "MX",
    "AU",
]


def filled(chance: random.Random, layout: str) -> str:
    pick = {"#": string.digits, "L": string.ascii_uppercase}
    return "".join(chance.choice(pick[part]) if part in pick else part for part in layout)


def email(chance: random.Random) -> str:
    name = chance.choice([".", "_", "", "-"]).join(
        [chance.choice(FIRST), chance.choice(LAST).replace("'", "")]
    )
    domain = chance.choice(
        ["example.com", "mail.example.org", "uni-x.ac.uk", "b\u00fcro.de", "x.museum", "a.b.co"]
    )
    return f"{name}{chance.choice(['', str(chance.randrange(100)), '+news'])}@{domain}"


def phone(chance: random.Random) -> str:
    while True:
        region = chance.choice(NUMBERED)
        kind = chance.choice([phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE])
        number = phonenumbers.example_number_for_type(region, kind)
        if number is None or number.national_number is None:
            continue
        digits = str(number.national_number)
        number.national_number = int(digits[:-4] + f"{chance.randrange(10_000):04}")
        if phonenumbers.is_valid_number(number):
            style = chance.choice(["E164", "INTERNATIONAL", "INTERNATIONAL"])
            return phonenumbers.format_number(number, getattr(phonenumbers.PhoneNumberFormat, style))


def account(chance: random.Random) -> str:
    while True:
        country, layout = chance.choice(list(ACCOUNTS.items()))
        body = filled(chance, layout)
        made = country + iban.calc_check_digits(f"{country}00{body}") + body
        if iban.is_valid(made):
            return chance.choice([made, iban.format(made)])


def card(chance: random.Random) -> str:
    start, length = chance.choice(CARDS)
    body = start + filled(chance, "#" * (length - len(start) - 1))
    digits = body + luhn.calc_check_digit(body)
    groups = (
        [digits[at : at + 4] for at in range(0, 16, 4)]
        if length == 16
        else [digits[:4], digits[4:10], digits[10:]]
    )
    return chance.choice([" ", "-"]).join(groups)


def national(chance: random.Random) -> str:
    """One of the layouts that are evidence by themselves."""
    while True:
        kind = chance.choice([kind for kind in kinds.KINDS if kind.alone and kind.module != "mx.curp"])
        layout = chance.choice(kind.alone)
        for _ in range(400):
            text = filled(chance, layout)
            if kinds.validator(kind)(text):
                return text


def bare(chance: random.Random, module: str, layout: str) -> str:
    (kind,) = [kind for kind in kinds.KINDS if kind.module == module]
    if module == "luhn":
        return card(chance).replace(" ", "").replace("-", "")
    while True:
        text = filled(chance, layout)
        if kinds.validator(kind)(text):
            return text


MAKERS: list[Callable[[random.Random], str]] = [email, phone, account, card, national]


def planted(count: int, seed: int = 1) -> list[str]:
    """Identifiers of every kind in turn; every other one stands inside a sentence."""
    chance = random.Random(seed)
    made = [MAKERS[number % len(MAKERS)](chance) for number in range(count)]
    return [text if n % 2 else f"please use {text}, thanks" for n, text in enumerate(made)]


def _clean(chance: random.Random) -> Iterator[str]:
    year, month, day = chance.randrange(1930, 2027), chance.randrange(1, 13), chance.randrange(1, 29)
    hour, minute = chance.randrange(24), chance.randrange(60)
    yield str(chance.randrange(10 ** chance.randrange(1, 19)))
    yield f"{chance.gauss(0, 10 ** chance.randrange(9)):.{chance.randrange(1, 12)}f}"
    yield f"{chance.random() * 10**9:,.2f}"
    yield f"{chance.randrange(10**9):,}".replace(",", " ")
    yield f"{year}-{month:02}-{day:02}"
    yield f"{day:02}/{month:02}/{year} {hour:02}:{minute:02}"
    yield f"{day:02}-{month:02}-{year}"
    yield f"{year}{month:02}{day:02}{hour:02}{minute:02}00"
    yield f"{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:00+02:00"
    yield f"{chance.choice(FIRST).title()} {chance.choice(LAST).title()}"
    yield f"{chance.choice(STREETS)} {chance.randrange(1, 400)}, {chance.randrange(1000, 99999):05} Town"
    yield f"{chance.randrange(1, 9999)} {chance.choice(STREETS)} Apt {chance.randrange(99)}"
    yield f"ID-{chance.randrange(10**8):08}"
    yield f"{chance.choice('ABC')}{chance.randrange(10**6):06}"
    yield f"{chance.getrandbits(128):032x}"
    yield f"{chance.randrange(10**10):010}"
    yield f"INV/{year}/{chance.randrange(10**5):05}"
    yield f"{chance.randrange(256)}.{chance.randrange(256)}.{chance.randrange(256)}.{chance.randrange(256)}"
    yield f"v{chance.randrange(20)}.{chance.randrange(20)}.{chance.randrange(20)}"
    yield f"{filled(chance, 'LL-####-####')}"
    yield f"{chance.choice(['@home', 'see a@b', 'loan @ 4.5%', '+12%', '+3 units', '(0) none', '12-34', '1/2'])}"
    yield f"{chance.uniform(-90, 90):.6f}, {chance.uniform(-180, 180):.6f}"
    yield f"{filled(chance, '####-####-####')}"
    yield f"{chance.getrandbits(32):08x}-{chance.getrandbits(16):04x}-4{chance.getrandbits(12):03x}"


def clean(count: int, seed: int = 2) -> list[str]:
    """Numbers, ids, dates, names, addresses: nobody's identifiers."""
    chance = random.Random(seed)
    made: list[str] = []
    while len(made) < count:
        made += _clean(chance)
    chance.shuffle(made)
    return made[:count]
