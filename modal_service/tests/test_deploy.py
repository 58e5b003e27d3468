"""What the real Modal client declares when the servers are deployed, under several settings."""

from __future__ import annotations

import fake_endpoint
import pytest
from modal_proto import api_pb2
from servers import deployed, modal

from serving.settings import LlamaSettings, load

SERVERS = {"vllm_server": "VllmServer", "llama_server": "LlamaServer"}


@pytest.fixture(scope="module", params=SERVERS)
def by_default(request):
    told = deployed(request.param)
    return request.param, told, told.functions()[SERVERS[request.param]]


def test_a_deploy_declares_one_server_and_nothing_else(by_default):
    name, told, server = by_default
    assert list(told.functions()) == [SERVERS[name]]
    assert server.is_server


def test_it_sleeps_and_has_a_cap(by_default):
    _, _, server = by_default
    scaling = server.autoscaler_settings
    assert (scaling.min_containers, scaling.buffer_containers, scaling.max_containers) == (0, 0, 2)
    assert scaling.scaledown_window == 120
    # Modal scales a Server only when it has a target.
    assert scaling.target_concurrency_float >= 1


def test_it_asks_for_proxy_tokens_and_gives_answers_time_to_end(by_default):
    _, _, server = by_default
    assert server.http_config.unauthenticated is False
    assert server.http_config.port == 8000
    assert server.http_config.startup_timeout == server.startup_timeout_secs == 900
    assert server.http_config.exit_grace_period == 120
    assert list(server.http_config.proxy_regions) == ["us-east"]


def test_it_mounts_the_weights_and_asks_for_no_secret(by_default):
    name, told, server = by_default
    expected = {"/root/.cache/huggingface": "huggingface-cache"}
    if name == "vllm_server":
        expected["/root/.cache/vllm"] = "vllm-cache"
    assert told.volumes(server) == expected
    assert list(server.secret_ids) == ["st-environment"]


def test_its_own_modules_go_with_it(by_default):
    _, told, _ = by_default
    assert {
        "/root/serving/engine.py",
        "/root/serving/settings.py",
        f"/root/{by_default[0]}.py",
    } <= told.files()


def test_all_that_is_installed_is_pinned(by_default):
    _, told, _ = by_default
    assert ":latest" not in told.dockerfile()
    for line in told.dockerfile().splitlines():
        if "uv pip install" in line:
            packages = line.partition("--compile-bytecode ")[2].split()
            assert packages
            # Or a file, whose lines test_pins.py looks at.
            assert packages == ["--requirements", "/.uv/0/vllm-requirements.txt"] or all(
                "==" in package for package in packages
            )


@pytest.mark.parametrize(
    ("gpu", "kind", "count"), [("L4", "L4", 1), ("H100:2", "H100", 2), ("A100-80GB", "A100-80GB", 1)]
)
def test_the_gpu_is_the_one_that_was_set(gpu, kind, count):
    server = deployed("vllm_server", SERVE_GPU=gpu).functions()["VllmServer"]
    assert (server.resources.gpu_config.gpu_type, server.resources.gpu_config.count) == (kind, count)


def test_every_setting_arrives():
    told = deployed(
        "vllm_server",
        SERVE_APP="second",
        SERVE_MIN_CONTAINERS="1",
        SERVE_MAX_CONTAINERS="5",
        SERVE_BUFFER_CONTAINERS="2",
        SERVE_SCALEDOWN_WINDOW="300",
        SERVE_TARGET_CONCURRENCY="7",
        SERVE_STARTUP_TIMEOUT="1200",
        SERVE_EXIT_GRACE_PERIOD="30",
        SERVE_ROUTING_REGION="eu-west",
        SERVE_COMPUTE_REGION="eu",
        SERVE_MODELS_VOLUME="tuned",
        SERVE_WEIGHTS_VOLUME="weights",
        SERVE_CACHE_VOLUME="compiled",
        SERVE_API_KEY_SECRET="key",
        SERVE_HF_SECRET="hub",
    )
    assert [request.name for request in told.said("AppPublish")] == ["second"]
    server = told.functions()["VllmServer"]
    assert server.autoscaler_settings == api_pb2.AutoscalerSettings(
        min_containers=1,
        max_containers=5,
        buffer_containers=2,
        scaledown_window=300,
        target_concurrency_float=7,
    )
    assert server.http_config.exit_grace_period == 30
    assert server.startup_timeout_secs == 1200
    assert list(server.http_config.proxy_regions) == ["eu-west"]
    assert list(server.scheduler_placement.regions) == ["eu"]
    assert told.volumes(server) == {
        "/root/.cache/huggingface": "weights",
        "/root/.cache/vllm": "compiled",
        "/models": "tuned",
    }
    # The server reads the Volume alone: the Hub's token is the download's.
    assert set(server.secret_ids) == {"st-key", "st-environment"}
    (created,) = [r for r in told.said("SecretGetOrCreate") if r.deployment_name == "key"]
    assert list(created.required_keys) == ["MODEL_API_KEY"]


def test_a_models_volume_must_exist_and_the_others_are_made():
    told = deployed("vllm_server", SERVE_MODELS_VOLUME="tuned")
    made = {
        request.deployment_name
        for request in told.said("VolumeGetOrCreate")
        if request.object_creation_type == api_pb2.OBJECT_CREATION_TYPE_CREATE_IF_MISSING
    }
    assert made == {"huggingface-cache", "vllm-cache"}


def test_the_container_gets_the_settings_of_the_deploy():
    told = deployed("llama_server", SERVE_GPU="L4", SERVE_FILE="*Q8_0.gguf")
    assert load(LlamaSettings, told.environment()) == load(
        LlamaSettings, {"SERVE_GPU": "L4", "SERVE_FILE": "*Q8_0.gguf"}
    )


def test_snapshots_only_when_asked_for():
    plain = deployed("vllm_server").functions()["VllmServer"]
    assert not plain.checkpointing_enabled
    assert not plain.experimental_options
    snapshot = deployed("vllm_server", SERVE_GPU_SNAPSHOT="true").functions()["VllmServer"]
    assert snapshot.checkpointing_enabled
    assert dict(snapshot.experimental_options) == {"enable_gpu_snapshot": "True"}


def test_a_wrong_setting_deploys_nothing_and_is_named():
    told, ended = modal("deploy", "modal_service/vllm_server.py", environment={"SERVE_GPU": "L40"})
    assert ended.returncode == 1
    assert ended.stderr.startswith("Nothing was deployed. Please correct:\nSERVE_GPU: 'L40' is no GPU")
    assert "Traceback" not in ended.stderr
    assert told.requests == []


@pytest.mark.parametrize("name", SERVERS)
def test_download_runs_without_the_gpu_server_and_with_time(name):
    told, ended = modal(
        "run",
        f"modal_service/{name}.py::download",
        environment={"SERVE_HF_SECRET": "hub", "SERVE_MIN_CONTAINERS": "1"},
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert set(told.functions()) == {"download", "prune"}
    assert "/root/serving/weights.py" in told.files()
    (called,) = told.said("FunctionMap")
    assert called.function_id == "fu-download"
    download = told.functions()["download"]
    assert download.resources.gpu_config.gpu_type == ""
    assert download.timeout_secs == 6 * 3600
    assert told.volumes(download) == {"/root/.cache/huggingface": "huggingface-cache"}
    assert set(download.secret_ids) == {"st-hub", "st-environment"}


def test_prune_takes_the_repository():
    told, ended = modal("run", "modal_service/vllm_server.py::prune", "--repository", "owner/old")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    (called,) = told.said("FunctionMap")
    assert called.function_id == "fu-prune"
    assert b"owner/old" in called.pipelined_inputs[0].input.args


def test_check_asks_the_deployed_server_and_prints_the_bots_lines():
    with fake_endpoint.running() as endpoint:
        endpoint.asleep_for = 1
        told, ended = modal(
            "run",
            "modal_service/vllm_server.py::check",
            environment={"MODAL_PROXY_KEY": "wk-1", "MODAL_PROXY_SECRET": "ws-1", "SERVE_APP": "second"},
            server_url=endpoint.url,
        )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    (asked,) = told.said("FunctionGet")
    assert (asked.app_name, asked.object_tag) == ("second", "VllmServer")
    assert "VllmServer" not in told.functions()
    assert "A small flame." in ended.stdout
    assert "cold start" in ended.stdout
    assert f"MODEL_BASE_URL={endpoint.url}/v1\nMODEL_NAME=pilotlight\n" in ended.stdout
    assert len(endpoint.requests) == 2


def test_check_without_a_deploy_or_a_token_says_so():
    _, ended = modal("run", "modal_service/llama_server.py::check")
    assert ended.returncode == 1
    assert "run `modal deploy modal_service/llama_server.py` first" in ended.stderr
    _, ended = modal("run", "modal_service/llama_server.py::check", server_url="http://127.0.0.1:9")
    assert ended.returncode == 1
    assert "Set MODAL_PROXY_KEY and MODAL_PROXY_SECRET" in ended.stderr
