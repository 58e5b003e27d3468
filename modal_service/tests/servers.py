"""Imports the two servers under any settings, and lets the real Modal client deploy and run them."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import modal_stand_in
import pytest
from modal._partial_function import _find_callables_for_obj, _PartialFunctionFlags

FOLDER = Path(__file__).parent.parent
CREDENTIALS = {
    "MODAL_TOKEN_ID": "ak-test",
    "MODAL_TOKEN_SECRET": "as-test",
    "MODAL_CONFIG_PATH": "/nonexistent",
}


def imported(name: str, monkeypatch: pytest.MonkeyPatch, **settings: str) -> ModuleType:
    """The module as it comes out of a fresh import under these settings."""
    for variable, value in settings.items():
        monkeypatch.setenv(variable, value)
    monkeypatch.delitem(sys.modules, name, raising=False)
    return importlib.import_module(name)


class Container:
    """Calls a server class's lifecycle methods as Modal's own container does, which finds and orders them."""

    def __init__(self, server: Any) -> None:
        self.server = server._get_user_cls()()

    def before_snapshot(self) -> None:
        self._call(_PartialFunctionFlags.ENTER_PRE_SNAPSHOT)

    def after_snapshot(self) -> None:
        """Or from the start, without snapshots."""
        self._call(_PartialFunctionFlags.ENTER_POST_SNAPSHOT)

    def exit(self) -> None:
        self._call(_PartialFunctionFlags.EXIT)

    def _call(self, flag: int) -> None:
        for method in _find_callables_for_obj(self.server, flag).values():
            method()


def modal(*arguments: str, environment: dict[str, str] | None = None, server_url: str = ""):
    """Runs the `modal` command against the stand-in, in the folder above as the README has it.

    Returns what the stand-in was told and the ended process.
    """
    with modal_stand_in.running() as (told, url):
        told.server_url = server_url
        # No serve.toml of whoever runs the tests.
        empty = {"SERVE_CONFIG": os.devnull}
        ended = subprocess.run(
            [sys.executable, "-m", "modal", *arguments],
            cwd=FOLDER.parent,
            env={**os.environ, **CREDENTIALS, **empty, "MODAL_SERVER_URL": url, **(environment or {})},
            capture_output=True,
            text=True,
            timeout=120,
        )
    return told, ended


def deployed(name: str, **settings: str) -> modal_stand_in.Modal:
    """What Modal is told by `modal deploy` of one server."""
    told, ended = modal("deploy", f"{FOLDER.name}/{name}.py", environment=settings)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return told
