"""What verdicts are measured on: label, favourable answer, inputs, and the columns that gates name."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from mlassay.config import Config
from mlassay.errors import Problem
from mlassay.manifest import Manifest
from mlassay.plan.bins import names_of_bins
from mlassay.plan.labels import label_problems
from mlassay.plan.perturbing import perturb_problems
from mlassay.plan.places import Places
from mlassay.plan.promising import promise_problems


def measurement_problems(
    config: Config, evaluation: Manifest, criteria: Mapping[str, Mapping[str, Any]], places: Places
) -> Iterator[Problem]:
    """Everything that gates would look for in the evaluation data and not find."""
    yield from label_problems(config, evaluation, places)
    yield from _inputs(config, evaluation, places)
    yield from _sensitive(evaluation, criteria.get("bias", {}), places)
    yield from perturb_problems(config, evaluation, criteria.get("adversarial", {}), places)
    yield from promise_problems(config, evaluation, criteria.get("behaviour", {}), places)
    for name, rows in criteria.get("performance", {}).get("slices", {}).items():
        if rows["column"] not in _names(evaluation):
            yield places.missing_column(f"gates.performance.slices.{name}.column", rows["column"], evaluation)


def _inputs(config: Config, evaluation: Manifest, places: Places) -> Iterator[Problem]:
    features = {column.name for column in evaluation.features} - set(config.train.withhold)
    if not features:
        yield places.problem(
            "train.withhold", "no column is left as an input", remedy="withhold fewer columns"
        )
    for number, name in enumerate(config.model.inputs):
        place = f"model.inputs.{number}"
        if name not in _names(evaluation):
            yield places.missing_column(place, name, evaluation)
        elif name not in features:
            yield places.problem(
                place,
                f"'{name}' is no input: its role is {evaluation.column(name).role}, or it is withheld",
                "a model that needs it cannot be run on what it may see",
                "take it out, or change its role in the manifest",
            )


def _sensitive(evaluation: Manifest, bias: Mapping[str, Any], places: Places) -> Iterator[Problem]:
    bins = bias.get("bins", {})
    yield from _bins(evaluation, bins, places)
    for name in bias.get("sensitive", []):
        if name not in _names(evaluation):
            yield places.missing_column("gates.bias.sensitive", name, evaluation)
        elif evaluation.column(name).type != "category" and name not in bins:
            yield places.problem(
                "gates.bias.sensitive",
                f"'{name}' is no category in {evaluation.path}",
                "groups are rows that share a value: numbers make hundreds of groups of one row",
                f"declare gates.bias.bins (a number: {{{name}: [25, 40]}}), or a column of categories",
            )
    for name, value in bias.get("reference", {}).items():
        if name not in bias.get("sensitive", []):
            yield places.problem(
                f"gates.bias.reference.{name}", f"'{name}' is not among the sensitive columns"
            )
        elif name in _names(evaluation) and value not in (
            values := names_of_bins(bins[name]) if name in bins else evaluation.column(name).values
        ):
            known = ", ".join(values)
            yield places.problem(
                f"gates.bias.reference.{name}",
                f"'{value}' is no value of '{name}'",
                remedy=f"values: {known}",
            )


def _bins(evaluation: Manifest, bins: Mapping[str, Any], places: Places) -> Iterator[Problem]:
    for name, edges in bins.items():
        place = f"gates.bias.bins.{name}"
        if name not in _names(evaluation):
            yield places.missing_column(place, name, evaluation)
        elif evaluation.column(name).type not in ("number", "integer"):
            yield places.problem(
                place,
                f"'{name}' is no column of numbers in {evaluation.path}",
                "only numbers lie between edges",
                "take it out; a category has its values as groups",
            )
        elif sorted(set(map(float, edges))) != list(map(float, edges)) or not all(map(math.isfinite, edges)):
            yield places.problem(
                place,
                f"the edges {', '.join(map(str, edges))} do not ascend",
                "groups lie between one edge and the next",
                "write finite numbers, each once, from the lowest to the highest",
            )
        elif len({f"{edge:.12g}" for edge in edges}) < len(edges):
            yield places.problem(
                place,
                "two edges agree in twelve digits",
                "their groups could not be told apart",
                "round them",
            )


def _names(manifest: Manifest) -> set[str]:
    return {column.name for column in manifest.columns}
