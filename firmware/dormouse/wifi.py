"""Joining WiFi as fast as it goes, without writing to flash on a normal wake.

The SDK keeps the credentials (and the access point they are locked to) and joins by itself; the
record keeps the address for as long as the DHCP server says that it is ours. Only when that fails
is the network scanned for, and the credentials are written only if that can help.
"""

import gc
import hashlib
import time

import network

from dormouse import forget, rtc
from dormouse.watchdog import feed

# Joining the known access point takes 0.2-1 s; past this it is scanned for.
FAST_MS = 4000
# After so many wakes without a broker the address is asked for anew: it may be of another network.
_RENEW = 8
_POLL_MS = 5
_NO_BSSID = b"\0" * 6
# The SDK may be locked to an access point, and nobody remembers which.
_UNKNOWN_BSSID = b"\xff" * 6


def credentials_digest(ssid: str, key: str) -> int:
    """16 bits that tell these credentials from others; never 0."""
    digest = hashlib.sha256(ssid.encode() + b"\0" + key.encode()).digest()
    return (digest[0] << 8 | digest[1]) or 1


class Station:
    """The WiFi station for one wake, or of a device that stays awake (`sleeps` is False).

    The latter's address is lwIP's DHCP client's to keep, which it does while the chip runs.
    """

    def __init__(self, record, clock, settings, sleeps: bool = True):
        self.record = record
        self.clock = clock
        self.settings = settings
        self.sleeps = sleeps
        self.wlan = network.WLAN(network.STA_IF)
        # Whether the address is the one from the record; whether a scan was made.
        self.static_ip = False
        self.scanned = False
        # Whether the SDK's credentials might not be ours: RTC memory was lost.
        self.unverified = False

    def start(self) -> None:
        """Start to join; returns at once (unless the network must be scanned for first).

        Raises OSError.
        """
        record = self.record
        digest = credentials_digest(self.settings.ssid, self.settings.key)
        if not self.wlan.active():
            self.wlan.active(True)
        if record.wifi_digest == digest and record.has(rtc.LOCK_AGAIN):
            record.set(rtc.LOCK_AGAIN, False)
            self._scan()
        elif record.wifi_digest == digest:
            if self.sleeps:
                self._use_static_ip()
        elif not record.wifi_digest and _is_stored(self.wlan, self.settings.ssid):
            record.wifi_digest = digest
            record.bssid = _UNKNOWN_BSSID
            self.unverified = True
        else:
            record.wifi_digest = 0
            record.set(rtc.STATIC_IP, False)
            record.usable_s = record.ask_at = 0
            self._scan()

    def _use_static_ip(self) -> None:
        record = self.record
        lent = record.up_s - record.leased_at < record.usable_s
        if record.has(rtc.STATIC_IP) and lent and record.failures % _RENEW != 1:
            mask = 0xFFFFFFFF << (32 - record.prefix) & 0xFFFFFFFF
            netmask = ip_text((mask >> 24, mask >> 16 & 255, mask >> 8 & 255, mask & 255))
            self.wlan.ifconfig(
                (ip_text(record.address), netmask, ip_text(record.gateway), ip_text(record.dns))
            )
            self.static_ip = True

    def wait(self, deadline) -> bool:
        """Whether the station gets an address before the deadline; it is then in the record.

        Raises OSError.
        """
        fast = deadline.within(FAST_MS)
        while deadline.left():
            status = self.wlan.status()
            if status == network.STAT_GOT_IP:
                self._store_address()
                return True
            failed = status in (
                network.STAT_WRONG_PASSWORD,
                network.STAT_NO_AP_FOUND,
                network.STAT_CONNECT_FAIL,
            )
            if failed and self.scanned:
                return False
            if not self.scanned and (failed or not fast.left()) and not self._scan():
                return False
            feed()
            time.sleep_ms(_POLL_MS)
        return False

    def _scan(self) -> bool:
        """Scan, and join the strongest access point if it is another; False if that cannot help."""
        self.scanned = True
        record = self.record
        ssid = self.settings.ssid
        feed()
        best = None
        for point in self._points():
            if point[0] == ssid.encode() and (best is None or point[3] > best[3]):
                best = point
        feed()
        if record.wifi_digest and not self.unverified and (best is None or best[1] == record.bssid):
            # The same access point with the same credentials: writing them again helps nobody.
            return best is not None and self.wlan.status() == network.STAT_CONNECTING
        access_point = network.WLAN(network.AP_IF)
        if access_point.active():
            # MicroPython's own, with a password that everybody knows.
            access_point.active(False)
        if best is None:
            # Perhaps hidden. Without a lock, once: from now on the SDK has the credentials.
            self.wlan.connect(ssid, self.settings.key)
        else:
            self.wlan.connect(ssid, self.settings.key, bssid=best[1])
        record.bssid = best[1] if best else _NO_BSSID
        record.wifi_digest = credentials_digest(ssid, self.settings.key)
        record.set(rtc.STATIC_IP, False)
        return True

    def _points(self) -> list:
        try:
            return self.wlan.scan()
        except OSError:
            # "scan failed" is also what the port says where nothing at all is on the air.
            return []

    def _store_address(self) -> None:
        if self.static_ip:
            return
        record = self.record
        address, mask, gateway, dns = self.wlan.ifconfig()
        record.address, record.gateway = ip_bytes(address), ip_bytes(gateway)
        record.dns = ip_bytes(dns)
        record.prefix = 0
        for byte in ip_bytes(mask):
            while byte & 128:
                record.prefix += 1
                byte = byte << 1 & 255
        record.leased_at = self.clock.tick()
        record.set(rtc.STATIC_IP, True)

    def check_lease(self, deadline, interval: int) -> None:
        """Learn for how long the address is ours, or prolong that, when it is time to.

        The next wake is in `interval` seconds. To be called when nothing else is said any more.
        """
        if not self.static_ip or self.clock.tick() >= self.record.ask_at:
            self._check_lease(deadline, interval)
            # Each look for the answer leaves its room as waste.
            forget("lease")
            gc.collect()

    def _check_lease(self, deadline, interval: int) -> None:
        try:
            from dormouse import lease

            lease.check(self, deadline, interval)
        except MemoryError as error:
            print("lease:", error)

    def rssi(self):
        """Signal strength in dBm, or None."""
        try:
            return self.wlan.status("rssi")
        except (OSError, ValueError):
            return None


def _is_stored(wlan, ssid: str) -> bool:
    """Whether the SDK's credentials are of that network."""
    try:
        stored = wlan.config("ssid")
    except ValueError:
        # Of a network whose name is no text, from another firmware's time.
        return False
    # The port reads on until a zero byte: what follows a name of 32 bytes is the key.
    return stored == ssid or (len(ssid.encode()) == 32 and stored.startswith(ssid))


def ip_text(address) -> str:
    """4 bytes as "192.168.1.2"."""
    return "%d.%d.%d.%d" % tuple(address)


def ip_bytes(address: str) -> bytes:
    """The 4 bytes of "192.168.1.2". Raises ValueError for a name."""
    parts = [int(part) for part in address.split(".")]
    if len(parts) != 4:
        raise ValueError
    return bytes(parts)
