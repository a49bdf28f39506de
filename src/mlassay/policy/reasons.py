"""Whether a text says anything: emptiness, rubber stamps and copies are found, thoughtlessness is not."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from difflib import SequenceMatcher
from functools import _lru_cache_wrapper, lru_cache
from typing import TypeVar

T = TypeVar("T")

SHORTEST = 15  # letters; "because it works" is 14
FEWEST_WORDS = 3
SHORTEST_UNSPACED = 6  # letters of scripts that write without spaces
COPIED = 0.9  # share of a text that is the same as another's (difflib's ratio)
LONG = 2_000  # characters from which texts are compared by their runs of words: difflib's time grows with the square
RUN = 5  # words in such a run
SHARED = 0.5  # share of both texts' runs that is the same

RUBBER_STAMPS = frozenset(
    {
        *(
            "lgtm",
            "looks good",
            "looks good to me",
            "looks fine to me",
            "looks ok to me",
            "looks fine",
            "looks ok",
        ),
        *(
            "all good",
            "all good here",
            "all good to me",
            "this all looks good",
            "this looks good to me",
            "seems good",
        ),
        *(
            "seems fine to me",
            "sounds good",
            "sounds good to me",
            "good to go",
            "this is good to go",
            "good to go from me",
        ),
        *(
            "ok",
            "okay",
            "yes",
            "yep",
            "sure",
            "fine",
            "done",
            "good",
            "great",
            "nice",
            "approved",
            "approve",
            "accepted",
        ),
        *(
            "approved by me",
            "i approve",
            "i approve this",
            "i approve this release",
            "i approve this promotion",
        ),
        *(
            "this is approved",
            "i agree with this",
            "agreed",
            "agree",
            "ship it",
            "just ship it",
            "lets ship it",
            "merge it",
        ),
        *(
            "please merge this",
            "no comment",
            "no comments",
            "no comments from me",
            "no reason",
            "no particular reason",
        ),
        *(
            "none",
            "no risk",
            "no risks",
            "there is no risk",
            "there are no risks",
            "no residual risk",
            "no risk at all",
        ),
        *(
            "nothing to add",
            "i have nothing to add",
            "as discussed",
            "as discussed before",
            "see above",
            "same as above",
        ),
        *(
            "as above",
            "same as before",
            "see the pull request",
            "na",
            "n a",
            "tbd",
            "test",
            "testing",
            "asdf",
            "no objections",
        ),
        *(
            "i have no objections",
            "no objections from me",
            "looks good please merge",
            "looks good to me thanks",
        ),
    }
)


def fault(text: str, others: Iterable[str] = ()) -> str | None:
    """Why ``text`` is no reason ("it ..."), or None; ``others`` are texts that it must not copy."""
    plain, bad = _short(_alone, text)
    if bad is not None:
        return bad
    if any(_same(plain, _short(_plain, other)) for other in others):
        return "it copies another text of this request: say it in your own words"
    return None


def _short(ask: _lru_cache_wrapper[T], text: str) -> T:
    """What ``ask`` says of a text, which it does not remember of a long one."""
    return ask(text) if len(text) <= LONG else ask.__wrapped__(text)


@lru_cache(maxsize=256)  # a request's texts are asked about several times in a row
def _alone(text: str) -> tuple[str, str | None]:
    """What a text is compared by, and why it is no reason whatever the others say."""
    plain = _short(_plain, text)
    if not plain:
        return plain, "it is empty"
    if plain in RUBBER_STAMPS:
        return plain, "it only says yes, not why"
    if _too_short(plain):
        return plain, "it is too short to be a reason: name what you looked at and why it may go on"
    return plain, None


@lru_cache(maxsize=256)
def _plain(text: str) -> str:
    """Letters, digits and single spaces only, in one case: what two texts are compared by."""
    folded = (
        unicodedata.normalize("NFKC", text)
        .casefold()
        .replace("'", "")
        .replace("\N{RIGHT SINGLE QUOTATION MARK}", "")
    )
    return " ".join(re.findall(r"[^\W_]+", folded))


def _too_short(plain: str) -> bool:
    letters = plain.replace(" ", "")
    if sum(ord(letter) >= 0x2E80 for letter in letters) > len(letters) // 2:
        return len(set(letters)) < SHORTEST_UNSPACED
    return len(letters) < SHORTEST or len(set(plain.split())) < FEWEST_WORDS or len(set(letters)) < 5


def _same(one: str, other: str) -> bool:
    if not other:
        return False
    if one == other:
        return True
    if max(len(one), len(other)) > LONG:
        runs, others = _runs(one), _runs(other)
        return len(runs & others) >= SHARED * len(runs | others) > 0
    return _much_alike(one, other)


@lru_cache(maxsize=512)  # each text of a request is held against the same others several times
def _much_alike(one: str, other: str) -> bool:
    both = len(one) + len(other)
    # Twice what they can share at most, by length and by letters, as difflib's own quick ratios: never less than its ratio.
    if 2.0 * min(len(one), len(other)) / both < COPIED:
        return False
    if 2.0 * (Counter(one) & Counter(other)).total() / both < COPIED:
        return False
    return SequenceMatcher(None, one, other, autojunk=False).ratio() >= COPIED


def _runs(plain: str) -> set[tuple[str, ...]]:
    """Every run of words in a text, as in Broder's resemblance of documents (1997)."""
    words = plain.split()
    if len(words) * 20 < len(plain):  # a script that writes no spaces
        words = list(plain)
    return set(zip(*(words[start:] for start in range(RUN)), strict=False))
