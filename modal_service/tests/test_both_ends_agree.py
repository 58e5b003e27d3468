"""defaults.json is what the bot's test reads: it says what is deployed, and .env.example fits it."""

from __future__ import annotations

import json
import re

import pytest
from servers import FOLDER, deployed

from serving import check
from serving.settings import SERVERS, load

DEFAULTS = json.loads((FOLDER / "defaults.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def example() -> dict[str, str]:
    """The bot's variables with their examples, whether or not these are commented out."""
    lines = (FOLDER.parent / ".env.example").read_text("utf-8").splitlines()
    found = (re.fullmatch(r"#? ?([A-Z_]+)=(.*)", line) for line in lines)
    return {match[1]: match[2] for match in found if match}


@pytest.mark.parametrize("name", DEFAULTS["servers"])
def test_what_is_deployed_is_what_defaults_json_says(name):
    expected = DEFAULTS["servers"][name]
    told = deployed(f"{name}_server")
    assert [request.name for request in told.said("AppPublish")] == [expected["app"]]
    server = told.functions()[expected["server"]]
    assert server.http_config.port == DEFAULTS["port"]
    assert server.http_config.unauthenticated is not DEFAULTS["proxyAuth"]
    assert server.startup_timeout_secs == DEFAULTS["startupTimeoutSeconds"]
    assert server.autoscaler_settings.target_concurrency_float == expected["targetConcurrency"]


def test_the_served_model_has_the_name_that_defaults_json_says():
    assert {load(kind, {}).served_model_name for kind in SERVERS} == {DEFAULTS["servedModelName"]}


def test_the_headers_are_those_that_defaults_json_says():
    sent = check.connect("http://127.0.0.1/v1", "wk", "ws", "").default_headers
    assert [sent[header] for header in DEFAULTS["proxyHeaders"]] == ["wk", "ws"]


def test_the_bots_example_names_the_vllm_server_and_mentions_the_other(example):
    vllm, llama = DEFAULTS["servers"]["vllm"], DEFAULTS["servers"]["llama"]
    assert (example["MODAL_APP"], example["MODAL_SERVER"]) == (vllm["app"], vllm["server"])
    text = (FOLDER.parent / ".env.example").read_text("utf-8")
    assert llama["app"] in text
    assert llama["server"] in text


def test_the_bots_example_asks_for_the_model_by_its_name(example):
    assert example["MODEL_NAME"] == DEFAULTS["servedModelName"]
    assert example["MODEL_BASE_URL"] == "" or example["MODEL_BASE_URL"].endswith("/v1")


def test_the_bot_waits_at_least_as_long_as_a_start_may_take(example):
    assert int(example["MODEL_WAKE_MINUTES"]) * 60 >= DEFAULTS["startupTimeoutSeconds"]


def test_all_that_check_prints_is_read_by_the_bot(example):
    for kind in SERVERS:
        printed = check.env_lines("http://x/v1", "Server", load(kind, {}), {"MODAL_ENVIRONMENT": "dev"})
        names = {name for line in printed for name in re.findall(r"\b(?:MODEL|MODAL)_[A-Z_]+\b", line)}
        assert names <= set(example)
