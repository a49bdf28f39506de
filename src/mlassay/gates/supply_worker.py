"""A process of its own that reads hostile source files with detect-secrets and bandit: it may hang or die, its parent not.

Reads one JSON object from standard input (``root``, ``files``: ``[path, secrets, python]``) and answers with one JSON
line before and one after each file. Imports nothing of the files, opens no socket, verifies no secret anywhere.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

MOST = 200  # findings of one file
# Only what has a form of its own; high entropy is asked for apart, and public addresses are no secrets.
_PLUGINS = (
    "ArtifactoryDetector",
    "AWSKeyDetector",
    "AzureStorageKeyDetector",
    "BasicAuthDetector",
    "CloudantDetector",
    "DiscordBotTokenDetector",
    "GitHubTokenDetector",
    "GitLabTokenDetector",
    "IbmCloudIamDetector",
    "IbmCosHmacDetector",
    "JwtTokenDetector",
    "KeywordDetector",
    "MailchimpDetector",
    "NpmDetector",
    "OpenAIDetector",
    "PrivateKeyDetector",
    "PypiTokenDetector",
    "SendGridDetector",
    "SlackDetector",
    "SoftlayerDetector",
    "SquareOAuthDetector",
    "StripeDetector",
    "TelegramBotTokenDetector",
    "TwilioKeyDetector",
)
# Without the two that a file's author decides (allow-list comments), and the one that asks the network.
_FILTERS = (
    "is_sequential_string",
    "is_potential_uuid",
    "is_likely_id_string",
    "is_templated_secret",
    "is_prefixed_with_dollar_sign",
    "is_indirect_reference",
    "is_not_alphanumeric_string",
)
_ENTROPY = {"Base64 High Entropy String", "Hex High Entropy String"}
_NAMED = re.compile(r"(?i)(?<![a-z])(\w*(key|token|secret|passw|passphrase|pwd|auth|credential|bearer)\w*)")
_DIGESTS = re.compile(
    r"(?i)sha-?(1|256|384|512)|md5|blake|digest|integrity|checksum|fingerprint|commit|public|nonce|hash|keyid|ssh-(ed25519|rsa)|etag"
)
_PLACEHOLDER = re.compile(
    r"(?i)^(x{3,}|\*+|\.{3,}|<.*>|\{.*\}|your[-_ ]?.*|change[-_ ]?me.*|example.*|dummy.*|placeholder.*|none|null|true|false|"
    r"todo.*|test|password|passwd|secret|token|str|bytes|string|int|bool|required|optional|redacted|n/?a|"
    r"(os\.)?(environ|getenv).*|[a-z_]+|[A-Z_]+|[\w.]+\[.*\]|[\w.]+\(.*\)?)$"
)


def main() -> int:
    """Look at every file that standard input names."""
    logging.disable(logging.CRITICAL)
    asked = json.load(sys.stdin)
    root = Path(asked["root"])
    bandit = None
    for name, secrets, python in asked["files"]:
        _say({"begin": name})
        answer: dict[str, Any] = {"end": name, "secrets": [], "code": [], "unread": ""}
        try:
            data = (root / name).read_bytes()
            if secrets:
                answer["secrets"] = _secrets(name, data)
            if python:
                bandit = bandit or _bandit()
                answer["code"], answer["unread"] = _code(bandit, root / name)
        except (RecursionError, MemoryError, ValueError, OSError) as error:
            answer["unread"] = type(error).__name__
        _say(answer)
    return 0


def _say(value: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def _secrets(name: str, data: bytes) -> list[list[Any]]:
    """``[line, kind]`` of each secret; never the secret. The copy has a name that detect-secrets does not skip."""
    from detect_secrets import SecretsCollection

    text = data.decode("utf-8", errors="replace")
    lines = text.splitlines()
    suffix = (
        Path(name).suffix
        if Path(name).suffix in (".yaml", ".yml", ".ini", ".cfg", ".py", ".json")
        else ".txt"
    )
    found: dict[tuple[int, str], None] = {}
    with tempfile.TemporaryDirectory(prefix="mlassay-secrets-") as folder:
        copy = Path(folder, f"copy{suffix}")
        copy.write_text(text, encoding="utf-8")
        with _settings():
            collection = SecretsCollection()
            collection.scan_file(str(copy))
            for each in collection.data.get(str(copy), ()):
                line = lines[each.line_number - 1] if 0 < each.line_number <= len(lines) else ""
                if _is_meant(each.type, str(each.secret_value or ""), line):
                    found[each.line_number, each.type] = None
    # One secret often has several kinds: the one with a form of its own says most.
    best: dict[int, str] = {}
    for number, kind in sorted(
        found, key=lambda each: (each[0], each[1] in _ENTROPY, each[1] == "Secret Keyword")
    ):
        best.setdefault(number, kind)
    return [[number, kind] for number, kind in sorted(best.items())][:MOST]


@contextmanager
def _settings() -> Iterator[None]:
    from detect_secrets.settings import transient_settings

    plugins: list[dict[str, Any]] = [{"name": name} for name in _PLUGINS]
    plugins += [
        {"name": "Base64HighEntropyString", "limit": 4.3},
        {"name": "HexHighEntropyString", "limit": 3.0},
    ]
    filters = [{"path": f"detect_secrets.filters.heuristic.{name}"} for name in _FILTERS]
    with transient_settings({"plugins_used": plugins, "filters_used": filters}):
        yield


def _is_meant(kind: str, secret: str, line: str) -> bool:
    """Whether a hit of the two broad kinds is likely one: entropy only where a name says so, words only with a value."""
    if kind in _ENTROPY:
        return _NAMED.search(line) is not None and _DIGESTS.search(line) is None and len(secret) >= 20
    if kind == "Secret Keyword":
        bare = secret.strip("\"'` ,;")
        return len(bare) >= 6 and _PLACEHOLDER.match(bare) is None and " " not in bare
    return True


def _bandit() -> Any:
    from bandit.core.config import BanditConfig
    from bandit.core.manager import BanditManager

    # No configuration of the team's, and no comment of theirs: what is accepted stands in ml.yaml.
    return BanditManager(BanditConfig(), "file", ignore_nosec=True)


def _code(manager: Any, path: Path) -> tuple[list[list[Any]], str]:
    """``([line, test id, severity, confidence, text] of each finding, why the file could not be read)``."""
    manager.files_list, manager.results, manager.skipped = [str(path)], [], []
    with suppress(SystemExit):
        manager.run_tests()
    found = [
        [
            each.lineno,
            each.test_id,
            each.severity.lower(),
            each.confidence.lower(),
            each.text.splitlines()[0][:200],
        ]
        for each in manager.results
    ]
    return sorted(found)[:MOST], str(manager.skipped[0][1]) if manager.skipped else ""


if __name__ == "__main__":
    sys.exit(main())
