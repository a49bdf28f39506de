"""The server's process: its own folder, a free port, an unprivileged user, and an end."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.servers.gitea.client import Gitea
from tests.tools import tool

ADMIN = "keeper"
NOBODY = 65534
SECONDS = 30
"""Starting takes one; two cores that build something else may need more."""

SETTINGS = """\
APP_NAME = mlassay's test forge
RUN_USER = {user}
RUN_MODE = prod
WORK_PATH = {home}
[server]
PROTOCOL = http
HTTP_ADDR = 127.0.0.1
HTTP_PORT = {port}
ROOT_URL = http://127.0.0.1:{port}/
LOCAL_ROOT_URL = http://127.0.0.1:{port}/
STATIC_ROOT_PATH = {program}/static
APP_DATA_PATH = {home}/data
DISABLE_SSH = true
OFFLINE_MODE = true
[database]
DB_TYPE = sqlite3
PATH = {home}/data/gitea.db
SQLITE_JOURNAL_MODE = WAL
SQLITE_TIMEOUT = 20000
[repository]
ROOT = {home}/data/repositories
DEFAULT_BRANCH = main
[security]
INSTALL_LOCK = true
[service]
DISABLE_REGISTRATION = true
[queue]
TYPE = channel
[indexer]
ISSUE_INDEXER_TYPE = db
[session]
PROVIDER = memory
[actions]
ENABLED = false
[oauth2]
ENABLED = false
[webhook]
ALLOWED_HOST_LIST = loopback
[cron.update_checker]
ENABLED = false
[log]
MODE = console
LEVEL = info
"""


@contextmanager
def serve(log: Path) -> Iterator[Gitea]:
    """A running server with an empty database; its output goes to `log`, its folder goes away at the end."""
    program = tool("gitea").parent
    with tempfile.TemporaryDirectory(prefix="mlassay-gitea-", ignore_cleanup_errors=True) as folder:
        process = _Process(Path(folder), program, log)
        process.prepare()
        try:
            url = process.start()
            yield Gitea(url, process.admin_token(), log)
        finally:
            process.stop()


class _Process:
    def __init__(self, home: Path, program: Path, log: Path) -> None:
        self.home = home
        self.log = log
        self.user = NOBODY if os.geteuid() == 0 else os.geteuid()  # Gitea refuses to run as root
        self.program = _reachable(program, home / "program") if os.geteuid() == 0 else program
        self.settings = home / "app.ini"
        self.running: subprocess.Popen[bytes] | None = None

    def prepare(self) -> None:
        (self.home / "data").mkdir()
        self._configure(0)
        if os.geteuid() == 0:
            for path in (self.home, self.home / "data", self.settings):
                os.chown(path, self.user, self.user)
        self._once("migrate")

    def start(self) -> str:
        """Starts the server on a free port; another one where somebody was faster to take it."""
        for _ in range(3):
            port = _free_port()
            self._configure(port)
            with self.log.open("ab") as log:
                self.running = self._popen(["web"], stdout=log, stderr=log, start_new_session=True)
            url = f"http://127.0.0.1:{port}"
            if self._answers(url):
                return url
            self.stop()
        raise AssertionError(f"Gitea did not start:\n{self.log.read_text(errors='replace')[-4000:]}")

    def admin_token(self) -> str:
        who = ["--username", ADMIN, "--random-password", "--email", f"{ADMIN}@forge.example"]
        said = self._once("admin", "user", "create", "--admin", "--access-token", *who)
        return next(line.split()[-1] for line in said.splitlines() if "Access token" in line)

    def stop(self) -> None:
        """Ends the server and what it started, by their process group; waits until they are gone."""
        process, self.running = self.running, None
        if process is None:
            return
        for sign, seconds in ((signal.SIGTERM, 10), (signal.SIGKILL, 10)):
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, sign)
            with suppress(subprocess.TimeoutExpired):
                process.wait(seconds)
                return

    def _configure(self, port: int) -> None:
        name = pwd.getpwuid(self.user).pw_name
        text = SETTINGS.format(user=name, home=self.home, port=port, program=self.program)
        self.settings.write_text(text, encoding="utf-8")

    def _popen(self, arguments: list[str], **more) -> subprocess.Popen:
        # Its parent's death ends it: a killed test run leaves no server behind.
        leash = ["setpriv", "--pdeathsig", "TERM"] if shutil.which("setpriv") else []
        who = {"user": self.user, "group": self.user, "extra_groups": []} if os.geteuid() == 0 else {}
        return subprocess.Popen(
            [*leash, str(self.program / "gitea"), *arguments, "--config", str(self.settings)],
            cwd=self.home,
            env={"HOME": str(self.home / "data"), "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            **who,
            **more,
        )

    def _once(self, *arguments: str) -> str:
        process = self._popen(list(arguments), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        said, _ = process.communicate(timeout=SECONDS * 2)
        assert process.returncode == 0, said
        return said

    def _answers(self, url: str) -> bool:
        end = time.monotonic() + SECONDS
        while time.monotonic() < end and self.running is not None and self.running.poll() is None:
            try:
                with _DIRECT.open(f"{url}/api/v1/version", timeout=5):
                    return True
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                time.sleep(0.05)
        return False


_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def _reachable(program: Path, target: Path) -> Path:
    """Root's own cache folder is closed to the user that runs the server: the same files under another path."""

    def place(source: str, at: str) -> None:
        try:
            os.link(source, at)
        except OSError:  # another file system
            shutil.copy(source, at)

    shutil.copytree(program, target, copy_function=place)
    return target
