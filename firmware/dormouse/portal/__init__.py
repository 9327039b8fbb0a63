"""Setting up WiFi from a phone: a network of our own with one page in it.

Written to flash are: our own network's settings, once; what the SDK keeps of each network that is
tried (it has no other way); and the settings, when a network was joined.
"""

import time

import machine
import network

from dormouse import identity, rtc, sleep
from dormouse.portal import form, pages
from dormouse.portal.server import Server
from dormouse.portal.trial import Trial
from dormouse.watchdog import feed
from dormouse.wifi import octets

# Nobody has looked at the page for so long: it is over. Ten minutes at 80 mA are 13 mAh.
IDLE_MS = 600_000
# A device without settings opens its portal for a moment now and then, in case that it is hard to
# reach: 1.3 mAh each, at first after an hour, in the end once a day.
GLANCE_MS = 60_000
_HOUR_MS, _DAY_MS = 3_600_000, 86_400_000
# The last page is taken by then, or never.
_LINGER_MS, _LAST_MS = 2000, 30_000
_SCAN_MS = 10_000
# So many networks fit the page and the heap.
_NETWORKS = 10
_DEEPSLEEP = 5
_AUTH_WPA2 = 3


def run(record, clock, settings) -> None:
    """Serve the portal until it has settings that work or nobody is there. Does not return."""
    done = False
    try:
        done = serve(settings, record, IDLE_MS if _attended(record, settings) else GLANCE_MS)
    except Exception as error:
        print("portal:", type(error).__name__, error)
    end(record, clock, settings, done)


def _attended(record, settings) -> bool:
    """Whether a person may be there: power, reset or button, not an alarm of its own."""
    if machine.reset_cause() != _DEEPSLEEP:
        record.failures = 0
        return True
    return bool(settings.ssid and settings.host)


def serve(settings, record, idle_ms: int) -> bool:
    """Whether new settings were taken before `idle_ms` without a visitor. Raises OSError."""
    portal = Portal(settings, open_network())
    server = Server(portal.respond, octets(portal.address))
    print("portal: join", portal.device, "and open http://%s/" % portal.address)
    try:
        while not portal.over(idle_ms):
            server.turn()
            portal.look(record)
    finally:
        server.close()
        portal.station.disconnect()
    return portal.saved


def open_network():
    """Our own network, on the air; its address."""
    name, key, told = identity.access_point()
    point = network.WLAN(network.AP_IF)
    if not point.active():
        point.active(True)
    if not told or point.config("ssid") != name:
        point.config(ssid=name, key=key, security=_AUTH_WPA2)
        identity.told_access_point()
    return point.ifconfig()[0]


def end(record, clock, settings, done: bool) -> None:
    """Restart with what there is to work with, or sleep. Does not return."""
    clock.tick()
    record.set(rtc.AWAKE, False)
    # What the SDK keeps may be of a trial.
    record.wifi = 0
    record.set(rtc.ADDRESS, False)
    if done and record.has(rtc.TRIAL):
        # What somebody filled in here is newer.
        from dormouse import credentials

        credentials.drop(record, settings)
    if settings.ssid and settings.host:
        network.WLAN(network.AP_IF).active(False)
        if not done and not settings.switch:
            # The old ones are tried at the next wakes: seconds each, as ever.
            sleep.until_next(record, clock, settings.interval)
        rtc.save(record)
        machine.reset()
    pause = min(_HOUR_MS << min(record.failures, 5), _DAY_MS)
    record.failures = rtc.more(record.failures)
    sleep.start(record, pause)


class Portal:
    """What the pages show, and what comes of them."""

    def __init__(self, settings, address: str):
        self.settings = settings
        self.address = address
        self.device = identity.access_point()[0]
        self.given = {name: getattr(settings, name) for name in ("ssid", "host", "name")}
        self.wanted: dict = {}
        self.problem = ""
        self.trial: object = None
        self.saved = False
        self.told = 0
        self.visited = self.scanned = time.ticks_ms()
        self.station = network.WLAN(network.STA_IF)
        if not self.station.active():
            self.station.active(True)
        # Looking for a network that is not there would take ours off its channel.
        self.station.disconnect()
        self.networks = self.scan()

    def scan(self):
        """The strongest networks: [(name, dBm, whether it has a key)]."""
        feed()
        found: dict = {}
        try:
            for ssid, _bssid, _channel, dbm, security, hidden in self.station.scan():
                try:
                    name = str(ssid, "utf-8")
                except UnicodeError:
                    continue
                if name and not hidden and (name not in found or found[name][1] < dbm):
                    found[name] = (name, dbm, security != 0)
        except OSError as error:
            print("scan:", error)
        feed()
        self.scanned = time.ticks_ms()
        return sorted(found.values(), key=lambda one: -one[1])[:_NETWORKS]

    def over(self, idle_ms: int) -> bool:
        """Whether there is nobody to wait for."""
        past = time.ticks_diff(time.ticks_ms(), self.visited)
        if self.saved:
            return past > (_LINGER_MS if self.told else _LAST_MS)
        return self.trial is None and past > idle_ms

    def look(self, record) -> None:
        """See how a trial goes; joined, the settings are written."""
        if self.trial is None:
            return
        result = self.trial.look()  # type: ignore[attr-defined]  # a Trial, imported late
        if result is None:
            return
        self.trial = None
        self.visited = time.ticks_ms()
        self.problem = result
        if not result:
            self.saved = True
            self.settings.change(self.wanted)
            record.broker = b"\0" * 4
            record.failures = 0

    def respond(self, request):
        """The pieces of the answer to a request."""
        if request.status != 200:
            return pages.error(request.status)
        if request.host not in (self.address, self.address + ":80"):
            # A phone's question whether this is the Internet, or any page it had in mind.
            return pages.redirect(self.address)
        self.visited = time.ticks_ms()
        if request.method == "POST":
            return self.submit(request.body)
        if request.path == "/favicon.ico":
            return pages.error(404)
        if request.path != "/":
            if request.path == "/scan":
                self.scan_again()
            return pages.redirect(self.address)
        pieces = self.page()
        return iter([next(pieces)]) if request.method == "HEAD" else pieces

    def scan_again(self) -> None:
        """Unless it was done just now, or a network is being tried."""
        if self.trial is None and time.ticks_diff(self.visited, self.scanned) > _SCAN_MS:
            self.networks = self.scan()

    def page(self):
        """The page as things stand."""
        if self.trial is not None:
            return pages.trying(self.given["ssid"])
        if self.saved:
            self.told += 1
            return pages.done(self.settings.ssid, self.settings.host)
        return pages.form(self.device, self.networks, self.given, self.problem)

    def submit(self, body):
        """Check what was filled in, and try it."""
        if self.trial is not None or self.saved:
            return pages.redirect(self.address)
        try:
            fields = form.parse(body)
        except (ValueError, UnicodeError):
            return pages.error(400)
        wanted, self.problem = form.check(fields, self.settings)
        self.given = {name: wanted[name] for name in self.given}
        if self.problem:
            return self.page()
        self.wanted = wanted
        self.trial = Trial(self.station, wanted["ssid"], wanted["key"])
        return pages.redirect(self.address)
