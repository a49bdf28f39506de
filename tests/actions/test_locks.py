"""Installing packages runs before anything is isolated: only wheels, only with their hashes, and nothing from a poisoned cache."""

import functools
import hashlib
import http.server
import json
import subprocess
import sys
import threading
import zipfile

import pytest

from tests.actions.reading import ACTIONS

sys.path.insert(0, str(ACTIONS))
from launcher import Refused, environments, locks

HASH = "--hash=sha256:" + "0" * 64
GOOD = f"""\
# by pip-compile --generate-hashes -o requirements.lock
--index-url https://packages.example.org/simple
colorama==0.4.6 ; sys_platform == 'win32' and python_version >= "3.11" \\
    {HASH} \\
    {HASH}
    # via -r requirements.in
torch[extra]==2.9.0+cu129 {HASH}  # from there
"""


def _refused(folder, text):
    data = text if isinstance(text, bytes) else text.encode()
    (folder / "requirements.lock").write_bytes(data)
    try:
        locks.refuse_code(folder / "requirements.lock")
    except Refused as error:
        return str(error)
    return ""


def test_a_lock_as_tools_write_it_is_taken(tmp_path):
    assert _refused(tmp_path, GOOD) == ""
    assert _refused(tmp_path, GOOD.replace("\n", "\r\n")) == ""
    locks.refuse_code(ACTIONS.parent / "template/requirements.lock")


@pytest.mark.parametrize(
    "line",
    [
        "--no-binary :all:",
        "--no-bin=:all:",
        "--no\\\n-binary :all:",
        "\\# --no-binary x \\\n",
        f"thing==1.0 {HASH} --no-binary=thing",
        f"thing==1.0 \\\n {HASH} --no-binary \\\n thing",
        'thing==1.0 ; x == "a --no-binary ":all:","',
        "--pre '--no-binary' ':all:'",
        "--pre -\\-no-binary thing",
        "-r ../../other.txt",
        "-rother.txt",
        "-c other.txt",
        "-e .",
        f"./thing.tar.gz {HASH}",
        f"thing @ https://example.org/thing-1.0.tar.gz {HASH}",
        f"https://example.org/thing-1.0.tar.gz {HASH}",
        f"git+https://example.org/thing.git {HASH}",
        f"thing>=1.0 {HASH}",
        '--pre "open',
        "# -*- coding: utf-7 -*-\n+AC0-no-binary",
        b"\xff\xfe-\x00e\x00",
        "# näher".encode("latin-1"),
    ],
)
def test_a_lock_that_could_run_code_is_refused(tmp_path, line):
    text = line + b"\n" if isinstance(line, bytes) else GOOD + line + "\n"
    if isinstance(line, str) and "coding" in line:
        text = line + "\n"
    assert "requirements.lock" in _refused(tmp_path, text)


@pytest.fixture
def index(tmp_path):
    """A package index on this machine with the wheel of ``thing``; its address, and the lock that names it."""
    simple = tmp_path / "index/thing"
    simple.mkdir(parents=True)
    wheel = _wheel(simple / "thing-1.0-py3-none-any.whl", "honest")
    digest = hashlib.sha256(wheel).hexdigest()
    (simple / "index.html").write_text(
        f'<a href="thing-1.0-py3-none-any.whl#sha256={digest}">thing-1.0-py3-none-any.whl</a>'
    )
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path / "index"))
    handler.log_message = lambda *_: None
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    lock = tmp_path / "requirements.lock"
    lock.write_text(f"thing==1.0 --hash=sha256:{digest}\n")
    yield f"http://127.0.0.1:{server.server_port}", digest
    server.shutdown()
    server.server_close()


def _wheel(path, word):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("thing.py", f"WORD = {word!r}\n")
        archive.writestr("thing-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: thing\nVersion: 1.0\n")
        archive.writestr(
            "thing-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr("thing-1.0.dist-info/RECORD", "thing.py,,\n")
    return path.read_bytes()


def _poison(cache, address, digest):
    """Put a wheel that "pip built" where pip looks for one of this link."""
    code = (
        "import sys; from pip._internal.cache import SimpleWheelCache; from pip._internal.models.link import Link; "
        "print(SimpleWheelCache(sys.argv[1]).get_path_for_link(Link(sys.argv[2])))"
    )
    link = f"{address}/thing/thing-1.0-py3-none-any.whl#sha256={digest}"
    place = subprocess.run(
        [sys.executable, "-c", code, cache, link], capture_output=True, text=True, check=True
    ).stdout.strip()
    folder = cache.joinpath(place)
    folder.mkdir(parents=True)
    _wheel(folder / "thing-1.0-py3-none-any.whl", "poisoned")
    archive = {"hash": f"sha256={digest}", "hashes": {"sha256": digest}}
    (folder / "origin.json").write_text(json.dumps({"archive_info": archive, "url": link.partition("#")[0]}))


def _word(python):
    return subprocess.run(
        [python, "-I", "-c", "import thing; print(thing.WORD)"], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_a_wheel_in_a_restored_cache_is_held_against_its_hash(tmp_path, index, monkeypatch):
    address, digest = index
    monkeypatch.setenv("PIP_INDEX_URL", address)
    for name in ("PIP_EXTRA_INDEX_URL", "PIP_NO_INDEX", "PIP_FIND_LINKS", "PIP_CONFIG_FILE"):
        monkeypatch.delenv(name, raising=False)
    honest = environments.team_environment(tmp_path, "", "", tmp_path / "one")
    assert _word(honest / "bin/python") == "honest"

    _poison(tmp_path / "two/mlassay-pip", address, digest)
    assert _word(environments.team_environment(tmp_path, "", "", tmp_path / "two") / "bin/python") == "honest"

    monkeypatch.setattr(
        environments, "_remove", lambda _: None
    )  # the control: this cache would have been believed
    _poison(tmp_path / "three/mlassay-pip", address, digest)
    poisoned = environments.team_environment(tmp_path, "", "", tmp_path / "three")
    assert _word(poisoned / "bin/python") == "poisoned"


def test_a_package_that_would_have_to_be_built_is_not_installed(tmp_path, index, monkeypatch, capfd):
    address, _ = index
    monkeypatch.setenv("PIP_INDEX_URL", address)
    folder = tmp_path / "index/built"
    folder.mkdir()
    canary = tmp_path / "canary"
    with zipfile.ZipFile(folder / "built-1.0.zip", "w") as archive:
        archive.writestr("built-1.0/setup.py", f"open({str(canary)!r}, 'w').close()\n")
        archive.writestr("built-1.0/PKG-INFO", "Metadata-Version: 2.1\nName: built\nVersion: 1.0\n")
    digest = hashlib.sha256((folder / "built-1.0.zip").read_bytes()).hexdigest()
    (folder / "index.html").write_text(f'<a href="built-1.0.zip#sha256={digest}">built-1.0.zip</a>')
    (tmp_path / "requirements.lock").write_text(f"built==1.0 --hash=sha256:{digest}\n")
    with pytest.raises(Refused, match="only wheels are taken"):
        environments.team_environment(tmp_path, "", "", tmp_path / "one")
    assert not canary.exists()
