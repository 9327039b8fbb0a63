"""The native OTA server as a child, and a plain client for it: one datagram at a time."""

from __future__ import annotations

import json
import select
import socket
import subprocess
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

from contracts.ota.protocol import Datagram, SignedStream

SLOT = 0x3C000
FLASH_SIZE = 1 << 20
CUT = 9
"""Exit status of a server that ended in the middle of a flash operation."""


class Server:
    """A running otaserver on a flash file; `lines` are what it said, once it has ended."""

    def __init__(self, program: Path, flash: Path, *arguments: str | Path) -> None:
        self._command = [program, "--flash", flash, "--port", "0", *arguments]
        self.lines: list[str] = []
        self._heard = b""

    def __enter__(self) -> Self:
        self._child = subprocess.Popen(self._command, stdout=subprocess.PIPE, bufsize=0)
        assert self._child.stdout is not None
        self._said = self._child.stdout
        first = self._said.readline()
        assert first.startswith(b"listening on "), first
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.connect(("127.0.0.1", int(first.rsplit(b":", 1)[1])))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.socket.close()
        if self._child.poll() is None:
            self.stop()
        self._said.close()

    def wait(self) -> int:
        """Its exit status; its lines are in `lines` then."""
        while chunk := self._said.read(65536):
            self._heard += chunk
        self.lines = self._heard.decode().splitlines()
        return self._child.wait(timeout=60)

    def stop(self) -> dict[str, int]:
        """End it and return its counts."""
        self._child.terminate()
        self.wait()
        return self.counts

    @property
    def counts(self) -> dict[str, int]:
        """Datagrams by verdict, and flash operations."""
        (line,) = (line for line in self.lines if line.startswith("counts "))
        return json.loads(line.removeprefix("counts "))

    def ask(self, raw: bytes) -> bytes | None:
        """The answer to a datagram, None when the server ended instead."""
        self.socket.send(raw)
        while True:
            ready, _, _ = select.select([self.socket, self._said], [], [], 60)
            assert ready, "neither an answer nor an end"
            if self._said in ready:
                chunk = self._said.read(65536)
                self._heard += chunk
                if not chunk:
                    return None
            if self.socket in ready:
                try:
                    return self.socket.recv(100)
                except ConnectionRefusedError:
                    return None

    def ask_until_answered(self, raw: bytes) -> int:
        """How often a datagram had to be sent until it was answered."""
        self.socket.settimeout(0.02)
        for times in range(1, 1000):
            self.socket.send(raw)
            try:
                answer = self.socket.recv(100)
            except TimeoutError:
                continue
            assert answer == raw[:12] + b"\0" * 8
            return times
        raise AssertionError("never answered")

    def send(self, datagrams: Iterable[bytes]) -> None:
        """Send datagrams that get no answer."""
        for raw in datagrams:
            self.socket.send(raw)

    def take(self, data: Iterable[Datagram]) -> bool:
        """Send datagrams one by one, each answered; False when the server ended meanwhile."""
        for datagram in data:
            answer = self.ask(datagram.raw)
            if answer is None:
                return False
            assert answer == datagram.raw[:12] + b"\0" * 8
        return True

    def update(self, stream: SignedStream) -> int:
        """Stream an image to its end; the server's exit status."""
        if self.take(stream.data):
            self.send([stream.end[0].raw])
        return self.wait()


def blank_flash(path: Path, content: bytes = b"", at: int = SLOT) -> Path:
    """A flash file, erased but for `content`."""
    flash = bytearray(b"\xff" * FLASH_SIZE)
    flash[at : at + len(content)] = content
    path.write_bytes(flash)
    return path


def decide(program: Path, flash: Path, rtc: Path, *arguments: str | Path) -> dict[str, object]:
    """What the native bootloader decides; its exit status must agree."""
    done = subprocess.run(
        [program, "--flash", flash, "--rtc", rtc, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode in {0, 10}, done.stderr
    decision = json.loads(done.stdout)
    assert decision["start"] == ("app" if done.returncode == 0 else "server")
    return decision
