"""What may be set, where from, and how a wrong value is refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from serving import settings
from serving.gpus import GPUS, parse_gpu
from serving.settings import LlamaSettings, SettingsError, VllmSettings, load
from serving.weights import Source

EVERYTHING = {
    "SERVE_MODEL": "owner/model",
    "SERVE_REVISION": "v2",
    "SERVE_LORA": "support=owner/lora@v3, legal=/models/legal",
    "SERVE_MODELS_VOLUME": "tuned",
    "SERVE_GPU": "H100:2",
    "SERVE_EXTRA_ARGS": "--seed 7 --name 'with space'",
    "SERVE_FAST_BOOT": "false",
    "SERVE_MIN_CONTAINERS": "1",
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "serve.toml"
    path.write_text(
        """
        max_containers = 3
        scaledown_window = 60
        [vllm]
        scaledown_window = 300
        tool_parser = ""
        [llama]
        scaledown_window = 30
        file = "*Q8_0.gguf"
        [vllm.lora]
        support = "owner/lora"
        """
    )
    return path


def test_costs_nothing_between_conversations_unless_told_otherwise():
    for kind in settings.SERVERS:
        read = load(kind, {})
        assert read.min_containers == 0
        assert read.buffer_containers == 0
        assert read.max_containers <= 2
        assert read.scaledown_window <= 300


def test_environment_beats_table_beats_top_of_file(file):
    read = load(VllmSettings, {"SERVE_MAX_CONTAINERS": "4"}, file)
    assert (read.max_containers, read.scaledown_window) == (4, 300)
    assert read.lora == {"support": "owner/lora"}
    other = load(LlamaSettings, {}, file)
    assert (other.max_containers, other.scaledown_window, other.file) == (3, 30, "*Q8_0.gguf")


def test_the_file_can_lie_anywhere(file):
    assert load(VllmSettings, {"SERVE_CONFIG": str(file)}).max_containers == 3
    with pytest.raises(SettingsError, match=r"SERVE_CONFIG: cannot read .*nowhere\.toml: No such file"):
        load(VllmSettings, {"SERVE_CONFIG": "/nowhere.toml"})


def test_what_was_deployed_is_what_the_container_reads(file):
    # tool_parser is set to nothing in the file: neither "unset" nor the default may come of it.
    for kind, environment in ((VllmSettings, EVERYTHING), (VllmSettings, {}), (LlamaSettings, {})):
        read = load(kind, environment, file)
        assert load(kind, {**read.to_environment(), "SERVE_GPU": "T4"}) == read


def test_everything_at_once():
    read = load(VllmSettings, EVERYTHING)
    assert read.extra_args == ("--seed", "7", "--name", "with space")
    assert read.fast_boot is False
    assert (read.gpu_request.name, read.gpu_request.count, read.gpu_request.memory_gb) == ("H100", 2, 160)
    assert read.sources() == [
        Source("owner/model", "v2", read.patterns("owner/model")),
        Source("owner/lora", "v3", read.patterns("owner/lora")),
    ]


def test_what_fits_the_default_model_is_not_put_upon_another():
    assert load(VllmSettings, {}).reasoning_parser == "qwen3"
    other = load(VllmSettings, {"SERVE_MODEL": "owner/model"})
    assert (other.reasoning_parser, other.tool_parser, other.revision) == ("", "", "main")
    assert load(LlamaSettings, {"SERVE_MODEL": "owner/model"}).file == "*.gguf"


@pytest.mark.parametrize(
    ("environment", "word"),
    [
        ({"SERVE_GPU": "L40"}, r"SERVE_GPU: 'L40' is no GPU known here; choose one of T4, L4"),
        ({"SERVE_GPU": "H100:9"}, "SERVE_GPU: after H100: comes how many, 1 to 8"),
        ({"SERVE_GPU": "T4"}, "no bfloat16"),
        ({"SERVE_MAX_CONTAINERS": "lots"}, r"SERVE_MAX_CONTAINERS: .*valid integer.*'lots'"),
        ({"SERVE_MAX_CONTAINERS": "0"}, "SERVE_MAX_CONTAINERS: .*greater than or equal to 1"),
        ({"SERVE_MIN_CONTAINERS": "3"}, "min_containers is above max_containers"),
        ({"SERVE_SCALEDOWN_WINDOW": "1"}, "SERVE_SCALEDOWN_WINDOW: .*greater than or equal to 2"),
        ({"SERVE_SCALEDOWN_WINDOW": "1201"}, "SERVE_SCALEDOWN_WINDOW: .*less than or equal to 1200"),
        ({"SERVE_EXIT_GRACE_PERIOD": "3601"}, "SERVE_EXIT_GRACE_PERIOD: .*less than or equal to 3600"),
        ({"SERVE_STARTUP_TIMEOUT": "30"}, "SERVE_STARTUP_TIMEOUT: .*greater than or equal to 60"),
        ({"SERVE_ROUTING_REGION": "mars"}, "SERVE_ROUTING_REGION: .*us-east.*'mars'"),
        ({"SERVE_CONTEXT": "16k"}, "SERVE_CONTEXT: .*valid integer"),
        ({"SERVE_MODEL": "just-a-name"}, "neither owner/name on the Hub nor a path under /models/"),
        ({"SERVE_MODEL": "/models/mine"}, "set models_volume"),
        ({"SERVE_MODEL": "/root/mine", "SERVE_MODELS_VOLUME": "v"}, "must be under /models/"),
        ({"SERVE_MODEL": "/models/../etc", "SERVE_MODELS_VOLUME": "v"}, "must be under /models/"),
        ({"SERVE_LORA": "support"}, "SERVE_LORA: write adapters as name=owner/repository"),
        ({"SERVE_LORA": "pilotlight=owner/lora"}, "has the name of served_model_name"),
        ({"SERVE_SERVED_MODEL_NAME": "two words"}, "SERVE_SERVED_MODEL_NAME: .*two words"),
        ({"SERVE_EXTRA_ARGS": "--port=9"}, "extra_args may not hold --port"),
        ({"SERVE_FAST_BOOT": "perhaps"}, "SERVE_FAST_BOOT: .*valid boolean"),
        ({"SERVE_GPU_SNAPSHOT": "true", "SERVE_GPU": "H100:2"}, "gpu_snapshot works with one GPU"),
        ({"SERVE_MAX_CONTAINER": "1"}, "SERVE_MAX_CONTAINER: no such setting"),
    ],
)
def test_wrong_values_are_refused_with_the_setting_and_what_it_may_be(environment, word):
    with pytest.raises(SettingsError, match=word):
        load(VllmSettings, environment)


@pytest.mark.parametrize(
    ("environment", "word"),
    [
        ({"SERVE_FILE": "model.bin"}, "SERVE_FILE: .*gguf"),
        ({"SERVE_N_GPU_LAYERS": "most"}, "SERVE_N_GPU_LAYERS: .*all"),
        ({"SERVE_LORA": "a=owner/a,b=owner/b"}, "llama-server chooses adapters by number"),
        ({"SERVE_EXTRA_ARGS": "-np 9"}, "extra_args may not hold -np"),
    ],
)
def test_llama_has_wrong_values_of_its_own(environment, word):
    with pytest.raises(SettingsError, match=word):
        load(LlamaSettings, environment)


def test_all_that_is_wrong_is_said_at_once_and_where(tmp_path):
    path = tmp_path / "serve.toml"
    path.write_text("gpus = 'L4'\n[vllm]\ncontext = 5\n")
    with pytest.raises(SettingsError) as refused:
        load(VllmSettings, {"SERVE_MAX_CONTAINERS": "x"}, path)
    lines = str(refused.value).splitlines()
    assert len(lines) == 3
    assert any(line.startswith("gpus in serve.toml: no such setting") for line in lines)
    assert any(line.startswith("context in serve.toml [vllm]: ") for line in lines)
    assert any(line.startswith("SERVE_MAX_CONTAINERS: ") for line in lines)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"gpu = ", "serve.toml is not valid TOML"),
        (b'model = "caf\xe9"', "serve.toml is not valid TOML"),
        (b"llama = 1", "llama in serve.toml: write the table as [llama]"),
    ],
)
def test_a_broken_file_is_named(tmp_path, content, why):
    path = tmp_path / "serve.toml"
    path.write_bytes(content)
    with pytest.raises(SettingsError, match=f"^{re.escape(why)}"):
        load(VllmSettings, {}, path)


def test_the_example_file_is_valid_and_holds_the_defaults():
    example = Path(__file__).parent.parent / "serve.example.toml"
    for kind in settings.SERVERS:
        assert load(kind, {}, example) == load(kind, {})


def test_gpus():
    assert parse_gpu("L40S").dollars_per_hour == pytest.approx(1.9512)
    assert parse_gpu("H100:2").dollars_per_hour == pytest.approx(7.8984)
    assert parse_gpu("H200").dollars_per_hour is None
    assert {name for name, gpu in GPUS.items() if gpu.compute < 8} == {"T4"}
