"""The tables of docs/jenkins.md, made from the comments of the library's files."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/jenkins.md"
VARS = ROOT / "jenkins/vars"
OTHERS = {"mlassay", "mlassayStage", "mlassayPipeline"}
COMMON = {
    "version": "full commit of mlassay; by default the version of this library",
    "source": "where to fetch mlassay from; by default its home on GitHub",
    "python": "the agent's Python, 3.11 or newer; by default `python3`",
    "command": "mlassay as the agent's image has it: nothing is installed",
    "requirements": "lock file of the team's own packages, `none` for none; by default `requirements.lock` where there is one",
    "run": "the run folder; by default `.mlassay/run`",
}


def steps() -> list[str]:
    """The names of all steps that run a verb."""
    return sorted(path.stem for path in VARS.glob("*.groovy") if path.stem not in OTHERS)


def parameters(name: str) -> dict[str, str]:
    """The parameters in a step's comment, with what they say."""
    comment = (VARS / f"{name}.groovy").read_text().partition("*/")[0]
    return {key: text.strip() for key, text in re.findall(r"@param (\w+) (.+)", comment)}


def summary(name: str) -> str:
    """The first sentence of a step's comment."""
    return (VARS / f"{name}.groovy").read_text().splitlines()[1].removeprefix(" * ")


def filled(text: str) -> str:
    """The page with every table written anew."""
    found = {
        "parameters: mlassayPipeline": _table(parameters("mlassayPipeline")),
        "common": _table(COMMON),
        "steps": "\n\n".join(_step(name) for name in steps()),
    }
    for mark, table in found.items():
        pattern = rf"(<!-- {mark} -->\n).*?(<!-- end -->)"
        text = re.sub(pattern, lambda m, table=table: f"{m[1]}\n{table}\n\n{m[2]}", text, flags=re.DOTALL)
    return text


def _table(rows: dict[str, str]) -> str:
    lines = ["| parameter | what it is |", "|---|---|"]
    return "\n".join(lines + [f"| `{name}` | {text} |" for name, text in rows.items()])


def _step(name: str) -> str:
    found = parameters(name)
    return f"### {name}\n\n{summary(name)}" + (f"\n\n{_table(found)}" if found else "")


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text()))
