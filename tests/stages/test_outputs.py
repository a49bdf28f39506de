"""Pickles are found by what they contain, and nothing else is taken for one."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import pickle
import tarfile
import zipfile
import zlib

import numpy as np
import pytest

from mlassay.model.pickles import find_pickle
from mlassay.stages._probe import held_against, interpreter


class Evil:
    def __reduce__(self):
        return (print, ("gotcha",))


def found(tmp_path, data):
    path = tmp_path / "file.bin"
    path.write_bytes(data)
    return find_pickle(path)


def zipped(name, data):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(name, data)
    return out.getvalue()


def tarred(name, data):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        info = tarfile.TarInfo(name)
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def objects():
    out = io.BytesIO()
    np.save(out, np.array([Evil()], dtype=object), allow_pickle=True)
    return out.getvalue()


@pytest.mark.parametrize("protocol", range(6))
def test_a_pickle_of_every_protocol_is_found(tmp_path, protocol):
    assert found(tmp_path, pickle.dumps(Evil(), protocol))
    assert found(tmp_path, pickle.dumps({"a": [1, 2], "b": "c"}, protocol))


@pytest.mark.parametrize(
    "wrap",
    [
        gzip.compress,
        bz2.compress,
        lzma.compress,
        zlib.compress,
        lambda d: zipped("x/data.pkl", d),
        lambda d: tarred("a", d),
    ],
    ids=["gzip", "bz2", "xz", "zlib", "zip", "tar"],
)
@pytest.mark.parametrize("protocol", [0, 4])
def test_a_pickle_inside_an_archive_is_found(tmp_path, wrap, protocol):
    assert found(tmp_path, wrap(pickle.dumps(Evil(), protocol)))
    assert found(tmp_path, wrap(b"plain text, and no pickle")) is None


def test_a_zip_with_something_in_front_is_looked_into(tmp_path):
    assert found(tmp_path, b"#!/bin/sh\n" + zipped("data.pkl", pickle.dumps(Evil())))


def test_a_numpy_array_of_objects_is_found_and_one_of_numbers_is_not(tmp_path):
    assert found(tmp_path, objects())
    assert found(tmp_path, zipped("a.npy", objects()))
    out = io.BytesIO()
    np.save(out, np.zeros(3))
    assert found(tmp_path, out.getvalue()) is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"to.",
        b"N.",
        b"I am text.\n",
        b"(a, b)\n1,2\n.",
        b'{"auc": 0.9}\n',
        b"deny,pirat\nno,0.2\n",
        b"\x08\x08\x12\x00onnx",
        b"\x89PNG\r\n\x1a\n",
        b"\x1f\x8b broken",
        b"PK\x03\x04 broken",
    ],
)
def test_plain_files_are_no_pickles(tmp_path, data):
    assert found(tmp_path, data) is None


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("python train.py", "python"),
        ("/usr/bin/python3.12 -m x", "/usr/bin/python3.12"),
        ("sh python", None),
        ("pythonic", None),
    ],
)
def test_only_a_python_command_has_an_interpreter_to_ask(command, expected):
    assert interpreter(command) == expected


def test_a_package_pinned_for_several_interpreters_matches_any_of_its_pins():
    lock = "numpy==2.4 ; python_full_version < '3.12'\nnumpy==2.5 ; python_full_version >= '3.12'\n"
    assert held_against("requirements.lock", lock, {"numpy": "2.4"})["mismatches"] == []
    (mismatch,) = held_against("requirements.lock", lock, {"numpy": "2.3"})["mismatches"]
    assert mismatch == {"package": "numpy", "locked": "2.4 or 2.5", "installed": "2.3"}


def test_a_toml_lock_is_read_and_absent_packages_of_other_platforms_are_no_mismatch():
    lock = '[[package]]\nname = "Num_Py"\nversion = "1.0"\n\n[[package]]\nname = "pywin"\nversion = "3"\n'
    against = held_against("uv.lock", lock, {"num-py": "2.0"})
    assert against == {
        "path": "uv.lock",
        "pinned": 2,
        "mismatches": [{"package": "num-py", "locked": "1.0", "installed": "2.0"}],
    }


def test_a_file_that_pins_nothing_is_no_lock():
    assert held_against("requirements.txt", "numpy>=1\n", {"numpy": "2"}) is None
