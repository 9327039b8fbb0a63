"""What the board at the prompt is, sees and can reach."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from contracts.hosts import is_local
from contracts.wifi import ssid_problem
from host.boards import Board
from host.provision import scan
from host.provision.errors import DeviceSaidError, WifiError
from host.provision.plan import HubEndpoint, Wifi
from host.provision.repl import Repl
from host.sources import INSTALLED, Sources

__all__ = ["BoardFacts", "FoundSensors", "Network", "SerialDevice"]

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
# Names as they are: a neighbour's need not be text.
_NETWORKS = """
import json, network
from binascii import hexlify
w = network.WLAN(network.STA_IF)
w.active(True)
print(json.dumps([[str(hexlify(n[0]), "ascii"), n[3], n[4]] for n in w.scan()]))
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
# NAME.local is asked for by the firmware's own code: without it nobody can tell yet.
_REACH = """
import socket
h, p = %r, %d
a = None
try:
    if h.lower().endswith(".local"):
        from dormouse import mdns
        a = mdns.address(h)
    else:
        a = socket.getaddrinfo(h, p)[0][-1][0]
except OSError:
    pass
except ImportError:
    a = ""
if a is None:
    print('"unknown"')
elif not a:
    print("null")
else:
    s = socket.socket()
    s.settimeout(5)
    try:
        s.connect((a, p))
        print("null")
    except OSError as e:
        print(e.errno if e.errno is not None else -1)
    s.close()
"""
_ADC = """
from machine import ADC
print(ADC(0).read())
"""
_JOIN_S = 20
_WRONG_KEY, _ABSENT, _FAILED, _JOINED = 2, 3, 4, 5
_REASONS = {
    _WRONG_KEY: "the password is wrong",
    _ABSENT: "it is not in reach (the chip hears 2.4 GHz only)",
    _FAILED: "the access point refuses it",
}
# Without a password: which of the two the SDK says depends on its version.
_KEYLESS = {
    _WRONG_KEY: "it wants a password, and none was given",
    _ABSENT: "no open network of that name is in reach: is its password missing?",
}


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


@dataclass(frozen=True, slots=True)
class FoundSensors:
    """Entries for the settings, I2C addresses where somebody unknown answers, what is wrong."""

    entries: list[dict[str, Any]]
    unknown: list[int]
    problems: list[str]


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
        for name, rssi, security in self.repl.evaluate(_NETWORKS, within=20):
            try:
                ssid = bytes.fromhex(name).decode()
            except UnicodeDecodeError:
                continue  # settings are text
            if ssid_problem(ssid):
                continue
            if ssid not in strongest or strongest[ssid].rssi < rssi:
                strongest[ssid] = Network(ssid, rssi, security == 0)
        return sorted(strongest.values(), key=lambda network: -network.rssi)

    def join(self, wifi: Wifi) -> None:
        """Join the network, as a trial. Raises WifiError."""
        code = _JOIN % (wifi.ssid, wifi.key, _JOIN_S * 20)
        status = self.repl.evaluate(code, within=_JOIN_S + 10)
        if status != _JOINED:
            reason = _REASONS.get(status, f"no address after {_JOIN_S} s")
            if not wifi.key:
                reason = _KEYLESS.get(status, reason)
            raise WifiError(wifi.ssid, reason, wrong_key=status == _WRONG_KEY)

    def reach(self, hub: HubEndpoint) -> None:
        """Connect to the hub's broker, as a trial, having joined. Raises DeviceSaidError."""
        error = self.repl.evaluate(_REACH % (hub.host, hub.port), within=20)
        if error == "unknown":
            who = "nobody there says to be" if is_local(hub.host) else "its name server knows no"
            raise DeviceSaidError(f"the device is on the network, but {who} {hub.host}")
        if error is not None:
            raise DeviceSaidError(
                f"the device is on the network and does not reach the hub at {hub.host}:{hub.port} "
                f"(error {error}): is that its address, and does a firewall let {hub.port} in?"
            )

    def sensors(self, board: Board, sources: Sources = INSTALLED) -> FoundSensors:
        """What answers on the board's I2C and 1-Wire pins. Raises DeviceSaidError."""
        bus = board.i2c
        program = scan.program(
            sources.firmware,
            bus.scl if bus else None,
            bus.sda if bus else None,
            list(board.onewire),
            installed=bool(self.facts.firmware),
        )
        result = self.repl.evaluate(program, within=20)
        entries = [entry for entry in result["found"] if entry["driver"] in board.sensors]
        return FoundSensors(entries, result["unknown"], result["problems"])

    def adc_counts(self) -> int:
        """What its ADC reads now, 0 to 1024. Raises DeviceSaidError."""
        return int(self.repl.evaluate(_ADC))

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
        # As it is: MicroPython's json takes \ud83d\ude00 for two characters.
        self.repl.write("settings.json", json.dumps(settings, ensure_ascii=False).encode())
