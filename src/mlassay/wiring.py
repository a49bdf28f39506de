"""The only place that names concrete gates, forges and signers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from mlassay.case.main_line import BRANCH
from mlassay.ci import ForgeAccess, forge_access, signing_key, token_request
from mlassay.config import load_people
from mlassay.errors import ConfigurationError, Problem
from mlassay.evidence import layout
from mlassay.git import Credential, Repository
from mlassay.ports import (
    Engine,
    Forge,
    Gate,
    Guarded,
    KeylessSigner,
    Page,
    Reviewing,
    Signer,
    Subject,
    Verifiers,
)

if TYPE_CHECKING:
    from mlassay.forges._address import Address
    from mlassay.forges.gitea import GiteaForge
    from mlassay.forges.github import GitHubForge
    from mlassay.gates.explain_row import RowExplained
    from mlassay.signers.timestamp import Stamps

Say = Callable[[str], None]
FORGES = ("local", "github", "gitea")

# gate id -> where its class is; imported only when the gate runs, because gates bring heavy libraries.
GATES: Mapping[str, str] = MappingProxyType(
    {
        "data": "mlassay.gates.data:DataGate",
        "standards": "mlassay.gates.standards:StandardsGate",
        "contract": "mlassay.gates.contract:ContractGate",
        "parity": "mlassay.gates.parity:ParityGate",
        "unit": "mlassay.gates.unit:UnitGate",
        "performance": "mlassay.gates.performance:PerformanceGate",
        "bias": "mlassay.gates.bias:BiasGate",
        "adversarial": "mlassay.gates.adversarial:AdversarialGate",
        "behaviour": "mlassay.gates.behaviour:BehaviourGate",
        "stability": "mlassay.gates.stability:StabilityGate",
        "privacy": "mlassay.gates.privacy:PrivacyGate",
        "explain": "mlassay.gates.explain:ExplainGate",
        "champion": "mlassay.gates.champion:ChampionGate",
        "load": "mlassay.gates.load:LoadGate",
        "supply": "mlassay.gates.supply:SupplyGate",
    }
)

PARTS = frozenset({"unit"})
"""Gates whose report may come from a job of its own: their numbers are self-reported wherever they run. So may the
team's own gates, which `test unit --part` runs along with it."""


OWN_GATE = "mlassay.gates.command:CommandGate"
"""What runs a gate of the team's own, made with its id."""


def _silent(_: str) -> None:
    return


def gates(ids: Iterable[str], own: Sequence[str] = ()) -> list[Gate]:
    """The gates with these ids, in the order of `GATES`, then the team's ``own``; ConfigurationError for an unknown id or
    a light install.
    """
    wanted = set(ids)
    if unknown := sorted(wanted - {*GATES, *own}):
        remedy = f"gates are: {', '.join((*GATES, *own))}"
        raise ConfigurationError(Problem(f"there is no gate named {', '.join(unknown)}", remedy=remedy))
    made = [_load(GATES[id_])() for id_ in GATES if id_ in wanted]
    return [*made, *(_load(OWN_GATE)(id_) for id_ in own if id_ in wanted)]


def explain_row(subject: Subject, row: int) -> RowExplained:
    """Evaluation row ``row`` (from 1) explained; ConfigurationError when there is none, or for a light install."""
    explained: type[RowExplained] = _load("mlassay.gates.explain_row:RowExplained")
    return explained.of_row(subject, row)


def engine() -> Engine:
    """Where parts of a measurement run: the processors of this machine."""
    from mlassay.engines.local import LocalEngine

    return LocalEngine()


def verifiers() -> Verifiers:
    """Verifiers for machines' and people's signatures; none loads Sigstore's client before there is a bundle."""
    from mlassay.signers.p256 import P256Verifier
    from mlassay.signers.sigstore import SigstoreVerifier
    from mlassay.signers.ssh import SshVerifier

    return Verifiers(dsse=P256Verifier(), ssh=SshVerifier(), keyless=SigstoreVerifier())


def person_signer(key: Path | None, repository: Repository) -> Signer:
    """The SSH key of whoever sits here: ``key``, or git's ``user.signingkey``, or the one key of the agent."""
    from mlassay.signers.ssh import find_signer

    return find_signer(key, repository.config("user.signingkey"))


def ci_signer(
    key: Path | None, repository: Repository | None = None, say: Say = _silent
) -> Signer | KeylessSigner:
    """The CI's P-256 key: ``key``, or the PEM text in the environment variable ``MLASSAY_SIGNING_KEY``.

    Without either, the certificate of this run, where the people.yaml of ``repository`` has a keyless signer.
    """
    from mlassay.signers.p256 import find_signer

    head = repository.head() if repository is not None and key is None and not signing_key() else None
    people = repository.read(head, layout.PEOPLE) if repository is not None and head else None
    if repository is not None and head and people is not None:
        from mlassay.signers import keyless

        instance = repository.read(head, layout.SIGSTORE)
        found = keyless.find_signer(load_people(layout.PEOPLE, people), instance, token_request(), say)
        if found is not None:
            return found
    return find_signer(key)


def desk_signer(key: Path | None) -> Signer:
    """The P-256 key that asks for promotions and records reviews: ``key``, or the PEM text in ``MLASSAY_DESK_KEY``."""
    from mlassay.signers.p256 import find_desk_signer

    return find_desk_signer(key)


def stamps(certificates: Path | None) -> Stamps:
    """Reads time stamps, and asks for them; proven with the certificates in a PEM file, where one is named."""
    from mlassay.signers.timestamp import Stamps

    return Stamps.from_file(certificates)


def forge_kind(repository: Repository, wanted: str = "") -> str:
    """Which of `FORGES` to use: the one that is ``wanted``, or that git's ``mlassay.forge`` names, or GitHub or Gitea
    where a workflow of it runs us, or GitHub where the main line's remote is there, if there is a token; local else.
    """
    chosen = wanted or repository.config("mlassay.forge") or ""
    if chosen and chosen not in FORGES:
        remedy = f"git config mlassay.forge takes one of: {', '.join(FORGES)}"
        raise ConfigurationError(Problem(f"there is no forge named {chosen[:80]!a}", remedy=remedy))
    if not chosen and (access := forge_access()).on_gitea and access.gitea_token:
        return "gitea"
    return chosen or ("github" if _is_github(repository) else "local")


def forge(repository: Repository, wanted: str = "", say: Say = _silent) -> Forge:
    """Where pull requests live; the local forge needs nothing but the git remote. ``say`` takes lines of progress."""
    from mlassay.forges.local import LocalForge

    return _hosted(repository, wanted, say) or LocalForge(repository)


def reviewing(repository: Repository, wanted: str = "", say: Say = _silent) -> Reviewing | None:
    """The forge on which people review; None for the local one, where they sign."""
    return _hosted(repository, wanted, say)


def page(repository: Repository, wanted: str = "", say: Say = _silent) -> Page | None:
    """The forge whose pull requests have pages; None for the local one."""
    return _hosted(repository, wanted, say)


def guarded(repository: Repository, wanted: str = "", say: Say = _silent) -> Guarded | None:
    """The forge that protects the main line; None for the local one."""
    return _hosted(repository, wanted, say)


def sign_in(repository: Repository, wanted: str = "") -> None:
    """Let ``repository`` show its forge's token to the forge's own host, over HTTPS, if there is one."""
    kind, access = forge_kind(repository, wanted), forge_access()
    token = access.gitea_token if kind == "gitea" else access.github_token
    if kind == "local" or not token:
        return
    # git itself shows it to no other host than this one.
    repository.authenticate(Credential(_address(repository, kind, access).web, "x-access-token", token))


def _hosted(repository: Repository, wanted: str, say: Say) -> GitHubForge | GiteaForge | None:
    kind, access = forge_kind(repository, wanted), forge_access()
    if kind == "local":
        return None
    token = access.gitea_token if kind == "gitea" else access.github_token
    if not token:
        names = "GITEA_TOKEN" if kind == "gitea" else "GITHUB_TOKEN or GH_TOKEN"
        raise ConfigurationError(
            Problem(f"there is no token for {kind}", remedy=f"put one into {names}, or use --forge local")
        )
    from mlassay.forges._patience import Patience
    from mlassay.forges.gitea import GiteaForge
    from mlassay.forges.github import GitHubForge

    sign_in(repository, wanted)
    address = _address(repository, kind, access)
    return (GiteaForge if kind == "gitea" else GitHubForge)(repository, address, token, Patience(say=say))


def _address(repository: Repository, kind: str, access: ForgeAccess) -> Address:
    from mlassay.forges import _address

    url, forge_url = _remote_url(repository), repository.config(_address.FORGE_URL) or ""
    return _address.gitea(url, forge_url) if kind == "gitea" else _address.github(url, forge_url, access)


def _is_github(repository: Repository) -> bool:
    from mlassay.forges._address import of_remote

    access = forge_access()
    if not access.github_token:
        return False
    found = of_remote(_remote_url(repository))
    return access.on_github or (found is not None and found[0] == "https://github.com")


def _remote_url(repository: Repository) -> str:
    remote = repository.remote(BRANCH)
    return (repository.config(f"remote.{remote}.url") or "") if remote else ""


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
