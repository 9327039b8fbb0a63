"""Joining WiFi as fast as it goes, without writing to flash on a normal wake.

The SDK keeps the credentials (and the access point they are locked to) and joins by itself; the
record keeps the address, so that DHCP is not asked again for some hours. Only when that fails
is the network looked for, and the credentials are written only if that can help.
"""

import hashlib
import time

import network

from dormouse import rtc
from dormouse.watchdog import feed

# Joining the known access point takes 0.2-1 s; past this it is looked for.
FAST_MS = 4000
# Leases are commonly 12-24 h: the address is asked for anew well before the server gives it away.
LEASE_S = 6 * 3600
# After so many wakes without a broker the address is asked for anew: it may be of another network.
_RENEW = 8
_POLL_MS = 5
_UNLOCKED = b"\0" * 6
# The SDK may be locked to an access point that nobody remembers.
_UNSURE = b"\xff" * 6


def stamp(ssid: str, key: str) -> int:
    """16 bits that tell these credentials from others; never 0."""
    digest = hashlib.sha256(ssid.encode() + b"\0" + key.encode()).digest()
    return (digest[0] << 8 | digest[1]) or 1


class Station:
    """The WiFi station for one wake."""

    def __init__(self, record, clock, settings):
        self.record = record
        self.clock = clock
        self.settings = settings
        self.wlan = network.WLAN(network.STA_IF)
        self.static = False
        self.looked = False
        # Whether the SDK's credentials might not be ours: RTC memory was lost.
        self.unsure = False

    def begin(self) -> None:
        """Start to join; returns at once (unless the network must be looked for first)."""
        record = self.record
        wanted = stamp(self.settings.ssid, self.settings.key)
        if not self.wlan.active():
            self.wlan.active(True)
        if record.wifi == wanted and record.has(rtc.UNLOCKED):
            record.set(rtc.UNLOCKED, False)
            self._look()
        elif record.wifi == wanted:
            self._set_address()
        elif not record.wifi and self.wlan.config("ssid") == self.settings.ssid:
            record.wifi = wanted
            record.bssid = _UNSURE
            self.unsure = True
        else:
            record.wifi = 0
            record.set(rtc.ADDRESS, False)
            self._look()

    def _set_address(self) -> None:
        record = self.record
        renew = record.failures % _RENEW == 1 or record.up_s - record.leased > LEASE_S
        if record.has(rtc.ADDRESS) and not renew:
            mask = 0xFFFFFFFF << (32 - record.prefix) & 0xFFFFFFFF
            netmask = dotted((mask >> 24, mask >> 16 & 255, mask >> 8 & 255, mask & 255))
            self.wlan.ifconfig(
                (dotted(record.address), netmask, dotted(record.gateway), dotted(record.dns))
            )
            self.static = True

    def wait(self, deadline) -> bool:
        """Whether the station has an address before the deadline; the record then knows it."""
        fast = deadline.part(FAST_MS)
        while deadline.left():
            status = self.wlan.status()
            if status == network.STAT_GOT_IP:
                self._joined()
                return True
            failed = status in (
                network.STAT_WRONG_PASSWORD,
                network.STAT_NO_AP_FOUND,
                network.STAT_CONNECT_FAIL,
            )
            if failed and self.looked:
                return False
            if not self.looked and (failed or not fast.left()) and not self._look():
                return False
            feed()
            time.sleep_ms(_POLL_MS)
        return False

    def _look(self) -> bool:
        """Scan, and join what is found if that is news; False if there is nothing to hope for."""
        self.looked = True
        record = self.record
        ssid = self.settings.ssid
        feed()
        best = None
        for found in self.wlan.scan():
            if found[0] == ssid.encode() and (best is None or found[3] > best[3]):
                best = found
        feed()
        if record.wifi and not self.unsure and (best is None or best[1] == record.bssid):
            # The same access point with the same credentials: writing them again helps nobody.
            return best is not None and self.wlan.status() == network.STAT_CONNECTING
        point = network.WLAN(network.AP_IF)
        if point.active():
            # MicroPython's own, with a password that everybody knows.
            point.active(False)
        if best is None:
            # Perhaps hidden. Without a lock, once: from now on the SDK has the credentials.
            self.wlan.connect(ssid, self.settings.key)
        else:
            self.wlan.connect(ssid, self.settings.key, bssid=best[1])
        record.bssid = best[1] if best else _UNLOCKED
        record.wifi = stamp(ssid, self.settings.key)
        record.set(rtc.ADDRESS, False)
        return True

    def _joined(self) -> None:
        if self.static:
            return
        record = self.record
        address, mask, gateway, dns = self.wlan.ifconfig()
        record.address, record.gateway, record.dns = octets(address), octets(gateway), octets(dns)
        record.prefix = 0
        for byte in octets(mask):
            while byte & 128:
                record.prefix += 1
                byte = byte << 1 & 255
        record.leased = self.clock.tick()
        record.set(rtc.ADDRESS, True)

    def rssi(self):
        """Signal strength in dBm, or None."""
        try:
            return self.wlan.status("rssi")
        except (OSError, ValueError):
            return None


def dotted(address) -> str:
    """4 bytes as "192.168.1.2"."""
    return "%d.%d.%d.%d" % tuple(address)


def octets(address: str) -> bytes:
    """The 4 bytes of "192.168.1.2". Raises ValueError for a name."""
    parts = [int(part) for part in address.split(".")]
    if len(parts) != 4:
        raise ValueError
    return bytes(parts)
