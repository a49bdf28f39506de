"""The only place that names concrete gates, forges and signers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import import_module
from pathlib import Path
from types import MappingProxyType

from mlassay.errors import ConfigurationError, Problem
from mlassay.git import Repository
from mlassay.ports import Forge, Gate, Signer, Verifiers

# gate id -> where its class is; imported only when the gate runs, because gates bring heavy libraries.
GATES: Mapping[str, str] = MappingProxyType(
    {
        "data": "mlassay.gates.data:DataGate",
        "contract": "mlassay.gates.contract:ContractGate",
        "unit": "mlassay.gates.unit:UnitGate",
        "performance": "mlassay.gates.performance:PerformanceGate",
        "bias": "mlassay.gates.bias:BiasGate",
        "adversarial": "mlassay.gates.adversarial:AdversarialGate",
    }
)


def gates(ids: Iterable[str]) -> list[Gate]:
    """The gates with these ids, in the order of `GATES`; ConfigurationError for an unknown id or a light install."""
    wanted = set(ids)
    if unknown := sorted(wanted - set(GATES)):
        raise ConfigurationError(
            Problem(f"there is no gate named {', '.join(unknown)}", remedy=f"gates are: {', '.join(GATES)}")
        )
    return [_load(GATES[id_])() for id_ in GATES if id_ in wanted]


def verifiers() -> Verifiers:
    """Verifiers for machines' and people's signatures."""
    from mlassay.signers.p256 import P256Verifier
    from mlassay.signers.ssh import SshVerifier

    return Verifiers(dsse=P256Verifier(), ssh=SshVerifier())


def person_signer(key: Path | None, repository: Repository) -> Signer:
    """The SSH key of whoever sits here: ``key``, or git's ``user.signingkey``, or the one key of the agent."""
    from mlassay.signers.ssh import find_signer

    return find_signer(key, repository.config("user.signingkey"))


def ci_signer(key: Path | None) -> Signer:
    """The CI's P-256 key: ``key``, or the PEM text in the environment variable ``MLASSAY_SIGNING_KEY``."""
    from mlassay.signers.p256 import find_signer

    return find_signer(key)


def forge(repository: Repository) -> Forge:
    """Where pull requests live; the local forge needs nothing but the git remote."""
    from mlassay.forges.local import LocalForge

    return LocalForge(repository)


def _load(path: str) -> type:
    module, _, name = path.partition(":")
    try:
        found = getattr(import_module(module), name)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("mlassay"):
            raise
        raise ConfigurationError(
            Problem(
                f"this installation has no {error.name}, which the gates need",
                why="'mlassay' alone audits, verifies, approves and promotes; gates bring numerical libraries",
                remedy="pip install 'mlassay[gates]'",
            )
        ) from error
    if not isinstance(found, type):
        raise TypeError(path)
    return found
