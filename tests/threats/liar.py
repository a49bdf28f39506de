"""Somebody with a copy of the repository and plain tools: git's plumbing, ssh-keygen, openssl.

No code of mlassay's writes, signs or judges anything here; the demonstration's keys are taken from where everybody finds them.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from mlassay.signers import demo
from tests.threats.world import World

MAIN = "refs/heads/main"
PEOPLE, POLICY = "governance/people.yaml", "governance/policy.yaml"
REASON = "It refuses fewer people by mistake than before."
SAYS = {
    "robin": (
        "I compared the refusals of both groups by hand.",
        "Few rows of one group, so it may err there.",
    ),
    "lee": ("The board's appetite covers this product.", "A downturn would make the labels out of date."),
    "dana": ("I wrote it myself and I know every line.", "My own blind spots, which nobody has seen yet."),
    "ada": ("I went through the record of its tests twice.", "Its data is from one month of the year alone."),
}
SECOND = ("I read every page of that report once more.", "The market could turn within the next year.")

Edit = bytes | str | tuple[str, str] | None
"""What a path becomes: bytes, text, ``(mode, object id)``, or gone."""
Edits = Mapping[str, Edit]


def canonical(value: Any) -> bytes:
    """JSON as the records are written."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, indent=2).encode() + b"\n"


def sha256(data: bytes) -> str:
    """A digest as the records write it."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def stamp(when: datetime) -> str:
    """A time as the records write it."""
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class Liar:
    """A bare copy of the world, and every key that was stolen or lent; ``names`` as in `World`."""

    world: World
    folder: Path
    keys: Path
    clock: datetime
    names: dict[str, str] = field(default_factory=dict)

    @classmethod
    def with_copy(cls, world: World, path: Path) -> Liar:
        """A copy below ``path``: packs are shared by hard links, and nothing writes into a pack."""
        shutil.copytree(world.bare, path / "copy.git", copy_function=_link)
        shutil.copytree(world.keys, path / "stolen", copy_function=os.link)
        made = cls(world, path / "copy.git", path / "stolen", world.clock, world.names)
        (made.folder / MAIN).write_text(f"{world.names['short']}\n")
        return made

    def whole(self) -> None:
        """Begin with everything that the world holds, and not with its first half."""
        self.move(self.names["head"])

    def now(self) -> datetime:
        """A minute later than the last time."""
        self.clock += timedelta(minutes=1)
        return self.clock

    def git(self, *words: str, data: bytes | str | None = None, **environment: str) -> str:
        """Git's output, stripped at the end."""
        return self.raw(*words, data=data, **environment).decode("utf-8", "surrogateescape").rstrip("\n")

    def raw(self, *words: str, data: bytes | str | None = None, **environment: str) -> bytes:
        """Git's output as it is."""
        given = data.encode() if isinstance(data, str) else data
        done = subprocess.run(
            ["git", *words],
            cwd=self.folder,
            input=given,
            capture_output=True,
            check=False,
            env={**os.environ, **environment},
        )
        assert done.returncode == 0, (words, done.stderr.decode())
        return done.stdout

    def new_key(self, name: str) -> None:
        """A fresh key pair of that name."""
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(self.keys / name)]
        subprocess.run(command, check=True, capture_output=True)

    def new_ci_key(self, name: str) -> None:
        """A fresh P-256 key of that name, as openssl makes it."""
        words = ("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out")
        _openssl(*words, str(self.keys / f"{name}.pem"))

    def pem(self, name: str) -> bytes:
        """The public half of a CI's key."""
        return _openssl("pkey", "-in", str(self.keys / f"{name}.pem"), "-pubout")

    def public(self, name: str) -> bytes:
        """The same as people.yaml indents it, without its first and last line."""
        return b"\n".join(b"      " + line for line in self.pem(name).splitlines()[1:-1])

    def demo_key(self, of: str, name: str) -> None:
        """The key pair of somebody in the demonstration, which everybody has, under that name."""
        key = demo.person_key(of)
        private = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
        (self.keys / name).write_bytes(private)
        (self.keys / name).chmod(0o600)
        public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
        (self.keys / f"{name}.pub").write_bytes(public)

    def open_request(self, id_: str) -> Any:
        """A request to staging that is open on its branch."""
        return json.loads(self.read(f"promotions/staging/{id_}/request.json", f"promotion/staging/{id_}"))

    # Objects

    @property
    def head(self) -> str:
        """Where the main line stands."""
        return self.git("rev-parse", MAIN)

    def read(self, path: str, at: str = MAIN) -> bytes:
        """A file of a commit."""
        return self.raw("cat-file", "blob", f"{at}:{path}")

    def digest(self, path: str, at: str = MAIN) -> str:
        """The bare SHA-256 of a file."""
        return hashlib.sha256(self.read(path, at)).hexdigest()

    def id(self, path: str, at: str = MAIN) -> str | None:
        """The id of what lies at a path; None when nothing does."""
        listed = self.git("ls-tree", at, path)
        return listed.split()[2] if listed else None

    def paths(self, prefix: str, at: str = MAIN) -> list[str]:
        """Every file below a folder."""
        return self.git("ls-tree", "-r", "--name-only", at, prefix).splitlines()

    def time(self, commit: str = MAIN) -> datetime:
        """The date that a commit claims."""
        return datetime.fromisoformat(self.git("log", "-1", "--format=%cI", commit))

    def blob(self, data: bytes | str) -> str:
        """Write a blob."""
        return self.git("hash-object", "-w", "--stdin", data=data)

    def object(self, kind: str, data: bytes) -> str:
        """Write any object, however malformed."""
        return self.git("hash-object", "-w", "-t", kind, "--literally", "--stdin", data=data)

    def tree(self, edits: Edits, base: str | None = MAIN) -> str:
        """The tree of ``base`` with some paths changed; no work tree, an index of its own."""
        index = self.folder / "liar.index"
        index.unlink(missing_ok=True)
        own = {"GIT_INDEX_FILE": str(index)}
        if base is not None:
            self.git("read-tree", base, **own)
        lines = []
        for path, edit in edits.items():
            mode, id_ = ("0", "0" * 40) if edit is None else ("100644", "")
            if isinstance(edit, tuple):
                mode, id_ = edit
            elif edit is not None:
                id_ = self.blob(edit)
            lines.append(f"{mode} {id_}\t{path}\0")
        self.git("update-index", "-z", "--index-info", data="".join(lines), **own)
        return self.git("write-tree", **own)

    def commit(
        self,
        edits: Edits | None = None,
        *,
        base: str | None = None,
        parents: Sequence[str] | None = None,
        when: datetime | None = None,
        message: str = "Tidy up",
        who: str = "Robin <robin@example.org>",
        tree: str | None = None,
    ) -> str:
        """A commit upon ``base`` (the main line's head), or with the parents that are named."""
        base = base or self.head
        over = [base] if parents is None else list(parents)
        name, _, email = who.rstrip(">").partition(" <")
        date = f"{int((when or self.now()).timestamp())} +0000"
        if tree is not None:
            people = {
                f"GIT_{role}_{what}": value
                for role in ("AUTHOR", "COMMITTER")
                for what, value in (("NAME", name), ("EMAIL", email), ("DATE", date))
            }
            parents_named = [word for parent in over for word in ("-p", parent)]
            return self.git("commit-tree", tree, *parents_named, data=message, **people)
        told = [b"commit refs/liar\nmark :1"]
        told += [f"{role} {name} <{email}> {date}".encode() for role in ("author", "committer")]
        told.append(_data(message.encode()))
        told += [f"{'merge' if number else 'from'} {parent}".encode() for number, parent in enumerate(over)]
        if not over or over[0] != base:
            told.append(f'M 040000 {self.git("rev-parse", f"{base}^{{tree}}")} ""'.encode())
        for path, edit in (edits or {}).items():
            if edit is None:
                told.append(f"D {path}".encode())
            elif isinstance(edit, tuple):
                told.append(f"M {edit[0]} {edit[1]} {path}".encode())
            else:
                told.append(f"M 100644 inline {path}\n".encode() + _data(_bytes(edit)))
        told.append(b"\nget-mark :1\nreset refs/liar\nfrom " + b"0" * 40 + b"\n")
        return self.git("fast-import", "--quiet", "--date-format=raw", data=b"\n".join(told))

    def move(self, commit: str) -> str:
        """Force-push: the main line is wherever we say."""
        self.git("update-ref", MAIN, commit)
        return commit

    def push(self, edits: Edits | None = None, **options: Any) -> str:
        """A commit upon the main line, pushed."""
        return self.move(self.commit(edits, **options))

    # Signatures

    def sign(self, who: str, data: bytes, namespace: str = "mlassay") -> bytes:
        """A detached SSHSIG by somebody's key."""
        command = ["ssh-keygen", "-Y", "sign", "-q", "-n", namespace, "-f", str(self.keys / who)]
        done = subprocess.run(command, input=data, capture_output=True, check=True)
        return done.stdout

    def seal(self, key: str, payload: bytes) -> bytes:
        """A DSSE envelope by a CI's key, as openssl makes it."""
        pem = self.keys / f"{key}.pem"
        kind = "application/vnd.in-toto+json"
        signed = b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload)
        signature = b""
        while not _is_low(signature):
            signature = _openssl("dgst", "-sha256", "-sign", str(pem), data=signed)
        public = _openssl("pkey", "-in", str(pem), "-pubout")
        return canonical(
            {
                "payload": base64.b64encode(payload).decode(),
                "payloadType": kind,
                "signatures": [
                    {"keyid": hashlib.sha256(public).hexdigest(), "sig": base64.b64encode(signature).decode()}
                ],
            }
        )

    def signed(self, who: str, path: str, value: Mapping[str, Any]) -> dict[str, bytes]:
        """A record and its signature, by path."""
        data = canonical({"version": 1, **value})
        return {path: data, f"{path}.sig": self.sign(who, data)}

    def signed_again(
        self, files: Mapping[str, Edit], path: str, who: str, old: bytes, new: bytes
    ) -> dict[str, Edit]:
        """The files with one record edited, and signed as it stands now."""
        data = files[path]
        assert isinstance(data, bytes)
        assert old in data
        data = data.replace(old, new)
        return dict(files) | {path: data, f"{path}.sig": self.sign(who, data)}

    # Records, written by hand

    def promotion(
        self,
        environment: str = "staging",
        release: str = "",
        *,
        by: str = "dana",
        approvals: Sequence[str] = ("robin", "lee"),
        at: str = MAIN,
        id_: str = "20261120-0badc0de",
        key: str = "",
        pointer: bytes | None = None,
        **edits: Any,
    ) -> dict[str, Edit]:
        """Everything that a promotion brings: pointer, request, approvals; ``edits`` change the request."""
        release = release or self.names["three"]
        folder, path = f"promotions/{environment}/{id_}", f"environments/{environment}.yaml"
        when = self.now()
        release_json = self.read(f"evidence/{release}/release.json", at)
        model = json.loads(release_json)["artifacts"][0]["digest"].removeprefix("sha256:")
        told = {
            "version": 1,
            "environment": environment,
            "state": "live",
            "since": stamp(when),
            "promotion": id_,
            "releases": [
                {
                    "release": release,
                    "digest": sha256(release_json),
                    "model": {"sha256": model, "url": f"evidence/{release}/model.onnx"},
                    "role": "live",
                    "share": 100,
                }
            ],
        }
        request = {
            "kind": "promotion",
            "environment": environment,
            "release": release,
            "release_digest": sha256(release_json),
            "pointer": told,
            "previous": self.id(path, at),
            "base": self.git("rev-parse", at),
            "evidence_tree": self.id(f"evidence/{release}", at),
            "policy": sha256(self.read(POLICY, at)),
            "requester": by,
            "requested_at": stamp(when),
            "reason": REASON,
            "weakenings": [],
            "waivers": [],
            "questions": [],
        } | edits
        files: dict[str, Edit] = {path: pointer or pointer_text(request["pointer"])}
        files |= self.signed(key or by, f"{folder}/request.json", request)
        for who in approvals:
            files |= self.approval(folder, who, files)
        return files

    def approval(
        self, folder: str, who: str, files: Mapping[str, Edit], *, key: str = "", **edits: Any
    ) -> dict[str, bytes]:
        """Somebody's approval of the request among ``files``, signed with ``key`` (their own)."""
        request = files[f"{folder}/request.json"]
        assert isinstance(request, bytes)
        reason, risk = SAYS.get(who, SECOND)
        said = {
            "kind": "approval",
            "request": sha256(request),
            "person": who,
            "reason": reason,
            "risk": risk,
            "answers": {q["id"]: _ANSWER for q in json.loads(request)["questions"]},
            "accepts": [],
            "at": stamp(self.now()),
        } | edits
        return self.signed(key or who, f"{folder}/approvals/{who}.json", said)

    def refusal(
        self, folder: str, who: str, files: Mapping[str, Edit], pile: str = "refusals"
    ) -> dict[str, bytes]:
        """Somebody's signed no (or, in the other pile, their approval taken back)."""
        request = files[f"{folder}/request.json"]
        assert isinstance(request, bytes)
        said = {
            "kind": pile.removesuffix("s"),
            "request": sha256(request),
            "person": who,
            "reason": "Nobody has looked at group b since the summer.",
            "at": stamp(self.now()),
        }
        return self.signed(who, f"{folder}/{pile}/{who}.json", said)

    def change(
        self,
        edits: Edits,
        *,
        by: str = "dana",
        approvals: Sequence[str] = ("lee",),
        id_: str = "20261120-0badc0de",
        **more: Any,
    ) -> dict[str, Edit]:
        """Everything that a change of governance or of manifests brings, with its approvals."""
        tree = self.tree(edits)
        told = {"governance" if path.startswith("governance/") else path for path in edits}
        request = {
            "kind": "change",
            "base": self.head,
            "paths": [
                {"path": path, "old": self.id(path), "new": self.id(path, tree)} for path in sorted(told)
            ],
            "requester": by,
            "requested_at": stamp(self.now()),
            "reason": "The team agreed upon this in its meeting of November.",
            "questions": [],
        } | more
        folder = f"changes/{id_}"
        files: dict[str, Edit] = dict(edits) | self.signed(by, f"{folder}/request.json", request)
        for who in approvals:
            files |= self.approval(folder, who, files)
        return files

    def waiver(self, release: str, who: str = "lee", gate: str = "bias", **edits: Any) -> dict[str, bytes]:
        """A waiver of a gate."""
        said = {
            "kind": "waiver",
            "gate": gate,
            "release": release,
            "release_digest": sha256(self.read(f"evidence/{release}/release.json")),
            "person": who,
            "reason": "Too few rows of group b to settle it before spring.",
            "until": (self.clock + timedelta(days=60)).date().isoformat(),
            "at": stamp(self.now()),
        } | edits
        return self.signed(who, f"governance/waivers/{release}.{gate}.{who}.json", said)


_ANSWER = "Whoever earns little bears it, and we count their complaints."


def pointer_text(pointer: Mapping[str, Any]) -> bytes:
    """A pointer in its one spelling."""
    (release,) = pointer["releases"]
    return f"""\
version: 1
environment: {pointer["environment"]}
state: live
since: "{pointer["since"]}"
promotion: {pointer["promotion"]}
releases:
  - release: {release["release"]}
    digest: {release["digest"]}
    model:
      sha256: {plain(release["model"]["sha256"])}
      url: {release["model"]["url"]}
    role: {release["role"]}
    share: {release["share"]}
""".encode()


def _data(data: bytes) -> bytes:
    """Bytes as git fast-import reads them."""
    return b"data %d\n%s" % (len(data), data)


def _bytes(edit: bytes | str) -> bytes:
    return edit.encode() if isinstance(edit, str) else edit


def _is_low(signature: bytes) -> bool:
    """Whether the second number is the smaller of the two that do: the one spelling that mlassay takes."""
    return bool(signature) and int.from_bytes(signature[6 + signature[3] :], "big") <= _HALF


_HALF = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551 // 2
"""Half of the order of the group of P-256 (SEC 2, section 2.4.2)."""


def plain(digest: str) -> str:
    """A bare digest as YAML reads it as text: 64 characters that begin with a digit might be a number."""
    return digest if digest[0].isalpha() else f'"{digest}"'


def _openssl(*words: str, data: bytes | None = None) -> bytes:
    return subprocess.run(["openssl", *words], input=data, capture_output=True, check=True).stdout


def _link(source: str, target: str) -> None:
    """Hard-link packs, which nobody rewrites in place; copy what git may rewrite."""
    if "/objects/" in source:
        os.link(source, target)
    else:
        shutil.copy2(source, target)
