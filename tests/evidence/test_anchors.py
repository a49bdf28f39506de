"""An anchor file has one spelling, and nothing but that is read."""

from __future__ import annotations

import hashlib
import json
import subprocess
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlassay.digest import canonical, sha256
from mlassay.errors import ConfigurationError, EvidenceError
from mlassay.evidence.anchors import (
    LIMIT,
    MACHINE,
    PERSON,
    Anchor,
    AnchorFile,
    AnchorSigner,
    guarded_digest,
    load_anchor,
    read_anchor,
)
from mlassay.files import Document, check

ANCHOR = Anchor(
    head="1" * 40,
    tree="2" * 40,
    commits=12,
    root="3" * 40,
    evidence="4" * 40,
    guarded="sha256:" + "5" * 64,
    findings=0,
    date=datetime(2026, 11, 21, 9, tzinfo=UTC),
)
BY_PERSON = replace(ANCHOR, signer=AnchorSigner(PERSON, "dana", "SHA256:" + "A" * 43))
BY_MACHINE = replace(ANCHOR, signer=AnchorSigner(MACHINE, "ci", "6" * 64), previous="sha256:" + "7" * 64)
SSH = b"-----BEGIN SSH SIGNATURE-----\nU1NIU0lH\n-----END SSH SIGNATURE-----\n"
FILES = [
    AnchorFile(ANCHOR),
    AnchorFile(ANCHOR, stamp=bytes(range(256))),
    AnchorFile(replace(ANCHOR, root=None, evidence=None)),
    AnchorFile(BY_PERSON, SSH),
    AnchorFile(BY_PERSON, SSH, b"stamp"),
    AnchorFile(BY_MACHINE, b"\x30\x01\x02", b"stamp"),
]


@pytest.mark.parametrize("file", FILES)
def test_a_file_reads_back_as_what_was_written(file):
    assert read_anchor(file.to_bytes(), "") == file
    assert file.digest == "sha256:" + hashlib.sha256(file.to_bytes()).hexdigest()


@pytest.mark.parametrize("file", FILES)
def test_any_byte_left_out_added_or_changed_is_refused_or_read_as_something_else(file):
    data = file.to_bytes()
    for at in range(len(data)):
        for altered in (
            data[:at] + data[at + 1 :],
            data[:at] + b"x" + data[at:],
            data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :],
        ):
            try:
                found = read_anchor(altered, "x")
            except EvidenceError:
                continue
            assert found.to_bytes() == altered  # another anchor, whose signature and digest are other ones
            assert altered != data


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}\n",
        b"{\n}\n",
        b"not an anchor",
        AnchorFile(ANCHOR).to_bytes().replace(b"\n", b"\r\n"),
        AnchorFile(ANCHOR).to_bytes() + b"\n",
        AnchorFile(ANCHOR).to_bytes() + SSH,
        AnchorFile(BY_PERSON, SSH).to_bytes() + SSH,
        BY_PERSON.to_bytes(),
        BY_MACHINE.to_bytes() + SSH,
        AnchorFile(ANCHOR, stamp=b"1").to_bytes() + AnchorFile(ANCHOR, stamp=b"1").to_bytes(),
        AnchorFile(ANCHOR, stamp=b"1").to_bytes()[:-20],
        AnchorFile(BY_PERSON, SSH, b"stamp").to_bytes().replace(b"c3RhbXA=", b"c3RhbXB="),
        b"{\n" + b' "a": [' * 100_000,
        b"x" * (LIMIT + 1),
    ],
)
def test_what_is_no_anchor_is_one_clear_error_that_names_the_file(data):
    with pytest.raises(EvidenceError) as error:
        read_anchor(data, "my.anchor")
    assert all(problem.path == "my.anchor" for problem in error.value.problems)


def test_line_ends_that_a_mailer_changed_are_named_with_their_remedy():
    with pytest.raises(EvidenceError, match="line ends") as error:
        read_anchor(AnchorFile(ANCHOR).to_bytes().replace(b"\n", b"\r\n"), "x")
    assert "attachment" in error.value.problems[0].remedy


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("head", "HEAD"),
        ("head", "1" * 39),
        ("commits", 0),
        ("commits", "12"),
        ("findings", -1),
        ("root", "--all"),
        ("date", "2026-02-31T09:00:00Z"),
        ("date", "yesterday"),
        ("guarded", "md5:00"),
        ("previous", ""),
        ("signer", {"kind": "person", "id": "../x", "key": "SHA256:" + "A" * 43}),
        ("signer", {"kind": "nobody", "id": None, "key": "6" * 64}),
        ("version", 2),
        ("kind", "approval"),
    ],
)
def test_a_value_of_another_shape_is_refused(name, value):
    data = canonical(json.loads(AnchorFile(ANCHOR).to_bytes()) | {name: value})
    with pytest.raises(EvidenceError):
        read_anchor(data, "x")


@pytest.mark.parametrize("file", FILES)
def test_the_published_schema_takes_what_is_written(file):
    value = json.loads(file.anchor.to_bytes())
    assert check(Document("x", value, {(): 1}), "anchor") == []
    for key in value:
        less = {k: v for k, v in value.items() if k != key}
        assert check(Document("x", less, {(): 1}), "anchor")


def test_a_machines_signature_cannot_stand_for_evidence():
    """Its bytes are no in-toto envelope's, and a person's are no machine's."""
    assert BY_MACHINE.signed_bytes().startswith(b"DSSEv1 35 application/vnd.mlassay.anchor+json ")
    assert BY_PERSON.signed_bytes() == BY_PERSON.to_bytes()


@pytest.mark.parametrize("make", ["missing", "folder", "link", "huge"])
def test_a_file_that_cannot_be_read_is_named(tmp_path, make):
    path = tmp_path / "my.anchor"
    if make == "folder":
        path.mkdir()
    elif make == "link":
        path.symlink_to("/dev/zero")
    elif make == "huge":
        with path.open("wb") as file:
            file.truncate(1 << 32)
    with pytest.raises(ConfigurationError) as error:
        load_anchor(path)
    assert error.value.problems[0].path == str(path)


NAMES = st.lists(
    st.one_of(
        st.sampled_from(["evidence/", "governance/", "data/", "src/", "evidence-of/"]).flatmap(
            lambda folder: (
                st.text(
                    st.characters(blacklist_characters="/\0", blacklist_categories=["Cs"]),
                    min_size=1,
                    max_size=8,
                )
                .filter(
                    lambda name: name not in {".", ".."} and ".git" not in name.lower() and "~" not in name
                )
                # A line end in a manifest's name: no ml.yaml can name such a one, and nothing guards it.
                .filter(lambda name: folder != "data/" or "\n" not in name)
                .map(lambda name: folder + name + (".manifest.yaml" if folder == "data/" else ""))
            )
        )
    ),
    min_size=1,
    max_size=8,
    unique=True,
)


@settings(max_examples=15, deadline=None)
@given(NAMES)
def test_the_guarded_digest_is_that_of_gits_own_listing(tmp_path_factory, names):
    """However a file is called: git quotes names, and sorts them by their bytes."""
    folder = tmp_path_factory.mktemp("names")
    git = ["git", "-c", "core.protectNTFS=false", "-c", "core.protectHFS=false"]
    subprocess.run([*git, "init", "-q"], cwd=folder, check=True)
    blob = subprocess.run(
        [*git, "hash-object", "-w", "--stdin"], cwd=folder, input=b"x", capture_output=True, check=True
    )
    id_ = blob.stdout.decode().strip()
    index = b"".join(f"100644 {id_}\t{name}".encode() + b"\0" for name in names)
    subprocess.run([*git, "update-index", "-z", "--add", "--index-info"], cwd=folder, input=index, check=True)
    tree = subprocess.run([*git, "write-tree"], cwd=folder, capture_output=True, check=True)
    command = ["ls-tree", "-r", "--full-tree", tree.stdout.decode().strip()]
    asked = [*git, "-c", "core.quotePath=true", *command]
    listed = subprocess.run(asked, cwd=folder, capture_output=True, check=True).stdout
    wanted = [
        line
        for line in listed.splitlines(keepends=True)
        if line.split(b"\t")[1].lstrip(b'"').startswith((b"evidence/", b"governance/", b"data/"))
    ]
    assert guarded_digest(dict.fromkeys(names, ("100644", id_))) == sha256(b"".join(wanted))


def test_a_file_of_another_kind_is_not_told_to_be_an_anchor_with_other_line_ends():
    with pytest.raises(EvidenceError, match="does not begin with"):
        read_anchor(b"\x1f\x8b\x08\r\n", "x")
