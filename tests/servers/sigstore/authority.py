"""The authority: certificates of ten minutes with the claims of a run, each entered in a certificate log (RFC 6962)."""

from __future__ import annotations

import hashlib
import struct
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CLAIMS = {
    "identity": "https://github.com/mlassay/mlassay/.github/workflows/ml-release.yml@" + "0" * 40,
    "issuer": "https://token.actions.githubusercontent.com",
    "repository_id": "4711",
    "ref": "refs/heads/main",
    "event": "push",
    "commit": "1" * 40,
    "run": "https://github.com/team/loans/actions/runs/99/attempts/1",
}
_OIDS = {"issuer": 8, "commit": 13, "ref": 14, "repository_id": 15, "event": 20, "run": 21}
_FULCIO = "1.3.6.1.4.1.57264.1"
_SCTS = x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")
START, END = datetime(2020, 1, 1, tzinfo=UTC), datetime(2050, 1, 1, tzinfo=UTC)


class Authority:
    """A root, an authority under it, and the certificate log that vouches for what the authority issues."""

    def __init__(self) -> None:
        self._key, root_key = new_key(), new_key()
        self.ct = new_key()
        self.root = _ca("root", root_key, "root", root_key)
        self.intermediate = _ca("authority", self._key, "root", root_key, self.root)

    def issue(
        self,
        public: ec.EllipticCurvePublicKey,
        claims: dict[str, str],
        when: datetime,
        *,
        logged: bool = True,
        purpose: x509.ObjectIdentifier = ExtendedKeyUsageOID.CODE_SIGNING,
    ) -> x509.Certificate:
        """A certificate valid for ten minutes from ``when``; ``logged`` enters it in the certificate log."""
        builder = self._builder(public, claims, when.replace(microsecond=0), purpose)
        if logged:
            precertificate = builder.sign(self._key, SHA256())
            scts = self._scts(precertificate.tbs_certificate_bytes, when)
            builder = builder.add_extension(x509.UnrecognizedExtension(_SCTS, scts), critical=False)
        return builder.sign(self._key, SHA256())

    def _builder(
        self,
        public: ec.EllipticCurvePublicKey,
        claims: dict[str, str],
        when: datetime,
        purpose: x509.ObjectIdentifier,
    ) -> x509.CertificateBuilder:
        usage = {name: name == "digital_signature" for name in _USAGES}
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([]))
            .issuer_name(self.intermediate.subject)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(when)
            .not_valid_after(when + timedelta(minutes=10))
            .add_extension(x509.KeyUsage(**usage), critical=True)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(_authority(self._key.public_key()), critical=False)
            .add_extension(
                x509.SubjectAlternativeName([x509.UniformResourceIdentifier(claims["identity"])]),
                critical=True,
            )
        )
        # The first of the extensions is older than the rule that they be DER (stock verifiers look at it still).
        plain = x509.UnrecognizedExtension(x509.ObjectIdentifier(f"{_FULCIO}.1"), claims["issuer"].encode())
        builder = builder.add_extension(plain, critical=False)
        for name, number in _OIDS.items():
            if name in claims:
                oid = x509.ObjectIdentifier(f"{_FULCIO}.{number}")
                builder = builder.add_extension(
                    x509.UnrecognizedExtension(oid, utf8(claims[name])), critical=False
                )
        return builder

    def _scts(self, tbs: bytes, when: datetime) -> bytes:
        """A list of one signed certificate timestamp, as a DER OCTET STRING (RFC 6962, sections 3.2 and 3.3)."""
        issuer = hashlib.sha256(spki(self._key.public_key())).digest()
        millis = int(when.timestamp() * 1000)
        entry = issuer + len(tbs).to_bytes(3, "big") + tbs
        signed = struct.pack("!BBQH", 0, 0, millis, 1) + entry + b"\0\0"
        signature = self.ct.sign(signed, ec.ECDSA(SHA256()))
        log_id = hashlib.sha256(spki(self.ct.public_key())).digest()
        sct = b"\0" + log_id + struct.pack("!Q", millis) + b"\0\0" + b"\x04\x03"
        sct += struct.pack("!H", len(signature)) + signature
        listed = struct.pack("!H", len(sct)) + sct
        whole = struct.pack("!H", len(listed)) + listed
        return b"\x04" + _length(len(whole)) + whole


def new_key() -> ec.EllipticCurvePrivateKey:
    """A P-256 key."""
    return ec.generate_private_key(ec.SECP256R1())


def spki(key: ec.EllipticCurvePublicKey) -> bytes:
    """A public key in DER."""
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def utf8(text: str) -> bytes:
    """``text`` as a DER UTF8String."""
    return b"\x0c" + _length(len(text.encode())) + text.encode()


def _length(size: int) -> bytes:
    if size < 128:
        return bytes([size])
    data = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([0x80 | len(data)]) + data


def _ca(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: str,
    issuer_key: ec.EllipticCurvePrivateKey,
    parent: x509.Certificate | None = None,
) -> x509.Certificate:
    usage = {one: one in ("key_cert_sign", "crl_sign") for one in _USAGES}
    return (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(parent.subject if parent else _name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(START)
        .not_valid_after(END)
        .add_extension(x509.BasicConstraints(ca=True, path_length=1 if parent is None else 0), critical=True)
        .add_extension(x509.KeyUsage(**usage), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(_authority(issuer_key.public_key()), critical=False)
        .sign(issuer_key, SHA256())
    )


def _authority(key: ec.EllipticCurvePublicKey) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key)


def _name(name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "sigstore of the tests"),
            x509.NameAttribute(NameOID.COMMON_NAME, name),
        ]
    )


_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)
