"""The device's prompt: mpremote's raw REPL, and what we ask there."""

from __future__ import annotations

import contextlib
import io
import json
import time
from pathlib import Path
from typing import Any, Self

from mpremote.transport import TransportError, TransportExecError
from mpremote.transport_serial import SerialTransport
from serial import SerialException

from host import serial_port
from host.provision.errors import DeviceSaidError, NoPromptError

__all__ = ["Repl"]

# A board that is awake answers within this; then it is reset, where RTS does that.
_LISTENS_S = 2.0
_ENTER_S = 0.5
# A wake may be over after half a second: ctrl-C is pressed often enough to meet it.
_PRESS_EVERY_S = 0.1
_PRESSES = 10
_RESET_S = 0.1
# Serial reads give up after this; mpremote then looks at its own time-outs.
_READ_S = 1.0


class Repl:
    """An open port with a board at its prompt; leaving it frees the port.

    `within` (s): how long the board may take to show its prompt, being woken or reset by hand.
    """

    def __init__(self, port: str, *, within: float = 30.0) -> None:
        self.port = port
        self._within = within
        self._transport: Any = None

    def __enter__(self) -> Self:
        serial_port.check(self.port)
        try:
            self._transport = SerialTransport(self.port, timeout=_READ_S)
        except (TransportError, SerialException, OSError) as error:
            raise serial_port.PortBusyError(f"{self.port}: cannot be opened: {error}") from None
        try:
            self._reach_prompt()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def _close(self) -> None:
        with contextlib.suppress(TransportError, SerialException, OSError):
            if self._transport.in_raw_repl:
                self._transport.exit_raw_repl()
        with contextlib.suppress(SerialException, OSError):
            self._transport.close()

    def _reach_prompt(self) -> None:
        """Interrupt what runs; reset the board if it does not listen. Raises NoPromptError."""
        began = time.monotonic()
        reset = False
        while time.monotonic() < began + self._within:
            self._interrupt()
            if self._entered(_ENTER_S):
                return
            if not reset and time.monotonic() > began + _LISTENS_S:
                reset = True
                self._pulse_reset()
        raise NoPromptError(self.port)

    def _interrupt(self) -> None:
        """Press ctrl-C for a while, until the prompt shows; at the raw one nothing does."""
        received = b""
        for _ in range(_PRESSES):
            with contextlib.suppress(SerialException, OSError):
                self._transport.serial.write(b"\r\x03")
                time.sleep(_PRESS_EVERY_S)
                received += self._transport.serial.read(self._transport.serial.in_waiting)
            if b">>> " in received:
                return

    def _entered(self, within: float) -> bool:
        try:
            # mpremote prints what it did not understand.
            with contextlib.redirect_stdout(io.StringIO()):
                self._transport.enter_raw_repl(soft_reset=False, timeout_overall=within)
        except (TransportError, SerialException, OSError):
            return False
        return True

    def _pulse_reset(self) -> None:
        """RTS is wired to reset on boards that restart by themselves, to nothing elsewhere."""
        with contextlib.suppress(SerialException, OSError):
            self._transport.serial.dtr = False
            self._transport.serial.rts = True
            time.sleep(_RESET_S)
            self._transport.serial.rts = False

    def run(self, code: str, *, within: float = 10.0) -> str:
        """Execute code on the device; what it printed. Raises DeviceSaidError with its last line.

        `code` goes nowhere but over the wire: not echoed, not in errors.
        """
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                printed, failed = self._transport.exec_raw(code, timeout=within)
        except (TransportError, SerialException, OSError, ValueError) as error:
            reason = str(error) or type(error).__name__
            raise DeviceSaidError(f"{self.port}: the device went silent: {reason}") from None
        if failed:
            lines = failed.decode(errors="replace").strip().splitlines()
            raise DeviceSaidError(f"{self.port}: the device said: {lines[-1] if lines else '?'}")
        return str(printed.decode(errors="replace"))

    def evaluate(self, code: str, *, within: float = 10.0) -> Any:
        """The value of the JSON in the last line that `code` prints."""
        printed = self.run(code, within=within)
        lines = printed.strip().splitlines()
        try:
            return json.loads(lines[-1])
        except (IndexError, ValueError):
            raise DeviceSaidError(f"{self.port}: the device gave no answer") from None

    def write(self, path: str, data: bytes) -> None:
        """Put a file on the device, whole or not at all."""
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                self._transport.fs_writefile(path + ".new", data)
        except (TransportExecError, TransportError, SerialException, OSError) as error:
            reason = getattr(error, "strerror", None) or str(error).strip().rpartition("\n")[2]
            raise DeviceSaidError(f"{self.port}: {path} cannot be written: {reason}") from None
        self.run(f"import os; os.rename({path + '.new'!r}, {path!r})")

    def copy(self, source: Path, path: str) -> None:
        """Copy a file to the device, making its folders."""
        folders = path.split("/")[:-1]
        for depth in range(1, len(folders) + 1):
            folder = "/".join(folders[:depth])
            self.run(f"import os\ntry:\n os.mkdir({folder!r})\nexcept OSError:\n pass")
        self.write(path, source.read_bytes())

    def restart(self) -> None:
        """Reset the device; it runs its program from now on."""
        self._transport.exec_raw_no_follow("import machine; machine.reset()")
        self._transport.in_raw_repl = False

    def overheard(self) -> str:
        """What the device printed since the last look, without waiting."""
        try:
            count = self._transport.serial.in_waiting
            return str(self._transport.serial.read(count).decode(errors="replace"))
        except (SerialException, OSError):
            return ""
