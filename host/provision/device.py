"""What the board at the prompt is, sees and can reach."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from host.boards import Board, I2c
from host.provision.errors import DeviceSaidError, WifiError
from host.provision.plan import HubEndpoint, Wifi
from host.provision.repl import Repl

__all__ = ["BoardFacts", "Network", "SerialDevice"]

# Short modules of MicroPython; `%r` is only ever filled with literals. What they define is dropped
# again, since the heap they share with the firmware is small.
_FACTS = """
import json, machine
from binascii import hexlify
d = {"id": "esp8266_" + str(hexlify(machine.unique_id()), "ascii")}
try:
    from dormouse.version import VERSION, BOARD
    d["firmware"] = VERSION
    d["board"] = BOARD
except ImportError:
    pass
for n in ("password", "settings.json"):
    try:
        with open(n) as f:
            d[n] = f.read()
    except OSError:
        pass
try:
    from dormouse import identity
    d["portal"] = identity.access_point()[:2]
except (ImportError, AttributeError):
    pass
print(json.dumps(d))
"""
_NETWORKS = """
import json, network
w = network.WLAN(network.STA_IF)
w.active(True)
print(json.dumps([[n[0].decode(), n[3], n[4]] for n in w.scan()]))
"""
# Status codes are the port's: 2 wrong password, 3 no access point, 4 failed, 5 has an address. The
# SDK tries again and again after each of the first three, so a last look is taken at the end.
_JOIN = """
import network, time
w = network.WLAN(network.STA_IF)
w.active(True)
w.disconnect()
w.connect(%r, %r)
n = 0
while n < %d and w.status() in (0, 1):
    time.sleep_ms(50)
    n += 1
print(w.status())
"""
_REACH = """
import socket
s = socket.socket()
s.settimeout(5)
try:
    s.connect(socket.getaddrinfo(%r, %d)[0][-1])
    print("null")
except OSError as e:
    print(e.errno if e.errno is not None else -1)
s.close()
"""
_I2C = """
from machine import I2C, Pin
print(I2C(scl=Pin(%d), sda=Pin(%d)).scan())
"""
_ONE_WIRE = """
import json, onewire, ds18x20
from binascii import hexlify
from machine import Pin
try:
    r = ds18x20.DS18X20(onewire.OneWire(Pin(%d))).scan()
except onewire.OneWireError:
    r = []
print(json.dumps([str(hexlify(bytes(x)), "ascii") for x in r]))
"""
_JOIN_S = 20
_WRONG_KEY, _ABSENT, _FAILED, _JOINED = 2, 3, 4, 5
_REASONS = {
    _WRONG_KEY: "the password is wrong",
    _ABSENT: "it is not in reach (the chip hears 2.4 GHz only)",
    _FAILED: "the access point refuses it",
}
# A BME280 answers at one of these.
_BME280 = (0x76, 0x77)


@dataclass(frozen=True, slots=True)
class BoardFacts:
    """Who the device is.

    `firmware` and `board` are "" without firmware, `password` without one on flash; `portal` is
    name and password of its own access point.
    """

    id: str
    firmware: str
    board: str
    password: str
    settings: dict[str, Any]
    portal: tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class Network:
    """A network that the device hears; `rssi` in dBm."""

    ssid: str
    rssi: int
    open: bool


class SerialDevice:
    """Questions and orders to the device at the prompt."""

    def __init__(self, repl: Repl) -> None:
        self.repl = repl

    @cached_property
    def facts(self) -> BoardFacts:
        """Who it is, asked once. Raises DeviceSaidError."""
        facts = self.repl.evaluate(_FACTS)
        try:
            settings = json.loads(facts.get("settings.json", ""))
        except ValueError:
            settings = {}
        password = facts.get("password", "")
        portal = facts.get("portal")
        return BoardFacts(
            facts["id"],
            facts.get("firmware", ""),
            facts.get("board", ""),
            password if len(password) == 32 else "",
            settings if isinstance(settings, dict) else {},
            (portal[0], portal[1]) if portal else None,
        )

    def networks(self) -> list[Network]:
        """What it hears, the strongest first, a name once."""
        strongest: dict[str, Network] = {}
        for ssid, rssi, security in self.repl.evaluate(_NETWORKS, within=20):
            if ssid and (ssid not in strongest or strongest[ssid].rssi < rssi):
                strongest[ssid] = Network(ssid, rssi, security == 0)
        return sorted(strongest.values(), key=lambda network: -network.rssi)

    def join(self, wifi: Wifi) -> None:
        """Join the network, as a trial. Raises WifiError."""
        code = _JOIN % (wifi.ssid, wifi.key, _JOIN_S * 20)
        status = self.repl.evaluate(code, within=_JOIN_S + 10)
        if status != _JOINED:
            reason = _REASONS.get(status, f"no address after {_JOIN_S} s")
            raise WifiError(wifi.ssid, reason, wrong_key=status == _WRONG_KEY)

    def reach(self, hub: HubEndpoint) -> None:
        """Connect to the hub's broker, as a trial, having joined. Raises DeviceSaidError."""
        error = self.repl.evaluate(_REACH % (hub.host, hub.port), within=20)
        if error is not None:
            raise DeviceSaidError(
                f"the device is on the network and does not reach the hub at {hub.host}:{hub.port} "
                f"(error {error}): is that its address, and does a firewall let {hub.port} in?"
            )

    def sensors(self, board: Board) -> list[dict[str, Any]]:
        """What answers on the board's I2C and 1-Wire pins, as entries of the settings."""
        sensors = self._bme280(board.i2c) if board.i2c and "bme280" in board.sensors else []
        # Pulling the pins of a living I2C bus about would only confuse it.
        busy = {pin for entry in sensors for pin in (entry["scl"], entry["sda"])}
        if "ds18b20" in board.sensors:
            sensors += self._ds18b20([pin for pin in board.onewire if pin not in busy])
        return sensors

    def _bme280(self, bus: I2c) -> list[dict[str, Any]]:
        try:
            answers = self.repl.evaluate(_I2C % (bus.scl, bus.sda))
        except DeviceSaidError:
            return []  # no pull-ups: there is no bus
        pins = {"scl": bus.scl, "sda": bus.sda}
        return [
            {"driver": "bme280", **pins, "address": address}
            for address in answers
            if address in _BME280
        ]

    def _ds18b20(self, pins: Sequence[int]) -> list[dict[str, Any]]:
        for pin in pins:
            roms = sorted(self.repl.evaluate(_ONE_WIRE % pin))
            # Family code 28 is the DS18B20's.
            entries = [{"driver": "ds18b20", "pin": pin, "rom": r} for r in roms if r[:2] == "28"]
            if entries:
                return entries
        return []

    def install(self, modules: Path, progress: Callable[[int, int], None]) -> None:
        """Copy compiled modules to the device; `progress` gets (done, all) files."""
        files = sorted(modules.rglob("*.mpy"))
        for done, file in enumerate(files):
            progress(done, len(files))
            self.repl.copy(file, file.relative_to(modules).as_posix())
        progress(len(files), len(files))

    def configure(self, settings: dict[str, Any], password: str) -> None:
        """Write password and settings; the settings come last, being what makes it start."""
        if password:
            self.repl.write("password", password.encode())
        self.repl.write("settings.json", json.dumps(settings).encode())
