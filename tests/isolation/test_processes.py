from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from mlassay.isolation import processes

from .conftest import alive


@pytest.fixture
def tree() -> Iterator[subprocess.Popen[bytes]]:
    """A process with a name that is hard to parse, and one child."""
    source = (
        "import subprocess; open('/proc/self/comm', 'w').write('a) R 1 (b'); subprocess.run(['sleep', '60'])"
    )
    with subprocess.Popen([sys.executable, "-c", source]) as parent:
        yield parent
        processes.kill(processes.descendants(os.getpid()))


def below(pid: int, number: int) -> list[processes.Process]:
    deadline = time.monotonic() + 5
    while len(found := processes.descendants(pid)) < number and time.monotonic() < deadline:
        time.sleep(0.01)
    return found


def test_children_of_children_are_found(tree: subprocess.Popen[bytes]) -> None:
    (child,) = below(tree.pid, 1)
    assert child.parent == tree.pid
    assert {tree.pid, child.pid} <= {p.pid for p in processes.descendants(os.getpid())}


def test_memory_is_the_plain_sum_until_that_would_matter(tree: subprocess.Popen[bytes]) -> None:
    below(tree.pid, 1)
    both = [p for p in processes.descendants(os.getpid()) if p.pid == tree.pid or p.parent == tree.pid]
    plain = sum(p.resident_bytes for p in both)
    assert processes.memory(both, at_least=plain) == plain
    assert 0 < processes.memory(both) < plain


def test_a_later_process_with_the_same_pid_is_not_killed(tree: subprocess.Popen[bytes]) -> None:
    (child,) = below(tree.pid, 1)
    processes.kill([replace(child, started=child.started - 1)])
    time.sleep(0.05)
    assert alive(child.pid)
    processes.kill([child])
    tree.wait(5)
    assert not alive(child.pid)
