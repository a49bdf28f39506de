"""``mlassay data``: write a manifest from files, and prove that files are what their manifest says."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import click

from mlassay.cli.common import directory_option, json_option, note, print_json
from mlassay.errors import ConfigurationError, EvidenceError, MlassayError, Problem
from mlassay.manifest import SplitRule
from mlassay.manifest.types import SplitKind

LARGEST = 1 << 31  # bytes of one file that a manifest is drafted from in memory


@click.group(epilog="Example: mlassay data check")
def data() -> None:
    """Write and check data manifests: what the data is, where it lies, its digests, its splits."""


@data.command(
    epilog="Example: mlassay data manifest data/loans.csv --name loans --label default --sensitive sex"
)
@click.argument("paths", nargs=-1, required=True, metavar="PATH…")
@click.option("--name", help="The data set's name; that of the first file when not given.")
@click.option("--label", default="", help="The label column.")
@click.option("--sensitive", multiple=True, help="A special-category column. Repeat for several.")
@click.option(
    "--split",
    "fractions",
    default="train=0.5,test=0.5",
    show_default=True,
    help="Splits and their shares; or with --by-file the split of each PATH, in order: train,test.",
)
@click.option("--by-file", is_flag=True, help="Each PATH is a split of its own.")
@click.option(
    "--seed", default=0, show_default=True, type=click.IntRange(min=0), help="Another seed, another split."
)
@click.option("--stratify", multiple=True, help="Divide each value of this column alike. Repeat for several.")
@click.option("--key", multiple=True, help="Keep rows with the same value of this column together.")
@click.option("--dry-run", is_flag=True, help="Print the manifest, write nothing.")
@directory_option
def manifest(
    paths: tuple[str, ...],
    name: str | None,
    label: str,
    sensitive: tuple[str, ...],
    fractions: str,
    by_file: bool,
    seed: int,
    stratify: tuple[str, ...],
    key: tuple[str, ...],
    dry_run: bool,
    directory: Path,
) -> None:
    """Write data/NAME.manifest.yaml for CSV, Parquet or Arrow files, and data/NAME.missing.md with questions for people.

    Types, ranges and digests are filled in; what only a person can know is marked TODO.
    """
    from mlassay.files import inside, read_file, write_atomic
    from mlassay.manifest.drafting import draft_manifest

    rule = _by_file(fractions, paths) if by_file else _rule(fractions, seed, stratify, key)
    files = {path: read_file(directory, path, limit=LARGEST) for path in paths}
    drafted = draft_manifest(
        files, name=_name(name or Path(paths[0]).stem), label=label, sensitive=sensitive, split=rule
    )
    if dry_run:
        click.echo(drafted.manifest.decode("utf-8"), nl=False)
        return
    target = inside(directory, drafted.path)
    if target.exists():
        raise ConfigurationError(
            Problem(
                "the manifest is there already",
                why="what people wrote in it would be lost",
                remedy="edit it; or see what would be written: --dry-run",
                path=drafted.path,
            )
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    missing = inside(directory, drafted.missing_path)
    if not missing.exists():
        write_atomic(missing, drafted.missing)
        click.echo(drafted.missing_path)
    write_atomic(target, drafted.manifest)
    click.echo(drafted.path)
    note("Now answer each TODO in both files; 'mlassay validate' says which are left.")


@data.command(epilog="Example: mlassay data check --json")
@click.argument("manifests", nargs=-1, metavar="[MANIFEST]…")
@directory_option
@json_option
def check(manifests: tuple[str, ...], directory: Path, as_json: bool) -> None:
    """Prove digests, schema, ranges, and that no row is in two splits; of every manifest of ml.yaml when none is named."""
    reports: list[dict[str, Any]] = []
    errors: list[MlassayError] = []
    for path in manifests or _configured(directory):
        try:
            reports.append(_checked(path, directory))
        except MlassayError as error:
            errors.append(error)
            reports.append(
                {"manifest": path, "holds": False, "problems": [str(problem) for problem in error.problems]}
            )
    if as_json:
        print_json(reports)
    else:
        for report in reports:
            if report["holds"]:
                splits = ", ".join(f"{split} {rows:,}" for split, rows in report["splits"].items())
                click.echo(
                    f"{report['manifest']}: {report['rows']:,} rows are as declared ({splits}; none in two splits)"
                )
    if errors:
        worst = (
            EvidenceError if any(isinstance(error, EvidenceError) for error in errors) else ConfigurationError
        )
        raise worst(*(problem for error in errors for problem in error.problems))


def _checked(path: str, directory: Path) -> dict[str, Any]:
    from mlassay.files import read_file
    from mlassay.manifest import check_data, load_manifest

    found = load_manifest(path, read_file(directory, path))
    checked = check_data(found, directory)
    EvidenceError.raise_if_any(checked.problems)
    return {
        "manifest": path,
        "holds": True,
        "digest": found.digest,
        "root": found.root,
        "rows": checked.rows,
        "splits": dict(checked.splits),
        "problems": [],
    }


def _configured(directory: Path) -> list[str]:
    from mlassay.config import load_config
    from mlassay.files import read_file

    return list(load_config("ml.yaml", read_file(directory, "ml.yaml")).data.values())


def _name(name: str) -> str:
    import re

    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}", name):
        raise click.BadParameter("use letters, digits, '_', '.' and '-'", param_hint="--name")
    return name


def _rule(fractions: str, seed: int, stratify: tuple[str, ...], key: tuple[str, ...]) -> SplitRule:
    if stratify and key:
        raise click.UsageError("--stratify and --key are two different rules: choose one")
    shares: dict[str, str] = {}
    for part in fractions.split(","):
        split, equals, share = part.strip().partition("=")
        try:
            fine = equals and 0 < Decimal(share) <= 1 and _name(split) not in shares
        except InvalidOperation:
            fine = False
        if not fine:
            raise click.BadParameter(f"{part!r} is not like train=0.5", param_hint="--split")
        shares[split] = share
    if (total := sum(Decimal(share) for share in shares.values())) != 1:
        raise click.BadParameter(f"the shares sum to {total}, not to 1", param_hint="--split")
    kind: SplitKind = "stratified" if stratify else "key" if key else "seeded"
    return SplitRule(kind, fractions=shares, seed=seed, by=stratify or key)


def _by_file(names: str, paths: tuple[str, ...]) -> SplitRule:
    splits = [_name(name.strip()) for name in names.split(",")]
    if len(splits) != len(paths):
        raise click.BadParameter(
            "with --by-file, name one split for each PATH: --split train,test", param_hint="--split"
        )
    files: dict[str, tuple[str, ...]] = {}
    for split, path in zip(splits, paths, strict=True):
        files[split] = (*files.get(split, ()), path)
    return SplitRule("files", files=files)
