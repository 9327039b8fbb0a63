"""How long a new version of the hub is waited for, and what its doctor may leave open."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Sequence

import pytest

from hub.self_update.health import HubHealth


class Healthz(http.server.BaseHTTPRequestHandler):
    status = 200

    def do_GET(self) -> None:
        self.send_response(self.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def clock():
    return [1000.0]


@pytest.fixture
def watched(tmp_path, clock):
    """`watched(doctor)`: a hub of process 7 that answers, once `up` is called."""
    handler = type("Answers", (Healthz,), {})
    server = http.server.HTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()

    def up() -> type[Healthz]:
        facts = {"pid": 7, "host": "127.0.0.1", "http_port": server.server_address[1]}
        (tmp_path / "hub.json").write_text(json.dumps(facts))
        return handler

    def make(findings: Sequence[str] | None = ()) -> HubHealth:
        return HubHealth(
            tmp_path, 7, lambda: findings, known_bad=("old",), watch_s=600, start_s=3600,
            clock=lambda: clock[0],
        )  # fmt: skip

    make.up = up  # type: ignore[attr-defined]
    yield make
    server.shutdown()
    server.server_close()
    thread.join()


def test_one_that_does_not_become_ready(watched, clock):
    health = watched()
    clock[0] += 3600
    assert health.complaint() == ""
    clock[0] += 1
    assert health.complaint() == "was not ready within 60 minutes"


def test_it_is_proven_when_it_was_well_for_all_of_the_time(watched, clock):
    health = watched(["old"])
    watched.up()
    for _ in range(60):
        assert (health.complaint(), health.is_proven()) == ("", False)
        clock[0] += 10
    assert (health.complaint(), health.is_proven()) == ("", True)


def test_a_minute_away_is_forgiven_and_more_is_not(watched, clock):
    health = watched()
    answers = watched.up()
    assert health.complaint() == ""
    answers.status = 503
    clock[0] += 60
    assert health.complaint() == ""
    answers.status = 200
    clock[0] += 10
    assert health.complaint() == ""
    answers.status = 503
    clock[0] += 61
    assert health.complaint() == "is not healthy: /healthz answers 503"


def test_a_doctor_that_cannot_say_is_asked_again_for_a_while(watched, clock):
    health = watched(None)
    watched.up()
    for _ in range(120):
        assert (health.complaint(), health.is_proven()) == ("", False)
        clock[0] += 10
    clock[0] += 10
    assert health.complaint() == "is not healthy: its doctor cannot say what holds"
