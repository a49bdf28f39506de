"""Time stamps by RFC 3161: asked for at an authority that the user names, checked with certificates that the user has.

https://www.rfc-editor.org/rfc/rfc3161
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from mlassay.errors import ConfigurationError, EvidenceError, Problem, RemoteError
from mlassay.ports import Stamped

if TYPE_CHECKING:
    from cryptography.x509 import Certificate
    from rfc3161_client import TimeStampRequest, TimeStampResponse

LIMIT = 1 << 16
"""Bytes of an answer that are read: a response with a long chain of certificates has some ten thousand."""
SECONDS = 30


@dataclass(frozen=True)
class Stamps:
    """Reads responses; proven with ``certificates`` (root and intermediates, or with the authority's own), if any."""

    certificates: Sequence[Certificate] = field(default_factory=tuple)

    @classmethod
    def from_file(cls, path: Path | None) -> Stamps:
        """With the certificates in a PEM file; ConfigurationError when it holds no root, or cannot be read."""
        needed()
        return cls(_certificates(path) if path is not None else ())

    def read(self, stamp: bytes, data: bytes, path: str) -> Stamped:
        """What ``stamp`` says of ``data``; EvidenceError that names ``path`` when it is no valid stamp of exactly them."""
        return self._read(stamp, data, path, None)

    def ask(self, url: str, data: bytes) -> bytes:
        """A new stamp of ``data`` by the authority at ``url``, checked as far as it can be.

        RemoteError when there is no answer, EvidenceError when the answer is no stamp of these bytes or of this request.
        """
        from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

        request = TimestampRequestBuilder().data(data).hash_algorithm(HashAlgorithm.SHA256).build()
        answer = _post(url, request.as_bytes())
        self._read(answer, data, url, request)
        return answer

    def _read(self, stamp: bytes, data: bytes, path: str, request: TimeStampRequest | None) -> Stamped:
        from cryptography.x509 import InvalidVersion
        from rfc3161_client import VerificationError, decode_timestamp_response

        try:
            response = decode_timestamp_response(stamp)
            if response.status != 0:
                raise _no(path, "the authority did not grant it")
            info = response.tst_info
            _same_bytes(info, data, path)
            if request is not None and info.nonce != request.nonce:
                raise _no(path, "it answers another request")
            if self.certificates:
                _verifier(self.certificates).verify_message(response, data)
            return Stamped(
                _until(info), _authority(response, self.certificates), proven=bool(self.certificates)
            )
        # What the parser of hostile DER raises, tried with altered responses.
        except (ValueError, KeyError, TypeError, OverflowError, InvalidVersion) as error:
            raise _no(path, "it cannot be read") from error
        except VerificationError as error:
            raise _no(path, str(error).partition("(ErrorStack")[0].partition(": ErrorStack")[0]) from error


def needed() -> None:
    """ConfigurationError where this installation has no reader of time stamps."""
    from importlib.util import find_spec

    if find_spec("rfc3161_client") is None:
        raise ConfigurationError(
            Problem("this installation cannot read time stamps", remedy="pip install 'mlassay[timestamps]'")
        )


def _same_bytes(info: Any, data: bytes, path: str) -> None:
    """Also where there is no certificate: a stamp of something else says nothing of these bytes."""
    import hashlib

    # https://www.iana.org/assignments/hash-function-text-names
    names = {
        "2.16.840.1.101.3.4.2.1": "sha256",
        "2.16.840.1.101.3.4.2.2": "sha384",
        "2.16.840.1.101.3.4.2.3": "sha512",
    }
    imprint = info.message_imprint
    name = names.get(imprint.hash_algorithm.dotted_string)
    if name is None:
        raise _no(path, "its digest is of a kind that is not taken (SHA-256, SHA-384 and SHA-512 are)")
    if hashlib.new(name, data).digest() != imprint.message:
        raise _no(path, "it is about other bytes")


def _verifier(certificates: Sequence[Certificate]) -> Any:
    from rfc3161_client import VerifierBuilder

    roots = [one for one in certificates if one.issuer == one.subject]
    own = [one for one in certificates if not _is_authority(one) and one not in roots]
    between = [one for one in certificates if one not in roots and one not in own]
    # One certificate of the authority itself pins it; several (a renewed one beside the old) are held by their root.
    return VerifierBuilder(
        roots=roots, intermediates=between, tsa_certificate=own[0] if len(own) == 1 else None
    ).build()


def _is_authority(certificate: Certificate) -> bool:
    """Whether it may certify others."""
    from cryptography.x509 import BasicConstraints, ExtensionNotFound

    try:
        return certificate.extensions.get_extension_for_class(BasicConstraints).value.ca
    except (ExtensionNotFound, ValueError):
        return False


def _until(info: Any) -> datetime:
    """The latest moment that the authority may mean, in whole seconds."""
    when, accuracy = info.gen_time.astimezone(UTC), info.accuracy
    if accuracy is not None:
        micros = (accuracy.millis or 0) * 1000 + (accuracy.micros or 0)
        when += timedelta(seconds=accuracy.seconds or 0, microseconds=micros)
    return datetime.fromtimestamp(math.ceil(when.timestamp()), UTC)


def _authority(response: TimeStampResponse, known: Sequence[Certificate]) -> str:
    """Whom the certificate that signed it is made out to; who issued that, where neither holds the certificate."""
    from cryptography.x509 import load_der_x509_certificate

    brought = [load_der_x509_certificate(der) for der in response.signed_data.certificates]
    for signer in response.signed_data.signer_infos:
        for one in (*known, *brought):
            if one.issuer == signer.issuer and one.serial_number == signer.serial_number:
                return one.subject.rfc4514_string()
        return f"certified by {signer.issuer.rfc4514_string()}"
    return ""


def _certificates(path: Path) -> Sequence[Certificate]:
    from cryptography.x509 import load_pem_x509_certificates

    try:
        with path.open("rb") as file:
            found = load_pem_x509_certificates(file.read(1 << 20))
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            Problem(
                "no certificates can be read from this file",
                remedy="name the PEM file that the authority publishes, its root included",
                path=str(path),
            )
        ) from error
    if not any(one.issuer == one.subject for one in found):
        raise ConfigurationError(
            Problem(
                "this file holds no root certificate",
                why="a time stamp is held against the whole chain, up to a root that you chose to trust",
                remedy="put the authority's root into the file too, and the certificates between, one after another",
                path=str(path),
            )
        )
    return tuple(found)


def _post(url: str, body: bytes) -> bytes:
    import requests
    from urllib3.exceptions import HTTPError

    if urlsplit(url).scheme not in ("http", "https"):
        raise ConfigurationError(
            Problem("a time-stamping authority is named by an http or https URL", path=url[:200])
        )
    try:
        with requests.post(
            url,
            data=body,
            headers={"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"},
            auth=lambda asked: asked,  # nothing of ~/.netrc is shown to it
            timeout=SECONDS,
            allow_redirects=False,
            stream=True,
        ) as answer:
            data: bytes = answer.raw.read(LIMIT + 1, decode_content=True)
            if answer.status_code not in (200, 201):
                raise _unanswered(url, f"it answers {answer.status_code}")
    except (requests.RequestException, HTTPError, OSError) as error:
        raise _unanswered(url, f"there is no answer ({type(error).__name__})") from error
    if len(data) > LIMIT:
        raise _unanswered(url, "its answer is longer than a time stamp ever is")
    return data


def _unanswered(url: str, detail: str) -> RemoteError:
    return RemoteError(
        Problem(
            f"the time-stamping authority gave no stamp: {detail}",
            why="without one nobody else says when the anchor was made",
            remedy="see that the URL is right, or make the anchor without --timestamp",
            path=url[:200],
        )
    )


def _no(path: str, detail: str) -> EvidenceError:
    return EvidenceError(
        Problem(
            f"the time stamp is not valid: {detail}",
            why="only a stamp over exactly these bytes, by an authority whose certificate you have, proves a time",
            remedy="check it by hand with openssl ts -verify, and name the right certificates with --tsa-cert",
            path=path,
        )
    )
