"""Every malicious pickle is found in every container, and no plain one is called unsafe; nothing is ever loaded."""

from __future__ import annotations

import io
import pickle
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlassay.gates import supply_streams
from mlassay.gates.supply_pickles import Danger, judge, pickles_of
from mlassay.gates.supply_streams import Stream
from mlassay.model.pickles import find_pickle
from tests.gates.pickles import CONTAINERS, Call, bad_checksum, benign, malicious, stack, zipped

BAD, GOOD = malicious(), benign()


def worst(path):
    return max((each.danger for each in pickles_of(path)), default=None)


@pytest.mark.parametrize("container", CONTAINERS)
def test_every_malicious_pickle_is_found_in_every_container(tmp_path, container):
    missed = {}
    for name, data in BAD.items():
        path = tmp_path / container
        path.write_bytes(CONTAINERS[container](data))
        missed[name] = worst(path)
    # An extension code means whatever the loader's registry says: nobody can know more.
    assert missed.pop("extension") is Danger.UNKNOWN
    assert {name for name, danger in missed.items() if danger is not Danger.UNSAFE} == set()


@pytest.mark.parametrize("container", CONTAINERS)
def test_no_plain_pickle_is_called_unsafe_or_unknown(tmp_path, container):
    for name, data in GOOD.items():
        path = tmp_path / container
        path.write_bytes(CONTAINERS[container](data))
        assert worst(path) is Danger.PLAIN, name


def test_a_fitted_estimator_is_unknown_and_one_with_a_payload_among_its_arrays_unsafe(tmp_path):
    joblib = pytest.importorskip("joblib")
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(0)
    model = LogisticRegression().fit(rng.normal(size=(80, 40)), rng.integers(0, 2, 80))
    for name, value, expected in (
        ("good.joblib", model, Danger.UNKNOWN),
        ("bad.joblib", [model, rng.normal(size=5000), Call(eval, "1")], Danger.UNSAFE),
    ):
        for compress in (0, 3, ("gzip", 3), ("bz2", 3), ("xz", 3)):
            joblib.dump(value, tmp_path / name, compress=compress)
            assert worst(tmp_path / name) is expected, (name, compress)


def test_an_array_of_numbers_is_no_pickle(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(1000.0))
    np.savez_compressed(tmp_path / "b.npz", a=np.arange(10), b=np.array(["x", "y"]))
    assert worst(tmp_path / "a.npy") is None
    assert worst(tmp_path / "b.npz") is None


def test_a_saved_array_of_objects_is_one(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{"a": 1}, None], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "b.npz", x=np.array([Call(eval, "1")], dtype=object))
    assert worst(tmp_path / "a.npy") is Danger.PLAIN
    assert worst(tmp_path / "b.npz") is Danger.UNSAFE


def test_what_was_pickled_says_where_it_lies_and_what_it_calls(tmp_path):
    (tmp_path / "model.pt").write_bytes(zipped(stack("posix", "system")))
    (found,) = pickles_of(tmp_path / "model.pt")
    assert found.where == "member 'archive/data.pkl'"
    assert found.imports == ("posix.system",)
    assert "posix.system" in found.why


def test_bombs_are_cut_short_and_said_to(tmp_path, monkeypatch):
    monkeypatch.setattr(supply_streams, "TOTAL_BYTES", 8 << 20)
    monkeypatch.setattr(supply_streams, "MEMBERS", 50)
    many = io.BytesIO()
    with zipfile.ZipFile(many, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(60):
            archive.writestr(f"{number}", b"x")
    deep = stack("posix", "system")
    for _ in range(8):
        deep = zipped(deep)
    samples = {
        "large.zip": zipped(bytes(9 << 20)),
        "many.zip": many.getvalue(),
        "deep.zip": deep,
        "nested.zip": zipped(zipped(bytes(9 << 20))),
        "seven.7z": b"7z\xbc\xaf\x27\x1c" + bytes(100),
        "cut.gz": b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + b"\xff" * 50,
    }
    for name, data in samples.items():
        (tmp_path / name).write_bytes(data)
        assert (worst(tmp_path / name) or Danger.PLAIN) >= Danger.UNKNOWN, name


def test_a_wrong_checksum_hides_nothing_from_the_contract_gate_either(tmp_path):
    (tmp_path / "a.pt").write_bytes(bad_checksum(pickle.dumps(Call(eval, "1"))))
    assert find_pickle(tmp_path / "a.pt") is not None


@pytest.mark.parametrize(
    "text", ["", "a,b\n1,2\n", "# Title\n\nText.\n", "(1, 2)\n", "import os\nos.system('x')\n", "I1\n", "N."]
)
def test_text_is_no_pickle(text):
    assert judge(Stream("", text.encode())) is None


@given(st.binary(max_size=400))
def test_any_bytes_are_judged_without_an_error(data):
    for suffix in ("", ".pkl"):
        judge(Stream("", data), suffix)


@given(st.sampled_from(sorted(BAD)), st.integers(0, 60), st.binary(min_size=1, max_size=3))
def test_bytes_behind_the_call_never_make_it_plain(name, at, noise):
    data = BAD[name]
    found = judge(Stream("", data + noise * (1 + at)), ".pkl")
    assert found is not None
    assert found.danger > Danger.PLAIN


@pytest.mark.parametrize(("module", "danger"), [("torchlike", Danger.UNKNOWN), ("torch", Danger.PLAIN)])
def test_a_storage_of_a_package_that_only_begins_like_torch_is_not_known(module, danger):
    judged = judge(Stream("there", stack(module, "FloatStorage"), True))
    assert judged is not None
    assert judged.danger is danger
