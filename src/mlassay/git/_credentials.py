"""What git shows a remote over HTTPS: handed to the process in its environment, for one host, and never printed."""

from __future__ import annotations

import base64
import os
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from mlassay.errors import ConfigurationError, Problem

LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Credential:
    """A token that opens ``url`` (``https://host`` and whatever lies below it), and no other host.

    ``user`` is whatever the host wants to read beside it. Plain HTTP is refused but for this very machine:
    ConfigurationError, because everybody on the way could read the token.
    """

    url: str
    user: str
    token: str = field(repr=False)

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
            raise ConfigurationError(
                Problem(
                    f"{self.url[:200]!a} is not an https address, so the token is not sent there",
                    why="everybody on the way could read it",
                    remedy="name the forge by its https address: git config mlassay.forge-url https://…",
                )
            )

    def environment(self) -> dict[str, str]:
        """Settings for one git process, behind those that its environment carries already.

        The empty value takes away what a checkout may have left for this host: two Authorization headers in one
        request are refused. A redirect is not followed, so that no other host is shown anything.
        """
        settings = [
            (f"http.{self.url}.extraHeader", ""),
            (f"http.{self.url}.extraHeader", f"Authorization: Basic {self._basic}"),
            (f"http.{self.url}.followRedirects", "false"),
        ]
        count = os.environ.get("GIT_CONFIG_COUNT", "")
        start = int(count) if count.isdecimal() else 0
        own = {"GIT_CONFIG_COUNT": str(start + len(settings))}
        for number, (key, value) in enumerate(settings, start):
            own |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
        return own

    def redacted(self, text: str) -> str:
        """``text`` without the token in any of its spellings."""
        for secret in (self._basic, self.token):
            text = text.replace(secret, "…") if secret else text
        return text

    @property
    def _basic(self) -> str:
        return base64.b64encode(f"{self.user}:{self.token}".encode()).decode()
