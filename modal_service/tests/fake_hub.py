"""A Hugging Face Hub on this machine, for the real huggingface_hub: models, files by Range, and faults."""

from __future__ import annotations

import hashlib
import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


@dataclass
class Hub:
    """Repositories, what was asked for, and what is to go wrong."""

    repositories: dict[str, dict[str, bytes]] = field(default_factory=dict)
    commits: dict[str, str] = field(default_factory=dict)
    private: set[str] = field(default_factory=set)
    gated: set[str] = field(default_factory=set)
    """Anybody may list their files, and who was let in may read them."""
    downloads: list[tuple[str, int]] = field(default_factory=list)
    """Each file whose bytes were asked for, and from which byte on."""
    revisions: set[str] = field(default_factory=set)
    """The revisions that files were asked for at."""
    cut_once: dict[str, int] = field(default_factory=dict)
    """Files whose connection is dropped once, after so many bytes."""
    stall: dict[str, int] = field(default_factory=dict)
    """Files that stop coming after so many bytes, with the connection open."""
    corrupt: set[str] = field(default_factory=set)
    stalled: threading.Event = field(default_factory=threading.Event)

    def publish(self, repository: str, files: dict[str, bytes]) -> str:
        """Makes `files` the newest commit of a repository and returns its hash."""
        self.repositories[repository] = files
        self.commits[repository] = hashlib.sha1(repr((repository, files)).encode()).hexdigest()
        return self.commits[repository]


HUB = Hub()


def is_large(name: str) -> bool:
    """Whether the Hub keeps it as LFS."""
    return name.endswith((".safetensors", ".gguf"))


def etag(name: str, content: bytes) -> str:
    """The hash under which the Hub knows a file."""
    if is_large(name):
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments: object) -> None:
        """Says nothing."""

    def do_HEAD(self) -> None:
        self._resolve(with_body=False)

    def do_GET(self) -> None:
        if urlsplit(self.path).path.startswith("/api/models/"):
            self._describe()
        else:
            self._resolve(with_body=True)

    def _describe(self) -> None:
        _, _, _, owner, name, _, revision = urlsplit(self.path).path.split("/", 6)
        repository = f"{owner}/{name}"
        if not self._may_read(repository):
            return
        if revision not in ("main", HUB.commits[repository]):
            self._refuse(404, "RevisionNotFound")
            return
        siblings = []
        for file, content in HUB.repositories[repository].items():
            sibling = {"rfilename": file, "size": len(content), "blobId": etag(file, content)}
            if is_large(file):
                digest = etag(file, content)
                sibling["lfs"] = {"sha256": digest, "size": len(content), "pointerSize": 130}
            siblings.append(sibling)
        body = {"id": repository, "sha": HUB.commits[repository], "siblings": siblings}
        self._send(200, json.dumps(body).encode(), {"Content-Type": "application/json"})

    def _resolve(self, with_body: bool) -> None:
        owner, name, _, revision, file = urlsplit(self.path).path.removeprefix("/").split("/", 4)
        repository = f"{owner}/{name}"
        if not self._may_read(repository):
            return
        if repository in HUB.gated and self.headers.get("Authorization") != "Bearer hf_right":
            self._refuse(403, "GatedRepo")
            return
        HUB.revisions.add(revision)
        content = HUB.repositories[repository][file]
        headers = {
            "ETag": f'"{etag(file, content)}"',
            "X-Repo-Commit": HUB.commits[repository],
            "Accept-Ranges": "bytes",
        }
        if not with_body:
            self._send(200, b"", headers, length=len(content))
            return
        start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")[0])
        HUB.downloads.append((file, start))
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        body = content[start:]
        if file in HUB.corrupt:
            body = bytes(len(body))
        cut = HUB.cut_once.pop(file, None)
        stall = HUB.stall.get(file)
        stop = cut if cut is not None else stall
        self._send(206 if start else 200, body[:stop], headers, length=len(body))
        if stall is not None:
            HUB.stalled.set()
            self.rfile.read()
        if stop is not None:
            self.close_connection = True

    def _may_read(self, repository: str) -> bool:
        if repository not in HUB.repositories:
            self._refuse(404, "RepoNotFound")
        elif repository in HUB.private and self.headers.get("Authorization") != "Bearer hf_right":
            # As the real one: who may not see it is not told that it exists.
            self._refuse(401, "RepoNotFound")
        else:
            return True
        return False

    def _refuse(self, status: int, code: str) -> None:
        body = b"" if self.command == "HEAD" else b"{}"
        self._send(status, body, {"X-Error-Code": code, "Content-Type": "application/json"})

    def _send(self, status: int, body: bytes, headers: dict[str, str], length: int | None = None) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()


def start() -> str:
    """Starts the Hub and returns its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"
