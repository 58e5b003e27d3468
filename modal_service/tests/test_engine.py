"""Start, health, warm-up, sleep, wake and stop, with a small process in vLLM's place."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from processes import FAKE, LONG_S, free_port, is_running, is_watched, requests, wait_until

from serving.engine import Engine, EngineError, describe_exit


class FastClock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "requests.log"
    path.touch()
    return path


@pytest.fixture
def engine(log: Path) -> Iterator[Callable[..., Engine]]:
    made: list[Engine] = []

    def make(*faults: str, **options: object) -> Engine:
        port = free_port()
        command = [sys.executable, str(FAKE), "--port", str(port), "--log", str(log), *faults]
        made.append(Engine(command, port=port, model="pilotlight", **{"poll_s": 0.02, **options}))
        return made[-1]

    yield make
    for each in made:
        each.stop(grace_s=0.1)


def test_takes_no_traffic_before_it_is_healthy_and_warm(engine, log):
    started = engine()
    started.start(LONG_S)
    assert requests(log) == ["GET /health", "POST /v1/chat/completions", "POST /v1/chat/completions"]


def test_around_a_snapshot_it_waits_until_vllm_really_sleeps_and_really_woke(engine, log):
    started = engine()
    started.start(LONG_S)
    log.write_text("")
    started.sleep(LONG_S)
    assert log.read_text().splitlines() == ["POST /sleep?level=1", "GET /is_sleeping", "GET /is_sleeping"]
    log.write_text("")
    started.wake(LONG_S)
    assert log.read_text().splitlines() == [
        "POST /wake_up",
        "GET /is_sleeping",
        "GET /is_sleeping",
        "GET /health",
    ]


def test_shows_the_api_key_while_warming_up(engine):
    engine("--key", "right", api_key="right").start(LONG_S)
    with pytest.raises(EngineError, match="refused with 401"):
        engine("--key", "right", api_key="wrong").start(LONG_S)


def test_one_that_never_gets_healthy_is_given_up_and_ended(engine):
    clock = FastClock()
    started = engine("--never-healthy", clock=clock, poll_s=5)
    with pytest.raises(EngineError, match="not healthy in time.*startup_timeout"):
        started.start(885)
    assert 885 <= clock.now <= 890
    assert not is_running(started.pid)


def test_one_that_hangs_is_given_up_and_ended(engine):
    started = engine("--hang-on-health")
    with pytest.raises(EngineError, match="not healthy in time"):
        started.start(1.5)
    assert not is_running(started.pid)


def test_one_that_dies_while_loading_is_not_waited_for(engine):
    with pytest.raises(EngineError, match=r"ended before it was healthy \(exit code 3\)"):
        engine("--exit-at-once", "3").start(LONG_S)


def test_one_that_dies_on_the_first_question_is_noticed(engine):
    started = engine("--die-on-question", "1")
    with pytest.raises(EngineError, match=r"exit code 1|got no answer"):
        started.start(LONG_S)
    assert not is_running(started.pid)


def test_one_that_refuses_a_question_gets_no_traffic_and_says_why(engine):
    started = engine("--refuse-questions")
    with pytest.raises(EngineError, match="400.*no chat template"):
        started.start(LONG_S)
    assert not is_running(started.pid)


def test_one_that_does_not_fall_asleep_makes_no_snapshot(engine):
    started = engine("--never-asleep")
    started.start(LONG_S)
    with pytest.raises(EngineError, match="not asleep in time"):
        started.sleep(0.5)


def test_stop_ends_the_workers_too(engine, tmp_path):
    started = engine("--worker-pid", str(tmp_path / "worker"))
    started.start(LONG_S)
    worker = int((tmp_path / "worker").read_text())
    assert is_running(worker)
    started.stop()
    wait_until(lambda: not is_running(worker))
    assert not is_running(started.pid)


def test_stop_kills_one_that_ignores_sigterm(engine):
    started = engine("--ignore-sigterm")
    started.start(LONG_S)
    started.stop(grace_s=0.2)
    assert not is_running(started.pid)


def test_a_death_while_serving_is_reported_and_a_stop_is_not(engine):
    deaths: list[int] = []
    died = threading.Event()
    serving = engine()
    serving.start(LONG_S)
    serving.watch(lambda code: (deaths.append(code), died.set()))
    os.kill(serving.pid, signal.SIGKILL)
    assert died.wait(LONG_S)
    assert deaths == [-signal.SIGKILL]

    stopped = engine()
    stopped.start(LONG_S)
    stopped.watch(deaths.append)
    stopped.stop()
    wait_until(lambda: not is_watched())
    assert deaths == [-signal.SIGKILL]


def test_a_death_while_serving_ends_the_container(log):
    port = free_port()
    command = [sys.executable, str(FAKE), "--log", str(log), "--port", str(port)]
    script = f"""
        import os, signal, time
        from serving.engine import Engine
        engine = Engine({command!r}, port={port}, model="pilotlight", poll_s=0.02)
        engine.start({LONG_S})
        engine.watch()
        os.kill(engine.pid, signal.SIGKILL)
        time.sleep({LONG_S})
    """
    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        cwd=FAKE.parent.parent,
        capture_output=True,
        text=True,
        timeout=2 * LONG_S,
    )
    assert ended.returncode == 1, ended.stderr
    assert "ended by itself (SIGKILL: most likely out of memory)" in ended.stdout


def test_return_codes_in_words():
    assert describe_exit(3) == "exit code 3"
    assert describe_exit(-signal.SIGSEGV) == "SIGSEGV"
