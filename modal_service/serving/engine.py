"""A model server as a child process: start it, wait until it is healthy, warm it up, watch it, stop it.

Every wait has an end. A server that hangs or dies ends its container with an error: what goes on waiting on
Modal goes on being billed.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from typing import NoReturn, Protocol

WARM_UP_QUESTIONS = 2
"""The first compiles kernels and fills caches; the second shows that it did."""

REPORT_EVERY_S = 30.0

# Straight to the child: a proxy from the environment has no business between us.
_open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open


class EngineError(Exception):
    """The model server did not come up, or answered wrongly. The message says what to look at."""


class Clock(Protocol):
    """The passing of time, so that tests own it."""

    def monotonic(self) -> float:
        """Seconds since some moment."""

    def sleep(self, seconds: float) -> None:
        """Returns that much later."""


def end_container(returncode: int) -> NoReturn:
    """Ends the container with an error; Modal starts another one if somebody asks for it."""
    print(
        f"The model server ended by itself ({describe_exit(returncode)}); ending the container.", flush=True
    )
    sys.stdout.flush()
    # Not sys.exit: this runs in a thread, where that would end the thread alone.
    os._exit(1)


def describe_exit(returncode: int) -> str:
    """Puts a process's return code into words."""
    if returncode >= 0:
        return f"exit code {returncode}"
    name = signal.Signals(-returncode).name
    return f"{name}: most likely out of memory" if name == "SIGKILL" else name


class Engine:
    """One model server.

    `start` brings it up; `sleep` and `wake` stand around a memory snapshot; `watch` guards it while it
    serves; `stop` ends it. Within `within_s` seconds the first three succeed or raise EngineError.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        port: int,
        model: str,
        environment: Mapping[str, str] | None = None,
        api_key: str = "",
        clock: Clock = time,
        poll_s: float = 0.5,
    ) -> None:
        """`model` is the name it serves, for the warm-up; `environment` is added to ours."""
        self._command = list(command)
        self._environment = {**os.environ, **(environment or {})}
        self._base = f"http://127.0.0.1:{port}"
        self._model = model
        self._api_key = api_key
        self._clock = clock
        self._poll_s = poll_s
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = False

    @property
    def pid(self) -> int | None:
        """The process's id once it has been started."""
        return self._process.pid if self._process else None

    def start(self, within_s: float) -> None:
        """Starts the server and returns once it is healthy and has answered the warm-up questions."""
        deadline = self._clock.monotonic() + within_s
        print("Starting:", " ".join(self._command), flush=True)
        # A session of its own, so that stop() reaches the workers that vLLM forks.
        self._process = subprocess.Popen(self._command, env=self._environment, start_new_session=True)
        try:
            self._wait_until("healthy", self._is_healthy, deadline)
            for _ in range(WARM_UP_QUESTIONS):
                self._warm_up(deadline)
        except BaseException:
            self.stop(grace_s=5)
            raise
        print("Warm and ready.", flush=True)

    def sleep(self, within_s: float) -> None:
        """Has vLLM move its weights out of the GPU (level 1), so that a snapshot of it is small."""
        deadline = self._clock.monotonic() + within_s
        self._post("/sleep?level=1", None, deadline)
        # vLLM answers before it has fallen asleep.
        self._wait_until("asleep", lambda seconds: self._is_sleeping(seconds) is True, deadline)

    def wake(self, within_s: float) -> None:
        """Has vLLM move its weights back into the GPU, after a snapshot was restored."""
        deadline = self._clock.monotonic() + within_s
        self._post("/wake_up", None, deadline)
        self._wait_until("awake", lambda seconds: self._is_sleeping(seconds) is False, deadline)
        self._wait_until("healthy", self._is_healthy, deadline)

    def watch(self, on_death: Callable[[int], object] = end_container) -> None:
        """Calls `on_death` with the return code, from a thread, once the server ends without `stop`."""
        process = self._started()

        def wait() -> None:
            returncode = process.wait()
            if not self._stopping:
                on_death(returncode)

        threading.Thread(target=wait, name="engine-watch", daemon=True).start()

    def stop(self, grace_s: float = 20) -> None:
        """Ends the server and all it has started; those that ignore SIGTERM are killed after `grace_s`.

        Modal gives exit handlers 30 seconds, hence the default.
        """
        self._stopping = True
        if not self._process:
            return
        self._signal(signal.SIGTERM)
        try:
            self._process.wait(grace_s)
        except subprocess.TimeoutExpired:
            print(f"The model server ignored SIGTERM for {grace_s:g} s; killing it.", flush=True)
        self._signal(signal.SIGKILL)
        self._process.wait()

    def _started(self) -> subprocess.Popen[bytes]:
        if not self._process:
            raise EngineError("the model server was not started")
        return self._process

    def _signal(self, number: signal.Signals) -> None:
        # Its group outlives it while a worker is left, and is gone with the last one.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._started().pid, number)

    def _wait_until(self, state: str, reached: Callable[[float], bool], deadline: float) -> None:
        began = reported = self._clock.monotonic()
        while True:
            self._refuse_dead(state)
            if reached(self._seconds_left(deadline, state)):
                return
            now = self._clock.monotonic()
            if now - reported >= REPORT_EVERY_S:
                reported = now
                print(f"Not {state} yet after {now - began:.0f} s.", flush=True)
            self._clock.sleep(self._poll_s)

    def _seconds_left(self, deadline: float, state: str) -> float:
        left = deadline - self._clock.monotonic()
        if left <= 0:
            raise EngineError(
                f"{self._command[0]} was not {state} in time. Its log above says what it was doing; "
                "if that only takes longer, raise startup_timeout"
            )
        return left

    def _refuse_dead(self, state: str) -> None:
        returncode = self._started().poll()
        if returncode is not None:
            raise EngineError(
                f"{self._command[0]} ended before it was {state} ({describe_exit(returncode)}). "
                "Its last lines in the log above say why"
            )

    def _is_healthy(self, seconds: float) -> bool:
        try:
            # While weights load the port is closed (vLLM) or /health says 503 (llama-server).
            with _open(f"{self._base}/health", timeout=min(seconds, 5)) as answer:
                return answer.status == 200
        except (OSError, http.client.HTTPException):
            return False

    def _is_sleeping(self, seconds: float) -> bool | None:
        try:
            with _open(f"{self._base}/is_sleeping", timeout=min(seconds, 5)) as answer:
                return json.load(answer).get("is_sleeping")
        except (OSError, http.client.HTTPException, ValueError):
            return None

    def _warm_up(self, deadline: float) -> None:
        self._post(
            "/v1/chat/completions",
            {"model": self._model, "messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 8},
            deadline,
        )

    def _post(self, path: str, body: object, deadline: float) -> None:
        self._refuse_dead("ready")
        headers = {"Content-Type": "application/json"}
        if self._api_key:
            headers["Authorization"] = f"Bearer {self._api_key}"
        data = b"" if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._base + path, data=data, headers=headers, method="POST")
        try:
            with _open(request, timeout=self._seconds_left(deadline, "ready")) as answer:
                answer.read()
        except urllib.error.HTTPError as error:
            reason = error.read(500).decode(errors="replace")
            raise EngineError(f"{path} was refused with {error.code}: {reason}") from None
        except (OSError, http.client.HTTPException) as error:
            self._refuse_dead("ready")
            raise EngineError(f"{path} got no answer: {error}") from None
