from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlassay.digest import canonical
from mlassay.errors import EvidenceError
from mlassay.evidence.dsse import Envelope, decode, encode, pae, read_envelope

ENVELOPE = Envelope(payload=b"{}\n", keyid="ab" * 32, signature=b"\x01\x02\x03\x04")


def test_the_signed_bytes_are_those_of_the_dsse_protocol():
    # The example of https://github.com/secure-systems-lab/dsse/blob/v1.0.2/protocol.md
    assert (
        pae("http://example.com/HelloWorld", b"hello world")
        == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


@given(payload=st.binary(), signature=st.binary(), keyid=st.text("0123456789abcdef", max_size=64))
def test_what_was_written_reads_back_the_same(payload, signature, keyid):
    envelope = Envelope(payload, keyid, signature)
    assert read_envelope(envelope.to_bytes(), "x") == envelope


@given(st.binary(max_size=400))
def test_bytes_from_nowhere_are_refused_and_never_crash(data):
    with pytest.raises(EvidenceError):
        read_envelope(data, "x.dsse.json")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=8,
    )
)
def test_canonical_json_of_another_shape_is_refused(value):
    with pytest.raises(EvidenceError):
        read_envelope(canonical(value), "x.dsse.json")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda e: e | {"comment": "hello"}, "members"),
        (lambda e: e | {"payloadType": "text/plain"}, "payload type"),
        (lambda e: e | {"signatures": []}, "not a signed statement"),
        (lambda e: e | {"signatures": e["signatures"] * 2}, "not a signed statement"),
        (lambda e: e | {"signatures": [e["signatures"][0] | {"cert": ""}]}, "members"),
        (lambda e: e | {"signatures": [e["signatures"][0] | {"keyid": 7}]}, "members"),
        (lambda e: e | {"payload": e["payload"] + "=" * 4}, "base64"),
        (lambda e: e | {"payload": 3}, "base64"),
        (lambda e: {k: v for k, v in e.items() if k != "payload"}, "not a signed statement"),
    ],
)
def test_an_envelope_that_says_more_or_less_is_refused_by_file(change, told):
    assert read_envelope(canonical(ENVELOPE.as_mapping()), "x") == ENVELOPE  # the control
    with pytest.raises(EvidenceError, match=told) as caught:
        read_envelope(canonical(change(ENVELOPE.as_mapping())), "some/x.dsse.json")
    assert caught.value.problems[0].path == "some/x.dsse.json"


def test_spare_bits_of_base64_padding_are_refused():
    text = encode(b"\x01\x02\x03\x04")
    assert text == "AQIDBA=="
    for other in "BCDEFGHIJKLMNOP":
        twin = f"AQIDB{other}=="
        assert base64.b64decode(twin) == b"\x01\x02\x03\x04"  # a stock decoder overlooks them
        with pytest.raises(EvidenceError, match="another spelling"):
            decode(twin, "x")


@pytest.mark.parametrize("spell", [json.dumps, lambda v: json.dumps(v, indent=2, sort_keys=True)])
def test_another_spelling_of_the_same_json_is_refused(spell):
    with pytest.raises(EvidenceError, match="another spelling"):
        read_envelope(spell(ENVELOPE.as_mapping()).encode(), "x")
