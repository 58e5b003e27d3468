"""The sample that this grew from was out of date; each of its mistakes stays away. README.md lists them."""

from __future__ import annotations

import shlex

import pytest
from servers import FOLDER, deployed, imported, modal

from serving.settings import LlamaSettings, load


@pytest.fixture(scope="module")
def build() -> str:
    """What builds the llama.cpp image, as Modal is told."""
    return deployed("llama_server").dockerfile()


def flag(text: str, name: str) -> str:
    """The value of a CMake definition."""
    (found,) = [word for word in shlex.split(text) if word.startswith(f"-D{name}=")]
    return found.partition("=")[2]


def test_llama_cpp_is_a_pinned_release_of_its_present_home(build):
    assert "https://github.com/ggml-org/llama.cpp" in build
    assert "ggerganov" not in build
    assert "--branch b11434 " in build


def test_cuda_is_asked_for_by_its_present_name_and_not_for_the_builders_own_cpu(build):
    assert flag(build, "GGML_CUDA") == "ON"
    assert flag(build, "GGML_NATIVE") == "OFF"
    assert "LLAMA_CUDA" not in build


def test_https_comes_from_openssl_not_from_curl(build):
    assert "libssl-dev" in build
    assert "curl" not in build.lower()


def test_what_is_built_is_what_is_run_from_where_it_was_built(build, monkeypatch):
    module = imported("llama_server", monkeypatch)
    assert f"--target {module.BINARY.rpartition('/')[2]}\n" in build
    assert "cp " not in build
    command = module.command(load(LlamaSettings, {}), FOLDER, None)
    assert command[0] == module.BINARY == "/opt/llama.cpp/build/bin/llama-server"


def test_the_length_of_an_answer_is_n_predict(monkeypatch):
    command = imported("llama_server", monkeypatch).command(load(LlamaSettings, {}), FOLDER, None)
    assert command[command.index("--n-predict") + 1] == "4096"
    assert "--max-tokens" not in command


def test_downloads_use_xet_and_have_hours():
    told, ended = modal("run", "modal_service/llama_server.py::download")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "ENV HF_XET_HIGH_PERFORMANCE=1" in told.dockerfile()
    assert told.functions()["download"].timeout_secs >= 3600


@pytest.mark.parametrize("word", [".call(", "check_output", "llama-cli", "hf_transfer", "HF_TRANSFER"])
def test_what_is_gone_is_nowhere(word):
    sources = [*FOLDER.glob("*.py"), *FOLDER.glob("serving/*.py"), FOLDER / "requirements.txt"]
    assert len(sources) > 8
    assert [source.name for source in sources if word in source.read_text("utf-8")] == []
