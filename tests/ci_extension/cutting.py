"""A wire to a server that can be cut at one request, before the server has it or after, and stays cut until mended."""

from __future__ import annotations

import re
import socket
from contextlib import contextmanager, suppress
from threading import Thread
from urllib.parse import urlsplit


class Wire:
    """Listens on ``port`` and passes everything on to ``url``."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._there = (str(parts.hostname), int(parts.port or 80))
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._at: re.Pattern[bytes] | None = None
        self._after = False
        self.is_cut = False
        Thread(target=self._serve, daemon=True).start()

    def cut_at(self, request: str, *, after: bool) -> None:
        """Be cut at the first request whose line matches; ``after`` the server has done what it asks."""
        self._at, self._after, self.is_cut = re.compile(request.encode()), after, False

    def mend(self) -> None:
        """Work again."""
        self._at, self.is_cut = None, False

    def close(self) -> None:
        """End for good."""
        self._listening.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                here, _ = self._listening.accept()
                Thread(target=self._pass, args=(here,), daemon=True).start()

    def _pass(self, here: socket.socket) -> None:
        with here, suppress(OSError):
            if self.is_cut:
                return
            with socket.create_connection(self._there) as there:
                back = Thread(target=self._answer, args=(there, here), daemon=True)
                back.start()
                while data := here.recv(65536):
                    if self._at is not None and self._at.search(data.split(b"\r\n", 1)[0]):
                        self._cut(here, there, data)
                        return
                    if self.is_cut:
                        return
                    there.sendall(data)
                there.shutdown(socket.SHUT_WR)
                back.join()

    def _cut(self, here: socket.socket, there: socket.socket, data: bytes) -> None:
        self.is_cut, self._at = True, None
        if not self._after:
            return
        # The answer is not passed on any more, but the whole request is.
        there.sendall(data)
        here.settimeout(2)
        with suppress(OSError):
            while more := here.recv(65536):
                there.sendall(more)

    def _answer(self, there: socket.socket, here: socket.socket) -> None:
        with suppress(OSError):
            while (data := there.recv(65536)) and not self.is_cut:
                here.sendall(data)
            here.shutdown(socket.SHUT_RDWR)


@contextmanager
def wire(url: str):
    """A wire to ``url``."""
    one = Wire(url)
    try:
        yield one
    finally:
        one.close()
