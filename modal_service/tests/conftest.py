"""No test reaches Modal, the Hub or whatever the person running it has set up."""

from __future__ import annotations

import os
from pathlib import Path

import fake_hub
import pytest

# The Hub library reads these once, when it is first imported.
os.environ.update(
    HF_ENDPOINT=fake_hub.start(),
    HF_HUB_DISABLE_XET="1",
    HF_HUB_DISABLE_TELEMETRY="1",
    HF_HUB_DISABLE_PROGRESS_BARS="1",
    HF_HOME="/nonexistent",
)
os.environ.pop("HF_TOKEN", None)


@pytest.fixture(autouse=True)
def _nobody_s_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("SERVE_", "MODAL_", "MODEL_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("MODAL_CONFIG_PATH", "/nonexistent")
    monkeypatch.setattr("serving.settings.DEFAULT_FILE", Path("/nonexistent/serve.toml"))


@pytest.fixture
def hub() -> fake_hub.Hub:
    """The Hub that HF_ENDPOINT points at, emptied."""
    fake_hub.HUB.__init__()
    return fake_hub.HUB
