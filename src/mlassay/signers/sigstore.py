"""Sigstore bundles checked without a look at the network, against the trusted root that sigstore's package carries.

That package is an extra (``mlassay[keyless]``), imported only where a bundle is there to be checked.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from mlassay.config import Keyless
from mlassay.errors import ConfigurationError, EvidenceError, Problem
from mlassay.evidence.bundle import SigstoreBundle
from mlassay.evidence.keys import key_id
from mlassay.ports import Certified
from mlassay.signers.certificate import claims_of, pins_problems

if TYPE_CHECKING:
    from sigstore.models import ClientTrustConfig, TrustedRoot

INSTALL = "pip install 'mlassay[keyless]'"
_PUBLIC = "https://tuf-repo-cdn.sigstore.dev"


class SigstoreVerifier:
    """Checks bundles against the trusted root that sigstore's package carries, or the one that a repository keeps."""

    def keyid(self, bundle: SigstoreBundle, path: str) -> str:
        """As `ports.BundleVerifier.keyid`: that of the pins that the certificate's claims make."""
        return key_id(claims_of(bundle.certificate, path).pins.public)

    def verify(self, bundle: SigstoreBundle, pins: Keyless, instance: bytes | None, path: str) -> Certified:
        """As `ports.BundleVerifier.verify`: chain, certificate's log, entry in the log, time, pins, signature."""
        claims = claims_of(bundle.certificate, path)
        EvidenceError.raise_if_any(pins_problems(claims, pins, path))
        require()
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.x509 import ExtensionNotFound
        from sigstore.errors import Error
        from sigstore.models import Bundle
        from sigstore.verify.policy import Identity

        try:
            read = Bundle.from_json(bundle.data)
            _verifier(instance).verify_dsse(read, Identity(identity=pins.identity))
        except (Error, ValueError, TypeError, KeyError, ExtensionNotFound, UnsupportedAlgorithm) as error:
            raise EvidenceError(
                Problem(
                    f"its Sigstore bundle does not hold: {said(error)}",
                    why="the certificate, the log's entry, the time and the statement must all be of one signature",
                    remedy="if it was signed lately, a newer sigstore package may know a newer log: "
                    f"{INSTALL} --upgrade",
                    path=path,
                    rule="evidence-signature",
                )
            ) from error
        return Certified(_time(bundle), claims.commit, claims.run)


def trust_config(instance: bytes) -> ClientTrustConfig:
    """The client trust config of a Sigstore of one's own; ConfigurationError when it is none."""
    require()
    from sigstore.errors import Error
    from sigstore.models import ClientTrustConfig

    try:
        return ClientTrustConfig.from_json(instance.decode("utf-8"))
    except (Error, ValueError) as error:
        raise ConfigurationError(
            Problem(
                "this is no client trust config of a Sigstore",
                why="it says which authority, logs and keys certificates are checked against",
                remedy="take the file that 'sigstore --trust-config' takes, with 'trustedRoot' and 'signingConfig'",
                path="governance/sigstore.json",
            )
        ) from error


def packaged_root() -> TrustedRoot:
    """The public Sigstore's trusted root as sigstore's package carries it: the same for everybody with one version."""
    from sigstore.models import TrustedRoot

    file = resources.files("sigstore._store") / quote(_PUBLIC, safe="") / "trusted_root.json"
    with resources.as_file(file) as path:
        return TrustedRoot.from_file(str(path))


@lru_cache(maxsize=8)
def _verifier(instance: bytes | None) -> Any:
    from sigstore.verify import Verifier

    # It warns of keys of kinds that it does not know; none of ours is signed by them, or it does not verify.
    logging.getLogger("sigstore").setLevel(logging.ERROR)
    root = packaged_root() if instance is None else trust_config(instance).trusted_root
    return Verifier(trusted_root=root)


def _time(bundle: SigstoreBundle) -> datetime:
    """When a bundle that was verified was signed: what the log says, or else the one time stamp."""
    if bundle.integrated is not None:
        return datetime.fromtimestamp(bundle.integrated, UTC)
    from rfc3161_client import decode_timestamp_response

    return decode_timestamp_response(bundle.stamp or b"").tst_info.gen_time.astimezone(UTC)


def said(error: Exception) -> str:
    """The first line of a library's error, without what could move a terminal's cursor."""
    lines = str(error).splitlines() or [type(error).__name__]
    return "".join(c if c.isprintable() else " " for c in lines[0])[:300]


def require() -> None:
    """ConfigurationError that says what to install where sigstore's package is not there."""
    try:
        import sigstore  # noqa: F401
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            Problem(
                "this installation has no sigstore, which keyless signatures are checked with",
                why="evidence here is signed by a run's certificate, and unchecked evidence is no evidence",
                remedy=INSTALL,
            )
        ) from error
