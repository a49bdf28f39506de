"""Tables in the docs, of keys from the JSON Schemas and of the audit's rules: ``python -m tests.docs.tables`` writes them anew."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mlassay.audit.rules import RULES
from mlassay.files import schema

DOCS = Path(__file__).parents[2] / "docs"
MARKED = re.compile(r"(<!-- keys of (?P<name>[a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
RULES_MARKED = re.compile(r"(<!-- rules of the audit -->\n).*?(<!-- end -->)", re.DOTALL)


def filled(page: str) -> str:
    """``page`` with each marked table as the schema, or the audit, has it now."""
    page = RULES_MARKED.sub(lambda found: f"{found[1]}{rules_table()}{found[2]}", page)
    return MARKED.sub(lambda found: f"{found[1]}{table(found['name'])}{found[3]}", page)


def rules_table() -> str:
    """A Markdown table of every rule of the audit."""
    rows = [
        "| rule | what must hold | what breaks it | an innocent explanation | what to do |",
        "|---|---|---|---|---|",
    ]
    for rule in RULES.values():
        texts = [f"`{rule.id}`", rule.what, rule.breaks, rule.innocent, rule.remedy]
        rows.append(f"| {' | '.join(text.replace('|', chr(92) + '|') for text in texts)} |")
    return "\n" + "\n".join(rows) + "\n\n"


def table(name: str) -> str:
    """A Markdown table of every key of one schema."""
    rows = ["| key | | means |", "|---|---|---|"]
    root = schema(name)
    for key, node, needed in keys(root, root):
        words = str(node.get("description", "")).replace("|", "\\|")
        rows.append(f"| {key} | {'required' if needed else ''} | {words} |")
    return "\n" + "\n".join(rows) + "\n\n"


def keys(
    root: dict[str, Any], node: dict[str, Any], prefix: str = ""
) -> Iterator[tuple[str, dict[str, Any], bool]]:
    """Every key below ``node``: its dotted name, its schema, whether it must be there."""
    node = resolved(root, node)
    for name, child in node.get("properties", {}).items():
        found = resolved(root, child)
        yield (
            f"`{prefix}{name}`" if not prefix else f"{prefix}`{name}`",
            found,
            name in node.get("required", ()),
        )
        yield from _below(root, found, f"{prefix}{name}.")


def resolved(root: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    """``node``, or what it refers to inside ``root``."""
    if "$ref" not in node:
        return node
    target: Any = root
    for part in node["$ref"].removeprefix("#/").split("/"):
        target = target[part]
    return {**target, **{key: value for key, value in node.items() if key != "$ref"}}


def _below(
    root: dict[str, Any], node: dict[str, Any], prefix: str
) -> Iterator[tuple[str, dict[str, Any], bool]]:
    yield from keys(root, node, prefix)
    each = node.get("additionalProperties")
    if isinstance(each, dict):
        yield from _below(root, resolved(root, each), f"{prefix}*.")
    if isinstance(node.get("items"), dict):
        yield from _below(root, resolved(root, node["items"]), f"{prefix[:-1]}[].")


def main() -> None:
    """Write every page's tables anew."""
    for page in DOCS.rglob("*.md"):
        text = page.read_text()
        if (new := filled(text)) != text:
            page.write_text(new)
            print(f"wrote {page}")


if __name__ == "__main__":
    main()
