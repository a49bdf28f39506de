"""What a stranger's run left is bounded before it is read, and only files with plain names are written."""

import io
import json
import sys
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.actions.reading import ACTIONS

sys.path.insert(0, str(ACTIONS))
from launcher import Refused, artifact


def _zip(files, method=zipfile.ZIP_DEFLATED):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        for name, data in files:
            archive.writestr(name, data)
    return packed.getvalue()


GOOD = _zip([("verdict.json", b"{}"), ("gates/bias.json", b"[]")])
STORED = _zip([("verdict.json", b"{}")], zipfile.ZIP_STORED)


@pytest.fixture
def hub():
    """A small API and a store at another address; ``hub.seen`` are ``(path, authorization)`` of each request."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            hub = self.server
            hub.seen.append((self.path, self.headers.get("Authorization")))
            if hub.failing:
                hub.failing -= 1
                self.send_error(502)
            elif self.path.startswith("/repos/acme/team/actions/runs/5/"):
                self._send(json.dumps({"artifacts": hub.artifacts}).encode())
            elif self.path == "/repos/acme/team/actions/artifacts/9/zip":
                self.send_response(302)
                self.send_header("Location", f"http://localhost:{hub.server_port}/store")
                self.end_headers()
            elif self.path == "/store":
                self._send(hub.data)
            else:
                self.send_error(404)

        def _send(self, data):
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.seen, server.failing, server.data = [], 0, GOOD
    server.artifacts = [{"id": 9, "name": "mlassay-test", "size_in_bytes": len(GOOD), "expired": False}]
    server.environment = {
        "GITHUB_API_URL": f"http://127.0.0.1:{server.server_port}",
        "GITHUB_REPOSITORY": "acme/team",
        "GITHUB_TOKEN": "the-token",
    }
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_artifact_is_unpacked_and_only_the_api_sees_the_token(hub, tmp_path):
    assert artifact.fetch("5", tmp_path / "test", hub.environment)
    assert (tmp_path / "test/gates/bias.json").read_bytes() == b"[]"
    tokens = {path.split("?")[0]: token for path, token in hub.seen}
    assert tokens["/store"] is None
    assert {token for path, token in tokens.items() if path != "/store"} == {"Bearer the-token"}


def test_a_server_that_fails_once_is_asked_again(hub, tmp_path, monkeypatch):
    monkeypatch.setattr(artifact.time, "sleep", lambda _: None)
    hub.failing = 1
    assert artifact.fetch("5", tmp_path / "test", hub.environment)


def test_a_server_that_keeps_failing_is_given_up_with_one_sentence(hub, tmp_path, monkeypatch):
    monkeypatch.setattr(artifact.time, "sleep", lambda _: None)
    hub.failing = 99
    with pytest.raises(Refused, match="502"):
        artifact.fetch("5", tmp_path / "test", hub.environment)
    assert len(hub.seen) == artifact.TRIES


@pytest.mark.parametrize("change", [{"name": "another"}, {"expired": True}])
def test_a_run_without_the_artifact_left_nothing(hub, tmp_path, change):
    hub.artifacts[0] |= change
    assert not artifact.fetch("5", tmp_path / "test", hub.environment)
    assert not (tmp_path / "test").exists()


def test_a_large_artifact_is_refused_before_it_is_fetched(hub, tmp_path):
    hub.artifacts[0]["size_in_bytes"] = artifact.PACKED_BYTES + 1
    with pytest.raises(Refused, match="32 MiB"):
        artifact.fetch("5", tmp_path / "test", hub.environment)
    assert len(hub.seen) == 1


def test_an_artifact_that_is_larger_than_was_said_is_not_read_to_its_end(hub, tmp_path, monkeypatch):
    monkeypatch.setattr(artifact, "PACKED_BYTES", len(GOOD))
    hub.data = GOOD + b"\0"
    with pytest.raises(Refused, match="more than"):
        artifact.fetch("5", tmp_path / "test", hub.environment)


@pytest.mark.parametrize("run", ["", "5/../6", "-1", "5?x", "\u06f5"])
def test_a_run_is_named_by_its_number(hub, tmp_path, run):
    with pytest.raises(Refused, match="number of a run"):
        artifact.fetch(run, tmp_path / "test", hub.environment)
    assert hub.seen == []


@pytest.mark.parametrize(
    "name",
    [
        "../verdict.json",
        "/etc/passwd",
        "a/../../b",
        "a\\b",
        ".git/config",
        "a//b",
        "a\nb",
        "ä",
        "x" * 101,
        "a/b/c/d",
        "C:x",
    ],
)
def test_a_file_with_an_odd_name_is_refused_and_nothing_lands_outside(tmp_path, name):
    with pytest.raises(Refused, match="odd name"):
        artifact.unpack(_zip([(name, b"x")]), tmp_path / "in/test")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_bomb_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(artifact, "UNPACKED_BYTES", 1000)
    with pytest.raises(Refused, match="unpacked"):
        artifact.unpack(_zip([("a", b"0" * 600), ("b", b"0" * 600)]), tmp_path)


def test_too_many_files_are_refused(tmp_path):
    with pytest.raises(Refused, match="200 files"):
        artifact.unpack(_zip([(f"f{number}", b"") for number in range(201)]), tmp_path)


def test_two_names_that_some_disks_take_for_one_are_refused(tmp_path):
    with pytest.raises(Refused, match="twice"):
        artifact.unpack(_zip([("A", b""), ("a", b"")]), tmp_path)


@pytest.mark.parametrize("data", [b"", b"no zip", GOOD[:-30], STORED.replace(b"{}", b"[]")])
def test_what_is_no_whole_zip_is_refused(tmp_path, data):
    with pytest.raises(Refused):
        artifact.unpack(data, tmp_path)


def test_a_symbolic_link_becomes_a_file_that_says_where_it_led(tmp_path):
    link = zipfile.ZipInfo("link")
    link.external_attr = 0o120777 << 16
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(link, "/etc/passwd")
    artifact.unpack(packed.getvalue(), tmp_path)
    assert not (tmp_path / "link").is_symlink()
    assert (tmp_path / "link").read_text() == "/etc/passwd"


@pytest.mark.parametrize("names", [("a", "a/b"), ("a/b", "a"), ("a/b/c", "a/b")])
def test_one_name_for_a_file_and_a_folder_is_refused(tmp_path, names):
    with pytest.raises(Refused, match="as a file and as a folder"):
        artifact.unpack(_zip([(name, b"x") for name in names]), tmp_path / "test")


def test_a_checkout_lends_no_folder_of_its_own_to_an_artifact(tmp_path):
    assert artifact.empty_place(tmp_path, ".mlassay/run") == tmp_path / ".mlassay/run/test"
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / ".mlassay").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Refused, match="part of the checkout"):
        artifact.empty_place(tmp_path, ".mlassay/run")
    (tmp_path / ".mlassay").unlink()
    (tmp_path / ".mlassay/run").mkdir(parents=True)
    (tmp_path / ".mlassay/run/test").symlink_to(tmp_path / "nowhere")
    with pytest.raises(Refused, match="part of the checkout"):
        artifact.empty_place(tmp_path, ".mlassay/run")
    (tmp_path / ".mlassay/run/test").unlink()
    (tmp_path / ".mlassay/run/test").mkdir()
    with pytest.raises(Refused, match="part of the checkout"):
        artifact.empty_place(tmp_path, ".mlassay/run")
