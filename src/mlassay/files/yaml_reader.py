"""YAML read strictly: the part of YAML 1.2 that has one meaning in every program, with the line of every value.

Only ``true``, ``false``, ``null``, decimal integers and decimal fractions are anything but text. ``no``, ``0x1F``,
``010``, ``1_000``, ``1:30`` and dates are text, because programs disagree on them; where a number or a yes/no is
expected, the schema's check then says so. Anchors, aliases, tags, directives, duplicate keys and a second document
are refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, NoReturn

import yaml

from mlassay.errors import ConfigurationError, Problem
from mlassay.files.document import Document, Pointer, decode, dotted

MAX_DEPTH = 24
MAX_VALUES = 50_000

_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_FRACTION = re.compile(
    r"[-+]?(?:0|[1-9][0-9]*)?(?:\.[0-9]+|[0-9]\.)(?:[eE][-+]?[0-9]+)?|[-+]?[1-9][0-9]*[eE][-+]?[0-9]+"
)
_CONSTANTS = {"null": None, "~": None, "": None, "true": True, "false": False}
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")


def read_yaml(path: str, data: bytes) -> Document:
    """The one document of a YAML file; ConfigurationError, naming ``path`` and the line, for anything else."""
    reader = _Reader(path, decode(path, data))
    return Document(path, reader.document(), reader.lines)


@dataclass
class _Reader:
    path: str
    text: str
    lines: dict[Pointer, int] = field(default_factory=dict)
    values: int = 0

    def document(self) -> Any:
        self._parser = yaml.Loader(self.text)
        self._expect(yaml.StreamStartEvent)
        if isinstance(start := self._next(), yaml.StreamEndEvent):
            self._refuse("the file is empty", 1, remedy="write it, or take it back from git")
        if start.version or start.tags:
            self._refuse(
                "a directive (%YAML or %TAG) is not read", 1, remedy="delete the line that begins with %"
            )
        value = self._value((), self._next())
        self._expect(yaml.DocumentEndEvent)
        if not isinstance(event := self._next(), yaml.StreamEndEvent):
            self._refuse(
                "a second document begins here",
                _line(event),
                remedy="keep one document in a file: delete the '---'",
            )
        self.lines.setdefault((), 1)
        return value

    def _value(self, at: Pointer, event: Any) -> Any:
        self._bound(at, event)
        self.lines.setdefault(at, _line(event))
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(at)
        if isinstance(event, yaml.SequenceStartEvent):
            items: list[Any] = []
            while not isinstance(event := self._next(), yaml.SequenceEndEvent):
                items.append(self._value((*at, len(items)), event))
            return items
        return self._scalar(at, event)

    def _mapping(self, at: Pointer) -> dict[str, Any]:
        value: dict[str, Any] = {}
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            self._bound(at, event)
            key = self._key(at, event)
            if key in value:
                first = self.lines[(*at, key)]
                self._refuse(
                    f"the key '{dotted((*at, key))}' stands twice (first on line {first})",
                    _line(event),
                    why="programs disagree on which of the two counts",
                    remedy="keep one of them",
                )
            self.lines[(*at, key)] = _line(event)
            value[key] = self._value((*at, key), self._next())
        return value

    def _key(self, at: Pointer, event: Any) -> str:
        where = f" in '{dotted(at)}'" if at else ""
        if not isinstance(event, yaml.ScalarEvent):
            self._refuse(
                f"a key{where} must be plain text", _line(event), remedy="quote it, or write 'name: value'"
            )
        if event.value == "<<" and not event.style:
            self._refuse(
                f"a merge key '<<'{where} is not read",
                _line(event),
                remedy="write the merged keys out where they hold",
            )
        key = self._scalar((*at, event.value[:80]), event)
        if not isinstance(key, str):
            self._refuse(
                f"the key {event.value!r}{where} must be text",
                _line(event),
                remedy=f'quote it: "{event.value}"',
            )
        return key

    def _scalar(self, at: Pointer, event: Any) -> Any:
        text: str = event.value
        if _UNSAFE.search(text):
            self._refuse(
                f"'{dotted(at)}' holds a control character",
                _line(event),
                remedy="write the text without escapes",
            )
        if event.style:  # quoted, or a block: text, whatever it looks like
            return text
        if text in _CONSTANTS:
            return _CONSTANTS[text]
        if _INTEGER.fullmatch(text):
            return self._integer(at, event)
        if _FRACTION.fullmatch(text):
            number = float(text)
            if number in (float("inf"), float("-inf")):
                self._refuse(
                    f"'{dotted(at)}' is too large a number: {_cut(text)}",
                    _line(event),
                    remedy="write a smaller one",
                )
            return number
        return text

    def _integer(self, at: Pointer, event: Any) -> int:
        if len(event.value) > 19:
            self._refuse(
                f"'{dotted(at)}' is too large a number: {_cut(event.value)}",
                _line(event),
                why="whole numbers of more than 18 digits change silently in many programs",
                remedy="quote it if it is a name",
            )
        return int(event.value)

    def _bound(self, at: Pointer, event: Any) -> None:
        self.values += 1
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            self._refuse(
                "anchors and aliases (& and *) are not read",
                _line(event),
                why="a value must stand where it holds, and a few of them can grow into gigabytes",
                remedy="write the value out; quote text that begins with & or *",
            )
        if event.tag is not None:
            self._refuse(
                f"a tag ({_cut(event.tag)}) is not read",
                _line(event),
                why="tags can make a program build anything",
                remedy="delete it; quote text that begins with !",
            )
        if len(at) > MAX_DEPTH:
            self._refuse(
                f"values lie more than {MAX_DEPTH} levels deep",
                _line(event),
                remedy="check the brackets and indentation",
            )
        if self.values > MAX_VALUES:
            self._refuse(
                f"the file has more than {MAX_VALUES:,} values",
                _line(event),
                remedy="split it, or move data into a data file",
            )

    def _next(self) -> Any:
        try:
            return self._parser.get_event()  # type: ignore[no-untyped-call]
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            what, why, remedy = _explain(error)
            self._refuse(what, mark.line + 1 if mark else None, why, remedy)
        except (yaml.YAMLError, ValueError, OverflowError) as error:
            self._refuse(
                f"this is not YAML: {_cut(str(error).splitlines()[0])}",
                None,
                remedy="check escapes and quotes",
            )

    def _expect(self, kind: type) -> None:
        event = self._next()
        if not isinstance(event, kind):
            self._refuse("this is not one YAML document", _line(event), remedy="keep one document in a file")

    def _refuse(self, what: str, line: int | None = None, why: str = "", remedy: str = "") -> NoReturn:
        raise ConfigurationError(Problem(what, why=why, remedy=remedy, path=self.path, line=line))


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def _cut(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."


# What PyYAML says -> what a person can act on: (what, why, remedy).
_PLAIN = {
    "found character '\\t'": (
        "a tab stands where YAML wants spaces",
        "tabs have no width",
        "indent with spaces",
    ),
    "mapping values are not allowed": (
        "a colon stands where no key can be",
        "",
        "quote text that holds ': ', or check the indentation of this line and the one before",
    ),
    "could not find expected ':'": (
        "a key without ':' ends here",
        "",
        "write 'key: value'; check the indentation, and quote text of several lines",
    ),
    "expected <block end>": (
        "this line does not line up with those before it",
        "",
        "give keys of one level the same indentation, and quote text that begins with a bracket or a quote",
    ),
    "found unexpected end of stream": ("a quote is opened and never closed", "", "close it"),
    "expected ',' or": (
        "a bracket is opened and never closed, or a comma is missing",
        "",
        "check the brackets",
    ),
    "found character '%'": ("text cannot begin with %", "", "quote it"),
    "found character '@'": ("text cannot begin with @", "", "quote it"),
    "found character '`'": ("text cannot begin with a backtick", "", "quote it"),
}


def _explain(error: yaml.MarkedYAMLError) -> tuple[str, str, str]:
    said = error.problem or error.context or str(error)
    for start, (what, why, remedy) in _PLAIN.items():
        if said.startswith(start):
            return what, why, remedy
    context = f" {error.context}" if error.context else ""
    return (
        f"this is not YAML: {said}{context}",
        "",
        "check quotes, brackets and indentation here and just above",
    )
