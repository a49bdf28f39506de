"""What the tests use beside Python, each pinned. Only the standard library: this is read before anything is installed."""

import os
from dataclasses import dataclass
from pathlib import Path

GO = "1.26.8"
"""The Go that builds the tools where the machine's own is older than Gitea wants."""


@dataclass(frozen=True)
class Built:
    """A tool that we put into the cache folder ourselves."""

    version: str
    minutes: str
    """How long it took on two cores, for people who wait."""
    folder: str
    entry: str
    """What `tool(name)` answers, below the folder."""
    go: str = ""
    """What `go install` is given, without the version; "" where another way installs it."""


@dataclass(frozen=True)
class System:
    """A tool that the machine's package manager installs."""

    commands: tuple[str, ...]
    """The names under which it may stand on PATH."""
    packages: tuple[str, ...]
    """Debian's packages."""
    heavy: bool = False
    """Whether only `make test-ci` needs it."""


BUILT = {
    "actionlint": Built(
        "1.7.12",
        "half a minute",
        "actionlint-1.7.12",
        "actionlint",
        "github.com/rhysd/actionlint/cmd/actionlint",
    ),
    "act": Built("0.2.87", "two minutes", "act-0.2.87", "act", "github.com/nektos/act"),
    "octokit-openapi": Built("23.0.2", "a few seconds", "octokit-openapi-23.0.2", "."),
    "gitea": Built("1.26.0", "five minutes", "gitea-1.26.0", "gitea"),
    "cosign": Built(
        "3.1.3", "three minutes", "cosign-3.1.3", "cosign", "github.com/sigstore/cosign/v3/cmd/cosign"
    ),
    "timestamp-server": Built(
        "1.2.9",
        "two minutes",
        "timestamp-server-1.2.9",
        "timestamp-server",
        "github.com/sigstore/timestamp-authority/cmd/timestamp-server",
    ),
}

SYSTEM = {
    "bwrap": System(("bwrap",), ("bubblewrap",)),
    "strace": System(("strace",), ("strace",)),
    "cc": System(("cc",), ("gcc", "libc6-dev")),
    "ssh-keygen": System(("ssh-keygen",), ("openssh-client",)),
    "go": System(("go",), ("golang-go",), heavy=True),
    "npm": System(("npm",), ("npm",), heavy=True),
    "java": System(("java",), ("default-jdk-headless",), heavy=True),
    "mvn": System(("mvn",), ("maven",), heavy=True),
    "openssl": System(("openssl",), ("openssl",)),
    "chromium": System(
        ("chromium", "chromium-browser", "google-chrome"), ("chromium", "fonts-dejavu-core"), heavy=True
    ),
}

OCTOKIT = (
    "@octokit/openapi",
    "pV8M7L9GY23AybNvTmo2nyjmpmnt6+2sRE/tqr0ZLQcPS4lnw7u5eZGNmwRNkBC3D7gZXbFx5AHzLUVRBXGDhg==",
)
"""GitHub's published contract: the npm package, and the SHA-512 of its archive."""


def cache() -> Path:
    """Outside the checkout, so that a clean checkout need not build all of it again."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "mlassay-tools"
