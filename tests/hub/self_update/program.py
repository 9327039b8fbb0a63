"""What a version's bin/python is in these tests: a program that does of a hub what its keeper sees.

A hub in little: it holds the folder's lock, migrates `schema`, says in hub.json that it is up,
answers /healthz, ends in order at SIGINT; its doctor, its downgrade and its import. How it behaves
is in the file `behaviour` of its tree.
"""

from __future__ import annotations

import fcntl
import http.server
import json
import os
import signal
import sys
from pathlib import Path
from types import FrameType

tree = Path(sys.argv[0]).parent.parent
behaviour = json.loads((tree / "behaviour").read_text())
words = sys.argv[4:]  # behind -P -m host
data = Path(os.environ["DORMOUSE_DATA_DIR"])
schema = data / "schema"


def write(path: Path, text: str) -> None:
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    fresh.write_text(text)
    fresh.replace(path)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(behaviour["healthz"])
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def hub() -> int:
    lock = (data / "hub.lock").open("a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return 4
    if schema.read_text() > behaviour["schema"]:
        return 6
    if schema.read_text() < behaviour["schema"]:
        write(data / "backup", schema.read_text())
        write(schema, behaviour["schema"])
    if behaviour["ends"] is not None:
        return int(behaviour["ends"])
    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    facts = {
        "pid": os.getpid(), "host": "127.0.0.1", "http_port": server.server_address[1],
        "version": tree.name,
    }  # fmt: skip

    def stop(_: int, __: FrameType | None) -> None:
        (data / "hub.json").unlink(missing_ok=True)
        os._exit(0)

    signal.signal(signal.SIGINT, stop)
    write(data / "hub.json", json.dumps(facts))
    server.serve_forever()
    return 0


def downgrade(to: str) -> int:
    since: dict[str, tuple[str, int]] = {}
    if schema.read_text() != to:
        if not (data / "backup").exists():
            print("there is no backup from before", file=sys.stderr)
            return 1
        since = {"home": (str(data / "since.csv"), 4)}
        write(schema, (data / "backup").read_text())
    print(json.dumps({"schema": to, "former": "dormouse_2", "since": since}))
    return 0


def main() -> int:
    if words[:2] == ["hub", "doctor"]:
        print(json.dumps([{"what": one, "verdict": "bad"} for one in behaviour["doctor"]]))
        return 0
    if words[:2] == ["hub", "downgrade"]:
        return downgrade(words[words.index("--schema") + 1])
    if words[:2] == ["hub", "import"]:
        with (data / "imported").open("a") as file:
            file.write(f"{words[2]}\n")
        return 0
    return hub()


sys.exit(main())
