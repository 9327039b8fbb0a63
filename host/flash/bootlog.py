"""What a board says when it starts, and what that means."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["BootFinding", "BootLog"]

_APP_STATES = {
    2: "there is no image in the application's place",
    3: "its size is none, or too large for its place",
    4: "its MD5 is wrong: flash it again",
    5: "it is not signed, and this bootloader starts only signed ones",
    6: "its trailer is not of this image or key",
    7: "its signature is wrong: another key",
    8: "its security counter is below one that was confirmed here: sign it with a higher one",
}
_SIGNED_OR_WHOLE = {0, 1}
_CHECKED = 4  # the bootloader's reason where nobody asked for an update
_BOOT = re.compile(rb"boot: reason (\d), app (\d)")
_EXCEPTION = re.compile(rb"Fatal exception \(?(\d+)\)?")
_RUNS = re.compile(rb"MicroPython v|>>> ")
# The ROM's banner (readable where the crystal has 40 MHz), the bootloader's line.
_STARTS = re.compile(rb"ets [A-Z][a-z]{2} |boot: reason ")
# More starts than that in a few seconds without an exception: the power does not hold.
_RESTARTS = 3
# The ROM says up to 120 bytes at 74880 baud, which at any other speed are garbage.
_ROM_WORDS = 300
_LOG_BYTES = 4096


@dataclass(frozen=True, slots=True)
class BootFinding:
    """A verdict: whether the board runs what it was given, and one sentence."""

    good: bool
    text: str


class BootLog:
    """Takes the serial line's bytes and finds what they mean."""

    def __init__(self) -> None:
        self._log = b""
        self._count = 0
        self._unreadable = 0

    @property
    def started(self) -> bool:
        """Whether the bootloader has started the application."""
        return any(int(match[1]) == _CHECKED for match in _BOOT.finditer(self._log))

    def feed(self, data: bytes) -> BootFinding | None:
        """A verdict that needs no more bytes, None while there is none."""
        self._count += len(data)
        self._unreadable += sum(not (32 <= byte < 127 or byte in b"\r\n\t") for byte in data)
        self._log = (self._log + data)[-_LOG_BYTES:]
        if match := _EXCEPTION.search(self._log):
            return _exception(int(match[1]))
        if len(_STARTS.findall(self._log)) > _RESTARTS:
            return BootFinding(
                False,
                "the board starts again and again (brown-out): a weak USB adapter or cable; many "
                "power a board only while it is flashed. Give it 3.3 V, 300 mA",
            )
        if _RUNS.search(self._log):
            return BootFinding(True, "MicroPython runs")
        for match in _BOOT.finditer(self._log):
            if finding := _decision(int(match[1]), int(match[2])):
                return finding
        return None

    def silence(self) -> BootFinding:
        """The verdict when nothing more came."""
        match = _BOOT.search(self._log)
        if match and int(match[1]) == _CHECKED:
            signed = "signed" if match[2] == b"0" else "whole, not signed"
            return BootFinding(True, f"the bootloader started the application ({signed})")
        if self._unreadable * 2 > self._count and self._count > _ROM_WORDS:
            return BootFinding(
                False,
                "garbage on the serial line: the wrong flash mode (try --mode dout), or another "
                "speed than --console-baud",
            )
        return BootFinding(
            True,
            "nothing to read: a board that has its settings says nothing; otherwise take its power "
            "off and on",
        )


def _exception(number: int) -> BootFinding:
    if number == 0:
        return BootFinding(
            False, "Fatal exception (0): the application is no OTA build: it is linked for 0x0"
        )
    return BootFinding(False, f"Fatal exception ({number}): the application crashes at its start")


def _decision(reason: int, app: int) -> BootFinding | None:
    if reason == _CHECKED:
        if app in _SIGNED_OR_WHOLE:
            return None  # what the application makes of it is still to come
        why = _APP_STATES.get(app, f"state {app}")
        return BootFinding(False, f"the bootloader does not start the application: {why}")
    why = {
        1: "the application had asked for it",
        2: "it is built so",
        3: "a pin changed while it was starting: is something wired to a button's pin?",
    }.get(reason, f"reason {reason}")
    return BootFinding(False, f"the board waits for an update (OTA mode): {why}")
