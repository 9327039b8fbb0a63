"""A port of the tests' is one process' until that ends, though nobody listens at it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import ports
from tests.support.hub import ROOT

CLAIMS = """
import sys
from pathlib import Path
from tests.support import ports
ports._CLAIMS = Path(sys.argv[1])
ports._kept_numbers = lambda: range(int(sys.argv[2]), int(sys.argv[2]) + 40)
print(*(ports.claimed_port() for _ in range(20)), flush=True)
sys.stdin.read()
"""


def claims(file: Path, start: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", CLAIMS, file, str(start)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True)


def test_no_two_processes_have_one_and_a_killed_one_has_none(monkeypatch, tmp_path):
    # 40 numbers that no other test gets meanwhile, given anew by a file of their own.
    start = ports.claimed_port(following=39)
    every = set(range(start, start + 40))
    with claims(tmp_path / "claims", start) as one, claims(tmp_path / "claims", start) as other:
        first, second = ({int(word) for word in p.stdout.readline().split()} for p in (one, other))
        assert (len(first), len(second), first | second) == (20, 20, every)
        monkeypatch.setattr(ports, "_claims", lambda: own)
        monkeypatch.setattr(ports, "_claimed", set())
        monkeypatch.setattr(ports, "_kept_numbers", lambda: range(start, start + 40))
        own = os.open(tmp_path / "claims", os.O_RDWR)
        with pytest.raises(OSError, match="no port is free"):
            ports.claimed_port()
        one.kill()
        assert one.wait() == -signal.SIGKILL
        assert {ports.claimed_port() for _ in range(20)} == first
        os.close(own)


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM], ids=["TCP", "UDP"])
@pytest.mark.parametrize("host", ["127.0.0.1", "127.7.7.7", "::1"])
def test_what_somebody_is_bound_to_is_not_given(monkeypatch, host, kind):
    port = ports.claimed_port()
    ports._claimed.remove(port)
    monkeypatch.setattr(ports, "_kept_numbers", lambda: range(port, port + 1))
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, kind) as other:
        other.bind((host, port))
        with pytest.raises(OSError, match="no port is free"):
            ports.claimed_port()


@pytest.mark.parametrize(
    ("given", "kept"),
    [("32768\t60999", range(18_768, 30_768)), ("15000\t30000", range(30_001, 42_001)),
     ("49152\t65535", range(35_152, 47_152)), ("1024\t65535", range(20_000, 32_000))],
)  # fmt: skip
def test_they_are_none_that_the_system_gives_by_itself(monkeypatch, tmp_path, given, kept):
    monkeypatch.setattr(ports, "_GIVEN", Path(tmp_path / "range"))
    (tmp_path / "range").write_text(given)
    assert ports._kept_numbers.__wrapped__() == kept
