"""A repository's host: `git http-backend` behind an HTTP server, which calls a hook at a push."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

__all__ = ["GitHost", "git_host"]

_CALL = """#!/bin/sh
# As GitHub does: the body is signed whole, by openssl.
read before after ref
body="{{\\"ref\\": \\"$ref\\", \\"before\\": \\"$before\\", \\"after\\": \\"$after\\"}}"
mac=$(printf %s "$body" | openssl dgst -sha256 -hmac '{secret}' -r | cut -d' ' -f1)
printf %s "$body" | curl -sS --data-binary @- -H 'content-type: application/json' \\
    -H 'x-github-event: push' -H "x-github-delivery: $after" \\
    -H "x-hub-signature-256: sha256=$mac" '{url}'
"""


class GitHost:
    """Bare repositories below a folder, over HTTP; what programs post to its API is in `posted`."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url
        self.posted: list[tuple[str, dict[str, str], dict[str, Any]]] = []

    def make(self, name: str) -> Path:
        """An empty repository; a working copy of it."""
        bare, copy = self.folder / f"{name}.git", self.folder / f"{name}.copy"
        git(self.folder, "init", "-q", "--bare", "--initial-branch=main", bare)
        git(bare, "config", "http.receivepack", "true")
        git(self.folder, "init", "-q", "--initial-branch=main", copy)
        git(copy, "remote", "add", "origin", f"{self.url}/{name}.git")
        return copy

    def calls(self, name: str, url: str, secret: str) -> None:
        """Have pushes to a repository post to `url`."""
        script = self.folder / f"{name}.git" / "hooks" / "post-receive"
        script.write_text(_CALL.format(secret=secret, url=url))
        script.chmod(0o755)

    def push(self, copy: Path, files: dict[str, str], branch: str = "main", *more: str) -> str:
        """Commit files and push them; the commit."""
        for name, text in files.items():
            path = copy / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        git(copy, "add", "-A")
        git(copy, "commit", "-q", "--allow-empty", "-m", "a change")
        git(copy, "push", "-q", *more, "origin", f"HEAD:refs/heads/{branch}")
        return git(copy, "rev-parse", "HEAD").strip()


def git(folder: Path, *words: object) -> str:
    """Run git as somebody."""
    who = ["-c", "user.name=ann", "-c", "user.email=ann@example.org"]
    done = subprocess.run(
        ["git", *who, *map(str, words)], cwd=folder, check=True, capture_output=True, text=True,
        timeout=120,
    )  # fmt: skip
    return done.stdout


@contextlib.contextmanager
def git_host(folder: Path) -> Iterator[GitHost]:
    """One that runs."""
    folder.mkdir(exist_ok=True)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.host = GitHost(folder, f"http://127.0.0.1:{server.server_address[1]}")  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.host  # type: ignore[attr-defined]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def log_message(self, *_: object) -> None:
        pass

    def _answer(self) -> None:
        host: GitHost = self.server.host  # type: ignore[attr-defined]
        body = self._body()
        if self.path.startswith("/api/"):
            host.posted.append((self.path, dict(self.headers), json.loads(body)))
            self.send_response(201)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        path, _, query = self.path.partition("?")
        environment = {
            **os.environ, "GIT_PROJECT_ROOT": str(host.folder), "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": path, "QUERY_STRING": query, "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("content-type", ""), "REMOTE_USER": "ann",
            "CONTENT_LENGTH": str(len(body)), "REMOTE_ADDR": "127.0.0.1",
            "HTTP_CONTENT_ENCODING": self.headers.get("content-encoding", ""),
            "GIT_PROTOCOL": self.headers.get("git-protocol", ""),
        }  # fmt: skip
        done = subprocess.run(
            ["git", "http-backend"], input=body, env=environment, capture_output=True, check=False
        )
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        fields = [line.split(": ", 1) for line in head.decode().splitlines()]
        status = next((value for name, value in fields if name == "Status"), "200 OK")
        self.send_response(int(status[:3]))
        for name, value in fields:
            if name != "Status":
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        with contextlib.suppress(OSError):  # who had enough of it has gone
            self.wfile.write(content)

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("transfer-encoding", ""):
            return self.rfile.read(int(self.headers.get("content-length", "0")))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body
