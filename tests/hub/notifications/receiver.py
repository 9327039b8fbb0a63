"""An HTTP service that takes messages, as ntfy does: what came, and an answer that tests choose."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import http.server
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Received:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def said(self) -> dict[str, Any]:
        return json.loads(self.body)

    def is_signed_by(self, secret: str) -> bool:
        """By standardwebhooks.com: HMAC-SHA256 of `id.timestamp.body`, base64 after `v1,`."""
        key = base64.b64decode(secret.split("_", 1)[1])
        content = b".".join([
            self.headers["webhook-id"].encode(),
            self.headers["webhook-timestamp"].encode(),
            self.body,
        ])  # fmt: skip
        mac = base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()
        return self.headers["webhook-signature"].split(" ") == [f"v1,{mac}"]


@dataclass
class Receiver:
    """`always` by path, else `answers` are given in turn, then 200; `host` is where it listens.

    What comes to a path in `slow` is answered once that is set, and counted in `waiting`.
    """

    host: str = ""
    always: dict[str, int] = field(default_factory=dict)
    got: list[Received] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    slow: dict[str, threading.Event] = field(default_factory=dict)
    waiting: list[str] = field(default_factory=list)


@contextlib.contextmanager
def receiving() -> Iterator[Receiver]:
    """One on a free port of this machine."""
    receiver = Receiver()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            if self.path in receiver.slow:
                receiver.waiting.append(self.path)
                receiver.slow[self.path].wait(60)
            status = receiver.always.get(self.path)
            if status is None:
                receiver.got.append(Received(self.path, headers, body))
                status = receiver.answers.pop(0) if receiver.answers else 200
            self.send_response(status)
            if status == 302:
                self.send_header("location", f"http://{receiver.host}/elsewhere")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.host = f"127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
