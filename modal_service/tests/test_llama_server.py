"""llama-server's command line, its build, and the real server class with a small process in its place."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from processes import FAKE, free_port, is_running, is_watched, requests
from servers import Container, imported

from serving import weights
from serving.settings import LlamaSettings, load
from serving.weights import Source, WeightsError

MODEL = Path("/weights/model.gguf")


@pytest.fixture
def llama(monkeypatch):
    return imported("llama_server", monkeypatch)


def test_by_default(llama):
    assert " ".join(llama.command(load(LlamaSettings, {}), MODEL, None)) == (
        "/opt/llama.cpp/build/bin/llama-server --model /weights/model.gguf --host 0.0.0.0 --port 8000 "
        "--alias pilotlight --ctx-size 65536 --parallel 4 --n-gpu-layers all --n-predict 4096 "
        "--load-mode none --no-ui --no-slots --offline"
    )


def test_with_everything(llama):
    settings = load(
        LlamaSettings,
        {
            "SERVE_CONTEXT": "8192",
            "SERVE_TARGET_CONCURRENCY": "3",
            "SERVE_N_GPU_LAYERS": "64",
            "SERVE_N_PREDICT": "512",
            "SERVE_LORA": "support=owner/lora",
            "SERVE_EXTRA_ARGS": "--flash-attn on",
        },
    )
    assert " ".join(llama.command(settings, MODEL, Path("/weights/lora.gguf"))) == (
        "/opt/llama.cpp/build/bin/llama-server --model /weights/model.gguf --host 0.0.0.0 --port 8000 "
        # Each slot has the context that was set: the sum of them is what llama-server takes.
        "--alias pilotlight,support --ctx-size 24576 --parallel 3 --n-gpu-layers 64 --n-predict 512 "
        "--load-mode none --no-ui --no-slots --offline --lora /weights/lora.gguf --flash-attn on"
    )


@pytest.mark.parametrize(
    ("gpu", "architecture"), [("A10", "86"), ("L4", "89"), ("H100:2", "90"), ("T4", "75")]
)
def test_is_built_for_the_gpu_it_runs_on(llama, gpu, architecture):
    clone, configure, build = llama.build_commands(load(LlamaSettings, {"SERVE_GPU": gpu}))
    assert "--branch b11434 https://github.com/ggml-org/llama.cpp" in clone
    assert f"-DGGML_CUDA=ON -DGGML_NATIVE=OFF -DCMAKE_CUDA_ARCHITECTURES={architecture} " in configure
    assert build.endswith("--target llama-server")


def test_finds_the_file_on_the_hubs_volume(llama, hub, tmp_path, monkeypatch):
    hub.publish("owner/gguf", {"m-Q4_K_M.gguf": b"4" * 100, "m-Q8_0.gguf": b"8" * 100})
    weights.fetch(Source("owner/gguf", "main", ("*.gguf",)), tmp_path, lambda: None, lambda line: None)
    monkeypatch.setattr(llama, "HUB_CACHE", str(tmp_path))
    chosen = load(LlamaSettings, {"SERVE_MODEL": "owner/gguf", "SERVE_FILE": "*Q8_0.gguf"})
    assert llama.gguf(chosen, chosen.model).name == "m-Q8_0.gguf"
    open_choice = load(LlamaSettings, {"SERVE_MODEL": "owner/gguf"})
    with pytest.raises(WeightsError, match="exactly one"):
        llama.gguf(open_choice, open_choice.model)


def test_finds_the_file_on_a_models_volume(llama, tmp_path, monkeypatch):
    monkeypatch.setattr("serving.settings.MODELS_DIR", str(tmp_path))
    (tmp_path / "mine").mkdir()
    for name in ("tuned-Q4_K_M.gguf", "tuned-Q8_0.gguf"):
        (tmp_path / "mine" / name).touch()
    whole = f"{tmp_path}/mine/tuned-Q8_0.gguf"
    by_name = load(LlamaSettings, {"SERVE_MODEL": whole, "SERVE_MODELS_VOLUME": "v"})
    assert llama.gguf(by_name, by_name.model) == Path(whole)
    missing = load(LlamaSettings, {"SERVE_MODEL": f"{tmp_path}/none.gguf", "SERVE_MODELS_VOLUME": "v"})
    with pytest.raises(WeightsError, match=r"none\.gguf does not exist"):
        llama.gguf(missing, missing.model)
    by_pattern = load(
        LlamaSettings,
        {"SERVE_MODEL": f"{tmp_path}/mine", "SERVE_MODELS_VOLUME": "v", "SERVE_FILE": "*Q4_K_M.gguf"},
    )
    assert llama.gguf(by_pattern, by_pattern.model).name == "tuned-Q4_K_M.gguf"


def test_the_class_starts_and_stops_and_shows_its_key(monkeypatch, tmp_path):
    monkeypatch.setenv("MODEL_API_KEY", "right")
    module = imported("llama_server", monkeypatch, SERVE_API_KEY_SECRET="pilotlight-key")
    log, port = tmp_path / "requests.log", free_port()
    fake = [sys.executable, str(FAKE), "--port", str(port), "--log", str(log), "--key", "right"]
    monkeypatch.setattr(module, "PORT", port)
    monkeypatch.setattr(module, "gguf", lambda settings, place: MODEL)
    monkeypatch.setattr(module, "command", lambda *_: fake)
    container = Container(module.LlamaServer)
    container.after_snapshot()
    assert requests(log) == ["GET /health", "POST /v1/chat/completions", "POST /v1/chat/completions"]
    assert is_watched()
    container.exit()
    assert not is_running(container.server.engine.pid)
