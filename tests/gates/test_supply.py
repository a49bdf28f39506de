"""The supply gate: each rule has a planted fault that fails and a repaired twin that passes; no secret is ever shown."""

from __future__ import annotations

import json
import socket
import sys
import zipfile
from dataclasses import replace

import pytest

from mlassay.config.locks import Pin, read_lock
from mlassay.digest import canonical
from mlassay.evidence.codec import report_json
from mlassay.evidence.verdict import Outcome
from mlassay.gates import supply_scan
from mlassay.gates.supply import SupplyGate
from mlassay.gates.supply_licences import allowed, installed
from mlassay.gates.supply_scan import Asked, scan
from mlassay.gates.supply_vulnerabilities import NotADatabaseError, vulnerable
from tests.gates.pickles import stack, zipped
from tests.gates.subjects import finding, subject

HASH = "--hash=sha256:" + "ab" * 32
GOOD = {
    "requirements.lock": f"numpy==2.0.0 {HASH}\njinja2==3.1.2 {HASH}\n",
    "train.py": "import json\n\n\ndef train(rows: list[int]) -> int:\n    return sum(rows)\n",
    "notes.md": "Ask lee for the password of the registry; it is in the vault.\nsha256: " + "0a" * 32 + "\n",
}
# Put together here, so that no scanner takes this file for a leak.
TOKEN = "ghp_" + "a1B2c3D4e5F6g7H8i9J0" + "k1L2m3N4o5P6q7R8"
AWS = "AKIA" + "QX3TZ5L2N7YWHJ4K"


def made(tmp_path, files=GOOD, criteria=None, outputs=None):
    tmp_path.mkdir(exist_ok=True)
    one = subject(tmp_path, gates={"supply": criteria or {}})
    for folder, each in ((one.root, files), (one.outputs, outputs or {})):
        for name, content in each.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return one


def look(tmp_path, files=GOOD, criteria=None, outputs=None):
    report = SupplyGate().test(made(tmp_path, files, criteria, outputs))
    report_json(report)
    return report


def failed(report):
    return [each.id for each in report.findings if each.outcome is not Outcome.PASSED]


def test_a_clean_repository_passes_and_says_what_was_not_looked_at(tmp_path):
    report = look(tmp_path)
    assert report.outcome is Outcome.PASSED, report.findings
    text = " ".join(report.not_looked_at)
    assert "known vulnerabilities (no offline database is named)" in text
    assert "licences" in text
    canonical(dict(report.measured))


PLANTED = {
    "pin without hash": ({"requirements.lock": "numpy==2.0.0\n"}, "supply.locks"),
    "pickle in a .pt": ({"old/model.pt": zipped(stack("posix", "system"))}, "supply.pickles.unsafe"),
    "token": ({"config.py": f'TOKEN = "{TOKEN}"\n'}, "supply.secrets"),
    "cloud key": ({"deploy.sh": f"export AWS_ACCESS_KEY_ID={AWS}\n"}, "supply.secrets"),
    "password in YAML": ({"db.yaml": "database:\n  password: Tr0ub4dor-and-3\n"}, "supply.secrets"),
    "address with password": (
        {"get.py": 'URL = "https://lee:hunter2xyz@host.example/x"\n'},
        "supply.secrets",
    ),
    "private key": ({"k.txt": "-----BEGIN RSA " + "PRIVATE KEY-----\nMIIabc\n"}, "supply.secrets"),
    "shell": (
        {"train.py": "import subprocess\nsubprocess.call('ls ' + x, shell=True)\n"},
        "supply.code.high",
    ),
    "eval": ({"train.py": "eval(input())\n"}, "supply.code.medium"),
}


@pytest.mark.parametrize(("files", "id_"), PLANTED.values(), ids=PLANTED)
def test_each_planted_fault_fails_alone(tmp_path, files, id_):
    report = look(tmp_path, {**GOOD, **files})
    assert finding(report, id_).outcome is Outcome.FAILED
    assert all(each == id_ or each.startswith(f"{id_}.") for each in failed(report)), failed(report)


@pytest.mark.parametrize("secret", [TOKEN, AWS, "Tr0ub4dor-and-3"])
def test_a_secret_is_named_by_file_line_and_kind_and_never_shown(tmp_path, secret):
    report = look(tmp_path, {**GOOD, "a.yaml": f"x: 1\npassword: {secret}\n"})
    (found,) = [each for each in report.findings if each.id == "supply.secrets.1"]
    assert (found.path, found.line) == ("a.yaml", 2)
    assert secret not in report_json(report).decode()


@pytest.mark.parametrize("comment", ["pragma: allowlist secret", "nosec"])
def test_a_comment_in_the_source_silences_nothing_and_criteria_do(tmp_path, comment):
    files = {
        **GOOD,
        "a.py": f'import subprocess\nT = "{TOKEN}"  # {comment}\nsubprocess.call(T, shell=True)  # {comment}\n',
    }
    report = look(tmp_path, files)
    assert {"supply.secrets", "supply.code.high"} <= set(failed(report))
    accept = {"secrets": {"accept": ["a.py: GitHub Token"]}, "code": {"accept": ["a.py: B602"]}}
    assert look(tmp_path, files, accept).outcome is Outcome.PASSED


def test_a_bound_that_is_wider_lets_so_many_through(tmp_path):
    report = look(tmp_path, {**GOOD, "a.py": "eval('1')\n"}, {"code": {"medium": {"max": 1}}})
    assert finding(report, "supply.code.medium").outcome is Outcome.PASSED


def test_outputs_and_data_are_looked_at_too(tmp_path):
    report = look(tmp_path, outputs={"extra/weights.bin": stack("os", "system")})
    assert "output extra/weights.bin" in finding(report, "supply.pickles.unsafe").what
    one = made(tmp_path / "b")
    (one.root / "data/data-train.csv").write_bytes(stack("os", "system"))
    assert finding(SupplyGate().test(one), "supply.pickles.unsafe").outcome is Outcome.FAILED


def test_no_lock_at_all_is_inconclusive(tmp_path):
    report = look(tmp_path, {"train.py": ""})
    assert finding(report, "supply.locks").outcome is Outcome.INCONCLUSIVE


def test_nothing_of_the_teams_runs_and_nothing_goes_out(tmp_path, monkeypatch):
    """Sockets are blocked in the reader's process by a sitecustomize, which also proves itself to be in force."""
    site = tmp_path / "site"
    site.mkdir()
    proof = tmp_path / "blocked"
    (site / "sitecustomize.py").write_text(
        "import pathlib, socket\n"
        f"pathlib.Path({str(proof)!r}).write_text('in force')\n"
        "def no(*a, **k):\n"
        f"    pathlib.Path({str(proof)!r}).write_text('dialled')\n"
        "    raise OSError('blocked')\n"
        "socket.socket.connect = socket.create_connection = socket.getaddrinfo = no\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(site))
    monkeypatch.setattr(socket, "create_connection", None)
    slack = "xoxb-" + "123456789012-123456789012-" + "abcdefghijklmnopqrstuvwx"
    ran = tmp_path / "ran"
    files = {
        **GOOD,
        "a.py": f'open({str(ran)!r}, "w")\nSLACK = "{slack}"\nSTRIPE = "sk_{"live_" + "x1" * 12}"\n',
    }
    report = look(tmp_path, files)
    assert finding(report, "supply.secrets").numbers["found"] == 2
    assert proof.read_text() == "in force"
    assert not ran.exists()


HOSTILE = {
    "deep.py": "(" * 5000 + ")" * 5000,
    "nested.py": "x = " + "[" * 90 + "]" * 90 + "\n",
    "unary.py": "x = " + "-" * 100_000 + "1\n",
    "broken.py": "def (:\n",
    "long.py": "x = '" + "a" * 900_000 + "'\n",
    "alias.yaml": "a: &a [x,x]\n" + "".join(f"{c}: &{c} [*{p},*{p},*{p},*{p}]\n" for p, c in zip("abcdefghij", "bcdefghijk", strict=True)),
    "nul.py": "x = 1\0\n",
    "backtrack.txt": "password=" + "a=" * 20_000 + "\n",
}  # fmt: skip


def test_hostile_sources_end_neither_the_gate_nor_the_files_after_them(tmp_path):
    files = {**HOSTILE, "zz.py": f'T = "{TOKEN}"\n'}
    report = look(tmp_path, {**GOOD, **files})
    assert "zz.py" in {each.path for each in report.findings if each.id.startswith("supply.secrets.")}
    unread = finding(report, "supply.texts.unread")
    assert unread.outcome is Outcome.INCONCLUSIVE
    assert "broken.py" in unread.what


def test_a_file_that_the_reader_dies_of_or_hangs_on_is_named_and_the_next_is_read(tmp_path, monkeypatch):
    """The reader is replaced by one that dies of one file and hangs on another, as the real one might."""
    worker = tmp_path / "worker.py"
    worker.write_text(
        "import json, os, sys, time\n"
        "for name, *_ in json.load(sys.stdin)['files']:\n"
        "    print(json.dumps({'begin': name}), flush=True)\n"
        "    if name == 'die': os.abort()\n"
        "    if name == 'hang': time.sleep(60)\n"
        "    print(json.dumps({'end': name, 'secrets': [[1, 'Kind']], 'code': [], 'unread': ''}), flush=True)\n"
    )
    started = supply_scan.subprocess.Popen
    monkeypatch.setattr(
        supply_scan.subprocess, "Popen", lambda _, **rest: started([sys.executable, str(worker)], **rest)
    )
    names = ["a", "die", "b", "hang", "c"]
    seen = scan(tmp_path, [Asked(name, secrets=True, python=False) for name in names], file_seconds=1)
    assert [path for path, *_ in seen.secrets] == ["a", "b", "c"]
    assert sorted(seen.unread) == ["die", "hang"]
    assert "longer than 1 seconds" in seen.unread["hang"]


ALLOW = ["MIT", "BSD-3-Clause", "Apache-2.0"]


@pytest.mark.parametrize(
    ("licence", "expected"),
    [
        ("MIT", True),
        ("mit", True),
        ("GPL-3.0-only", False),
        ("MIT OR GPL-3.0-only", True),
        ("MIT AND GPL-3.0-only", False),
        ("(MIT OR GPL-2.0-only) AND Apache-2.0", True),
        ("MIT AND (GPL-2.0-only OR LGPL-3.0-only)", False),
        ("Apache-2.0 WITH LLVM-exception", True),
        ("GPL-2.0-only WITH Classpath-exception-2.0", False),
        ("", False),
        ("((((", False),
        ("MIT MIT", False),
        ("OR", False),
    ],
)
def test_an_expression_of_licences_holds_when_it_can_be_met(licence, expected):
    assert allowed(licence, ALLOW) is expected


def test_licences_are_read_of_exactly_the_locked_version_and_nothing_is_imported(tmp_path):
    for name, version, licence in (
        ("a", "1.0", "License-Expression: MIT"),
        ("b_c", "2.0", "Classifier: License :: OSI Approved :: GNU General Public License v3 (GPLv3)"),
        ("d", "1.0", "License: UNKNOWN"),
        ("e", "9.9", "License-Expression: MIT"),
    ):
        folder = tmp_path / f"lib/python3.12/site-packages/{name}-{version}.dist-info"
        folder.mkdir(parents=True)
        (folder / "METADATA").write_text(
            f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\n{licence}\n\nText\n"
        )
    pins = [
        Pin(name, version, hashed=True)
        for name, version in (("a", "1.0"), ("b-c", "2.0"), ("d", "1.0"), ("e", "1.0"))
    ]
    assert installed(tmp_path, pins) == {"a": "MIT", "b-c": "GPL-3.0-only"}


def test_licences_that_nobody_told_are_inconclusive_and_others_decide(tmp_path):
    packages = {"allow": ALLOW}
    known = {"numpy": "BSD-3-Clause", "jinja2": "BSD-3-Clause"}
    rule = {"licences": {"packages": packages, "known": known, "data": {"allow": ["CC0-1.0"]}}}
    assert look(tmp_path, criteria=rule).outcome is Outcome.PASSED
    rule["licences"]["known"] = {"numpy": "AGPL-3.0-only", "jinja2": "MIT"}
    assert finding(look(tmp_path, criteria=rule), "supply.licences.packages").outcome is Outcome.FAILED
    rule = {"licences": {"packages": packages, "data": {"allow": ["CC-BY-4.0"]}}}
    files = {**GOOD, "requirements.lock": f"nobody-has-this==1 {HASH}\n"}
    report = look(tmp_path, files, rule)
    assert finding(report, "supply.licences.unknown").outcome is Outcome.INCONCLUSIVE
    assert finding(report, "supply.licences.data").outcome is Outcome.FAILED


def record(id_, package="Jinja2", *, ecosystem="PyPI", **affected):
    return {
        "id": id_,
        "modified": "2026-01-02T00:00:00Z",
        "aliases": [f"CVE-{id_}"],
        "affected": [{"package": {"ecosystem": ecosystem, "name": package}, **affected}],
    }


def events(*pairs, kind="ECOSYSTEM"):
    return [{"type": kind, "events": [{name: version} for name, version in pairs]}]


RECORDS = {
    "in range": (record("A", ranges=events(("introduced", "0"), ("fixed", "3.1.3"))), True),
    "mended": (record("B", ranges=events(("introduced", "0"), ("fixed", "3.1.2"))), False),
    "not yet": (record("C", ranges=events(("introduced", "3.2"))), False),
    "last affected": (record("D", ranges=events(("introduced", "3.0"), ("last_affected", "3.1.2"))), True),
    "before the last": (record("E", ranges=events(("introduced", "3.0"), ("last_affected", "3.1.1"))), False),
    "two stretches": (record("F", ranges=events(("introduced", "1"), ("fixed", "2"), ("introduced", "3.1"), ("fixed", "4"))), True),
    "unordered": (record("G", ranges=events(("fixed", "4"), ("introduced", "3"))), True),
    "named": (record("H", versions=["3.1.2"]), True),
    "named otherwise": (record("I", versions=["3.1.2.0"]), True),
    "other versions": (record("J", versions=["3.1.3"]), False),
    "git only": (record("K", ranges=events(("introduced", "0"), kind="GIT")), False),
    "other ecosystem": (record("L", ecosystem="npm", versions=["3.1.2"]), False),
    "other package": (record("M", "flask", versions=["3.1.2"]), False),
    "withdrawn": ({**record("N", versions=["3.1.2"]), "withdrawn": "2026-01-01T00:00:00Z"}, False),
    "release candidate fixed it": (record("O", ranges=events(("introduced", "0"), ("fixed", "3.1.2rc1"))), False),
    "odd versions": (record("P", ranges=events(("introduced", "0"), ("fixed", "not a version"))), True),
}  # fmt: skip


@pytest.mark.parametrize(("value", "expected"), RECORDS.values(), ids=RECORDS)
def test_a_record_of_osv_is_matched_as_osv_evaluates_it(tmp_path, value, expected):
    (tmp_path / "a.json").write_text(json.dumps(value))
    (tmp_path / "z.json").write_text(json.dumps(record("Z", "nothing-locked", versions=["1"])))
    hits, _ = vulnerable(tmp_path, [read_lock("requirements.lock", GOOD["requirements.lock"])])
    assert bool(hits) is expected


def test_a_known_vulnerability_fails_and_an_accepted_or_absent_one_passes(tmp_path):
    bad = json.dumps(RECORDS["in range"][0])
    files = {**GOOD, "osv/A.json": bad, "osv/broken.txt": "x"}
    rule = {"vulnerabilities": {"database": "osv"}}
    report = look(tmp_path, files, rule)
    found = finding(report, "supply.vulnerabilities.1")
    assert found.outcome is Outcome.FAILED
    assert "jinja2 3.1.2: A (CVE-A), mended in 3.1.3" in found.what
    assert (found.path, found.line) == ("requirements.lock", 2)
    assert report.measured["vulnerabilities"]["newest"] == "2026-01-02"
    rule["vulnerabilities"]["accept"] = ["CVE-A"]
    assert look(tmp_path, files, rule).outcome is Outcome.PASSED
    mended = {**files, "requirements.lock": f"jinja2==3.1.6 {HASH}\n"}
    assert (
        look(tmp_path / "mended", mended, {"vulnerabilities": {"database": "osv"}}).outcome is Outcome.PASSED
    )


def test_a_zip_of_records_says_the_same_as_a_folder(tmp_path):
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for name, (value, _) in RECORDS.items():
            archive.writestr(f"{name}.json", json.dumps(value))
    for name, (value, _) in RECORDS.items():
        path = tmp_path / f"folder/{name}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(value))
    locks = [read_lock("requirements.lock", GOOD["requirements.lock"])]
    assert vulnerable(tmp_path / "all.zip", locks) == vulnerable(tmp_path / "folder", locks)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 broken", b"{}", b"text"])
def test_what_is_no_database_is_inconclusive_and_never_a_pass(tmp_path, content):
    report = look(tmp_path, {**GOOD, "osv.zip": content}, {"vulnerabilities": {"database": "osv.zip"}})
    assert finding(report, "supply.vulnerabilities").outcome is Outcome.INCONCLUSIVE


def test_an_empty_database_or_one_of_other_ecosystems_is_none(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps(RECORDS["other ecosystem"][0]))
    with pytest.raises(NotADatabaseError):
        vulnerable(tmp_path, [])


def test_two_looks_say_the_same(tmp_path):
    one = made(tmp_path, {**GOOD, **PLANTED["token"][0], **PLANTED["shell"][0]})
    assert SupplyGate().test(one) == SupplyGate().test(replace(one))
