"""Time-stamping authorities for tests: one of openssl's on a loopback port, and Sigstore's own server."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from mlassay.files import lock
from tests.tools import tool

CONFIG = """\
[req]
distinguished_name = none
[none]
[root]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign
[leaf]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
[tsa]
default_tsa = one
[one]
serial = serial
crypto_device = builtin
signer_cert = tsa.pem
certs = tsa.pem
signer_key = tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha512
accuracy = secs:1
ess_cert_id_alg = sha256
"""


@dataclass(frozen=True)
class Authority:
    """An authority's address and its certificates, root included (PEM)."""

    url: str
    certificates: Path


class Openssl:
    """An authority that `openssl ts` plays, its files in ``folder``; `reply` answers one query."""

    def __init__(self, folder: Path, name: str = "Test") -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        (folder / "openssl.cnf").write_text(CONFIG)
        (folder / "serial").write_text("01\n")
        new = [
            "req",
            "-config",
            "openssl.cnf",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
        ]
        root = ["-x509", "-days", "3650", "-extensions", "root", "-subj", f"/CN={name} Root"]
        self._run(*new, *root, "-keyout", "root.key", "-out", "root.pem")
        self._run(*new, "-subj", f"/CN={name} Authority", "-keyout", "tsa.key", "-out", "tsa.csr")
        signed = ["-CA", "root.pem", "-CAkey", "root.key", "-set_serial", "7", "-days", "3650"]
        leaf = ["-extfile", "openssl.cnf", "-extensions", "leaf"]
        self._run("x509", "-req", "-in", "tsa.csr", *signed, *leaf, "-out", "tsa.pem")
        self.certificates = folder / "root.pem"

    def reply(self, query: bytes) -> bytes:
        """The response to one query."""
        (self.folder / "query").write_bytes(query)
        self._run("ts", "-reply", "-config", "openssl.cnf", "-queryfile", "query", "-out", "reply")
        return (self.folder / "reply").read_bytes()

    @contextlib.contextmanager
    def serve(self) -> Iterator[Authority]:
        """Answer on a loopback port."""
        with answering(lambda body: (200, self.reply(body))) as url:
            yield Authority(url, self.certificates)

    def _run(self, *arguments: str) -> None:
        command = [str(tool("openssl")), *arguments]
        subprocess.run(command, cwd=self.folder, capture_output=True, check=True)


@contextlib.contextmanager
def answering(answer):
    """A server on a loopback port that answers each POST with ``answer(body) -> (status, bytes)``; its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            status, data = answer(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            with contextlib.suppress(OSError):
                self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


@contextlib.contextmanager
def serve(folder: Path) -> Iterator[Authority]:
    """Sigstore's timestamp-server with a signer in memory, new each time; one at a time, for its metrics have one port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(tool("timestamp-server")), "serve", "--host", "127.0.0.1", "--port", str(port)]
    base = f"http://127.0.0.1:{port}/api/v1/timestamp"
    once = lock(Path(tempfile.gettempdir()) / "mlassay-timestamp-server.lock", wait_seconds=300)
    with once, (folder / "log.txt").open("wb") as log:
        options = ["--disable-ntp-monitoring", "--timestamp-signer", "memory"]
        process = subprocess.Popen([*command, *options], stdout=log, stderr=log, cwd=folder)
        try:
            (folder / "chain.pem").write_bytes(_chain(f"{base}/certchain", process))
            yield Authority(base, folder / "chain.pem")
        finally:
            process.terminate()
            process.wait(30)


def _chain(url: str, process: subprocess.Popen[bytes]) -> bytes:
    for _ in range(300):
        assert process.poll() is None, "the time-stamping server ended: see its log"
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5) as answer:
            return bytes(answer.read())
        time.sleep(0.1)
    raise AssertionError("the time-stamping server never answered")
