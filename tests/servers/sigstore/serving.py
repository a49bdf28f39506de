"""The tests' Sigstore over HTTP on loopback: Fulcio's and Rekor's endpoints, and the token service of GitHub Actions."""

from __future__ import annotations

import json
import threading
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tests.servers.sigstore.instance import Sigstore

SECRET = "the-token-of-the-request"


@dataclass
class Served:
    """Where it listens, what its tokens claim, and what was asked of it (path by path). ``refuse`` maps a path to a status."""

    url: str
    claims: dict[str, str]
    asked: list[str] = field(default_factory=list)
    refuse: dict[str, int] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """What a job on GitHub Actions with ``id-token: write`` finds."""
        return {
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{self.url}/token?api-version=2.0",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": SECRET,
        }


@contextmanager
def serving(own: Sigstore, claims: dict[str, str]) -> Iterator[Served]:
    """Serve ``own`` for the run that ``claims`` tell of."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    served = Served(f"http://127.0.0.1:{server.server_port}", claims)
    server.own, server.served = own, served  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    server: Any
    routes: ClassVar[dict[str, str]] = {
        "/token": "_token",
        "/api/v2/signingCert": "_certificate",
        "/api/v1/log/entries": "_enter",
    }

    def do_GET(self) -> None:
        self._answer(None)

    def do_POST(self) -> None:
        self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def log_message(self, *_: Any) -> None:
        """Keep quiet."""

    def _answer(self, asked: Any) -> None:
        path = self.path.partition("?")[0]
        self.server.served.asked.append(path)
        status, value = self.server.served.refuse.get(path, 0), {"message": "no"}
        if not status:
            status, value = getattr(self, self.routes[path])(asked)
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _token(self, _: None) -> tuple[int, Any]:
        if self.headers["Authorization"] != f"Bearer {SECRET}" or "audience=sigstore" not in self.path:
            return 401, {"message": "who are you?"}
        now = int(datetime.now(UTC).timestamp())
        claims = {
            "aud": "sigstore",
            "sub": "repo:team/loans:ref:refs/heads/main",
            "iat": now,
            "exp": now + 300,
        }
        claims |= {"iss": self.server.served.claims["issuer"], "job_workflow_ref": "of the workflow"}
        parts = [{"alg": "RS256", "typ": "JWT"}, claims]
        coded = [urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts]
        return 200, {"value": ".".join([*coded, "c2ln"])}

    def _certificate(self, asked: dict[str, str]) -> tuple[int, Any]:
        own, request = self.server.own, x509.load_pem_x509_csr(b64decode(asked["certificateSigningRequest"]))
        leaf = own.authority.issue(request.public_key(), self.server.served.claims, datetime.now(UTC))
        chain = [leaf, own.authority.intermediate, own.authority.root]
        pems = [one.public_bytes(Encoding.PEM).decode() for one in chain]
        return 200, {"signedCertificateEmbeddedSct": {"chain": {"certificates": pems}}}

    def _enter(self, asked: dict[str, Any]) -> tuple[int, Any]:
        content = asked["spec"]["proposedContent"]
        pem = b64decode(content["verifiers"][0])
        entry = self.server.own.log.add(
            json.loads(content["envelope"]), content["envelope"], pem, datetime.now(UTC)
        )
        return 201, {"0" * 64: entry}
