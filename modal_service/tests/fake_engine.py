"""A process in vLLM's place: `python fake_engine.py --port 1234 --log FILE`, with faults to ask for.

It writes each request it gets to the log, one a line.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("--port", type=int, required=True)
parser.add_argument("--log", type=Path, required=True)
parser.add_argument("--key", default="")
parser.add_argument("--exit-at-once", type=int)
parser.add_argument("--never-healthy", action="store_true")
parser.add_argument("--hang-on-health", action="store_true")
parser.add_argument("--refuse-questions", action="store_true")
parser.add_argument("--die-on-question", type=int)
parser.add_argument("--never-asleep", action="store_true")
parser.add_argument("--ignore-sigterm", action="store_true")
parser.add_argument("--worker-pid", type=Path)
options = parser.parse_args()

if options.exit_at_once is not None:
    print("ValueError: the weights make no sense", file=sys.stderr)
    sys.exit(options.exit_at_once)

# vLLM says yes to /sleep and /wake_up before it has done so: the next question still finds the old state.
state = {"asleep": False, "wanted": False}


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        """Says nothing."""

    def note(self) -> None:
        with options.log.open("a") as log:
            log.write(f"{self.command} {self.path}\n")

    def do_GET(self) -> None:
        self.note()
        if self.path == "/health":
            if options.hang_on_health:
                time.sleep(3600)
            self.say(503 if options.never_healthy else 200, {})
        elif self.path == "/is_sleeping":
            self.say(200, {"is_sleeping": state["asleep"]})
            state["asleep"] = state["wanted"] and not options.never_asleep

    def do_POST(self) -> None:
        self.note()
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/sleep?level=1":
            state["wanted"] = True
            self.say(200, {})
        elif self.path == "/wake_up":
            state["wanted"] = False
            self.say(200, {})
        elif options.die_on_question is not None:
            os._exit(options.die_on_question)
        elif options.key and self.headers.get("Authorization") != f"Bearer {options.key}":
            self.say(401, {"error": "Unauthorized"})
        elif options.refuse_questions or json.loads(body)["model"] != "pilotlight":
            self.say(400, {"error": {"message": "this model has no chat template"}})
        else:
            self.say(200, {"choices": [{"message": {"content": "Hello."}}]})

    def say(self, status: int, body: object) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


if options.ignore_sigterm:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if options.worker_pid:
    # As vLLM's engine core: a process of its own that outlives its parent unless somebody ends it.
    worker = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"])
    options.worker_pid.write_text(str(worker.pid))
server = ThreadingHTTPServer(("127.0.0.1", options.port), Handler)
server.serve_forever()
