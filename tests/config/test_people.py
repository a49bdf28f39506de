from __future__ import annotations

import base64
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_ssh_public_key

from mlassay.config import People, load_people
from mlassay.errors import ConfigurationError

PRIVATE_BODY = "b3BlbnNzaC1rZXktdjEA"


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("keys")
    made = []
    for number, kind in enumerate((["ed25519"], ["ed25519"], ["rsa", "-b", "2048"], ["ecdsa", "-b", "256"])):
        path = folder / str(number)
        subprocess.run(
            ["ssh-keygen", "-q", "-t", *kind, "-N", "", "-C", f"k{number}", "-f", path], check=True
        )
        made.append(path.with_suffix(".pub").read_text().strip())
    return made


def pem(curve: ec.EllipticCurve) -> str:
    public = ec.generate_private_key(curve).public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def text(one: str, other: str, signer: str = "", extra: str = "") -> str:
    made = f"""\
version: 1
people:
  dana:
    name: Dana Diaz
    team: lending
    roles: [developer]
    emails: [dana@example.org]
    accounts: {{github: 7}}
    keys:
      - key: {one}
        valid_from: 2026-01-01
        valid_until: 2026-12-31
  robin:
    name: Robin
    team: risk
    roles: [reviewer]
    keys: [{{key: "{other}", valid_from: "2026-01-01T12:00:00+02:00"{extra}}}]
"""
    if signer:
        block = "".join(f"      {line}\n" for line in signer.strip().splitlines())
        made += f"signers:\n  ci:\n    key: |\n{block}    valid_from: 2026-01-01\n    signs: [https://slsa.dev/provenance/v1]\n"
    return made


def load(made: str) -> People:
    return load_people("governance/people.yaml", made.encode())


def refusal(made: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load(made)
    return "\n".join(
        f"{problem.where} {problem.what} {problem.why} {problem.remedy}" for problem in caught.value.problems
    )


def test_people_and_signers_are_read_whole(keys: list[str]) -> None:
    people = load(text(keys[0], keys[1], pem(ec.SECP256R1())))
    key = people.people["dana"].keys[0]
    assert key.valid_from == datetime(2026, 1, 1, tzinfo=UTC)
    assert key.valid_at(datetime(2026, 12, 31, 23, 59, tzinfo=UTC))
    assert not key.valid_at(datetime(2027, 1, 1, tzinfo=UTC))
    assert people.people["robin"].keys[0].valid_from == datetime(2026, 1, 1, 10, tzinfo=UTC)
    assert people.people["dana"].accounts == {"github": 7}
    assert people.by_public_key(keys[1]) is people.people["robin"]
    assert people.signers["ci"].predicates == ("https://slsa.dev/provenance/v1",)
    assert people.signers["ci"].key.public.startswith("-----BEGIN PUBLIC KEY-----\n")


def test_a_revoked_key_says_when_why_and_since_when(keys: list[str]) -> None:
    extra = ", revoked: {at: 2026-06-01, because: laptop stolen, compromised_since: 2026-05-01}"
    key = load(text(keys[0], keys[1], extra=extra)).people["robin"].keys[0]
    assert key.revoked_because == "laptop stolen"
    assert key.valid_at(datetime(2026, 4, 30, tzinfo=UTC))
    assert not key.valid_at(datetime(2026, 5, 2, tzinfo=UTC))


def test_one_key_under_two_ids_is_refused_whatever_its_comment(keys: list[str]) -> None:
    again = " ".join(keys[0].split()[:2]) + " somebody-else"
    assert "the key of robin is listed already, for dana" in refusal(text(keys[0], again))


def test_one_private_key_is_one_signer_in_whatever_form_its_public_half_is_written(keys: list[str]) -> None:
    ssh = keys[3]  # ecdsa-sha2-nistp256
    as_pem = load_ssh_public_key(ssh.encode()).public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    assert "the key of ci is listed already, for dana" in refusal(text(ssh, keys[1], as_pem.decode()))
    assert load(text(ssh, keys[1], pem(ec.SECP256R1()))).signers.keys() == {"ci"}
    spelled = ssh.split()[1]
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    stem = spelled.rstrip("=")
    other = stem[:-1] + last[last.index(stem[-1]) + 1] + spelled[len(stem) :]  # bits that no decoder looks at
    assert base64.b64decode(other) == base64.b64decode(spelled)
    assert "listed already, for dana" in refusal(text(ssh, f"ecdsa-sha2-nistp256 {other}"))


def test_a_security_keys_name_on_an_ordinary_key_makes_no_second_key(keys: list[str]) -> None:
    def wire(*fields: bytes) -> str:
        return base64.b64encode(b"".join(len(f).to_bytes(4) + f for f in fields)).decode()

    point = base64.b64decode(keys[0].split()[1])[-32:]
    kind = "sk-ssh-ed25519@openssh.com"
    twin = f"{kind} {wire(kind.encode(), point, b'ssh:')}"
    assert "the key of robin is listed already, for dana" in refusal(text(keys[0], twin))
    assert load(text(keys[1], twin)).people["robin"].keys[0].public == twin
    short = f"{kind} {wire(kind.encode(), point)}"
    assert "it is damaged" in refusal(text(keys[1], short))


def test_a_weak_or_damaged_key_is_refused_without_printing_it(keys: list[str]) -> None:
    for bad, words in (
        (keys[2], "less than 3072 bits"),
        (keys[1].replace("AAAAC3", "AAAAC4"), "another type, or cut off"),
        (keys[1].split()[0] + " ####", "base64 is damaged"),
        ("ssh-dss AAAA x", "is not taken"),
        ("hello", "not one line"),
    ):
        said = refusal(text(keys[0], bad))
        assert words in said
        assert "AAAAC" not in said
    load(text(keys[0], keys[3]))


def test_a_private_key_is_refused_without_printing_it(keys: list[str]) -> None:
    made = text(keys[0], keys[1]) + f"# -----BEGIN OPENSSH PRIVATE KEY-----\n# {PRIVATE_BODY}\n"
    said = refusal(made)
    assert "a private key stands in this file" in said
    assert PRIVATE_BODY not in said


def test_a_signer_with_another_curve_or_name_of_a_person_is_refused(keys: list[str]) -> None:
    assert "not an ECDSA P-256 key" in refusal(text(keys[0], keys[1], pem(ec.SECP384R1())))
    made = text(keys[0], keys[1], pem(ec.SECP256R1())).replace("  ci:", "  dana:")
    assert "'dana' is a person already" in refusal(made)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("valid_from: 2026-01-01\n", "valid_from: 2026-13-01\n", "no day of the calendar"),
        ("+02:00", "", "which is not how it is spelt"),
        ("valid_until: 2026-12-31", "valid_until: 2025-12-31", "ends before it begins"),
        ("roles: [developer]", "roles: []", "people.dana.roles needs at least 1"),
        ("team: lending", "tem: lending", "did you mean 'team'?"),
        ("    team: risk\n", "    team: risk\n    accounts: {github: 7}\n", "listed already, for dana"),
    ],
)
def test_each_trap_is_named(old: str, new: str, words: str, keys: list[str]) -> None:
    made = text(keys[0], keys[1])
    assert old in made
    assert words in refusal(made.replace(old, new))


def test_the_templates_people_are_taken() -> None:
    path = Path(__file__).parents[2] / "template/governance/people.yaml"
    assert load_people("governance/people.yaml", path.read_bytes()).people
