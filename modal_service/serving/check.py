"""Asks the deployed endpoint a question as the bot would: waking it, streaming, counting."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import modal

from serving.engine import Clock
from serving.settings import Settings

if TYPE_CHECKING:
    from openai import APIStatusError, OpenAI

QUESTION = "In two sentences: what is a pilot light for?"

RETRY_EVERY_S = 2.0
REPORT_EVERY_S = 30.0
ANSWER_WITHIN_S = 300.0
"""The longest pause in an answer."""

ASLEEP = (502, 503, 504)
"""A Modal Server without a container answers 503 at once, and the request starts one; the others pass too."""

FINISHED = ("stop", "length", "tool_calls")


class CheckError(Exception):
    """The endpoint did not answer as it should. The message says what to do."""


@dataclass(frozen=True)
class Report:
    """What one question measured. Times in seconds."""

    cold_start_s: float | None
    """From the first request to the first accepted one; None when that was the first."""
    first_token_s: float
    """From sending the accepted request to the first piece of text or reasoning."""
    tokens: int
    tokens_per_s: float
    """After the first token; 0 when the answer is too short to tell."""


def main(server: str, settings: Settings, question: str) -> None:
    """What `modal run …::check` does. Ends with exit code 1 and a sentence when it cannot."""
    app = settings.app
    try:
        url = modal.Server.from_name(app, server).get_url()
        if not url:
            raise CheckError(f"{app} has no address; is {server} in it a Server?")
        base = f"{url}/v1"
        key, secret = os.environ.get("MODAL_PROXY_KEY", ""), os.environ.get("MODAL_PROXY_SECRET", "")
        if not (key and secret):
            raise CheckError(
                "Set MODAL_PROXY_KEY and MODAL_PROXY_SECRET to a proxy token, which "
                "`modal workspace proxy-tokens create` makes"
            )
        client = connect(base, key, secret, os.environ.get("MODEL_API_KEY", ""))
        print(f"Asking {base}: {question}")
        report = ask(client, app, settings.served_model_name, question, settings.startup_timeout + 60)
    except modal.exception.NotFoundError:
        sys.exit(
            f"{app} is not deployed here; run `modal deploy modal_service/{settings.table}_server.py` first"
        )
    except CheckError as error:
        sys.exit(str(error))
    print("\n")
    for line in describe(report, settings):
        print(line)
    print("\nFor the bot's .env:")
    for line in env_lines(base, server, settings, os.environ):
        print(line)


def connect(base: str, proxy_key: str, proxy_secret: str, api_key: str) -> OpenAI:
    """A client that shows Modal's proxy token. It never repeats a request by itself, so that we can count."""
    from openai import OpenAI

    return OpenAI(
        base_url=base,
        # The library insists on one. Modal reads it too, and takes a proxy token in this form.
        api_key=api_key or f"{proxy_key}.{proxy_secret}",
        default_headers={"Modal-Key": proxy_key, "Modal-Secret": proxy_secret},
        max_retries=0,
        timeout=ANSWER_WITHIN_S,
    )


def ask(
    client: OpenAI,
    app: str,
    model: str,
    question: str,
    wake_within_s: float,
    clock: Clock = time,
    show: Callable[[str], object] = lambda text: print(text, end="", flush=True),
) -> Report:
    """Asks, waits while the endpoint of `app` wakes, shows the answer as it comes and measures.

    Raises CheckError when it does not wake in time, refuses, or breaks the answer off.
    """
    import openai

    began = clock.monotonic()
    attempts = 0
    report_at = 0.0
    while True:
        sent = clock.monotonic()
        attempts += 1
        try:
            stream = client.chat.completions.create(
                model=model,
                messages=[{"role": "user", "content": question}],
                max_tokens=1024,
                stream=True,
                stream_options={"include_usage": True},
            )
            break
        except openai.APIStatusError as error:
            if error.status_code not in ASLEEP:
                raise CheckError(_explain(error, model)) from None
            reason = f"it still answers {error.status_code}"
        except openai.APIConnectionError as error:
            reason = f"it cannot be reached: {error.__cause__ or error}"
        waited = clock.monotonic() - began
        if waited > wake_within_s:
            raise CheckError(f"No answer after {waited:.0f} s: {reason}. `modal app logs {app}` says why")
        if waited >= report_at:
            # A start that fails is begun anew without a word to us: minutes may pass before we give up.
            show(f"Not awake after {waited:.0f} s: {reason}. `modal app logs {app} -f` shows the start.\n")
            report_at = waited + REPORT_EVERY_S
        clock.sleep(RETRY_EVERY_S)

    first = last = finish = None
    tokens = 0
    try:
        for chunk in stream:
            if chunk.usage:
                tokens = chunk.usage.completion_tokens
            for choice in chunk.choices:
                # vLLM calls it reasoning, llama-server reasoning_content; the library knows neither.
                extra = choice.delta.model_extra or {}
                text = choice.delta.content or extra.get("reasoning") or extra.get("reasoning_content")
                if text:
                    last = clock.monotonic()
                    first = first or last
                    show(text)
                finish = choice.finish_reason or finish
    except (openai.APIError, OSError) as error:
        raise CheckError(f"\nThe answer broke off: {error}") from None
    # The library takes a connection that just ends for a complete answer.
    if finish not in FINISHED or first is None or last is None:
        raise CheckError(
            f"\nThe answer broke off (finish_reason: {finish}); `modal app logs {app}` may say why"
        )
    spent = last - first
    return Report(
        cold_start_s=sent - began if attempts > 1 else None,
        first_token_s=first - sent,
        tokens=tokens,
        tokens_per_s=(tokens - 1) / spent if tokens > 1 and spent > 0 else 0.0,
    )


def describe(report: Report, settings: Settings) -> list[str]:
    """The measurements as lines for people."""
    price = settings.gpu_request.dollars_per_hour
    cold = "none, it was awake" if report.cold_start_s is None else f"{report.cold_start_s:.1f} s"
    return [
        f"cold start           {cold}",
        f"time to first token  {report.first_token_s:.2f} s",
        f"tokens per second    {report.tokens_per_s:.1f} ({report.tokens} tokens)",
        f"price while awake    {'unknown' if price is None else f'${price:.2f} an hour'} ({settings.gpu})",
    ]


def env_lines(base: str, server: str, settings: Settings, environment: Mapping[str, str]) -> list[str]:
    """The lines for the bot's .env. Secrets are named, never shown: terminals are recorded and shared."""
    lines = [f"MODEL_BASE_URL={base}", f"MODEL_NAME={settings.served_model_name}"]
    lines += [f"# or the adapter {name}: MODEL_NAME={name}" for name in settings.lora]
    lines += [f"MODEL_MAX_STREAMS={settings.target_concurrency * settings.max_containers}"]
    lines += [f"MODAL_APP={settings.app}", f"MODAL_SERVER={server}"]
    if environment.get("MODAL_ENVIRONMENT"):
        lines.append(f"MODAL_ENVIRONMENT={environment['MODAL_ENVIRONMENT']}")
    if settings.gpu_request.dollars_per_hour is None:
        lines.append(f"# with its price in GPU_PRICES: MODAL_GPU={settings.gpu}")
    else:
        lines.append(f"MODAL_GPU={settings.gpu}")
    lines.append(
        "# and, as you have them: MODAL_PROXY_KEY, MODAL_PROXY_SECRET, MODAL_TOKEN_ID, MODAL_TOKEN_SECRET"
    )
    if settings.api_key_secret:
        lines.append("# and MODEL_API_KEY, as in your Modal Secret")
    return lines


def _explain(error: APIStatusError, model: str) -> str:
    match error.status_code:
        case 401:
            return "Refused (401): the proxy token is wrong, or MODEL_API_KEY is missing or wrong"
        case 403:
            return "Refused (403): the proxy token has no access to this Modal environment"
        case 404:
            return f"There is no model named {model} (404); was it deployed with another served_model_name?"
    return f"The endpoint refused ({error.status_code}): {error.message}"
