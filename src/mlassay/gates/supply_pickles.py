"""What a pickle would import and call when it is loaded, told from its opcodes: nothing is ever loaded."""

from __future__ import annotations

import io
import pickletools
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from mlassay.gates.supply_streams import Stream, TooMuchError, streams
from mlassay.model.pickles import is_pickle

SUFFIXES = frozenset(
    {".pkl", ".pickle", ".joblib", ".pt", ".pth", ".ckpt", ".bin", ".npy", ".npz", ".dill", ".p", ".pk", ".model", ".sav"}
)  # fmt: skip
"""Names by which loaders take a file for a pickle, whatever its first bytes look like."""
OPERATIONS = 5_000_000
SHOWN = 5
_HDF = b"\x89HDF\r\n\x1a\n"


class Danger(IntEnum):
    """How bad loading it is: nothing but values; something that is not known; code of the sender's choice."""

    PLAIN = 0
    UNKNOWN = 1
    UNSAFE = 2


@dataclass(frozen=True, slots=True)
class Judged:
    """One pickle: where in its file it lies, how bad it is, and what it imports, sorted."""

    where: str
    danger: Danger
    imports: tuple[str, ...]
    why: str


# What pickles of plain arrays, tensors and collections import: constructors that run nothing of the sender's.
SAFE: Mapping[str, frozenset[str]] = {
    "collections": frozenset({"OrderedDict", "defaultdict", "deque", "Counter"}),
    "datetime": frozenset({"date", "datetime", "time", "timedelta", "timezone"}),
    "decimal": frozenset({"Decimal"}),
    "fractions": frozenset({"Fraction"}),
    "numpy": frozenset({"dtype", "ndarray", "float64", "float32", "int64", "int32", "bool_", "str_"}),
    "numpy.core.multiarray": frozenset({"_reconstruct", "scalar"}),
    "numpy._core.multiarray": frozenset({"_reconstruct", "scalar"}),
    "numpy.core.numeric": frozenset({"_frombuffer"}),
    "numpy._core.numeric": frozenset({"_frombuffer"}),
    "torch._utils": frozenset({"_rebuild_tensor_v2", "_rebuild_parameter"}),
    "_codecs": frozenset({"encode"}),
    "copyreg": frozenset({"_reconstructor"}),
    "copy_reg": frozenset({"_reconstructor"}),
}
_BUILTINS = frozenset(
    [
        "object",
        "set",
        "frozenset",
        "list",
        "dict",
        "tuple",
        "int",
        "float",
        "complex",
        "str",
        "bytes",
        "bytearray",
        "bool",
        "slice",
        "range",
        "Ellipsis",
        "NotImplemented",
        "type(None)",
        "long",
        "unicode",
    ]
)
_STORAGE = re.compile(
    r"(Float|Double|Half|BFloat16|Long|Int|Short|Char|Byte|Bool|Complex\w+|QU?Int\w+)Storage"
)
# Modules whose functions run code, start programs, open files or reach the network.
MODULES = frozenset(
    ["os", "posix", "nt", "subprocess", "sys", "runpy", "importlib", "imp", "shutil", "socket", "ssl", "pty", "ctypes", "_ctypes", "code", "codeop", "pdb", "bdb", "timeit", "webbrowser", "multiprocessing", "commands", "popen2", "asyncio", "pip", "cloudpickle", "dill", "marshal", "pickle", "_pickle", "cPickle", "_posixsubprocess", "platform", "tempfile", "pathlib", "io", "_io", "http", "urllib", "urllib2", "requests", "aiohttp", "httplib", "ftplib", "smtplib", "telnetlib", "inspect", "gc", "atexit", "signal", "site", "types", "pkgutil", "pydoc", "cProfile", "profile", "trace", "doctest", "test", "venv", "ensurepip", "distutils", "setuptools", "zipimport", "threading", "_thread", "concurrent", "sched", "concurrent.futures", "uuid", "_osx_support", "_aix_support", "idlelib", "lib2to3", "logging", "imaplib", "builtins", "__builtin__", "operator", "_operator", "functools"]
)  # fmt: skip
# What pickletools raises at bytes that are no opcodes, or opcodes without their operands.
_NO_PICKLE = (
    ValueError,
    IndexError,
    KeyError,
    AttributeError,
    UnicodeError,
    TypeError,
    OverflowError,
    MemoryError,
)
_STRINGS = {
    "SHORT_BINUNICODE",
    "BINUNICODE",
    "BINUNICODE8",
    "UNICODE",
    "STRING",
    "BINSTRING",
    "SHORT_BINSTRING",
}
_MEMO_GET = {"GET", "BINGET", "LONG_BINGET"}
_MEMO_PUT = {"PUT", "BINPUT", "LONG_BINPUT"}
_EXTENSIONS = {"EXT1", "EXT2", "EXT4"}
_PERSISTENT = {"PERSID", "BINPERSID"}
_LISTED = "|".join(re.escape(name) for name in sorted(MODULES, key=lambda name: (-len(name), name))).encode()
# In a stream that opcodes cannot be followed through (joblib writes arrays between them): an import by its bytes.
_RAW = re.compile(rb"(?s)[ci](" + _LISTED + rb")((?:\.\w+)*)\n(\w[\w.]*)\n")
_RAW_STACK = re.compile(
    rb"(?s)(?:\x8c.|X.\0\0\0|\x8d.\0{7}|[UT](?:.\0\0\0|.))("
    + _LISTED
    + rb")(?:\.\w+)*(?=[\x94q\x8cXUTr\x8d])"
)


def pickles_of(path: Path) -> Iterator[Judged]:
    """Every pickle in the file at ``path``, judged; one of unknown danger where the file could not be looked through."""
    try:
        for stream in streams(path):
            if (found := judge(stream, path.suffix.lower())) is not None:
                yield found
    except TooMuchError as error:
        yield Judged("", Danger.UNKNOWN, (), str(error))


def judge(stream: Stream, suffix: str = "") -> Judged | None:
    """What loading ``stream`` would do; None when it is no pickle. ``suffix`` is the outermost file's."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # hostile strings have escapes that Python warns of
        return _judge(stream, suffix)


def _judge(stream: Stream, suffix: str) -> Judged | None:
    data = stream.data
    if data.startswith(_HDF):
        return Judged(stream.where, Danger.UNKNOWN, (), "it is an HDF5 file, in which models carry code")
    if data.startswith(b"\x93NUMPY"):
        return None  # its header is text; what follows is a stream of its own
    named = suffix in SUFFIXES or "objects of a NumPy array" in stream.where
    if not is_pickle(data[: 1 << 20]) and not (named and _begins(data)):
        return None
    imports, followed, one = _imports(data)
    if not followed:
        imports |= set(_raw_imports(data))
    dangers = {name: _danger(name) for name in imports}
    unsafe = sorted(name for name, danger in dangers.items() if danger is Danger.UNSAFE)
    unsafe += sorted(_second_opinion(data) - set(unsafe))
    shown = tuple(sorted(imports))
    if unsafe:
        more = f" and {len(unsafe) - SHOWN} more" if len(unsafe) > SHOWN else ""
        return Judged(
            stream.where, Danger.UNSAFE, shown, f"loading it calls {', '.join(unsafe[:SHOWN])}{more}"
        )
    unknown = sorted(name for name, danger in dangers.items() if danger is Danger.UNKNOWN)
    if unknown:
        more = f" and {len(unknown) - SHOWN} more" if len(unknown) > SHOWN else ""
        what = f"loading it imports {', '.join(unknown[:SHOWN])}{more}, whose code nobody looked at"
        return Judged(stream.where, Danger.UNKNOWN, shown, what)
    if not stream.whole or not (followed or (one and not imports)):
        return Judged(stream.where, Danger.UNKNOWN, shown, "it cannot be followed to its end")
    return Judged(stream.where, Danger.PLAIN, shown, "")


def _begins(data: bytes) -> bool:
    """Whether a pickle machine would take at least two steps into these bytes."""
    try:
        for number, _ in enumerate(pickletools.genops(data[: 1 << 16])):
            if number:
                return True
    except _NO_PICKLE:
        return False
    return False


def _imports(data: bytes) -> tuple[set[str], bool, bool]:
    """``(module.name of every import, whether all bytes could be followed, whether one whole pickle could)``.

    Several pickles may follow each other. An import whose words are computed and not written down is ``unknown``.
    """
    file = io.BytesIO(data)
    found: set[str] = set()
    while (start := file.tell()) < len(data):
        try:
            _followed(file, found)
        except _NO_PICKLE:
            return found, False, start > 0
    return found, True, True


def _followed(file: io.BytesIO, found: set[str]) -> None:
    """Add the imports of one pickle to ``found`` as its machine would meet them; raises where it breaks."""
    last: list[str | None] = []  # the strings last pushed; None for anything else
    memo: dict[int, str | None] = {}
    for number, (operation, argument, _) in enumerate(pickletools.genops(file)):
        name = operation.name
        if number > OPERATIONS:
            raise ValueError("too many operations")
        if name in _STRINGS:
            last.append(argument if isinstance(argument, str) else str(argument))
        elif name == "MEMOIZE":
            memo[len(memo)] = last[-1] if last else None
        elif name in _MEMO_PUT:
            memo[int(argument or 0)] = last[-1] if last else None
        elif name in _MEMO_GET:
            last.append(memo.get(int(argument or 0)))
        elif name in ("GLOBAL", "INST"):
            found.add(".".join(str(argument).split(" ", 1)))
            last.append(None)
        elif name == "STACK_GLOBAL":
            module, word = ([None, None, *last])[-2:]
            found.add(f"{module}.{word}" if module is not None and word is not None else "unknown")
            last.append(None)
        elif name in _EXTENSIONS:
            found.add(f"copyreg.extension_{argument}")
            last.append(None)
        elif name in _PERSISTENT:
            found.add("persistent.id")
            last.append(None)
        elif name not in ("PROTO", "FRAME", "MARK"):
            last.append(None)
        del last[:-4]


def _raw_imports(data: bytes) -> Iterator[str]:
    for found in _RAW.finditer(data):
        yield b".".join((found[1] + found[2], found[3])).decode("ascii", "replace")[:120]
    for found in _RAW_STACK.finditer(data):
        if found[1].decode() not in _WORDS_TOO:
            yield f"{found[1].decode()}.?"


# Also plain words of other data: a string alone is no import where nothing more is known.
_WORDS_TOO = frozenset({"code", "test", "site", "types", "profile", "trace", "signal", "platform", "logging", "sched", "inspect", "threading", "operator", "io"})  # fmt: skip


def _danger(name: str) -> Danger:
    module, _, word = name.rpartition(".")
    if name == "unknown" or not module:
        return Danger.UNSAFE
    if module in ("builtins", "__builtin__") and word in _BUILTINS:
        return Danger.PLAIN
    if word in SAFE.get(module, ()) or (module.partition(".")[0] == "torch" and _STORAGE.fullmatch(word)):
        return Danger.PLAIN
    parts = name.split(".")
    if any(".".join(parts[:end]) in MODULES for end in range(1, len(parts))):
        return Danger.UNSAFE
    return Danger.PLAIN if name == "persistent.id" else Danger.UNKNOWN


def _second_opinion(data: bytes) -> set[str]:
    """What `picklescan` calls dangerous: its list grows with what others find."""
    import logging

    from picklescan.scanner import SafetyLevel, scan_pickle_bytes

    logging.getLogger("picklescan").setLevel(logging.CRITICAL)
    try:
        result = scan_pickle_bytes(io.BytesIO(data), "stream")
    except _NO_PICKLE:
        return set()
    dangerous: Iterable[tuple[str, str]] = (
        (each.module, each.name) for each in result.globals if each.safety is SafetyLevel.Dangerous
    )
    return {f"{module}.{name}" for module, name in dangerous}
