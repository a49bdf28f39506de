"""The rule about the ground that a request stands on: nothing of it came by a bare push."""

from __future__ import annotations

from collections.abc import Iterator

from mlassay.policy.types import Case, Demand


def signed_ground(case: Case) -> Iterator[Demand]:
    """Policy, people and pointers under this request came to the main line by requests that hold."""
    yield Demand(
        "main-line",
        not case.unsigned,
        "; ".join(case.unsigned) or "what it stands upon came to the main line by requests that hold",
        "mlassay verify names the commit; put back what was signed (git checkout COMMIT -- PATH), then ask anew"
        if case.unsigned
        else "",
    )
