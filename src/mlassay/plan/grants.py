"""What training, weighing and tests may touch: splits apart, protected columns only for what they are held for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mlassay.config import Config
from mlassay.config.criteria import inner_commands
from mlassay.errors import Problem
from mlassay.manifest import Manifest
from mlassay.plan.places import Places


def granted(config: Config, manifests: Mapping[str, Manifest]) -> dict[str, Manifest]:
    """The data sets that training reads, itself or through what a prepare step writes."""
    reads = {name: step.reads for step in config.prepare for name in step.writes}
    names, todo = set(), [*config.train.data]
    while todo:
        name = todo.pop()
        if name in reads:
            todo += reads.pop(name)
        names.add(name.partition("/")[0])
    return {name: manifests[name] for name in sorted(names) if name in manifests}


def grant_problems(
    config: Config,
    manifests: Mapping[str, Manifest],
    criteria: Mapping[str, Mapping[str, Any]],
    places: Places,
) -> Iterator[Problem]:
    """Everything that is granted and must not be, or asked for and not there."""
    training = granted(config, manifests)
    yield from _files(config, manifests, criteria, places)
    yield from _splits(config, manifests, places)
    yield from _same_data(config, manifests, training, places)
    yield from _withheld(config, training, places)
    yield from _weighed(config, training, places)
    yield from _protected(config, manifests, training, criteria, places)


def _files(
    config: Config,
    manifests: Mapping[str, Manifest],
    criteria: Mapping[str, Mapping[str, Any]],
    places: Places,
) -> Iterator[Problem]:
    """Data files among what a command uses: it would see every split and every withheld column of them."""
    named = [("train.uses", config.train.uses)]
    named += [(f"prepare.{number}.uses", step.uses) for number, step in enumerate(config.prepare)]
    # The unit gate sees the whole checkout where it says nothing, so there it may.
    named += [
        (f"gates.{gate}.uses", each.get("uses", ()))
        for gate, each in config.gates.items()
        if "run" in each and gate != "unit"
    ]
    named += [(f"gates.{place}.uses", each.get("uses", ())) for place, each in inner_commands(criteria)]
    held = {file.path: name for name, manifest in manifests.items() for file in manifest.files if file.path}
    for place, uses in named:
        for number, name in enumerate(uses):
            bare = name.rstrip("/")
            found = next((path for path in held if path == bare or path.startswith(f"{bare}/")), None)
            if found is not None or bare.partition("/")[0].casefold() == ".mlassay":
                what = f"the data file {found}" if found else "mlassay's own folder"
                yield places.problem(
                    f"{place}.{number}",
                    f"'{name}' grants {what} whole",
                    "withheld columns, and the rows that every verdict is measured on, would be in plain sight",
                    "grant data by name ('data', 'reads', 'sees'), and keep code in another folder",
                )


def _splits(config: Config, manifests: Mapping[str, Manifest], places: Places) -> Iterator[Problem]:
    asked = [("evaluate.data", config.evaluate.data)]
    asked += [(f"train.data.{number}", name) for number, name in enumerate(config.train.data)]
    for step, each in enumerate(config.prepare):
        asked += [(f"prepare.{step}.reads.{number}", name) for number, name in enumerate(each.reads)]
    for place, name in asked:
        data, slash, split = name.partition("/")
        if slash and data in manifests and split not in manifests[data].split.names:
            yield places.problem(
                place,
                f"the data '{data}' has no split '{split}'",
                remedy=f"splits of {manifests[data].path}: {', '.join(manifests[data].split.names)}",
            )
    for step, each in enumerate(config.prepare):
        if config.evaluate.data in each.reads:
            yield places.problem(
                f"prepare.{step}.reads",
                f"the step '{each.name}' reads '{config.evaluate.data}', the rows that every verdict is measured on",
                "numbers measured on rows that training saw say nothing",
                "let it read the training splits only",
            )


def _same_data(
    config: Config, manifests: Mapping[str, Manifest], training: Mapping[str, Manifest], places: Places
) -> Iterator[Problem]:
    """Two names, or two manifests, for one file would let training see the evaluation rows under another name."""
    evaluation = config.evaluate.data.partition("/")[0]
    if evaluation not in manifests:
        return
    held = {file.digest: file.path for file in manifests[evaluation].files}
    for name, manifest in training.items():
        if name != evaluation and (shared := [file for file in manifest.files if file.digest in held]):
            yield places.problem(
                f"data.{name}",
                f"'{name}' and '{evaluation}' hold the same file ({shared[0].path})",
                "under a second name training could read the rows that every verdict is measured on",
                f"use one name, and its splits, for both: '{evaluation}/…'",
            )


def _withheld(config: Config, training: Mapping[str, Manifest], places: Places) -> Iterator[Problem]:
    for number, name in enumerate(config.train.withhold):
        if training and not any(name in _names(manifest) for manifest in training.values()):
            yield places.missing_column(f"train.withhold.{number}", name, *training.values())
    if config.evaluate.label in config.train.withhold:
        yield places.problem(
            "train.withhold",
            f"the label '{config.evaluate.label}' is withheld",
            "training would have nothing to learn",
            "take it out of 'withhold'",
        )


def _weighed(config: Config, training: Mapping[str, Manifest], places: Places) -> Iterator[Problem]:
    for number, name in enumerate(config.train.weigh.by if config.train.weigh else ()):
        place = f"train.weigh.by.{number}"
        if any(name not in _names(manifest) for manifest in training.values()):
            yield places.missing_column(place, name, *training.values())
        elif name not in config.train.withhold:
            yield places.problem(
                place,
                f"'{name}' is weighed by, but not withheld",
                "the weights are there so that the model need not see the column",
                f"add it to 'withhold: [{name}]'",
            )


def _protected(
    config: Config,
    manifests: Mapping[str, Manifest],
    training: Mapping[str, Manifest],
    criteria: Mapping[str, Mapping[str, Any]],
    places: Places,
) -> Iterator[Problem]:
    weighed = set(config.train.weigh.by) if config.train.weigh else set()
    tested = set(criteria.get("bias", {}).get("sensitive", []))
    tested |= {name for each in criteria.values() for name in each.get("sees", ())}
    evaluation = manifests.get(config.evaluate.data.partition("/")[0])
    uses = [
        (manifest, "train", set(manifest.sensitive) - set(config.train.withhold))
        for manifest in training.values()
    ]
    uses += [(manifest, "weigh", weighed) for manifest in training.values()]
    uses += [(evaluation, "test", tested)] if evaluation else []
    words = {"train": "given to training", "weigh": "used to weigh rows", "test": "used to compare groups"}
    where = {"train": "train.data", "weigh": "train.weigh.by", "test": "gates.bias.sensitive"}
    remedies = {
        "train": "withhold it ('train.withhold')",
        "weigh": "weigh by other columns",
        "test": "test other columns",
    }
    for manifest, use, columns in uses:
        held = manifest.special_categories
        if held and use not in held.use and (wrong := sorted(set(held.columns) & columns)):
            yield places.problem(
                where[use],
                f"the special-category column {', '.join(wrong)} is {words[use]}, "
                f"but is held only for: {', '.join(held.use)} "
                f"({manifest.path}:{manifest.lines.get('special_categories.use', 1)})",
                "people gave it, or the law allows it, for that use alone",
                f"{remedies[use]}; another use is a change of the manifest, approved by its owner",
            )


def _names(manifest: Manifest) -> set[str]:
    return {column.name for column in manifest.columns}
