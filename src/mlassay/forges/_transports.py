"""The two ways to a forge's API: PyGithub for GitHub, requests for Gitea; neither tries anything again by itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import urlencode, urlsplit

import requests

from mlassay import __version__
from mlassay.forges._patience import Patience
from mlassay.forges._refused import Refused, unanswered

TIMEOUT = 30  # seconds, to connect and between bytes
AGENT = f"mlassay/{__version__}"  # an action runs us without installing us
GRAPHQL = "/graphql"  # beside the REST API on an Enterprise Server, below it on github.com
API_VERSION = "2022-11-28"


class GitHubTransport:
    """PyGithub's requester: its authentication, its pauses between calls; its own retries would repeat writes."""

    page_size: Mapping[str, str] = MappingProxyType({"per_page": "100"})

    def __init__(self, api: str, token: str, patience: Patience) -> None:
        from github import Auth, Github

        self.host = urlsplit(api).netloc
        self._token = token
        self._github = Github(
            base_url=api,
            auth=Auth.Token(token),
            timeout=TIMEOUT,
            user_agent=AGENT,
            retry=None,
            seconds_between_requests=patience.between_requests,
            seconds_between_writes=patience.between_writes,
            api_version=API_VERSION,
        )

    def send(
        self, method: str, path: str, query: Mapping[str, str], body: Any
    ) -> tuple[int, Mapping[str, str], str]:
        """One request; a renamed repository is followed on this host."""
        from github import GithubException

        try:
            requester = self._github.requester
            place = requester.graphql_url if path == GRAPHQL else path
            status, headers, text = requester.requestJson(method, place, parameters=dict(query), input=body)
        except requests.RequestException as error:
            raise _unanswered(self.host, error) from error
        except GithubException as error:
            return error.status, dict(error.headers or {}), json.dumps(error.data)
        except RuntimeError as error:  # PyGithub's word for a redirect that leaves this host
            raise _unanswered(self.host, error) from error
        return status, {name.lower(): str(value) for name, value in headers.items()}, text

    def redacted(self, text: str) -> str:
        """``text`` without the token."""
        return text.replace(self._token, "…")

    def close(self) -> None:
        """End its connections."""
        self._github.close()


class RequestsTransport:
    """Gitea's API at ``<web>/api/v1``."""

    page_size: Mapping[str, str] = MappingProxyType({"limit": "50"})  # its default limit

    def __init__(self, api: str, token: str, patience: Patience) -> None:  # noqa: ARG002  as the other
        self.host = urlsplit(api).netloc
        self._api, self._token = api, token
        self._session = requests.Session()
        self._session.trust_env = True
        self._session.auth = _no_netrc
        self._session.headers.update({"User-Agent": AGENT, "Accept": "application/json"})

    def send(
        self, method: str, path: str, query: Mapping[str, str], body: Any
    ) -> tuple[int, Mapping[str, str], str]:
        """One request; a redirect is an answer, not followed: a renamed repository is told as such."""
        address = f"{self._api}{path}" + (f"?{urlencode(query)}" if query else "")
        try:
            answer = self._session.request(
                method,
                address,
                json=body,
                headers={"Authorization": f"token {self._token}"},
                timeout=TIMEOUT,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise _unanswered(self.host, error) from error
        return answer.status_code, {k.lower(): v for k, v in answer.headers.items()}, answer.text

    def redacted(self, text: str) -> str:
        """``text`` without the token."""
        return text.replace(self._token, "…")

    def close(self) -> None:
        """End its connections."""
        self._session.close()


def _no_netrc(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _unanswered(host: str, error: Exception) -> Refused:
    # requests wraps urllib3's error: only its words tell a connection that never stood from one that broke.
    text = str(error)
    never = (
        isinstance(error, requests.ConnectTimeout) or "NewConnectionError" in text or "NameResolution" in text
    )
    return unanswered(host, error, sent=not never)
