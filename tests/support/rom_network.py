"""An emulated board behind a network port (RFC 2217): the only line here with RTS and DTR."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

import pytest
import serial
import serial.rfc2217

from tests.support.rom_loader import Serial


class Lines:
    """The adapter: data to the board's pty, and RTS and DTR to its reset and GPIO0 as on NodeMCU.

    RTS alone holds it in reset; when it lets go, DTR says whether GPIO0 is low: the loader.
    """

    name = "adapter"
    cts = dsr = True
    ri = cd = break_condition = False

    def __init__(self, board: Serial) -> None:
        self.starts: list[str] = []
        self._board = board
        self._rts = False
        self.dtr = False
        self.port = serial.serial_for_url(board.port, 115200, timeout=0.05)

    def __getattr__(self, name: str) -> object:
        return getattr(self.port, name)

    @property
    def baudrate(self) -> int:
        return self.port.baudrate

    @baudrate.setter
    def baudrate(self, value: int) -> None:
        self.port.baudrate = value

    @property
    def rts(self) -> bool:
        return self._rts

    @rts.setter
    def rts(self, value: bool) -> None:
        released, self._rts = self._rts and not value, value
        if released:
            self.starts.append("loader" if self.dtr else "application")
            self._board.chip.reset(loader=self.dtr)


class Network:
    """The RFC 2217 server for one connection; `url` is its address."""

    def __init__(self, lines: Lines) -> None:
        self.lines = lines
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"rfc2217://127.0.0.1:{self._listener.getsockname()[1]}"
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._serve, name="rfc2217")]
        self._threads[0].start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            client, _ = self._listener.accept()
            client.settimeout(0.2)
            with client:
                self._talk(client)

    def _talk(self, client: socket.socket) -> None:
        lock = threading.Lock()

        def send(data: bytes) -> None:
            with lock, contextlib.suppress(OSError):
                client.sendall(data)

        manager = serial.rfc2217.PortManager(
            self.lines, type("Out", (), {"write": staticmethod(send)})
        )

        def back() -> None:
            while not self._ended.is_set():
                if data := self.lines.port.read(self.lines.port.in_waiting or 1):
                    send(b"".join(manager.escape(data)))

        reader = threading.Thread(target=back, name="rfc2217 back")
        self._threads.append(reader)
        reader.start()
        while not self._ended.is_set():
            try:
                data = client.recv(4096)
            except TimeoutError:
                continue
            if not data:
                return
            self.lines.port.write(b"".join(manager.filter(data)))

    def stop(self) -> None:
        self._ended.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join()
        self.lines.port.close()


@pytest.fixture
def networked() -> Iterator[Callable[[Serial], Network]]:
    """Puts a plugged-in board behind a network port."""
    made: list[Network] = []

    def put(board: Serial) -> Network:
        made.append(Network(Lines(board)))
        return made[-1]

    yield put
    for network in made:
        network.stop()
