"""GitHub's published contract, cut to what the stand-in plays, and held against each call and each answer."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jsonschema import Draft202012Validator
from openapi_core import Config, OpenAPI
from openapi_core.datatypes import RequestParameters
from openapi_core.exceptions import OpenAPIError
from werkzeug.datastructures import Headers, ImmutableMultiDict

SOURCE = "api.github.com.json"
VERBS = ("get", "post", "put", "patch", "delete")
# What GitHub answers everywhere without listing it with each operation.
UNLISTED = (301, 307, 401, 403, 404, 429, 500, 502, 503)
SAMPLE = 5
ERROR = Draft202012Validator(
    {"type": "object", "required": ["message"], "properties": {"message": {"type": "string"}}}
)


def cut(whole: dict[str, Any], operations: set[tuple[str, str]]) -> dict[str, Any]:
    """The part of an OpenAPI document that tells of ``operations`` (method, path), with all that it refers to."""
    paths: dict[str, Any] = {}
    for method, path in sorted(operations):
        if path not in whole["paths"] or method not in whole["paths"][path]:
            raise KeyError(f"the contract knows no {method.upper()} {path}")
        operation = {name: part for name, part in whole["paths"][path][method].items() if name[:2] != "x-"}
        paths.setdefault(path, {})[method] = operation
    kept: dict[str, Any] = {}
    todo = sorted(_references(paths))
    while todo:
        kind, name = todo.pop()
        if name not in kept.setdefault(kind, {}) and kind != "examples":
            kept[kind][name] = whole["components"][kind][name]
            todo.extend(_references(kept[kind][name]))
    head = {"openapi": whole["openapi"], "info": whole["info"], "servers": [{"url": "/"}]}
    return _tidied({**head, "paths": paths, "components": kept})


def _references(part: Any) -> set[tuple[str, str]]:
    if isinstance(part, dict):
        found = set().union(*(_references(value) for name, value in part.items() if name != "examples"))
        target = part.get("$ref")
        if isinstance(target, str):
            kind, name = target.removeprefix("#/components/").split("/", 1)
            found.add((kind, name))
        return found
    return set().union(*map(_references, part)) if isinstance(part, list) else set()


def _tidied(part: Any) -> Any:
    """Without examples; and what may be null beside a list of values may be null, which OpenAPI 3.0 would have listed."""
    if isinstance(part, dict):
        tidy = {
            name: _tidied(value)
            for name, value in part.items()
            if name != "examples" and not (name == "example" and "type" in part)
        }
        if part.get("nullable") is True and isinstance(part.get("enum"), list):
            tidy["enum"] = [*part["enum"], None]
        return tidy
    return [_tidied(one) for one in part] if isinstance(part, list) else part


def read(folder: Path, operations: set[tuple[str, str]]) -> dict[str, Any]:
    """The cut of the contract in ``folder``, made once and kept beside it under its digest."""
    source = next(iter(sorted(folder.rglob(SOURCE))), None)
    if source is None:
        raise FileNotFoundError(f"no {SOURCE} in {folder}")
    content = source.read_bytes()
    key = hashlib.sha256(content + json.dumps(sorted(operations)).encode() + Path(__file__).read_bytes())
    kept = source.with_name(f"cut-{key.hexdigest()[:24]}.json")
    if not kept.exists():
        aside = kept.with_suffix(f".{os.getpid()}")
        aside.write_text(json.dumps(cut(json.loads(content), operations)))
        aside.replace(kept)
    return json.loads(kept.read_bytes())  # type: ignore[no-any-return]


@cache
def contract(folder: Path, operations: frozenset[tuple[str, str]]) -> Contract:
    """The contract of the tools' cache, loaded once for a run of tests."""
    return Contract(read(folder, set(operations)))


@dataclass
class Asked:
    """A request in the form that openapi-core reads; ``path`` has each parameter as one segment."""

    method: str
    path: str
    body: bytes | None
    content_type: str
    parameters: RequestParameters
    host_url: str = "http://127.0.0.1"


@dataclass
class Answered:
    status_code: int
    data: bytes | None
    content_type: str = "application/json"
    headers: Headers = field(default_factory=Headers)


class Contract:
    """Checks one exchange at a time; each method returns what is wrong with it, or nothing."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document
        self._api = OpenAPI.from_dict(document, config=Config(spec_validator_cls=None))

    def asked(
        self,
        method: str,
        template: str,
        parameters: dict[str, str],
        query: dict[str, str],
        body: bytes,
    ) -> Asked:
        """The request as the contract writes it: a parameter that holds slashes is one segment there."""
        path = template.format(**{name: quote(value, safe="") for name, value in parameters.items()})
        # GitHub takes JSON whatever the client calls it, and so do its own clients.
        return Asked(
            method.lower(),
            path,
            body or None,
            "application/json",
            RequestParameters(query=ImmutableMultiDict(query), header=Headers(), cookie=ImmutableMultiDict()),
        )

    def request(self, asked: Asked) -> str:
        """What the client does that the contract does not allow."""
        try:
            self._api.validate_request(asked)
        except OpenAPIError as error:
            return f"{asked.method.upper()} {asked.path}: {_told(error)}"
        return self._unknown(asked)

    def _unknown(self, asked: Asked) -> str:
        # Names that GitHub would pass over in silence: a typo of ours is worth a red test.
        operation = self._operation(asked)
        known = {self._resolved(one)["name"] for one in operation.get("parameters", [])}
        extra = sorted(set(asked.parameters.query) - known)
        if extra:
            return f"{asked.method.upper()} {asked.path}: unknown in the query: {', '.join(extra)}"
        schema = (
            operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
        )
        fields = self._resolved(schema).get("properties")
        sent = json.loads(asked.body) if asked.body else {}
        extra = sorted(set(sent) - set(fields)) if fields and isinstance(sent, dict) else []
        return (
            f"{asked.method.upper()} {asked.path}: unknown in the body: {', '.join(extra)}" if extra else ""
        )

    def _operation(self, asked: Asked) -> dict[str, Any]:
        segments = asked.path.split("/")
        for path, methods in self._document["paths"].items():
            parts = path.split("/")
            if len(parts) == len(segments) and asked.method in methods:
                pairs = zip(parts, segments, strict=True)
                if all(part == segment or part.startswith("{") for part, segment in pairs):
                    return methods[asked.method]  # type: ignore[no-any-return]
        return {}

    def _resolved(self, part: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in part:
            kind, name = part["$ref"].removeprefix("#/components/").split("/", 1)
            part = self._document["components"][kind][name]
        return part

    def response(self, asked: Asked, status: int, body: bytes) -> str:
        """What the stand-in answers that GitHub would not."""
        listed = self._operation(asked).get("responses", {})
        if str(status) not in listed and status in UNLISTED:
            problems = [error.message for error in ERROR.iter_errors(json.loads(body or b"null"))]
            return f"answer {status} to {asked.method.upper()} {asked.path}: {problems}" if problems else ""
        document = json.loads(body) if body else None
        if (
            isinstance(document, list) and len(document) > 2 * SAMPLE
        ):  # all by one view: the ends tell of the rest
            body = json.dumps(document[:SAMPLE] + document[-SAMPLE:]).encode()
        if status == 204 and str(status) in listed:
            return f"answer 204 to {asked.path} has a body" if body else ""
        try:
            self._api.validate_response(asked, Answered(status, body))
        except OpenAPIError as error:
            return f"answer {status} to {asked.method.upper()} {asked.path}: {_told(error)}"
        return ""


def _told(error: BaseException) -> str:
    """The deepest reasons, without the whole document around them."""
    inner = [
        f"{'/'.join(map(str, one.absolute_path))}: {one.message[:300]}"
        for one in getattr(error, "schema_errors", ())
    ]
    told = [type(error).__name__, *(inner or [str(error)[:300]])]
    if error.__cause__ is not None:
        told.append(_told(error.__cause__))
    return " | ".join(told)
