"""The files behind a page: a note beside each claim, and at the end how to check each with git and stock tools."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from typing import Protocol

from mlassay.config import People
from mlassay.digest import bare
from mlassay.evidence import layout
from mlassay.render.site.text import shown

_PAYLOAD_TYPE = "application/vnd.in-toto+json"


@dataclass(frozen=True, slots=True)
class File:
    """A file as one commit has it. ``digest`` is ``sha256:…`` over its bytes, "" where only its place is told."""

    commit: str
    path: str
    digest: str = ""

    @property
    def short(self) -> str:
        """Eight hex digits to compare by eye: of the file, or of the commit where no digest is told."""
        return (bare(self.digest) if self.digest else self.commit)[:8]


class Check(Protocol):
    """How one file is checked: what it shows, the lines to type, and what they answer."""

    @property
    def what(self) -> str:
        """In one sentence what the lines show."""

    @property
    def lines(self) -> tuple[str, ...]:
        """The lines; none where the file's name cannot be typed safely."""

    @property
    def answer(self) -> str:
        """What the last line prints where all is well."""


@dataclass(frozen=True, slots=True)
class Bytes:
    """The digest of a file."""

    file: File

    what = "The bytes of this file"

    @property
    def lines(self) -> tuple[str, ...]:
        """One line, or none where the name cannot be typed."""
        return (f"git show {_at(self.file)} | sha256sum",) if _typed(self.file.path) else ()

    @property
    def answer(self) -> str:
        """The digest as ``sha256sum`` prints it."""
        return f"{bare(self.file.digest)}  -"


@dataclass(frozen=True, slots=True)
class PersonSigned:
    """A person's signature (SSHSIG) over a file, by the keys that people.yaml gave to them before the commit."""

    file: File
    person: str
    people: People | None

    @property
    def what(self) -> str:
        """Whose signature it is."""
        return f"The signature of {self.person} on this file"

    @property
    def lines(self) -> tuple[str, ...]:
        """The check by ssh-keygen, with every key of theirs from the parent commit."""
        person = self.people.people.get(self.person) if self.people is not None else None
        if person is None or not person.keys or not _typed(self.file.path + self.person):
            return ()
        keys = [f"{self.person} {' '.join(key.public.split()[:2])}" for key in person.keys]
        if not all(map(_typed, keys)):
            return ()
        signature = File(self.file.commit, f"{self.file.path}.sig")
        return (
            f"printf '%s\\n' {' '.join(map(shlex.quote, keys))} > signers",
            f"git show {_at(signature)} > signature",
            f"git show {_at(self.file)} | ssh-keygen -Y verify -f signers -I {shlex.quote(self.person)} -n mlassay -s signature",
        )

    @property
    def answer(self) -> str:
        """How ssh-keygen's yes begins."""
        return f'Good "mlassay" signature for {self.person}'


@dataclass(frozen=True, slots=True)
class MachineSigned:
    """A CI signer's signature (DSSE, ECDSA P-256) on a statement, by the key that people.yaml gave to it before."""

    file: File
    signer: str
    people: People | None
    answer = "Verified OK"

    @property
    def what(self) -> str:
        """Which machine signed it."""
        return f"The signature of the machine {self.signer} on this statement"

    @property
    def lines(self) -> tuple[str, ...]:
        """The check by openssl of the payload as DSSE frames it; none for a signer without a key of its own."""
        signer = self.people.signers.get(self.signer) if self.people is not None else None
        if signer is None or signer.keyless is not None or not _typed(self.file.path + self.signer):
            return ()
        pem = signer.key.public.strip().splitlines()
        if not all(map(_typed, pem)):
            return ()
        frame = f"DSSEv1 {len(_PAYLOAD_TYPE)} {_PAYLOAD_TYPE}"
        return (
            f"printf '%s\\n' {' '.join(map(shlex.quote, pem))} > public.pem",
            f"git show {_at(self.file)} > statement",
            """sed -n 's/.*"payload": "\\(.*\\)".*/\\1/p' statement | base64 -d > payload""",
            """sed -n 's/.*"sig": "\\(.*\\)".*/\\1/p' statement | base64 -d > signature""",
            f"(printf '{frame} %s ' $(wc -c < payload); cat payload) > signed",
            "openssl dgst -sha256 -verify public.pem -signature signature signed",
        )


@dataclass(slots=True)
class Sources:
    """The files that one page leans on, numbered as they are first named, and the signatures on them."""

    files: dict[File, int] = field(default_factory=dict)
    checks: list[Check] = field(default_factory=list)

    def number(self, file: File) -> int:
        """The number of ``file`` on this page."""
        return self.files.setdefault(file, len(self.files) + 1)

    def signed(self, *checks: Check) -> None:
        """Add checks of signatures, each once."""
        self.checks += [check for check in checks if check not in self.checks]


def release_file(release: str, commit: str, name: str, digest: str = "") -> File:
    """A file of a release's evidence, as its record brought it."""
    return File(commit, f"{layout.evidence_dir(release)}/{name}", digest)


def diff_line(before: str, after: str, paths: list[str]) -> str:
    """The line that shows what of ``paths`` differs between two commits."""
    return f"git diff {before} {after} -- {' '.join(map(shlex.quote, paths))}"


def unsafe(text: str) -> bool:
    """Whether ``text`` may not be put on a line that somebody will paste."""
    return not _typed(text)


def _at(file: File) -> str:
    return shlex.quote(f"{file.commit}:{file.path}")


def _typed(text: str) -> bool:
    """Whether a terminal takes ``text`` as it looks: printable ASCII, nothing invisible, of bearable length."""
    return text.isascii() and text.isprintable() and len(text) < 2000 and shown(text) == text
