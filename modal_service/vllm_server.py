"""vLLM on Modal: `modal deploy modal_service/vllm_server.py`. See README.md."""

from __future__ import annotations

import json
from pathlib import Path

import modal

from serving import check as checking
from serving import deployment
from serving.engine import Engine
from serving.settings import PORT, VllmSettings

SERVER = "VllmServer"

# What Modal's own vLLM example pins beside this vLLM.
CUDA_IMAGE = "nvidia/cuda:12.9.0-devel-ubuntu22.04"
# vLLM bounds few of its dependencies from above: by itself it would get those of the day.
REQUIREMENTS = Path(__file__).with_name("vllm-requirements.txt")

CACHE = "/root/.cache/vllm"
"""Where vLLM keeps what it compiles, and where `cache_volume` is mounted."""

# vLLM leaves FlashInfer's sampler, a minute's work for nvcc, and Triton's kernels outside of its own cache.
# FlashInfer takes again what another CUDA has compiled, and fails: hence a folder for each.
COMPILED = f"{CACHE}/cuda-{CUDA_IMAGE.partition(':')[2]}"

LORA_RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
"""What --max-lora-rank takes in vLLM 0.21."""

SETTINGS = deployment.settings_or_exit(VllmSettings)

image = (
    modal.Image.from_registry(CUDA_IMAGE, add_python="3.12")
    .entrypoint([])
    .uv_pip_install(requirements=[str(REQUIREMENTS)], uv_version=deployment.UV_VERSION)
    .add_local_python_source("serving")
)


def command(settings: VllmSettings, model: Path, adapters: dict[str, Path]) -> list[str]:
    """The command line that serves the weights in `model`, and each adapter under its name."""
    arguments = ["vllm", "serve", str(model), "--host", "0.0.0.0", "--port", str(PORT)]
    arguments += ["--served-model-name", settings.served_model_name]
    arguments += ["--max-model-len", str(settings.context)]
    arguments += ["--tensor-parallel-size", str(settings.gpu_request.count)]
    arguments += ["--gpu-memory-utilization", str(settings.gpu_memory_utilization)]
    # vLLM reads ahead by itself on NFS and Lustre alone, and a Volume is as far away.
    arguments += ["--safetensors-load-strategy", "prefetch"]
    # Eager: neither torch.compile nor CUDA graphs. Answers come slower, the server much sooner.
    arguments += ["--enforce-eager"] if settings.fast_boot else []
    arguments += ["--enable-sleep-mode"] if settings.gpu_snapshot else []
    if settings.tool_parser:
        arguments += ["--enable-auto-tool-choice", "--tool-call-parser", settings.tool_parser]
    if settings.reasoning_parser:
        arguments += ["--reasoning-parser", settings.reasoning_parser]
    if adapters:
        arguments += ["--enable-lora", "--max-loras", str(len(adapters))]
        arguments += ["--max-lora-rank", str(max(lora_rank(path) for path in adapters.values()))]
        arguments += ["--lora-modules", *(f"{name}={path}" for name, path in adapters.items())]
    return [*arguments, *settings.extra_args]


def environment(settings: VllmSettings) -> dict[str, str]:
    """What vLLM reads from its environment. Its weights are on the Volume: it needs no Hub."""
    variables = {
        "HF_HUB_OFFLINE": "1",
        "VLLM_NO_USAGE_STATS": "1",
        "FLASHINFER_WORKSPACE_BASE": COMPILED,
        "TRITON_CACHE_DIR": f"{COMPILED}/triton",
    }
    if key := deployment.api_key(settings):
        # Not on the command line, which is in every log.
        variables["VLLM_API_KEY"] = key
    if settings.gpu_snapshot:
        # The first opens /sleep and /wake_up. The second leaves no compiler workers for the snapshot to hold.
        variables |= {"VLLM_SERVER_DEV_MODE": "1", "TORCHINDUCTOR_COMPILE_THREADS": "1"}
    return variables


def lora_rank(adapter: Path) -> int:
    """The least rank vLLM can be told that holds this adapter.

    Raises ValueError for an adapter without a rank, or with one beyond vLLM's largest.
    """
    rank = json.loads((adapter / "adapter_config.json").read_text("utf-8")).get("r")
    fitting = [allowed for allowed in LORA_RANKS if isinstance(rank, int) and allowed >= rank]
    if not fitting:
        raise ValueError(
            f"{adapter} is no LoRA adapter for vLLM: its rank r is {rank}, at most {LORA_RANKS[-1]} goes"
        )
    return fitting[0]


app = modal.App(SETTINGS.app)


@app.server(
    **{
        **deployment.server_options(SETTINGS),
        "image": image,
        "volumes": {
            **deployment.volumes(SETTINGS),
            CACHE: modal.Volume.from_name(SETTINGS.cache_volume, create_if_missing=True),
        },
        "enable_memory_snapshot": SETTINGS.gpu_snapshot,
        "experimental_options": {"enable_gpu_snapshot": True} if SETTINGS.gpu_snapshot else {},
    }
)
class VllmServer:
    """Modal sends requests once both methods have returned and the port is open."""

    @modal.enter(snap=SETTINGS.gpu_snapshot)
    def start(self) -> None:
        """Starts vLLM and warms it up. With snapshots this runs once, and its outcome is what is kept."""
        adapters = {name: deployment.place(SETTINGS, where) for name, where in SETTINGS.lora.items()}
        self.engine = Engine(
            command(SETTINGS, deployment.place(SETTINGS, SETTINGS.model), adapters),
            port=PORT,
            model=SETTINGS.served_model_name,
            environment=environment(SETTINGS),
            api_key=deployment.api_key(SETTINGS),
        )
        within_s = SETTINGS.startup_timeout - deployment.START_MARGIN_S
        self.engine.start(within_s)
        if SETTINGS.gpu_snapshot:
            self.engine.sleep(within_s)

    @modal.enter(snap=False)
    def serve(self) -> None:
        """Runs after `start`, or in its place from a snapshot."""
        if SETTINGS.gpu_snapshot:
            self.engine.wake(SETTINGS.startup_timeout - deployment.START_MARGIN_S)
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
    """Fetches the model and its adapters into the Volume. Run it again after it was cut off."""
    deployment.download_all(SETTINGS)


@tools.function(**TOOLS)
def prune(repository: str = "") -> None:
    """Lists what is on the Volume; removes what is no longer served of one repository."""
    deployment.prune_all(SETTINGS, repository)


@tools.local_entrypoint()
def check(question: str = checking.QUESTION) -> None:
    """Asks the deployed model a question, and prints how fast it is and what the bot needs to know."""
    checking.main(SERVER, SETTINGS, question)
