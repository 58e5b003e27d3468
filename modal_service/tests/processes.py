"""Where the process in vLLM's place is, and what one may ask about it and about processes at large."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path

FAKE = Path(__file__).with_name("fake_engine.py")


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def requests(log: Path) -> list[str]:
    """What it was asked, with repeated polls as one."""
    lines = log.read_text().splitlines()
    return [line for i, line in enumerate(lines) if i == 0 or line != lines[i - 1] or "GET" not in line]


def is_running(pid: int) -> bool:
    """Whether it still does anything; a zombie has a pid, but is its parent's to collect."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True).stdout
    return bool(state.strip()) and not state.startswith("Z")
