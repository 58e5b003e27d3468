"""llama.cpp on Modal: `modal deploy modal_service/llama_server.py`. See README.md."""

from __future__ import annotations

from pathlib import Path

import modal

from serving import check as checking
from serving import deployment, weights
from serving.engine import Engine
from serving.settings import HUB_CACHE, PORT, LlamaSettings

SERVER = "LlamaServer"

# What this release's own CUDA image is built on.
CUDA_IMAGE = "nvidia/cuda:12.8.1-devel-ubuntu24.04"
LLAMA_CPP_TAG = "b11434"
SOURCES = "/opt/llama.cpp"
BINARY = f"{SOURCES}/build/bin/llama-server"

SETTINGS = deployment.settings_or_exit(LlamaSettings)


def build_commands(settings: LlamaSettings) -> list[str]:
    """The shell commands that build llama-server for the GPU it will run on."""
    flags = " ".join(
        [
            "-DGGML_CUDA=ON",
            # The machine that builds is not the one that runs.
            "-DGGML_NATIVE=OFF",
            f"-DCMAKE_CUDA_ARCHITECTURES={settings.gpu_request.gpu.cuda_arch}",
            # The driver's library comes with the GPU, and there is none while building.
            "-DCMAKE_EXE_LINKER_FLAGS=-Wl,--allow-shlib-undefined",
            "-DLLAMA_BUILD_TESTS=OFF",
            # The page for browsers would be downloaded in the middle of the build.
            "-DLLAMA_USE_PREBUILT_UI=OFF",
        ]
    )
    return [
        f"git clone --depth 1 --branch {LLAMA_CPP_TAG} https://github.com/ggml-org/llama.cpp {SOURCES}",
        f"cmake -S {SOURCES} -B {SOURCES}/build {flags}",
        f"cmake --build {SOURCES}/build --config Release --parallel $(nproc) --target llama-server",
    ]


image = (
    modal.Image.from_registry(CUDA_IMAGE, add_python="3.12")
    .entrypoint([])
    .apt_install("git", "build-essential", "cmake", "libssl-dev", "libgomp1")
    .run_commands(*build_commands(SETTINGS))
    .uv_pip_install(f"pydantic=={deployment.PYDANTIC_VERSION}", uv_version=deployment.UV_VERSION)
    .add_local_python_source("serving")
)


def command(settings: LlamaSettings, model: Path, adapter: Path | None) -> list[str]:
    """The command line that serves the GGUF file `model`, with `adapter` applied to it."""
    arguments = [BINARY, "--model", str(model), "--host", "0.0.0.0", "--port", str(PORT)]
    # llama-server accepts any model name, so the adapter's may be listed beside the model's.
    arguments += ["--alias", ",".join([settings.served_model_name, *settings.lora])]
    # The context is shared out among the slots.
    arguments += ["--ctx-size", str(settings.context * settings.target_concurrency)]
    arguments += ["--parallel", str(settings.target_concurrency)]
    arguments += ["--n-gpu-layers", settings.n_gpu_layers]
    arguments += ["--n-predict", str(settings.n_predict)]
    # By default the file is mapped, and comes from the Volume page by page.
    arguments += ["--load-mode", "none"]
    arguments += ["--no-ui", "--no-slots", "--offline"]
    arguments += ["--lora", str(adapter)] if adapter else []
    return [*arguments, *settings.extra_args]


def gguf(settings: LlamaSettings, place: str) -> Path:
    """The GGUF file at `place`: a Hub repository, a file on the Volume, or a folder there.

    Raises WeightsError when nothing is there, or more than one file fits.
    """
    source = settings.source(place)
    if source:
        return weights.locate_file(source, Path(HUB_CACHE))
    path = deployment.place(settings, place)
    if path.is_dir():
        pattern = settings.file if place == settings.model else "*.gguf"
        return path / weights.the_one_file(sorted(found.name for found in path.glob(pattern)), place)
    return path


app = modal.App(SETTINGS.app)


@app.server(**deployment.server_options(SETTINGS), image=image)
class LlamaServer:
    """Modal sends requests once `start` has returned and the port is open."""

    @modal.enter()
    def start(self) -> None:
        """Starts llama-server, waits until it is healthy and warms it up."""
        adapters = [gguf(SETTINGS, place) for place in SETTINGS.lora.values()]
        key = deployment.api_key(SETTINGS)
        self.engine = Engine(
            command(SETTINGS, gguf(SETTINGS, SETTINGS.model), adapters[0] if adapters else None),
            port=PORT,
            model=SETTINGS.served_model_name,
            # Not on the command line, which is in every log.
            environment={"LLAMA_API_KEY": key} if key else {},
            api_key=key,
        )
        self.engine.start(SETTINGS.startup_timeout - deployment.START_MARGIN_S)
        self.engine.watch()

    @modal.exit()
    def stop(self) -> None:
        """Running answers had exit_grace_period to finish before this."""
        self.engine.stop()


# An app of their own: `modal run` brings up all of an app, and a download needs no GPU server beside it.
tools = modal.App(f"{SETTINGS.app}-tools")
TOOLS = deployment.tool_options(SETTINGS)


@tools.function(**TOOLS)
def download() -> None:
    """Fetches the model and its adapter into the Volume. Run it again after it was cut off."""
    deployment.download_all(SETTINGS)


@tools.function(**TOOLS)
def prune(repository: str = "") -> None:
    """Lists what is on the Volume; removes what is no longer served of one repository."""
    deployment.prune_all(SETTINGS, repository)


@tools.local_entrypoint()
def check(question: str = checking.QUESTION) -> None:
    """Asks the deployed model a question, and prints how fast it is and what the bot needs to know."""
    checking.main(SERVER, SETTINGS, question)
