"""Makes keys: a person's Ed25519 key through ssh-keygen, a CI's P-256 key; private halves readable by their owner only."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from mlassay.errors import ConfigurationError, Problem
from mlassay.evidence.statement import DESK_PREDICATES as DESK
from mlassay.evidence.statement import EVIDENCE_PREDICATES as EVIDENCE

__all__ = ["DESK", "EVIDENCE", "new_ci_key", "new_person_key", "read_public"]


def new_person_key(path: Path, id_: str, *, ask_passphrase: bool, phrase: str | None = None) -> str:
    """Make an Ed25519 key at ``path`` and its ``.pub`` beside it; the public line. ``phrase`` names a demo key."""
    _refuse_existing(path)
    if phrase is not None:
        return _demo_person_key(path, phrase)
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-C", id_, "-f", str(path)]
    try:
        done = subprocess.run(command if ask_passphrase else [*command, "-N", ""], check=False)
    except FileNotFoundError as error:
        raise ConfigurationError(
            Problem(
                "there is no ssh-keygen on this machine", remedy="install OpenSSH's client (openssh-client)"
            )
        ) from error
    if done.returncode:
        raise ConfigurationError(
            Problem(f"ssh-keygen made no key at {path}", remedy="see what it says above")
        )
    return read_public(path.with_name(path.name + ".pub"))


def new_ci_key(path: Path, *, phrase: str | None = None) -> str:
    """Make a P-256 key at ``path`` (PKCS #8 PEM); its public half as PEM. ``phrase`` names a demo key."""
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
        PublicFormat,
    )

    _refuse_existing(path)
    if phrase is None:
        key = generate_private_key(SECP256R1())
    else:
        from mlassay.signers import demo

        _refuse_unknown(phrase, demo.SIGNERS)
        key = demo.ci_key(phrase)
    _write_private(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def read_public(path: Path) -> str:
    """The public key line in an OpenSSH ``.pub`` file; ConfigurationError for anything else, above all a private key."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_ssh_public_key

    try:
        line = path.read_bytes()[: 1 << 16].decode("ascii").strip()
        # Hardware keys (sk-…) are not loadable here, and ssh-keygen verifies them all the same.
        if not line.startswith("sk-"):
            load_ssh_public_key(line.encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ConfigurationError(
            Problem(
                f"{path} is no OpenSSH public key",
                why="only public halves go into people.yaml",
                remedy="name the file that ends in .pub",
            )
        ) from error
    if "\n" in line:
        raise ConfigurationError(Problem(f"{path} holds more than one key", remedy="add them one by one"))
    return line


def _demo_person_key(path: Path, phrase: str) -> str:
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
        PublicFormat,
    )

    from mlassay.signers import demo

    _refuse_unknown(phrase, demo.PEOPLE)
    key = demo.person_key(phrase)
    public = (
        key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
        + f" {phrase}@mlassay-demo"
    )
    _write_private(path, key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    path.with_name(path.name + ".pub").write_text(public + "\n")
    return public


def _refuse_unknown(phrase: str, known: tuple[str, ...]) -> None:
    if phrase not in known:
        raise ConfigurationError(
            Problem(f"there is no demonstration key for '{phrase}'", remedy=f"there are: {', '.join(known)}")
        )


def _refuse_existing(path: Path) -> None:
    if path.exists():
        raise ConfigurationError(
            Problem(
                f"{path} is there already",
                why="a private key that is overwritten is gone",
                remedy="choose another folder with --out, or register it: mlassay keys add --key FILE.pub",
            )
        )


def _write_private(path: Path, data: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
