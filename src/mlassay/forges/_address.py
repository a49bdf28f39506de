"""Where a repository's forge is, told from the address of its remote and from what the CI says."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from mlassay.ci import ForgeAccess
from mlassay.errors import ConfigurationError, Problem

_SCP = re.compile(r"(?:[^@/:\s]+@)?(?P<host>[^/:\s]+):(?P<path>[^:\s]+)")
_NAME = re.compile(r"[A-Za-z0-9._-]+/[A-Za-z0-9._-]+")
FORGE_URL = "mlassay.forge-url"


@dataclass(frozen=True, slots=True)
class Address:
    """A repository on a forge: ``web`` is where people and git go, ``api`` where calls go, ``name`` is owner/name."""

    web: str
    api: str
    name: str


def of_remote(url: str) -> tuple[str, str] | None:
    """Web address of the host and ``owner/name``; None for a path, a file URL or anything else."""
    if "://" in url:
        parts = urlsplit(url)
        if parts.scheme not in ("https", "http", "ssh", "git+ssh") or not parts.hostname:
            return None
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        web_port = f":{parts.port}" if parts.port and parts.scheme in ("http", "https") else ""
        scheme = parts.scheme if parts.scheme in ("http", "https") else "https"
        web, path = f"{scheme}://{host}{web_port}", parts.path
    elif (match := _SCP.fullmatch(url)) is not None:
        web, path = f"https://{match['host']}", match["path"]
    else:
        return None
    name = "/".join(path.strip("/").removesuffix(".git").split("/")[-2:])
    return (web, name) if _NAME.fullmatch(name) and ".." not in name else None


def github(url: str, forge_url: str, access: ForgeAccess) -> Address:
    """Where GitHub, or a GitHub Enterprise Server, has this repository; ConfigurationError when that is not known."""
    found = of_remote(url)
    if access.on_github and access.github_api and access.github_server:
        own = found if found and found[0] == access.github_server else None
        return Address(
            access.github_server, access.github_api, own[1] if own else _named(access.github_repository)
        )
    web, name = found or ("", "")
    if forge_url:
        web = forge_url.rstrip("/")
    host = (urlsplit(web).hostname or "").lower()
    if host == "github.com":
        return Address("https://github.com", "https://api.github.com", _named(name))
    if host.endswith(".ghe.com"):
        return Address(web, f"https://api.{host}", _named(name))
    if not forge_url:
        raise ConfigurationError(
            Problem(
                f"the remote is {'on ' + host if host else 'no address of GitHub'}, so its pull requests are not found",
                why="a token is sent only where somebody said that it belongs",
                remedy=f"git config {FORGE_URL} https://<the web address of your GitHub>, or --forge local",
            )
        )
    return Address(web, f"{web}/api/v3", _named(name))


def gitea(url: str, forge_url: str) -> Address:
    """Where Gitea has this repository; ConfigurationError when the remote's address does not tell."""
    web, name = of_remote(url) or ("", "")
    web = forge_url.rstrip("/") or web
    if not web:
        remedy = f"git remote set-url origin https://<host>/<owner>/<name>.git, or git config {FORGE_URL} …"
        raise ConfigurationError(Problem("the remote is no address of a Gitea", remedy=remedy))
    return Address(web, f"{web}/api/v1", _named(name))


def _named(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ConfigurationError(
            Problem(
                "which repository of the forge this is cannot be told from the remote's address",
                remedy="git remote set-url origin https://<host>/<owner>/<name>.git",
            )
        )
    return name
