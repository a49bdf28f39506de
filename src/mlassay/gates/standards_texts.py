"""How much of a text people wrote: headings, questions and the template's own words are not an answer."""

from __future__ import annotations

import re

_WORD = re.compile(r"[^\W\d_]{2,}")
_HEADING = re.compile(r"\s*(#{1,6}\s|={3,}\s*$|-{3,}\s*$)")
_EMPHASISED = re.compile(r"\*[^*].*[^*]\*|_[^_].*[^_]_", re.DOTALL)


def words(text: str) -> int:
    """Words of two letters and more, in any script, without headings, code fences and comments."""
    return sum(len(_WORD.findall(paragraph)) for paragraph in _paragraphs(text))


def answered(text: str) -> int:
    """As `words`, without paragraphs and list items that only ask (``…?``) or that stand wholly in emphasis.

    The template's own questions are of these two forms; what people add below or behind them counts.
    """
    return sum(
        len(_WORD.findall(_without_questions(paragraph)))
        for paragraph in _paragraphs(text)
        if not _EMPHASISED.fullmatch(paragraph.strip())
    )


def _paragraphs(text: str) -> list[str]:
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    text = re.sub(r"^(```|~~~).*?^\1\s*$", "", text, flags=re.DOTALL | re.MULTILINE)
    found, current = [], ""
    for line in text.splitlines():
        item = re.match(r"\s*([-*+]|\d+[.)])\s", line) is not None
        if not line.strip() or _HEADING.match(line) or item:
            found.append(current)
            current = ""
        if line.strip() and not _HEADING.match(line):
            current += f"{line.strip()}\n"
    return [each for each in (*found, current) if each]


def _without_questions(paragraph: str) -> str:
    sentences = re.split(r"(?<=[.!?。？！])\s+", paragraph)  # noqa: RUF001  other scripts end sentences with these
    return " ".join(sentence for sentence in sentences if not sentence.rstrip(" *_\n").endswith(("?", "？")))  # noqa: RUF001
