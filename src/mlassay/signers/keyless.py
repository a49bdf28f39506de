"""Keyless signing, over the network: a token of this run from the CI, a certificate for it, an entry in Sigstore's log."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from mlassay.ci import TokenRequest
from mlassay.config import People
from mlassay.errors import ConfigurationError, Problem, RemoteError
from mlassay.evidence.bundle import bundle_bytes, read_sigstore_bundle
from mlassay.signers.certificate import claims_of
from mlassay.signers.sigstore import SigstoreVerifier, require, said, trust_config

if TYPE_CHECKING:
    from sigstore.models import ClientTrustConfig
    from sigstore.oidc import IdentityToken
    from sigstore.sign import Signer

T = TypeVar("T")
AUDIENCE = "sigstore"
SECONDS = 30.0


class SigstoreSigner:
    """One run's certificate and its key, which never leaves this process; ``public`` is what the certificate pins."""

    def __init__(self, signer: Signer, instance: bytes | None, say: Callable[[str], None]) -> None:
        from cryptography.hazmat.primitives.serialization import Encoding

        self._signer, self._instance, self._say, self._made = signer, instance, say, 0
        # The client tells nobody whose certificate it got; who signs must be known before anything is signed.
        certificate = signer._signing_cert().public_bytes(Encoding.DER)  # noqa: SLF001
        self._pins = claims_of(certificate, "the certificate").pins
        self.public = self._pins.public

    def __repr__(self) -> str:
        return "SigstoreSigner(…)"

    def attest(self, payload: bytes) -> bytes:
        """The bundle around ``payload``, checked before it is handed out; RemoteError when Sigstore did not answer."""
        from sigstore.dsse import Statement

        self._made += 1
        self._say(f"signing statement {self._made} in Sigstore's log")
        made = asked("sign in Sigstore's log", lambda: self._signer.sign_dsse(Statement(payload)))
        data = bundle_bytes(json.loads(made.to_json()))
        bundle = read_sigstore_bundle(data, "the new bundle")
        SigstoreVerifier().verify(bundle, self._pins, self._instance, "the new bundle")
        return data


def find_signer(
    people: People, instance: bytes | None, request: TokenRequest | None, say: Callable[[str], None]
) -> SigstoreSigner | None:
    """A signer with a certificate for this run, asked for once; None where people.yaml knows no keyless signer.

    ConfigurationError where the CI lends this job no token, RemoteError when the CI or Sigstore did not answer.
    """
    wanted = sorted(signer.id for signer in people.signers.values() if signer.keyless is not None)
    if not wanted:
        return None
    if request is None:
        raise ConfigurationError(
            Problem(
                f"there is no key to sign with, and no token of a run for the keyless signer {' or '.join(wanted)}",
                why="Sigstore makes a certificate out to a CI's run, which proves itself with a token (OIDC)",
                remedy="on GitHub Actions give the job that signs 'permissions: id-token: write'; "
                "elsewhere sign with a key: --key, or MLASSAY_SIGNING_KEY",
            )
        )
    require()
    from sigstore.sign import Signer, SigningContext

    say("asking Sigstore for a certificate of this run")
    config = asked("learn where Sigstore is", lambda: _config(instance))
    token = asked("get a token of this run from the CI", lambda: _token(request))
    context = asked("find Sigstore's services", lambda: SigningContext.from_trust_config(config))
    signer = asked("get a certificate from Sigstore", lambda: Signer(token, context))
    return SigstoreSigner(signer, instance, say)


def asked(what: str, ask: Callable[[], T]) -> T:
    """What ``ask`` answers; RemoteError that says ``what`` was wanted when the network or a service refused."""
    from cryptography.exceptions import InvalidSignature
    from requests import RequestException
    from sigstore._internal.fulcio.client import ExpiredCertificate, FulcioClientError
    from sigstore._internal.rekor import RekorClientError
    from sigstore.errors import Error
    from sigstore.oidc import ExpiredIdentity, IdentityError

    services = (FulcioClientError, RekorClientError, ExpiredCertificate, ExpiredIdentity, IdentityError)
    try:
        return ask()
    except (RequestException, Error, InvalidSignature, ValueError, KeyError, *services) as error:
        raise RemoteError(
            Problem(
                f"could not {what}: {said(error)}",
                why="a keyless signature needs the CI's token service and Sigstore, over the network; nothing was signed",
                remedy="run mlassay sign again; if Sigstore stays away, sign with a key: --key, or MLASSAY_SIGNING_KEY",
            )
        ) from error


def _config(instance: bytes | None) -> ClientTrustConfig:
    from sigstore.models import ClientTrustConfig

    return trust_config(instance) if instance is not None else ClientTrustConfig.production()


def _token(request: TokenRequest) -> IdentityToken:
    """https://docs.github.com/en/actions/reference/security/oidc#methods-for-requesting-the-oidc-token"""
    import requests
    from sigstore.oidc import IdentityToken

    answer = requests.get(
        request.url,
        params={"audience": AUDIENCE},
        headers={"Authorization": f"Bearer {request.token}"},
        timeout=SECONDS,
        allow_redirects=False,
    )
    if answer.status_code != requests.codes.ok:
        raise ConfigurationError(
            Problem(
                f"the CI gave no token for this run (HTTP {answer.status_code})",
                remedy="give the job that signs 'permissions: id-token: write'",
            )
        )
    return IdentityToken(answer.json()["value"])
