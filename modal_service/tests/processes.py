"""Where the process in vLLM's place is, and what one may ask about it and about processes at large."""

from __future__ import annotations

import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

FAKE = Path(__file__).with_name("fake_engine.py")

LONG_S = 60.0
"""More than any of these takes on a machine that is busy."""


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def requests(log: Path) -> list[str]:
    """What it was asked, with repeated polls as one."""
    lines = log.read_text().splitlines()
    return [line for i, line in enumerate(lines) if i == 0 or line != lines[i - 1] or "GET" not in line]


def is_watched() -> bool:
    """Whether some engine's death would be noticed."""
    return any(thread.name == "engine-watch" for thread in threading.enumerate())


def is_running(pid: int) -> bool:
    """Whether it still does anything; a zombie has a pid, but is its parent's to collect."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True).stdout
    return bool(state.strip()) and not state.startswith("Z")


def wait_until(reached: Callable[[], bool]) -> None:
    """Fails when it does not come to that."""
    deadline = time.monotonic() + LONG_S
    while not reached():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.02)
