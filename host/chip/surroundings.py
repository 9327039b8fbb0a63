"""What is around an emulated chip that is no network: the air, its supply, the time that passes."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

__all__ = ["AccessPoint", "ChipSurroundings"]

# Statuses of a station, as Espressif's SDK has them.
_WRONG_PASSWORD, _NO_AP_FOUND, _GOT_IP = 2, 3, 5
_WPA2 = 3


@dataclass(frozen=True, slots=True)
class AccessPoint:
    """A network that is on the air; `rssi` in dBm."""

    ssid: str
    key: str = ""
    bssid: bytes = bytes.fromhex("02446f726d02")
    channel: int = 6
    rssi: int = -60

    def scanned(self) -> bytes:
        """As a scan finds it (struct network of emulator/chip/wifi.h)."""
        name = self.ssid.encode()
        return struct.pack(
            "<32sB6sBBBb", name, len(name), self.bssid, self.channel,
            _WPA2 if self.key else 0, 0, self.rssi,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class ChipSurroundings:
    """`join_us` and `scan_us`: how long the radio takes, of the chip's time.

    With `paced` the chip's time never runs ahead of this machine's; else it runs as fast as it can,
    and stands still while somebody may answer the chip (Network.patience_s).
    """

    points: tuple[AccessPoint, ...] = ()
    join_us: int = 300_000
    scan_us: int = 1_500_000
    adc: int = 900
    supply_mv: int = 3000
    paced: bool = False
    cut_us: int | None = None
    seed: int = field(default=1)

    def join(self, wanted: bytes) -> bytes:
        """What comes of joining (struct station_config -> struct join_answer)."""
        ssid, key, locked, bssid = struct.unpack_from("<32s64sB6s", wanted)
        name = ssid.rstrip(b"\0").decode(errors="replace")
        for point in self.points:
            if point.ssid != name or (locked and point.bssid != bssid):
                continue
            right = point.key == key.rstrip(b"\0").decode(errors="replace")
            status = _GOT_IP if right else _WRONG_PASSWORD
            return struct.pack(
                "<IBB6sb", self.join_us, status, point.channel, point.bssid, point.rssi
            )
        return struct.pack("<IBB6sb", self.scan_us, _NO_AP_FOUND, 0, b"", 31)

    def scan(self) -> bytes:
        """What a scan finds."""
        return struct.pack("<I", self.scan_us) + b"".join(one.scanned() for one in self.points)
