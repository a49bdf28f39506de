"""A time as people write it, into one moment or one commit: strict, and never by this machine's time zone.

A text that names no zone is UTC. A day alone means its end, so that all that landed on that day counts. What git would
guess (a misspelt word is "now" to it, the 31st of February the 3rd of March) is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone

from mlassay.errors import ConfigurationError, Problem
from mlassay.git import Repository, time_in_words

LONGEST = 80
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_LONG = ("uary", "ruary", "ch", "il", "", "e", "y", "ust", "tember", "ober", "ember", "ember")
_MONTH = "|".join(
    f"{short}(?:{rest})?" if rest else short for short, rest in zip(_MONTHS, _LONG, strict=True)
)
_WEEKDAY = "mon(?:day)?|tue(?:sday)?|wed(?:nesday)?|thu(?:rsday)?|fri(?:day)?|sat(?:urday)?|sun(?:day)?"
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_NUMBER = "[0-9]{1,4}|one|two|three|four|five|six|seven|eight|nine|ten"
_UNIT = "second|minute|hour|day|week|month|year"

_CLOCK = r"(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:[.,][0-9]{1,9})?)?(?: ?(?P<half>am|pm))?"
_HALF_HOUR = r"(?P<only_hour>[0-9]{1,2}) ?(?P<only_half>am|pm)"
_ZONE = r"(?P<zone>z|utc|gmt|[+-][0-9]{2}(?::?[0-9]{2})?)"
_TIME = rf"(?:(?:{_CLOCK})|(?:{_HALF_HOUR})|(?P<name>noon|midnight))"
_ISO_DAY = r"(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})"
_TEXT_DAY = (
    rf"(?:(?:{_WEEKDAY}),? )?(?:(?P<d1>[0-9]{{1,2}})(?:st|nd|rd|th)?[ -](?P<m1>{_MONTH})[ -,]{{1,2}}(?P<y1>[0-9]{{4}})"
    rf"|(?P<m2>{_MONTH}) (?P<d2>[0-9]{{1,2}})(?:st|nd|rd|th)?,? (?P<y2>[0-9]{{4}}))"
)
_SPAN = rf"(?:(?:(?:{_NUMBER}) (?:{_UNIT})s? ?(?:and )?)+ago|last (?:day|week|month|year))"
_WORD_DAY = (
    rf"(?P<words>today|yesterday|(?:last )?(?:{_WEEKDAY})|(?:{_NUMBER}) (?:day|week|month|year)s? ago)"
)
_AGO = re.compile(_SPAN)
_DATED = [
    re.compile(rf"{_ISO_DAY}(?:[t ]{_TIME})?(?: ?{_ZONE})?"),
    re.compile(rf"{_TEXT_DAY}(?:,? (?:at )?{_TIME})?(?: {_ZONE})?"),
    re.compile(rf"{_WORD_DAY}(?: (?:at )?{_TIME})?(?: {_ZONE})?"),
]
# Tue Mar 3 14:00:00 2026 +0100, as git log prints it
_GIT = re.compile(
    rf"(?:(?:{_WEEKDAY}) )?(?P<m2>{_MONTH}) (?P<d2>[0-9]{{1,2}}) {_TIME} (?P<y2>[0-9]{{4}})(?: {_ZONE})?"
)
_BASIC = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})(?:t([0-9]{2})([0-9]{2})([0-9]{2})?(z|[+-][0-9]{4})?)?")
_UNIX = re.compile(r"@([0-9]{1,11})")


@dataclass(frozen=True, slots=True)
class When:
    """What was asked: a ``time`` (UTC; whatever landed up to it counts), or a ``commit`` where it was no time.

    ``reading`` says how the text was understood. ``day`` is the first moment of the day where a day alone was named.
    """

    text: str
    reading: str
    time: datetime | None = None
    commit: str = ""
    day: datetime | None = None


def read_when(repo: Repository, text: str, now: datetime) -> When:
    """The moment that ``text`` names, were it ``now``; a time goes before a revision of the same spelling.

    ConfigurationError, with the forms that are taken, for whatever is neither.
    """
    plain = " ".join(text.split()).lower()
    if len(text) <= LONGEST and plain.isascii():
        try:
            if (found := _time(repo, text, plain, now)) is not None:
                return _unambiguous(repo, found, plain)
        except (ValueError, OverflowError) as error:
            raise ConfigurationError(_unread(text, f": {error}")) from error
    if "@{" not in text and (commit := _commit(repo, text)):
        return When(text, f"the commit {commit[:12]}", commit=commit)
    raise ConfigurationError(_unread(text, ": it is no time, and names no commit here"))


def _time(repo: Repository, text: str, plain: str, now: datetime) -> When | None:
    if found := _UNIX.fullmatch(plain):
        return _exact(text, datetime.fromtimestamp(int(found[1]), UTC), "seconds since 1970")
    if plain == "now":
        return _exact(text, now.replace(microsecond=0), "the clock of this machine")
    if found := _BASIC.fullmatch(plain):
        spelled = "-".join(found.group(1, 2, 3))
        if found[4]:
            spelled += f"t{found[4]}:{found[5]}:{found[6] or '00'}{found[7] or ''}"
        plain = spelled
    words = re.sub(r"[._]", " ", plain) if plain.endswith("ago") else plain
    if _AGO.fullmatch(words):
        return _exact(text, time_in_words(repo, words, now), "counted back from the clock of this machine")
    for pattern in (*_DATED, _GIT):
        if found := pattern.fullmatch(plain):
            return _dated(repo, text, found, now)
    return None


def _dated(repo: Repository, text: str, found: re.Match[str] | None, now: datetime) -> When | None:
    """A day, with or without a time of day and a zone."""
    if found is None:
        return None
    told = found.groupdict()
    zone = _zone(told["zone"])
    named = told["zone"] is not None
    day = _day(repo, told, now.astimezone(zone))
    clock = _clock(told)
    suffix = "" if named else ", and as UTC because it names no time zone"
    if clock is not None:
        return _exact(text, datetime.combine(day, clock, zone), f"as it is written{suffix}")
    first = datetime.combine(day, time(), zone).astimezone(UTC)
    last = first + timedelta(days=1, seconds=-1)
    reading = f"{last:%Y-%m-%d %H:%M:%S} UTC: a day alone means its end{suffix}"
    return When(text, reading, time=last, day=first)


def _day(repo: Repository, told: dict[str, str | None], now: datetime) -> date:
    if told.get("day"):
        return date.fromisoformat(told["day"] or "")
    if words := told.get("words"):
        if words in ("today", "yesterday"):
            return now.date() - timedelta(days=words == "yesterday")
        if words.endswith("ago"):
            # git counts by a clock that shows what clocks in the named zone show.
            return time_in_words(repo, words, now.replace(tzinfo=UTC)).date()
        back = (now.weekday() - _WEEKDAYS.index(words.removeprefix("last ")[:3])) % 7 or 7
        return now.date() - timedelta(days=back)
    which = "1" if told.get("m1") else "2"
    year, month, day = (told.get(part + which) or "" for part in "ymd")
    return date(int(year), _MONTHS.index(month[:3]) + 1, int(day))


def _clock(told: dict[str, str | None]) -> time | None:
    if told["name"]:
        return time(12 if told["name"] == "noon" else 0)
    hour, half = told["hour"] or told["only_hour"], told["half"] or told["only_half"]
    if hour is None:
        return None
    number = int(hour)
    if half:
        if not 1 <= number <= 12:
            raise ValueError(f"{number} {half} is no time of day")
        number = number % 12 + (12 if half == "pm" else 0)
    return time(number, int(told["minute"] or 0), int(told["second"] or 0))


def _zone(text: str | None) -> timezone:
    if text is None or text in ("z", "utc", "gmt"):
        return UTC
    digits = text[1:].replace(":", "").ljust(4, "0")
    if int(digits[2:]) > 59:
        raise ValueError(f"{text} is no time zone")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-offset if text[0] == "-" else offset)


def _exact(text: str, when: datetime, how: str) -> When:
    utc = when.astimezone(UTC)
    return When(text, f"{utc:%Y-%m-%d %H:%M:%S} UTC, {how}", time=utc)


def _unambiguous(repo: Repository, found: When, plain: str) -> When:
    """``found``, unless its digits are the beginning of a commit's id as well."""
    if plain.isdigit() and _commit(repo, plain):
        problem = Problem(
            f"{plain} is a day, and the beginning of a commit's id as well",
            remedy=f"write the day as {plain[:4]}-{plain[4:6]}-{plain[6:]}, or more of the commit's id",
        )
        raise ConfigurationError(problem)
    return found


def _commit(repo: Repository, text: str) -> str:
    try:
        return repo.resolve(text)
    except ConfigurationError:
        return ""


def _unread(text: str, why: str) -> Problem:
    return Problem(
        f"{text[:LONGEST]!a} cannot be read as a time{why}",
        why="a time that is guessed gives an answer to another question",
        remedy=(
            "write 2026-03-03, '2026-03-03 14:00 +0100', 2026-03-03T14:00Z, '3 March 2026', 'yesterday 14:00', "
            "'2 weeks ago', @1772546400 (seconds since 1970), or a commit"
        ),
    )
