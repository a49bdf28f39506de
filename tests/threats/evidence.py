"""Evidence put together by hand, with stolen CI keys: every statement signed again, every list of digests made again."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any

from tests.threats.liar import Edit, Liar, canonical, sha256

Statement = dict[str, Any]
SUMMARY = "verdict.dsse.json"


def taken(liar: Liar, release: str, at: str = "HEAD") -> dict[str, bytes]:
    """The files of a release by their names inside its folder."""
    folder = f"evidence/{release}/"
    return {path.removeprefix(folder): liar.read(path, at) for path in liar.paths(folder, at)}


def placed(files: Mapping[str, bytes], release: str) -> dict[str, Edit]:
    """The same by their paths in the repository."""
    return {f"evidence/{release}/{name}": data for name, data in files.items()}


def payload(envelope: bytes) -> Statement:
    """What an envelope says."""
    said: Statement = json.loads(base64.b64decode(json.loads(envelope)["payload"]))
    return said


def edited(
    liar: Liar, files: dict[str, bytes], name: str, edit: Callable[[Statement], None], key: str = "ci"
) -> None:
    """Change what one signed file says, and sign it again."""
    said = payload(files[name])
    edit(said)
    files[name] = liar.seal(key, canonical(said))


def listed_again(liar: Liar, files: dict[str, bytes], key: str = "ci") -> None:
    """Have the signed list tell the digests of the files as they are now, and sign it again."""

    def edit(said: Statement) -> None:
        for each in (*said["predicate"]["inputAttestations"], *said["predicate"]["mlassay_files"]):
            name = each.get("name") or each["uri"]
            each["digest"]["sha256"] = sha256(files[name]).partition(":")[2]

    edited(liar, files, SUMMARY, edit, key)


def replaced(name: str, old: str, new: str) -> Callable[[dict[str, bytes]], None]:
    """An edit of a plain file that must change something."""

    def edit(files: dict[str, bytes]) -> None:
        assert old.encode() in files[name], (old, files[name])
        files[name] = files[name].replace(old.encode(), new.encode())

    return edit


def recorded(liar: Liar, before: str, files: Mapping[str, bytes], release: str, **options: Any) -> str:
    """Record these files as that release, upon the commit before the honest record."""
    liar.move(before)
    return liar.push(placed(files, release), **options)
