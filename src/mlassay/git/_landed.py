"""What each commit of a line brought in: itself, and what its other parents reach and no commit before it did."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mlassay.git._chain import Chain
from mlassay.git._objects import Objects
from mlassay.git._parse import parse_parents


class Landed:
    """The commits beside a whole line, by the number of the line's commit that first reached them."""

    def __init__(self, objects: Objects, chain: Chain) -> None:
        self._brought: dict[int, bytes] = {}
        above = _above(objects, chain)
        seen: set[str] = set()
        for number in range(len(chain) - 1, -1, -1):
            found: list[str] = []
            waiting = list(chain.others(number))
            while waiting:
                id_ = waiting.pop()
                if id_ in seen or id_ not in above:
                    continue
                seen.add(id_)
                found.append(id_)
                waiting += above[id_]
            if found:
                self._brought[number] = bytes.fromhex("".join(found))

    def with_commit(self, number: int) -> Iterator[str]:
        """Ids of the commits that a commit of the line brought in beside itself, in no order."""
        ids = self._brought.get(number, b"")
        return (ids[at : at + 20].hex() for at in range(0, len(ids), 20))


def _above(objects: Objects, chain: Chain) -> dict[str, Sequence[str]]:
    """The parents of every commit that the line's merges reach and that is not on the line itself."""
    above: dict[str, Sequence[str]] = {}
    wave = [id_ for number in range(len(chain)) for id_ in chain.others(number)]
    while wave := [id_ for id_ in dict.fromkeys(wave) if id_ not in above and chain.knows(id_) is None]:
        for id_, raw in zip(wave, objects.bulk(wave, "commit"), strict=True):
            above[id_] = parse_parents(id_, raw)
        wave = [parent for id_ in wave for parent in above[id_]]
    return above
