"""A wire to a server that can be cut at one request, before the server has it or after, and stays cut until mended."""

from __future__ import annotations

import re
import socket
from contextlib import contextmanager, suppress
from threading import Event, Thread
from urllib.parse import urlsplit

SECONDS = 60
"""After that long without a byte a connection is over: nobody waits for ever."""


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
        self._over, self._open = Event(), list[socket.socket]()
        self._threads = [Thread(target=self._serve, daemon=True)]
        self._threads[0].start()

    def cut_at(self, request: str, *, after: bool) -> None:
        """Be cut at the first request whose line matches; ``after`` the server has done what it asks."""
        self._at, self._after, self.is_cut = re.compile(request.encode()), after, False

    def mend(self) -> None:
        """Work again."""
        self._at, self.is_cut = None, False

    def close(self) -> None:
        """End for good, and only then give the sockets' numbers back.

        A thread that still waits on the number of a closed socket goes on waiting on whatever gets that number next: it
        would take the connections of another test's server.
        """
        self._over.set()
        for one in (self._listening, *self._open):
            _hang_up(one)
        for thread in self._threads:
            thread.join()
        self._listening.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while not self._over.is_set():
                here, _ = self._listening.accept()
                self._open.append(here)
                thread = Thread(target=self._pass, args=(here,), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _pass(self, here: socket.socket) -> None:
        with here, suppress(OSError):
            here.settimeout(SECONDS)
            if self.is_cut:
                return
            with socket.create_connection(self._there, SECONDS) as there:
                self._open.append(there)
                back = Thread(target=self._answer, args=(there, here), daemon=True)
                back.start()
                try:
                    self._forth(here, there, back)
                finally:
                    _hang_up(here)
                    _hang_up(there)
                    back.join()

    def _forth(self, here: socket.socket, there: socket.socket, back: Thread) -> None:
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


def _hang_up(one: socket.socket) -> None:
    """Wake whoever waits on it, without giving its number back."""
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)


@contextmanager
def wire(url: str):
    """A wire to ``url``."""
    one = Wire(url)
    try:
        yield one
    finally:
        one.close()
