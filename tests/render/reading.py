"""How hard a page's prose is: its Flesch-Kincaid grade, with syllables as hyphenation counts them."""

from __future__ import annotations

import re
from html.parser import HTMLParser

PROSE = {"p", "li", "dd"}
LEFT_OUT = {"table", "code", "pre", "svg", "nav", "blockquote", "q", "style", "title", "footer", "bdi"}
MARKED = {"id", "src", "said", "vh", "path", "found", "said-list"}
VOID = {"meta", "br", "link", "img", "hr", "input"}


class _Prose(HTMLParser):
    """The sentences of a page; tables, code, ids and the words of strangers are not prose of ours."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[tuple[str, bool]] = []
        self.blocks: list[str] = []

    def handle_starttag(self, tag, attrs):
        if tag in VOID:
            return
        marked = set((dict(attrs).get("class") or "").split()) & MARKED
        out = tag in LEFT_OUT or bool(marked) or (self.open[-1][1] if self.open else False)
        self.open.append((tag, out))
        if tag in PROSE and not out:
            self.blocks.append("")

    def handle_endtag(self, tag):
        if tag not in VOID:
            self.open.pop()

    def handle_data(self, data):
        inside = [out for tag, out in self.open if tag in PROSE]
        if inside and not inside[-1]:
            # What is left out here is a name or an id inside a sentence: a word without weight.
            self.blocks[-1] += "it" if self.open[-1][1] else data


def prose(page: str) -> list[str]:
    """The sentences of a page."""
    parser = _Prose()
    parser.feed(page)
    text = ". ".join(" ".join(block.split()) for block in parser.blocks)
    parts = re.split(r"[.!?]+(?:\s+|$)", text)
    return [part for part in parts if len(re.findall(r"[a-z]+", part.lower())) > 2]


def grade(sentences: list[str]) -> float:
    """.39 words a sentence + 11.8 syllables a word - 15.59 (Kincaid and others, 1975)."""
    import pyphen

    hyphens = pyphen.Pyphen(lang="en_US", left=1, right=1)
    words = re.findall(r"[a-z]+(?:'[a-z]+)?", " ".join(sentences).lower())
    syllables = sum(len(hyphens.positions(word)) + 1 for word in words)
    return 0.39 * len(words) / len(sentences) + 11.8 * syllables / len(words) - 15.59
