"""What the two Modal apps declare alike: Volumes, Secrets, scaling and the functions beside the server."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import modal

from serving import weights
from serving.settings import HUB_CACHE, MODELS_DIR, PORT, AnySettings, Settings, SettingsError, load

HUB_VERSION = "2.4.0"
PYDANTIC_VERSION = "2.14.3"
UV_VERSION = "0.13.9"
"""The installer in the images; Modal would take the latest of the day."""

START_MARGIN_S = 15
"""How long before Modal's startup_timeout we give up ourselves: the reason then reaches the log."""

HOURS = 3600


def settings_or_exit(kind: type[AnySettings]) -> AnySettings:
    """The settings, or the end of `modal deploy` with the list of what is wrong with them."""
    try:
        return load(kind)
    except SettingsError as error:
        sys.exit(f"Nothing was deployed. Please correct:\n{error}")


def volumes(settings: Settings) -> dict[str | os.PathLike[str], Any]:
    """Where which Volume is mounted."""
    mounts = {HUB_CACHE: modal.Volume.from_name(settings.weights_volume, create_if_missing=True)}
    if settings.models_volume:
        # Somebody put models there; a new, empty one under a mistyped name would hide the mistake.
        mounts[MODELS_DIR] = modal.Volume.from_name(settings.models_volume)
    return dict(mounts)


def server_options(settings: Settings) -> dict[str, Any]:
    """The arguments of `@app.server` that come from settings both servers have."""
    secrets = []
    if settings.api_key_secret:
        secrets.append(modal.Secret.from_name(settings.api_key_secret, required_keys=["MODEL_API_KEY"]))
    return {
        "gpu": settings.gpu,
        "volumes": volumes(settings),
        "secrets": secrets,
        "env": settings.to_environment(),
        "port": PORT,
        # Whoever may call the endpoint shows a proxy token: /metrics, /tokenize and /sleep know no API key.
        "unauthenticated": False,
        "min_containers": settings.min_containers,
        "max_containers": settings.max_containers,
        "buffer_containers": settings.buffer_containers,
        "scaledown_window": settings.scaledown_window,
        "target_concurrency": settings.target_concurrency,
        "startup_timeout": settings.startup_timeout,
        "exit_grace_period": settings.exit_grace_period,
        "routing_region": settings.routing_region,
        "compute_region": settings.compute_region or None,
    }


def tool_options(settings: Settings) -> dict[str, Any]:
    """The arguments of `@app.function` for what works on the Volume and needs no GPU."""
    secrets = []
    if settings.hf_secret:
        secrets.append(modal.Secret.from_name(settings.hf_secret, required_keys=["HF_TOKEN"]))
    image = (
        modal.Image.debian_slim(python_version="3.12")
        .uv_pip_install(
            f"huggingface_hub=={HUB_VERSION}", f"pydantic=={PYDANTIC_VERSION}", uv_version=UV_VERSION
        )
        # The library would keep its transfer cache on the Volume, for nobody's use.
        .env({"HF_XET_HIGH_PERFORMANCE": "1", "HF_XET_CACHE": "/tmp/xet"})
        .add_local_python_source("serving")
    )
    return {
        "image": image,
        "volumes": volumes(settings),
        "secrets": secrets,
        "env": settings.to_environment(),
        "cpu": 4.0,
        "memory": 8192,
        # Hundreds of gigabytes fit; a minute, as one finds in examples, fits no model.
        "timeout": 6 * HOURS,
    }


def volume_committer(settings: Settings) -> Callable[[], object]:
    """What makes files written to the weights Volume visible to other containers."""
    return modal.Volume.from_name(settings.weights_volume).commit


def download_all(settings: Settings) -> None:
    """Fetches the model and its adapters, and warns of a model that leaves the GPU no room."""
    commit = volume_committer(settings)
    for source in settings.sources():
        folder = weights.fetch(source, Path(HUB_CACHE), commit)
        if source == settings.source(settings.model):
            warn_of_size(
                settings, sum((folder / name).stat().st_size for name in source.choose(_names(folder)))
            )


def prune_all(settings: Settings, repository: str) -> None:
    """Lists the downloads; removes those of `repository` that these settings do not serve."""
    weights.prune(settings.sources(), Path(HUB_CACHE), volume_committer(settings), repository)


def place(settings: Settings, path_or_repository: str) -> Path:
    """Where a model or adapter lies in the container.

    Raises WeightsError when it has not been downloaded, or is not on `models_volume`.
    """
    source = settings.source(path_or_repository)
    if source:
        return weights.locate(source, Path(HUB_CACHE))
    path = Path(path_or_repository)
    if not path.exists():
        # vLLM would take it for a repository of the Hub.
        raise weights.WeightsError(
            f"{path} does not exist; `modal volume ls {settings.models_volume}` lists what is in {MODELS_DIR}"
        )
    return path


def api_key(settings: Settings) -> str:
    """The key that clients must show, from its Secret; empty when none is asked for."""
    return os.environ["MODEL_API_KEY"] if settings.api_key_secret else ""


def warn_of_size(settings: Settings, size: int, say: weights.Say = print) -> None:
    """Says so when weights of `size` bytes leave less than a tenth of the GPU's memory free."""
    room = settings.gpu_request.memory_gb
    if size > 0.9 * room * 1e9:
        say(
            f"Warning: {size / 1e9:.0f} GB of weights and a conversation do not fit into the {room} GB of "
            f"{settings.gpu}; set a larger gpu, or take a smaller quantization"
        )


def _names(folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
