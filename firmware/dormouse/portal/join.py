"""Trying WiFi credentials out: the only proof that they are right is an address."""

import time

import network

# Association takes up to 4 s, DHCP up to 10 s in slow networks.
JOIN_MS = 20000
# The SDK says "not found" or "wrong" for a moment while it is still trying.
STABLE_MS = 1000
# The answer to the browser goes out before the radio changes its channel.
_START_MS = 700
_FAILURES = {
    network.STAT_WRONG_PASSWORD: "The password of %s is wrong.",
    network.STAT_NO_AP_FOUND: "The network %s was not found.",
    network.STAT_CONNECT_FAIL: "The network %s refused the connection.",
}
# An open network that is none: which of the two the SDK says depends on its version.
_KEYLESS = {
    network.STAT_WRONG_PASSWORD: "%s wants its password.",
    network.STAT_NO_AP_FOUND: "No open network %s was found: if it has a password, type it.",
}
_NO_ADDRESS = "The network %s gave no address: its router did not answer in time."


class JoinAttempt:
    """Joins a network once; `poll` says how that went."""

    def __init__(self, wlan, ssid: str, key: str):
        self.wlan = wlan
        self.ssid = ssid
        self.key = key
        self.joining = False
        # When it was made or joins since, the last status, and when that changed.
        self.started = self.changed = time.ticks_ms()
        self.status = network.STAT_IDLE

    def poll(self):
        """None while it is under way, "" when the network was joined, else what went wrong."""
        now = time.ticks_ms()
        past = time.ticks_diff(now, self.started)
        if not self.joining:
            if past >= _START_MS:
                self.joining = True
                self.started = self.changed = now
                self.wlan.connect(self.ssid, self.key)
            return None
        status = self.wlan.status()
        if status == network.STAT_GOT_IP:
            return ""
        if status != self.status:
            self.status = status
            self.changed = now
        if past < JOIN_MS and not (
            status in _FAILURES and time.ticks_diff(now, self.changed) >= STABLE_MS
        ):
            return None
        # The SDK would go on for ever, and take our own network from channel to channel.
        self.wlan.disconnect()
        text = _FAILURES.get(status, _NO_ADDRESS)
        if not self.key:
            text = _KEYLESS.get(status, text)
        return text % self.ssid
