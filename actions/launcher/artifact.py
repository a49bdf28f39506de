"""The artifact of another run, taken as what it is: bytes from a stranger. Bounded before they are read or written."""

from __future__ import annotations

import io
import json
import re
import time
import urllib.error
import urllib.parse
import urllib.request
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from launcher import Refused

NAME = "mlassay-test"
PACKED_BYTES = 32 << 20
UNPACKED_BYTES = 64 << 20
FILES = 200
LISTING_BYTES = 4 << 20
SECONDS = 60
TRIES = 3
SAFE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}(/[A-Za-z0-9_][A-Za-z0-9._-]{0,99}){0,2}")


def fetch(run_id: str, folder: Path, environment: Mapping[str, str]) -> bool:
    """Unpack the artifact `NAME` of a run of this repository into the new folder ``folder``.

    False when the run left none (it failed before, or had nothing to test). Refused when it is too large, or names
    files as no stage of mlassay does.
    """
    if not (run_id.isascii() and run_id.isdecimal()):
        raise Refused(f"the input 'run-id' is the number of a run, not {run_id[:40]!r}")
    api = f"{environment['GITHUB_API_URL']}/repos/{environment['GITHUB_REPOSITORY']}/actions"
    token = environment.get("GITHUB_TOKEN", "")
    asked = urllib.parse.urlencode({"name": NAME, "per_page": 100})
    listing = json.loads(_get(f"{api}/runs/{run_id}/artifacts?{asked}", token, LISTING_BYTES))
    found = [
        each for each in listing.get("artifacts", ()) if each["name"] == NAME and not each.get("expired")
    ]
    if not found:
        return False
    newest: dict[str, Any] = max(found, key=lambda each: int(each["id"]))
    if int(newest["size_in_bytes"]) > PACKED_BYTES:
        raise Refused(f"the artifact {NAME} of run {run_id} has more than {PACKED_BYTES >> 20} MiB")
    unpack(_get(f"{api}/artifacts/{int(newest['id'])}/zip", token, PACKED_BYTES), folder)
    return True


def empty_place(directory: Path, run: str) -> Path:
    """Where a run's tests lie below ``directory``; Refused when the checkout put a link or files of its own there."""
    place = directory / run / "test"
    links = [
        path
        for path in (place, *place.parents)
        if path != directory and directory in path.parents and path.is_symlink()
    ]
    if links or place.exists():
        raise Refused(
            f"{links[0] if links else place} is part of the checkout: a run folder belongs to no commit"
        )
    return place


def unpack(data: bytes, folder: Path) -> None:
    """Write the files of a zip below ``folder``: few, small, plainly named, and nothing but files."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except zipfile.BadZipFile as error:
        raise Refused(f"the artifact {NAME} is no zip file") from error
    entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    if len(entries) > FILES:
        raise Refused(f"the artifact {NAME} holds more than {FILES} files")
    if len({entry.filename.lower() for entry in entries}) != len(entries):
        raise Refused(f"the artifact {NAME} holds one name twice")
    left = UNPACKED_BYTES
    for entry in entries:
        if not SAFE_NAME.fullmatch(entry.filename):
            raise Refused(f"the artifact {NAME} holds a file with the odd name {ascii(entry.filename)[:120]}")
        try:
            with archive.open(entry) as packed:  # what it says of its size is not believed
                content = packed.read(left + 1)
        except (
            zipfile.BadZipFile,
            zlib.error,
            NotImplementedError,
            RuntimeError,
            EOFError,
            OSError,
        ) as error:
            raise Refused(f"the artifact {NAME} cannot be unpacked: {entry.filename}") from error
        left -= len(content)
        if left < 0:
            raise Refused(f"the artifact {NAME} has more than {UNPACKED_BYTES >> 20} MiB when it is unpacked")
        path = folder / entry.filename
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("xb") as file:
                file.write(content)
        except (FileExistsError, NotADirectoryError) as error:
            raise Refused(f"the artifact {NAME} holds {entry.filename} as a file and as a folder") from error


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_args: object) -> None:
        """Followed by hand: the token is for the API, and not for where the bytes are kept."""


_OPENER = urllib.request.build_opener(_NoRedirect)


def _get(url: str, token: str, limit: int) -> bytes:
    headers = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    for again in range(TRIES, 0, -1):
        try:
            return _read(url, headers, limit)
        except urllib.error.HTTPError as error:
            if error.code in {301, 302, 303, 307, 308}:
                return _get(_elsewhere(url, error.headers.get("Location", "")), "", limit)
            if error.code < 500 or again == 1:
                raise Refused(f"GitHub answered {error.code} to a request for an artifact") from error
        except OSError as error:
            if again == 1:
                raise Refused("GitHub could not be reached for an artifact") from error
        time.sleep(2)
    raise AssertionError


def _elsewhere(url: str, location: str) -> str:
    scheme = urllib.parse.urlsplit(url).scheme
    if urllib.parse.urlsplit(location).scheme != scheme:
        raise Refused("GitHub sent us elsewhere for an artifact, by another protocol")
    return location


def _read(url: str, headers: Mapping[str, str], limit: int) -> bytes:
    request = urllib.request.Request(url, headers=dict(headers))  # noqa: S310  the runner's own API address
    with _OPENER.open(request, timeout=SECONDS) as response:
        data: bytes = response.read(limit + 1)
    if len(data) > limit:
        raise Refused(f"GitHub sent more than {limit >> 20} MiB")
    return data
