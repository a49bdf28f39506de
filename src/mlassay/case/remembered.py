"""What was worked out once in this process and need not be again: answers that their keys alone decide.

A key names git objects by id and whatever else the answer rests on, so no other input could make another answer.
Nothing outlives the process, and nothing is written anywhere (docs/adr/0011-caching.md).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from hashlib import blake2b
from threading import Lock
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

from mlassay.git import Repository
from mlassay.ports import Verifier

T = TypeVar("T")


class Remembered(Generic[T]):
    """The last ``most`` answers for each repository that is in use."""

    def __init__(self, most: int) -> None:
        self._most, self._lock = most, Lock()
        self._answers: WeakKeyDictionary[Repository, OrderedDict[Hashable, T]] = WeakKeyDictionary()

    def get(self, repo: Repository, key: Hashable, make: Callable[[], T]) -> T:
        """The answer for ``key``, made by ``make`` where it is not known; what raises is not remembered."""
        with self._lock:
            answers = self._answers.setdefault(repo, OrderedDict())
            if key in answers:
                answers.move_to_end(key)
                return answers[key]
        made = make()
        self.keep(repo, key, made)
        return made

    def known(self, repo: Repository, key: Hashable) -> T | None:
        """The answer for ``key`` where it is known; None where it is not."""
        with self._lock:
            return self._answers.setdefault(repo, OrderedDict()).get(key)

    def keep(self, repo: Repository, key: Hashable, made: T) -> None:
        """Remember an answer."""
        with self._lock:
            answers = self._answers.setdefault(repo, OrderedDict())
            answers[key] = made
            if len(answers) > self._most:
                answers.popitem(last=False)


_HELD: OrderedDict[tuple[Verifier, bytes], None] = OrderedDict()
_LOCK, _MOST = Lock(), 20_000


def verify(verifier: Verifier, payload: bytes, signature: bytes, public: str) -> None:
    """As ``verifier.verify``; a signature that held over these very bytes, under this very key, is not computed again."""
    digest = blake2b(digest_size=32)
    for part in (payload, signature, public.encode("utf-8", "surrogatepass")):
        digest.update(len(part).to_bytes(8) + part)
    key = verifier, digest.digest()
    if key in _HELD:
        return
    verifier.verify(payload, signature, public)
    with _LOCK:
        _HELD[key] = None
        if len(_HELD) > _MOST:
            _HELD.popitem(last=False)
