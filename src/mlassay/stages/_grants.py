"""What a command is granted: files of the source, splits without withheld columns, parameters; nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlassay.digest import sha256
from mlassay.errors import ConfigurationError, Problem
from mlassay.files import inside
from mlassay.manifest import Manifest, Table, read_split, reweigh
from mlassay.plan import Plan
from mlassay.stages._outputs import Output
from mlassay.stages._source import Source

# Below the work folder; hidden, so that a team's own data/ or out/ folder among `uses` stays free.
OWN = ".mlassay"
DATA = f"{OWN}/data"
OUT = f"{OWN}/out"
PARAMETERS = f"{OWN}/parameters.json"
WEIGHT = "sample_weight"

ENVIRONMENT: Mapping[str, str] = {
    "MLASSAY_DATA": f"{{work}}/{DATA}",
    "MLASSAY_OUT": f"{{work}}/{OUT}",
    "MLASSAY_PARAMETERS": f"{{work}}/{PARAMETERS}",
}


@dataclass
class Granter:
    """Fills work folders for the steps of one run; each split is read, cut and weighed only once."""

    plan: Plan
    root: Path  # where the data files of the manifests lie
    source: Source
    written: dict[str, tuple[Path, list[Output]]] = field(
        default_factory=dict
    )  # name -> what a prepare step left
    _splits: dict[str, tuple[bytes, dict[str, Any]]] = field(default_factory=dict)

    def fill(self, work: Path, uses: Iterable[str], data: Iterable[str], *, key: str) -> list[dict[str, Any]]:
        """Put everything into ``work`` that one command may see, and return what that was, with digests.

        ``key`` is the place in ``ml.yaml`` (``train``, ``prepare.0``) that problems point to.
        """
        granted = [self._file(work, path, mode, read) for path, mode, read in self._uses(uses, key)]
        (work / OUT).mkdir(parents=True)
        (work / DATA).mkdir()
        for name in data:
            granted += self._data(work, name, key)
        parameters = json.dumps(
            dict(self.plan.config.train.parameters), sort_keys=True, ensure_ascii=False
        ).encode()
        _write(work / PARAMETERS, parameters)
        return [*granted, {"kind": "parameters", "path": PARAMETERS, **_sized(parameters)}]

    def _uses(self, uses: Iterable[str], key: str) -> list[tuple[str, int, Callable[[], bytes]]]:
        found = self.source.files(uses)
        missing = [path for path, _, read in found if read is None]
        line = self.plan.config.lines.get(f"{key}.uses")
        ConfigurationError.raise_if_any(
            Problem(
                f"'{key}.uses' names {path!r}, which git does not track and which is not there",
                why="a command sees only files that the source commit holds",
                remedy=f"git add {path}, or take it out of 'uses'",
                path="ml.yaml",
                line=line,
            )
            for path in missing
        )
        return [(path, mode, read) for path, mode, read in found if read is not None]

    def _file(self, work: Path, path: str, mode: int, read: Callable[[], bytes]) -> dict[str, Any]:
        if path.partition("/")[0].casefold() == OWN:
            raise ConfigurationError(
                Problem(f"{path!r} lies in mlassay's own folder and cannot be granted", path="ml.yaml")
            )
        data = read()
        target = inside(work, path)
        _write(target, data)
        target.chmod(mode)
        return {"kind": "file", "path": path, **_sized(data)}

    def _data(self, work: Path, name: str, key: str) -> list[dict[str, Any]]:
        if name in self.written:
            return [self._prepared(work, name, output) for output in self.written[name][1]]
        granted = []
        for split in self._granted_splits(name, key):
            data, facts = self._split(split)
            _write(work / DATA / f"{split}.csv", data)
            granted.append(facts)
        return granted

    def _prepared(self, work: Path, name: str, output: Output) -> dict[str, Any]:
        data = (self.written[name][0] / output.path).read_bytes()
        if sha256(data) != output.digest:
            raise ConfigurationError(
                Problem(
                    "what a prepare step left has changed since", path=output.path, remedy="mlassay train"
                )
            )
        _write(work / DATA / output.path, data)
        return {"kind": "prepared", "name": name, **output.as_json()}

    def _granted_splits(self, name: str, key: str) -> list[str]:
        """``data/split`` of each split that ``name`` grants; never the one that gates measure on."""
        data, _, split = name.partition("/")
        evaluation = self.plan.config.evaluate.data
        lines = self.plan.config.lines
        place = f"{key}.data" if key == "train" else f"{key}.reads"
        line = lines.get(place)
        if data not in self.plan.manifests:
            raise ConfigurationError(
                Problem(
                    f"'{place}' names {name!r}, which is no data set of 'data' and nothing that a step before writes",
                    remedy="name <data>/<split>, or what a prepare step before this one lists under 'writes'",
                    path="ml.yaml",
                    line=line,
                )
            )
        splits = (
            [split]
            if split
            else [s for s in self.plan.manifests[data].split.names if f"{data}/{s}" != evaluation]
        )
        if name == evaluation:
            raise ConfigurationError(
                Problem(
                    f"'{place}' asks for {name!r}, the rows that the gates measure on",
                    why="a model that has seen its test rows is not measured by them",
                    remedy="name another split",
                    path="ml.yaml",
                    line=line,
                )
            )
        return [f"{data}/{each}" for each in splits]

    def _split(self, name: str) -> tuple[bytes, dict[str, Any]]:
        if name not in self._splits:
            data, _, split = name.partition("/")
            manifest = self.plan.manifests[data]
            self._splits[name] = self._cut(name, manifest, read_split(manifest, self.root, split))
        return self._splits[name]

    def _cut(self, name: str, manifest: Manifest, table: Table) -> tuple[bytes, dict[str, Any]]:
        train = self.plan.config.train
        withheld = [column for column in train.withhold if column in table.columns]
        weighed = list(train.weigh.by) if train.weigh and set(train.weigh.by) <= set(table.columns) else []
        given = table.without(withheld)
        if weighed:
            if WEIGHT in table.columns:
                raise ConfigurationError(
                    Problem(
                        f"the data has a column {WEIGHT!r} already, and 'train.weigh' would add another",
                        remedy="rename the column, or leave out 'train.weigh'",
                        path=manifest.path,
                    )
                )
            given = given.with_column(WEIGHT, reweigh(table, tuple(weighed), self.plan.config.evaluate.label))
        csv = given.to_csv()
        facts = {
            "kind": "data",
            "path": f"{name}.csv",
            **_sized(csv),
            "rows": len(given.rows),
            "columns": list(given.columns),
            "withheld": withheld,
            "weighed_by": weighed,
        }
        return csv, facts


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _sized(data: bytes) -> dict[str, Any]:
    return {"size": len(data), "digest": sha256(data)}
