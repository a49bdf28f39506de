"""Calls of one forge's REST API in JSON: waited for, counted, paged; the token stays in the transport."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlsplit

from requests.utils import parse_header_links

from mlassay.errors import Problem
from mlassay.forges._patience import Patience
from mlassay.forges._refused import Refused, refused

PAGES = 50
OK = range(200, 300)


class Transport(Protocol):
    """One way to send a request: answers with status, lower-case headers and text; Refused when no answer comes."""

    host: str
    page_size: Mapping[str, str]

    def send(
        self, method: str, path: str, query: Mapping[str, str], body: Any
    ) -> tuple[int, Mapping[str, str], str]:
        """Send once, follow no redirect to another host."""

    def redacted(self, text: str) -> str:
        """``text`` without the token."""

    def close(self) -> None:
        """End its connections."""


class Calls:
    """``made`` counts every request that was sent, tried again ones included."""

    def __init__(self, transport: Transport, patience: Patience) -> None:
        self._transport = transport
        self.patience = patience
        self.made = 0
        self._listed: dict[tuple[object, ...], tuple[float, list[Any]]] = {}

    @property
    def host(self) -> str:
        """The forge's API host, as errors name it."""
        return self._transport.host

    def get(self, path: str, **query: str) -> Any:
        """What lies at ``path``."""
        return self._call("GET", path, query, None, again=True)[1]

    def get_or_none(self, path: str, **query: str) -> Any:
        """As `get`; None where the forge shows nothing (404)."""
        try:
            return self.get(path, **query)
        except Refused as no:
            if no.status == 404:
                return None
            raise

    def pages(self, path: str, key: str = "", **query: str) -> list[Any]:
        """Every item of a list at ``path`` (below ``key`` of each page), page after page.

        One that was read moments ago is not asked for again, unless something was written since.
        """
        asked, now = (path, key, *sorted(query.items())), self.patience.clock()
        read, found = self._listed.get(asked, (now - self.patience.memory, []))
        if now - read >= self.patience.memory:
            found = self._read_pages(path, key, query)
            self._listed[asked] = (now, found)
        return list(found)

    def _read_pages(self, path: str, key: str, query: Mapping[str, str]) -> list[Any]:
        found: list[Any] = []
        asked: Mapping[str, str] = {**self._transport.page_size, **query}
        for _ in range(PAGES):
            headers, page = self._call("GET", path, asked, None, again=True)
            items = page.get(key) if key and isinstance(page, dict) else page
            found += items if isinstance(items, list) else []
            following = _next(headers)
            if following is None:
                return found
            asked = following
        problem = Problem(
            f"{self.host} lists more than {PAGES} pages at {path}",
            remedy="close what is no longer needed there, then run the command again",
        )
        raise Refused(problem)

    def ask(self, path: str, body: Mapping[str, Any]) -> Any:
        """What a question that is sent like a write (GraphQL's) is answered; kept in mind as `pages` is."""
        asked, now = (path, json.dumps(body, sort_keys=True)), self.patience.clock()
        read, found = self._listed.get(asked, (now - self.patience.memory, []))
        if now - read >= self.patience.memory:
            found = [self._call("POST", path, {}, body, again=True)[1]]
            self._listed[asked] = (now, found)
        return found[0]

    def send(self, method: str, path: str, body: Any = None, *, again: bool = False) -> Any:
        """Write; ``again`` only where doing it twice is doing it once."""
        try:
            return self._call(method, path, {}, body, again=again)[1]
        finally:
            self._listed.clear()

    def close(self) -> None:
        """End the connections."""
        self._transport.close()

    def _call(
        self, method: str, path: str, query: Mapping[str, str], body: Any, *, again: bool
    ) -> tuple[Mapping[str, str], Any]:
        return self.patience.patiently(self.host, lambda: self._once(method, path, query, body), again=again)

    def _once(
        self, method: str, path: str, query: Mapping[str, str], body: Any
    ) -> tuple[Mapping[str, str], Any]:
        self.made += 1
        status, headers, text = self._transport.send(method, path, query, body)
        text = self._transport.redacted(text)
        try:
            value = json.loads(text) if text.strip() else None
        except ValueError as error:
            if status not in OK:
                raise refused(self.host, method, path, status, headers, "") from error
            problem = Problem(
                f"what answers as {self.host} is no forge: it did not answer in JSON",
                remedy="look at the forge's address, and whether a proxy or a login page stands between",
            )
            raise Refused(problem, status=status) from error
        if status not in OK:
            raise refused(self.host, method, path, status, headers, value)
        return headers, value


def _next(headers: Mapping[str, str]) -> dict[str, str] | None:
    """The query of the next page: its address may name another host or path, which nobody is sent to."""
    for link in parse_header_links(headers.get("link", "")):
        if link.get("rel") == "next":
            return dict(parse_qsl(urlsplit(link.get("url", "")).query))
    return None
