"""WiFi as the SDK does it: it keeps its credentials in flash and joins by itself after a start."""

import json
from binascii import unhexlify

import dhcp_server
import utime
import world
from machine import starving

STA_IF, AP_IF = 0, 1
STAT_IDLE, STAT_CONNECTING, STAT_WRONG_PASSWORD = 0, 1, 2
STAT_NO_AP_FOUND, STAT_CONNECT_FAIL, STAT_GOT_IP = 3, 4, 5
AUTH_OPEN, AUTH_WEP, AUTH_WPA_PSK, AUTH_WPA2_PSK, AUTH_WPA_WPA2_PSK = 0, 1, 2, 3, 4
MODE_11B, MODE_11G, MODE_11N = 1, 2, 3
_MASK = "255.255.255.0"
_POINT = "192.168.4.1"
_hostname = "esp8266"


def _kept():
    """Flash as MicroPython's first boot leaves it: its own access point is on."""
    return json.loads(world.read("sdk.json") or b'{"ap": true}')


def _keep(sdk):
    world.write("sdk.json", json.dumps(sdk))
    world.flash_written()


class _Station:
    """What the SDK knows about the station; it tries for as long as it is active."""

    def __init__(self):
        self.sdk = _kept()
        self.address = None
        self.begin()

    def begin(self, joining=True):
        self.began = utime.ticks_ms()
        self.suited = None
        self.asked = False
        self.joining = joining

    def obstacle(self):
        """The status that keeps it from joining, or None."""
        wifi = world.get("wifi")
        ssid, bssid = world.get("wifi", "ssid"), world.get("wifi", "bssid")
        locked = self.sdk.get("bssid")
        if not wifi.get("up", True) or self.sdk["ssid"] != ssid or (locked and locked != bssid):
            return STAT_NO_AP_FOUND
        if self.sdk.get("key") != world.get("wifi", "key"):
            return STAT_WRONG_PASSWORD
        return None

    def status(self):
        if not self.joining or not self.sdk.get("active") or not self.sdk.get("ssid"):
            return STAT_IDLE
        now = utime.ticks_ms()
        delay = world.get("wifi", "associate_ms")
        if not self.sdk.get("bssid"):
            delay += world.get("wifi", "scan_ms")
        obstacle = self.obstacle()
        if obstacle is not None:
            self.suited = None
            return obstacle if utime.ticks_diff(now, self.began) >= delay else STAT_CONNECTING
        if self.suited is None:
            self.suited = now
        if not self.address:
            delay += world.get("wifi", "dhcp_ms")
        if utime.ticks_diff(now, self.suited) < delay:
            return STAT_CONNECTING
        if not self.address and not self.asked:
            self.asked = True
            dhcp_server.note("discover", self.lent())
        return STAT_GOT_IP

    def ifconfig(self):
        if self.address:
            return self.address
        if self.status() != STAT_GOT_IP:
            return ("0.0.0.0", "0.0.0.0", "0.0.0.0", "0.0.0.0")
        router = world.get("wifi", "subnet") + ".1"
        return (self.lent(), _MASK, router, router)

    def lent(self):
        """The address that DHCP gives."""
        chip = world.chip()
        own = world.get("wifi", "host") or 2 + (chip[0] ^ chip[1] ^ chip[2] ^ chip[3]) % 250
        return "%s.%d" % (world.get("wifi", "subnet"), own)


_station = _Station()


def reachable():
    """Whether the station is on a network, and whether that network is the world's."""
    joined = _station.status() == STAT_GOT_IP
    subnet = world.get("wifi", "subnet")
    return joined, joined and _station.ifconfig()[0].startswith(subnet + ".")


def lent():
    """The address that the network's DHCP server gives the station."""
    return _station.lent()


def serving():
    """Whether the access point is on: what listens can be reached over it."""
    return bool(_station.sdk.get("ap"))


class WLAN:
    """The station, or the access point: its name, password and security, kept by the SDK."""

    def __init__(self, interface=STA_IF):
        self.interface = interface

    def active(self, on=None):
        sdk = _station.sdk
        name = "active" if self.interface == STA_IF else "ap"
        if on is None:
            return bool(sdk.get(name))
        sdk[name] = bool(on)
        _keep(sdk)
        _station.begin()
        return None

    def connect(self, ssid=None, key=None, *, bssid=None):
        sdk = _station.sdk
        if ssid is not None:
            # What is longer the port cuts.
            sdk["ssid"] = str(ssid.encode()[:32], "utf-8")
            sdk["key"] = key or ""
            sdk["bssid"] = bssid and "".join("%02x" % byte for byte in bssid)
            _keep(sdk)
        _station.begin()

    def disconnect(self):
        _station.begin(False)

    def isconnected(self):
        return _station.status() == STAT_GOT_IP

    def status(self, what=None):
        if what == "rssi":
            return world.get("wifi", "rssi") if self.isconnected() else 31
        return _station.status()

    def config(self, what=None, **values):
        if self.interface == AP_IF:
            return self._point(what, values)
        if values:
            world.flash_written()
            return None
        if what in ("ssid", "essid"):
            # The port reads to the next zero byte: past a name of 32 bytes that is the key's.
            ssid, key = _station.sdk.get("ssid", ""), _station.sdk.get("key", "")
            return ssid + key if len(ssid.encode()) == 32 else ssid
        if what == "mac":
            return b"\x5c\xcf" + world.chip()
        raise ValueError("unknown config param")

    def _point(self, what, values):
        """The access point's settings; its password is never told again, as on the chip."""
        sdk = _station.sdk
        point = sdk.get("point") or {"ssid": "MicroPython-%s" % world.chip().hex()[2:]}
        if values:
            known = ("ssid", "key", "security", "channel", "hidden")
            if any(name not in known for name in values):
                raise ValueError("unknown config param")
            if values.get("security") and not 8 <= len(values.get("key", "")) <= 64:
                raise OSError("can't set AP config")
            point.update(values)
            sdk["point"] = point
            _keep(sdk)
            return None
        if what == "key" or what not in point:
            raise ValueError("unknown config param")
        return point[what]

    def ifconfig(self, addresses=None):
        if self.interface == AP_IF:
            return (_POINT, _MASK, _POINT, "0.0.0.0")
        if addresses is None:
            return _station.ifconfig()
        _station.address = None if addresses == "dhcp" else addresses
        return None

    def scan(self):
        starving(world.get("wifi", "scan_ms"))
        utime.sleep_ms(world.get("wifi", "scan_ms"))
        wifi = world.get("wifi")
        found = []
        if wifi.get("up", True) and not wifi.get("hidden"):
            text = world.get("wifi", "bssid")
            bssid = bytes([int(text[i : i + 2], 16) for i in range(0, 12, 2)])
            ssid = world.get("wifi", "ssid").encode()
            security = AUTH_WPA2_PSK if world.get("wifi", "key") else AUTH_OPEN
            found.append((ssid, bssid, 6, world.get("wifi", "rssi"), security, 0))
        for number, other in enumerate(world.get("wifi", "others")):
            security = other.get("security", AUTH_WPA2_PSK)
            bssid = b"\x02\0\0\0\x01" + bytes([number])
            name = unhexlify(other["hex"]) if "hex" in other else other["ssid"].encode()
            found.append((name, bssid, 1, other.get("rssi", -70), security, 0))
        if not found:
            # The port's esp_scan_cb takes an empty list for an error.
            raise OSError("scan failed")
        return found


def hostname(name=None):
    global _hostname
    if name is None:
        return _hostname
    _hostname = name
    return None


def phy_mode(mode=None):
    return MODE_11N
