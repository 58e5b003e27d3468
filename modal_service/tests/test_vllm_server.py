"""vLLM's command line, and the real server class with a small process in vLLM's place."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from processes import FAKE, free_port, is_running, is_watched, requests, wait_until
from servers import Container, imported

from serving.settings import VllmSettings, load
from serving.weights import WeightsError

MODEL = Path("/weights/model")


@pytest.fixture
def vllm(monkeypatch):
    return imported("vllm_server", monkeypatch)


def command(vllm, environment: dict[str, str], adapters: dict[str, Path] | None = None) -> str:
    return " ".join(vllm.command(load(VllmSettings, environment), MODEL, adapters or {}))


def adapter(folder: Path, rank: object) -> Path:
    folder.mkdir()
    (folder / "adapter_config.json").write_text(json.dumps({"r": rank}))
    return folder


def test_by_default(vllm):
    assert command(vllm, {}) == (
        "vllm serve /weights/model --host 0.0.0.0 --port 8000 --served-model-name pilotlight "
        "--max-model-len 16384 --tensor-parallel-size 1 --gpu-memory-utilization 0.9 "
        "--safetensors-load-strategy prefetch --enforce-eager "
        "--enable-auto-tool-choice --tool-call-parser hermes --reasoning-parser qwen3"
    )


def test_with_everything(vllm, tmp_path):
    environment = {
        "SERVE_MODEL": "owner/model",
        "SERVE_SERVED_MODEL_NAME": "ours",
        "SERVE_CONTEXT": "32768",
        "SERVE_GPU": "H100:2",
        "SERVE_GPU_MEMORY_UTILIZATION": "0.85",
        "SERVE_FAST_BOOT": "false",
        "SERVE_EXTRA_ARGS": "--seed 7",
    }
    adapters = {"support": adapter(tmp_path / "a", 12), "legal": adapter(tmp_path / "b", 64)}
    assert command(vllm, environment, adapters) == (
        "vllm serve /weights/model --host 0.0.0.0 --port 8000 --served-model-name ours "
        "--max-model-len 32768 --tensor-parallel-size 2 --gpu-memory-utilization 0.85 "
        "--safetensors-load-strategy prefetch "
        "--enable-lora --max-loras 2 --max-lora-rank 64 --lora-modules "
        f"support={tmp_path}/a legal={tmp_path}/b "
        "--seed 7"
    )


def test_snapshots_need_sleep_mode_and_its_endpoints(vllm):
    settings = load(VllmSettings, {"SERVE_GPU_SNAPSHOT": "true"})
    assert "--enable-sleep-mode" in vllm.command(settings, MODEL, {})
    assert vllm.environment(settings)["VLLM_SERVER_DEV_MODE"] == "1"
    plain = load(VllmSettings, {})
    assert "--enable-sleep-mode" not in vllm.command(plain, MODEL, {})
    assert "VLLM_SERVER_DEV_MODE" not in vllm.environment(plain)


def test_what_is_compiled_outside_of_vllm_is_kept_too_and_for_its_cuda_alone(vllm):
    variables = vllm.environment(load(VllmSettings, {}))
    for name in ("FLASHINFER_WORKSPACE_BASE", "TRITON_CACHE_DIR"):
        # test_deploy.py holds that the cache Volume is mounted there.
        assert variables[name].startswith("/root/.cache/vllm/cuda-12.9.0")


def test_the_api_key_reaches_vllm_and_no_log(vllm, monkeypatch):
    monkeypatch.setenv("MODEL_API_KEY", "sk-secret")
    settings = load(VllmSettings, {"SERVE_API_KEY_SECRET": "pilotlight-key"})
    assert vllm.environment(settings)["VLLM_API_KEY"] == "sk-secret"
    assert "sk-secret" not in " ".join(vllm.command(settings, MODEL, {}))
    assert "VLLM_API_KEY" not in vllm.environment(load(VllmSettings, {}))


@pytest.mark.parametrize(("rank", "fitting"), [(1, 1), (9, 16), (16, 16), (300, 320), (512, 512)])
def test_the_least_rank_that_holds_an_adapter(vllm, tmp_path, rank, fitting):
    assert vllm.lora_rank(adapter(tmp_path / "lora", rank)) == fitting


@pytest.mark.parametrize("rank", [513, None])
def test_an_adapter_that_vllm_cannot_hold_is_refused(vllm, tmp_path, rank):
    with pytest.raises(ValueError, match="is no LoRA adapter for vLLM"):
        vllm.lora_rank(adapter(tmp_path / "lora", rank))


def test_without_weights_it_says_what_to_run(vllm):
    with pytest.raises(WeightsError, match=r"run `modal run modal_service/.*::download`"):
        Container(vllm.VllmServer).after_snapshot()


@pytest.fixture
def started(monkeypatch, tmp_path):
    """Makes a container with a small process in vLLM's place, and the log of what that is asked."""

    def make(**settings: str):
        module = imported("vllm_server", monkeypatch, **settings)
        log, port = tmp_path / "requests.log", free_port()
        log.touch()
        fake = [sys.executable, str(FAKE), "--port", str(port), "--log", str(log)]
        monkeypatch.setattr(module, "PORT", port)
        monkeypatch.setattr(module.deployment, "place", lambda settings, place: MODEL)
        monkeypatch.setattr(module, "command", lambda *_: fake)
        return Container(module.VllmServer), log

    return make


ASKED = ["GET /health", "POST /v1/chat/completions", "POST /v1/chat/completions"]
SLEPT = ["POST /sleep?level=1", "GET /is_sleeping"]
WOKE = ["POST /wake_up", "GET /is_sleeping", "GET /health"]


def test_without_snapshots_it_starts_serves_and_stops(started):
    container, log = started()
    container.before_snapshot()
    assert requests(log) == []
    container.after_snapshot()
    assert requests(log) == ASKED
    assert is_watched()
    container.exit()
    assert not is_running(container.server.engine.pid)


def test_with_snapshots_it_sleeps_before_and_wakes_after(started):
    container, log = started(SERVE_GPU_SNAPSHOT="true")
    container.before_snapshot()
    assert requests(log) == ASKED + SLEPT
    # Waiting, for one that an earlier test has stopped may take a moment to be gone.
    wait_until(lambda: not is_watched())
    container.after_snapshot()
    assert requests(log) == ASKED + SLEPT + WOKE
    assert is_watched()
    container.exit()
    assert not is_running(container.server.engine.pid)
