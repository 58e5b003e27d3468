"""Every setting of the two servers, read and checked before anything is deployed.

A setting is looked for in the environment (`SERVE_GPU`), then in the server's own table of the TOML file
(`[vllm]` or `[llama]`), then at the top of that file, and has a default otherwise.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from serving.gpus import GpuRequest, parse_gpu
from serving.weights import Source

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PORT = 8000
"""Where both servers listen. Modal's own default for a Server, so nobody has to say it."""

HUB_CACHE = "/root/.cache/huggingface"
"""Where the weights Volume is mounted: the Hub library's own place, so other apps' downloads are shared."""

MODELS_DIR = "/models"
"""Where `models_volume` is mounted."""

PREFIX = "SERVE_"
FILE_VARIABLE = "SERVE_CONFIG"
DEPLOYED_VARIABLE = "SERVE_DEPLOYED"
"""Set by us in the containers: what was read when the app was deployed, as JSON."""

DEFAULT_FILE = Path(__file__).parent.parent / "serve.toml"

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
OptionalName = Annotated[str, Field(pattern=r"^([A-Za-z0-9][A-Za-z0-9._-]*)?$")]


class SettingsError(Exception):
    """A setting is wrong. The message names each wrong one and says what it may be."""


class Settings(BaseModel):
    """What both servers are told. Times are in seconds, `context` in tokens."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    table: ClassVar[str]
    """The server's table in the TOML file."""
    default_model: ClassVar[Mapping[str, str]]
    """The model and whatever fits only that one: none of it is taken when another model is set."""
    own_flags: ClassVar[frozenset[str]]
    """Flags that the settings decide; `extra_args` may not fight them."""
    one_file: ClassVar[bool] = False
    """Whether it reads a single file of a repository's weights."""

    app: Name
    model: str
    revision: Name = "main"
    served_model_name: Name = "pilotlight"
    lora: dict[Name, str] = {}
    context: int = Field(default=16384, ge=512, le=1_048_576)
    extra_args: tuple[str, ...] = ()

    gpu: str
    min_containers: int = Field(default=0, ge=0, le=100)
    # 2, not 1: with 1 a rolling deploy has no room for the new container beside the old one.
    max_containers: int = Field(default=2, ge=1, le=100)
    buffer_containers: int = Field(default=0, ge=0, le=100)
    # Modal takes 2 s to 20 min.
    scaledown_window: int = Field(default=120, ge=2, le=1200)
    target_concurrency: int = Field(ge=1, le=1024)
    # No longer than the bot waits (MODEL_WAKE_MINUTES): a start that nobody awaits is only billed.
    startup_timeout: int = Field(default=900, ge=60, le=3600)
    # At most an hour, says Modal.
    exit_grace_period: int = Field(default=120, ge=0, le=3600)
    routing_region: str = Field(default="us-east", pattern="^(us-east|us-west|eu-west|ap-south)$")
    compute_region: OptionalName = ""

    weights_volume: Name = "huggingface-cache"
    models_volume: OptionalName = ""
    hf_secret: OptionalName = ""
    api_key_secret: OptionalName = ""

    @field_validator("lora", mode="before")
    @classmethod
    def _lora_from_text(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        pairs = [pair.strip().partition("=") for pair in value.split(",") if pair.strip()]
        if any(not (name and place) for name, _, place in pairs):
            raise ValueError(
                "write adapters as name=owner/repository or name=/models/folder, with commas between"
            )
        return {name: place for name, _, place in pairs}

    @field_validator("extra_args", mode="before")
    @classmethod
    def _arguments_from_text(cls, value: Any) -> Any:
        return tuple(shlex.split(value)) if isinstance(value, str) else value

    @field_validator("gpu")
    @classmethod
    def _known_gpu(cls, value: str) -> str:
        parse_gpu(value)
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> Settings:
        if self.min_containers > self.max_containers:
            raise ValueError("min_containers is above max_containers; raise the one or lower the other")
        for place in (self.model, *self.lora.values()):
            self.source(place)
            if place.startswith("/") and not self.models_volume:
                raise ValueError(f"{place} lies on a Volume; set models_volume to that Volume's name")
        if self.served_model_name in self.lora:
            raise ValueError("a LoRA adapter has the name of served_model_name; each needs its own")
        taken = {argument.partition("=")[0] for argument in self.extra_args} & self.own_flags
        if taken:
            raise ValueError(f"extra_args may not hold {', '.join(sorted(taken))}: a setting decides that")
        return self

    @property
    def gpu_request(self) -> GpuRequest:
        return parse_gpu(self.gpu)

    def patterns(self, place: str) -> tuple[str, ...]:
        """The files of a repository that this server reads, first its weights."""
        raise NotImplementedError

    def source(self, place: str) -> Source | None:
        """Where the weights at `place` come from on the Hub; None for a folder or file on a Volume.

        Raises ValueError when it is neither `owner/name`, `owner/name@revision` nor under /models/.
        """
        if place.startswith("/"):
            if not place.startswith(f"{MODELS_DIR}/") or ".." in place:
                raise ValueError(f"{place} must be under {MODELS_DIR}/, where models_volume is mounted")
            return None
        named = re.fullmatch(r"([\w.-]+/[\w.-]+)(?:@([\w.-]+))?", place)
        if not named:
            raise ValueError(f"{place!r} is neither owner/name on the Hub nor a path under {MODELS_DIR}/")
        default = self.revision if place == self.model else "main"
        return Source(named[1], named[2] or default, self.patterns(place), self.one_file)

    def sources(self) -> list[Source]:
        """All that `download` has to fetch: the model and its adapters."""
        found = [self.source(place) for place in (self.model, *self.lora.values())]
        return [source for source in found if source]

    def to_environment(self) -> dict[str, str]:
        """The variable from which `load` reads these very settings again, inside a container."""
        return {DEPLOYED_VARIABLE: self.model_dump_json()}


class VllmSettings(Settings):
    """vLLM's settings."""

    table = "vllm"
    default_model = {
        "model": "Qwen/Qwen3-8B",
        # Modal's own example pins this commit, its latest of 2025-12-16.
        "revision": "b968826d9c46dd6066d109eabc6255188de91218",
        "reasoning_parser": "qwen3",
        "tool_parser": "hermes",
    }
    own_flags = frozenset(
        "--host --port --served-model-name --max-model-len --tensor-parallel-size --gpu-memory-utilization "
        "--enforce-eager --no-enforce-eager --enable-sleep-mode --enable-lora --lora-modules --max-loras "
        "--max-lora-rank --tool-call-parser --enable-auto-tool-choice --reasoning-parser --api-key --model "
        "--revision".split()
    )

    app: Name = "pilotlight-vllm"
    gpu: str = "L40S"
    target_concurrency: int = Field(default=16, ge=1, le=1024)
    fast_boot: bool = True
    gpu_snapshot: bool = False
    cache_volume: Name = "vllm-cache"
    gpu_memory_utilization: float = Field(default=0.9, ge=0.1, le=0.98)
    tool_parser: OptionalName = ""
    reasoning_parser: OptionalName = ""

    @model_validator(mode="after")
    def _fits_vllm(self) -> VllmSettings:
        if self.gpu_request.gpu.compute < 8.0:
            raise ValueError(
                f"a {self.gpu} has no bfloat16; take an L4 or better, or serve GGUF with llama.cpp"
            )
        if self.gpu_snapshot and self.gpu_request.count > 1:
            raise ValueError("gpu_snapshot works with one GPU; take a bigger one, or turn snapshots off")
        return self

    def patterns(self, place: str) -> tuple[str, ...]:
        # *.py is a model's own code, which vLLM runs only when extra_args has --trust-remote-code.
        return ("*.safetensors", "*.json", "*.txt", "*.jinja", "*.model", "*.tiktoken", "*.py")


class LlamaSettings(Settings):
    """llama.cpp's settings."""

    table = "llama"
    default_model = {"model": "Qwen/Qwen3-8B-GGUF", "file": "*Q4_K_M.gguf"}
    own_flags = frozenset(
        "--host --port --alias -a --ctx-size -c --parallel -np --n-gpu-layers -ngl --gpu-layers --n-predict "
        "-n --predict --model -m --lora --api-key --hf-repo -hf".split()
    )

    one_file = True

    app: Name = "pilotlight-llama"
    file: str = Field(default="*.gguf", pattern=r"\.gguf$")
    gpu: str = "A10"
    # Slots: answers that run at the same time, each with `context` tokens of its own.
    target_concurrency: int = Field(default=4, ge=1, le=64)
    n_gpu_layers: str = Field(default="all", pattern="^(all|auto|[0-9]{1,4})$")
    # What ends an answer when a client names no max_tokens.
    n_predict: int = Field(default=4096, ge=1)

    @model_validator(mode="after")
    def _fits_llama(self) -> LlamaSettings:
        if len(self.lora) > 1:
            raise ValueError(
                "llama-server chooses adapters by number, not by name; keep one, or serve them with vLLM"
            )
        return self

    def patterns(self, place: str) -> tuple[str, ...]:
        return (self.file,) if place == self.model else ("*.gguf",)


AnySettings = TypeVar("AnySettings", bound=Settings)


def load(
    kind: type[AnySettings], environment: Mapping[str, str] = os.environ, file: Path | None = None
) -> AnySettings:
    """Reads the settings of one server, in a container those that it was deployed with.

    Raises SettingsError for a wrong or unknown setting, and for a file that is missing or no TOML.
    """
    if deployed := environment.get(DEPLOYED_VARIABLE):
        return kind.model_validate_json(deployed)
    given = environment.get(FILE_VARIABLE)
    path = file or (Path(given) if given else DEFAULT_FILE)
    values, origins = _from_file(kind, path, required=bool(file or given))
    _refuse_unknown_variables(environment)
    for name in kind.model_fields:
        variable = PREFIX + name.upper()
        if environment.get(variable):
            values[name], origins[name] = environment[variable], variable
    if values.get("model", kind.default_model["model"]) == kind.default_model["model"]:
        values = {**kind.default_model, **values}
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise SettingsError(_explain(error, origins)) from None


def _from_file(kind: type[Settings], path: Path, required: bool) -> tuple[dict[str, Any], dict[str, str]]:
    if not required and not path.exists():
        return {}, {}
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise SettingsError(f"{FILE_VARIABLE}: cannot read {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path.name} is not valid TOML: {error}") from None
    tables = {server.table: document.pop(server.table, {}) for server in SERVERS}
    for table, entries in tables.items():
        if not isinstance(entries, dict):
            raise SettingsError(
                f"{table} in {path.name}: write the table as [{table}], each setting below it"
            )
    values, origins = {}, {}
    for table, entries in ((None, document), (kind.table, tables[kind.table])):
        for name, value in entries.items():
            values[name] = value
            origins[name] = f"{name} in {path.name}" + (f" [{table}]" if table else "")
    return values, origins


def _refuse_unknown_variables(environment: Mapping[str, str]) -> None:
    # A mistyped name would otherwise be ignored, and the default deployed in its place.
    known = {PREFIX + name.upper() for server in SERVERS for name in server.model_fields} | {FILE_VARIABLE}
    unknown = sorted(name for name in environment if name.startswith(PREFIX) and name not in known)
    if unknown:
        raise SettingsError(f"{', '.join(unknown)}: no such setting; serve.example.toml has them all")


def _explain(error: ValidationError, origins: Mapping[str, str]) -> str:
    lines = []
    for problem in error.errors():
        name = str(problem["loc"][0]) if problem["loc"] else ""
        word = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            word = "no such setting; serve.example.toml has them all"
        elif name and problem["type"] not in ("missing", "value_error"):
            word += f" (it is {problem['input']!r})"
        lines.append(f"{origins.get(name, name)}: {word}" if name else word)
    return "\n".join(lines)


SERVERS: tuple[type[Settings], ...] = (VllmSettings, LlamaSettings)
