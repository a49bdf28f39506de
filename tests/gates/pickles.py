"""Malicious pickles made by hand, their benign twins, and every container that one may lie in."""

from __future__ import annotations

import bz2
import collections
import gzip
import io
import lzma
import pickle
import struct
import tarfile
import zipfile
import zlib

import numpy as np


class Call:
    """Pickles as a call of ``function(*arguments)``; never loaded here."""

    def __init__(self, function, *arguments):
        self.pair = (function, arguments)

    def __reduce__(self):
        return self.pair


def text(value) -> bytes:
    """A short string as protocol 4 writes it."""
    data = value.encode()
    return b"\x8c" + bytes([len(data)]) + data


def stack(module, name, argument="id") -> bytes:
    """A call by STACK_GLOBAL."""
    return b"\x80\x04" + text(module) + text(name) + b"\x93" + text(argument) + b"\x85R."


def old(module, name, argument="id") -> bytes:
    """A call by GLOBAL, in protocol 0."""
    return f"c{module}\n{name}\n(S'{argument}'\ntR.".encode()


CALLED = [
    ("posix", "system"),
    ("os", "popen"),
    ("nt", "system"),
    ("subprocess", "Popen"),
    ("builtins", "eval"),
    ("builtins", "exec"),
    ("builtins", "getattr"),
    ("builtins", "__import__"),
    ("builtins", "open"),
    ("runpy", "run_path"),
    ("importlib", "import_module"),
    ("importlib._bootstrap", "_load"),
    ("socket", "create_connection"),
    ("urllib.request", "urlopen"),
    ("shutil", "rmtree"),
    ("ctypes", "CDLL"),
    ("pty", "spawn"),
    ("webbrowser", "open"),
    ("pickle", "loads"),
    ("marshal", "loads"),
    ("dill", "loads"),
    ("operator", "attrgetter"),
    ("functools", "partial"),
    ("types", "FunctionType"),
    ("code", "interact"),
    ("timeit", "main"),
    ("_posixsubprocess", "fork_exec"),
    ("multiprocessing.util", "spawnv_passfds"),
    ("os.path", "os.system"),
    ("tempfile", "mkstemp"),
    ("pathlib", "Path.write_text"),
    ("concurrent.futures.process", "ProcessPoolExecutor"),
]


def malicious() -> dict[str, bytes]:
    """Name -> pickle whose loading would run code of the sender's."""
    made = {f"stack {m}.{n}": stack(m, n) for m, n in CALLED}
    made |= {f"global {m}.{n}": old(m, n) for m, n in CALLED}
    made |= {f"inst {m}.{n}": f"(S'id'\ni{m}\n{n}\n.".encode() for m, n in CALLED[:5]}
    system = stack("posix", "system")
    made["memo"] = (
        b"\x80\x04"
        + text("posix")
        + b"\x940"
        + text("system")
        + b"\x940h\x00h\x01\x93"
        + text("id")
        + b"\x85R."
    )
    made["popped"] = (
        b"\x80\x04" + text("posix") + text("system") + text("numpy") + b"0\x93" + text("id") + b"\x85R."
    )
    made["dup"] = (
        b"\x80\x04" + text("posix") + b"2" + b"0" + text("system") + b"\x93" + text("id") + b"\x85R."
    )
    made["no stop"] = system[:-1]
    made["broken after"] = system[:-1] + b"\xff\xfe\xfd"
    made["second pickle"] = pickle.dumps({"a": 1}) + system
    made["long unicode"] = b"\x80\x04X\x05\0\0\0posixX\x06\0\0\0system\x93" + text("id") + b"\x85R."
    made["eight-byte unicode"] = (
        b"\x80\x04\x8d" + struct.pack("<Q", 5) + b"posix" + text("system") + b"\x93" + text("id") + b"\x85R."
    )
    made["extension"] = b"\x80\x02\x82\xf0)R."
    made["build"] = b"\x80\x04" + text("posix") + text("system") + b"\x93}" + text("x") + text("y") + b"sb."
    made["newobj"] = b"\x80\x04" + text("subprocess") + text("Popen") + b"\x93" + text("id") + b"\x85\x81."
    made["in a list"] = pickle.dumps([1, 2, Call(eval, "1")])
    made["in a dict, protocol 2"] = pickle.dumps({"weights": Call(exec, "1")}, protocol=2)
    made["frame"] = pickle.dumps(Call(__import__, "os"), protocol=4)
    made["array wrapper"] = pickle.dumps({"a": 1})[:-1] + np.random.default_rng(1).bytes(4000) + system
    return made


def benign() -> dict[str, bytes]:
    """Name -> pickle of nothing but values."""
    array = np.arange(12.0).reshape(3, 4)
    values = {
        "dict": {"a": [1, 2.5, "x", b"y", None, True]},
        "array": array,
        "ordered": collections.OrderedDict(weights=array, names=["posix", "system", "os"]),
        "words": ["os", "system", "eval", "subprocess.Popen", "builtins", "exec"],
        "set": {1, 2, 3},
        "complex": complex(1, 2),
        "scalar": np.float64(3.5),
        "dtype": np.dtype("<f4"),
    }
    return {
        f"{name} {protocol}": pickle.dumps(value, protocol=protocol)
        for name, value in values.items()
        for protocol in (2, 3, 4, 5)
    }


def zipped(data, name="archive/data.pkl", method=zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        archive.writestr("archive/version", "3")
        archive.writestr(name, data)
    return file.getvalue()


def tarred(data) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        info = tarfile.TarInfo("model/weights")
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
    return file.getvalue()


def array_of_objects(data) -> bytes:
    """An .npy file whose dtype is object: header, then ``data`` as its pickle."""
    header = b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"
    header += b" " * (64 - (len(header) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + data


def bad_checksum(data) -> bytes:
    """A zip whose member's CRC is wrong: Python's zipfile refuses it, other loaders do not."""
    made = bytearray(zipped(data, method=zipfile.ZIP_STORED))
    with zipfile.ZipFile(io.BytesIO(bytes(made))) as archive:
        info = archive.infolist()[1]
    for at in (info.header_offset + 14, made.index(b"PK\x01\x02", made.index(b"PK\x01\x02") + 1) + 16):
        made[at] ^= 0xFF
    return bytes(made)


CONTAINERS = {
    "plain.pkl": lambda data: data,
    "plain.txt": lambda data: data,
    "model.pt": zipped,
    "model.pth": lambda data: zipped(data, method=zipfile.ZIP_STORED),
    "model.joblib": zlib.compress,
    "model.gz": gzip.compress,
    "model.bz2": bz2.compress,
    "model.xz": lzma.compress,
    "model.zip": lambda data: zipped(data, "notes.txt"),
    "model.tar": tarred,
    "model.tgz": lambda data: gzip.compress(tarred(data)),
    "arrays.npy": array_of_objects,
    "arrays.npz": lambda data: zipped(array_of_objects(data), "a.npy"),
    "nested.zip": lambda data: zipped(gzip.compress(zipped(data)), "inner.gz"),
    "sfx.bin": lambda data: b"#!/bin/sh\nexit 0\n" + zipped(data),
    "checksum.pt": bad_checksum,
}
