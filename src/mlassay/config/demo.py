"""The public halves of the demonstration's keys: everybody has the private ones, so they count only in a demonstration.

The comparison is with the key material itself, so no edit of people.yaml can strip the mark. `mlassay.signers.demo`
derives the pairs; a test holds the two equal.
"""

from __future__ import annotations

from collections.abc import Iterator

_PEOPLE = frozenset(
    {
        "AAAAC3NzaC1lZDI1NTE5AAAAIGzb826NZnGZnQBxInJ5iUjlNqEnYttY4Y2igZIhqV/r",  # dana
        "AAAAC3NzaC1lZDI1NTE5AAAAIGtxtAdaZMo8TJQDnlz4j+jvcFbO+q/NoAqbB0sln3/m",  # robin
        "AAAAC3NzaC1lZDI1NTE5AAAAIPlzIrH/jijrVcTNab6cbVHRzi54XT6/P35M6mQDdIcf",  # lee
    }
)
_SIGNERS = frozenset(
    {
        (
            "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEB60FN90MUklVwNwm4IsOmoBcMlgr"
            "4nCEASEEJL4XadvAh0P6TXp9a/wcxj4K4Jv/OKTUcMMlrEJPH1S5HmbIag=="
        ),  # ci
    }
)


def is_demo_key(public: str) -> bool:
    """Whether an OpenSSH public key line, or a PEM SubjectPublicKeyInfo, is one of the demonstration's."""
    return any(part in _PEOPLE for part in public.split()) or "".join(_body(public)) in _SIGNERS


def _body(pem: str) -> Iterator[str]:
    return (line for line in map(str.strip, pem.splitlines()) if not line.startswith("-----"))
