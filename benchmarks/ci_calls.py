"""How many calls of GitHub's API one promotion takes, on the tests' stand-in, by kind."""

from __future__ import annotations

import importlib
import json
import os
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any
from unittest.mock import patch

from pipeline import Bench

AT_MOST = 12
NAME, CHECK = "acme/mortgage", "mlassay/decide"


def promotion(bench: Bench, keys: Path, release: str) -> Counter[str]:
    """Ask, approve, decide, post and merge over the API; calls by method and path, ids left out.

    Each verb is a process of its own, with the App's token. From then on ``bench`` has its remote on the stand-in.
    """
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    server_module: Any = importlib.import_module("tests.servers.github.server")
    with server_module.GitHubServer(bench.folder / "github") as server:
        server.user("dana", 101)
        home = server.repository(NAME, bench.folder / "remote.git")
        token = server.app("mlassay-desk")
        server.protect(NAME, checks=[CHECK], app=token)
        for key, value in (
            ("remote.origin.url", home.clone_url),
            ("mlassay.forge", "github"),
            ("mlassay.forge-url", server.html),
        ):
            bench.git("config", key, value)
        server.calls.clear()
        with patch.dict(os.environ, {"GITHUB_TOKEN": token}):
            _walk(bench, keys, release, server)
        if not server.pull(NAME, 1).merged:
            sys.exit("the promotion was not merged")
        return Counter(f"{call.method} {_kind(call.path)}" for call in server.calls)


def _walk(bench: Bench, keys: Path, release: str, server: Any) -> None:
    reason = "It ranks better than what stands, and the bias gate passed at 0.94 of the higher rate."
    words = ["--reason", reason, "--key", str(keys / "mlassay-dana"), "--json"]
    asked = json.loads(bench.verb("promote", "staging", release, *words))
    words = [
        *("--reason", "I read the report and the bias table; the interval stays above the criterion."),
        *("--risk", "It approves applications that the bank denied; small groups were not measured."),
        *(f"--answer={each}=It was looked at in the report and is accepted." for each in asked["questions"]),
        *(f"--accept={each}" for each in asked["weakenings"]),
    ]
    bench.verb("approve", asked["promotion"], *words, "--key", str(keys / "mlassay-robin"))
    bench.verb("decide", "--head", server.pull(NAME, 1).head, "--post")
    bench.verb("merge", asked["promotion"])


def _kind(path: str) -> str:
    """The path with what differs each time left out."""
    path = re.sub(r"^(/api/v3)?/repos/[^/]+/[^/]+", "", path)
    return re.sub(r"(?<=/)([0-9a-f]{40}|[0-9]+)(?=/|$)", "…", path) or "/"
