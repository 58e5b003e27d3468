"""A deployed endpoint on this machine, for the real openai client: asleep, streaming or failing."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


def delta(**content: str) -> dict[str, Any]:
    """A chunk with a piece of the answer."""
    return {"choices": [{"index": 0, "delta": content, "finish_reason": None}]}


def finish(reason: str) -> dict[str, Any]:
    """The chunk that ends the answer."""
    return {"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}


USAGE = {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}}
ANSWER = [
    delta(role="assistant", content=""),
    delta(content="A small"),
    delta(content=" flame."),
    finish("stop"),
    USAGE,
]


@dataclass
class Endpoint:
    """What it does next, and what it was sent."""

    asleep_for: int = 0
    """So many requests find no container: 503, as Modal's Server says it."""
    refuse_with: int = 0
    chunks: list[dict[str, Any]] = field(default_factory=lambda: list(ANSWER))
    done: bool = True
    """Whether `data: [DONE]` comes after the chunks."""
    requests: list[tuple[dict[str, str], dict[str, Any]]] = field(default_factory=list)
    url: str = ""


@contextmanager
def running() -> Iterator[Endpoint]:
    """An endpoint that is awake and answers."""
    endpoint = Endpoint()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *arguments: object) -> None:
            """Says nothing."""

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            headers = {name.lower(): value for name, value in self.headers.items()}
            endpoint.requests.append((headers, body))
            if endpoint.asleep_for:
                endpoint.asleep_for -= 1
                self.say(503, b"modal-http: no containers are available", "text/plain")
            elif endpoint.refuse_with:
                self.say(endpoint.refuse_with, b'{"error":"Unauthorized"}', "application/json")
            else:
                self.stream()

        def stream(self) -> None:
            base = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "pilotlight"}
            lines = [
                json.dumps({**base, **chunk} if "error" not in chunk else chunk) for chunk in endpoint.chunks
            ]
            lines += ["[DONE]"] if endpoint.done else []
            self.say(200, "".join(f"data: {line}\n\n" for line in lines).encode(), "text/event-stream")

        def say(self, status: int, body: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    endpoint.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield endpoint
    finally:
        server.shutdown()
        server.server_close()
