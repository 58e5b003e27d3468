"""The check against an endpoint on this machine, with the real openai client."""

from __future__ import annotations

import re

import fake_endpoint
import pytest
from fake_endpoint import delta, finish

from serving import check
from serving.check import CheckError, Report
from serving.settings import LlamaSettings, VllmSettings, load


class SteppingClock:
    """Each look at it is a second later; a sleep takes as long as it says."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        self.now += 1
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def endpoint():
    with fake_endpoint.running() as running:
        yield running


def ask(endpoint, wake_within_s: float = 600) -> tuple[Report, str]:
    shown: list[str] = []
    client = check.connect(f"{endpoint.url}/v1", "wk-1", "ws-1", "")
    clock = SteppingClock()
    report = check.ask(client, "the-app", "pilotlight", "What is it?", wake_within_s, clock, shown.append)
    return report, "".join(shown)


def test_streams_and_measures_an_awake_endpoint(endpoint):
    report, shown = ask(endpoint)
    assert shown == "A small flame."
    assert report.cold_start_s is None
    # Looks at the clock: began 1, sent 2, first piece 3, last piece 4.
    assert report.first_token_s == 1
    assert (report.tokens, report.tokens_per_s) == (3, 2)


def test_shows_the_proxy_token_as_the_bot_does(endpoint):
    ask(endpoint)
    headers, body = endpoint.requests[0]
    assert (headers["modal-key"], headers["modal-secret"]) == ("wk-1", "ws-1")
    assert headers["authorization"] == "Bearer wk-1.ws-1"
    assert body["model"] == "pilotlight"
    assert body["stream"] is True


def test_shows_the_api_key_of_an_endpoint_that_asks_for_one(endpoint):
    client = check.connect(f"{endpoint.url}/v1", "wk-1", "ws-1", "sk-1")
    client.chat.completions.create(model="m", messages=[], stream=True)
    headers, _ = endpoint.requests[0]
    assert headers["authorization"] == "Bearer sk-1"


def test_wakes_a_sleeping_endpoint_and_measures_the_cold_start_apart(endpoint):
    endpoint.asleep_for = 3
    report, shown = ask(endpoint)
    assert len(endpoint.requests) == 4
    assert shown == (
        "Not awake after 2 s: it still answers 503. `modal app logs the-app -f` shows the start.\n"
        "A small flame."
    )
    # Three rounds of: sent, waited, slept 2 s.
    assert report.cold_start_s == 1 + 3 * (2 + check.RETRY_EVERY_S)
    assert report.first_token_s == 1


def test_says_now_and_then_that_it_still_waits_and_where_to_look(endpoint):
    endpoint.asleep_for = 20
    _, shown = ask(endpoint)
    assert re.findall(r"Not awake after (\d+) s", shown) == ["2", "34", "66"]


def test_gives_up_on_one_that_never_wakes(endpoint):
    endpoint.asleep_for = 10_000
    with pytest.raises(CheckError, match=r"No answer after 6\d s: it still answers 503.*app logs the-app"):
        ask(endpoint, wake_within_s=60)


def test_waits_for_one_that_cannot_be_reached_yet(endpoint):
    endpoint.url = "http://127.0.0.1:9"
    with pytest.raises(CheckError, match="cannot be reached"):
        ask(endpoint, wake_within_s=10)


@pytest.mark.parametrize(
    ("status", "word"),
    [(401, "proxy token is wrong"), (403, "environment"), (404, "served_model_name"), (400, "400")],
)
def test_a_refusal_is_explained_and_not_repeated(endpoint, status, word):
    endpoint.refuse_with = status
    with pytest.raises(CheckError, match=word):
        ask(endpoint)
    assert len(endpoint.requests) == 1


@pytest.mark.parametrize("name", ["reasoning", "reasoning_content"])
def test_reasoning_counts_as_the_first_token(endpoint, name):
    endpoint.chunks = [delta(**{name: "Hm."}), *fake_endpoint.ANSWER]
    report, shown = ask(endpoint)
    assert shown.startswith("Hm.")
    assert report.first_token_s == 1


@pytest.mark.parametrize(
    "chunks",
    [
        [delta(content="A small")],
        [delta(content="A small"), finish("abort")],
        [delta(content="A small"), {"error": {"message": "engine died", "code": 500}}],
        [finish("stop")],
    ],
    ids=["connection ends", "engine aborts", "error in the stream", "nothing came"],
)
def test_a_broken_answer_is_no_success(endpoint, chunks):
    endpoint.chunks = chunks
    endpoint.done = False
    with pytest.raises(CheckError, match="broke off"):
        ask(endpoint)


def test_prints_what_the_bot_needs_and_no_secret():
    settings = load(
        VllmSettings, {"SERVE_LORA": "support=owner/lora", "SERVE_API_KEY_SECRET": "pilotlight-key"}
    )
    environment = {
        "MODAL_ENVIRONMENT": "dev",
        "MODAL_PROXY_SECRET": "ws-secret",
        "MODEL_API_KEY": "sk-secret",
    }
    lines = check.env_lines("https://x.modal.direct/v1", "VllmServer", settings, environment)
    assert [line for line in lines if not line.startswith("#")] == [
        "MODEL_BASE_URL=https://x.modal.direct/v1",
        "MODEL_NAME=pilotlight",
        "MODEL_MAX_STREAMS=32",
        "MODAL_APP=pilotlight-vllm",
        "MODAL_SERVER=VllmServer",
        "MODAL_ENVIRONMENT=dev",
        "MODAL_GPU=L40S",
    ]
    assert "# or the adapter support: MODEL_NAME=support" in lines
    assert "secret" not in "\n".join(lines)


def test_names_a_gpu_without_a_price_only_beside_what_the_bot_then_needs():
    settings = load(LlamaSettings, {"SERVE_GPU": "H200"})
    lines = check.env_lines("http://x/v1", "Server", settings, {})
    assert "# with its price in GPU_PRICES: MODAL_GPU=H200" in lines
    assert "MODAL_GPU=H200" not in lines


def test_says_what_an_hour_costs():
    report = Report(cold_start_s=62.04, first_token_s=0.3, tokens=80, tokens_per_s=41.5)
    assert check.describe(report, load(LlamaSettings, {})) == [
        "cold start           62.0 s",
        "time to first token  0.30 s",
        "tokens per second    41.5 (80 tokens)",
        "price while awake    $1.10 an hour (A10)",
    ]
    assert "unknown" in check.describe(report, load(LlamaSettings, {"SERVE_GPU": "H200"}))[-1]
