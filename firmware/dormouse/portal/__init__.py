"""The captive portal: setting up WiFi from a phone, in a network of our own with one page in it.

Written to flash are: our own network's settings, once; what the SDK keeps of each network that is
tried (it has no other way); and the settings, when a network was joined.
"""

import time

import machine
import network

from dormouse import identity, rtc, sleep
from dormouse.portal import form, pages
from dormouse.portal.join import JoinAttempt
from dormouse.portal.server import Server
from dormouse.watchdog import feed
from dormouse.wifi import ip_bytes

# Nobody has looked at the page for so long: it is over. Ten minutes at 80 mA are 13 mAh.
IDLE_MS = 600_000
# A device without settings opens its portal for a moment now and then, in case that it is hard to
# reach: 1.3 mAh each, at first after an hour, in the end once a day.
UNATTENDED_MS = 60_000
_HOUR_MS, _DAY_MS = 3_600_000, 86_400_000
# How long the portal stays when the last page was fetched, and while it was not.
_SHOWN_MS, _UNSHOWN_MS = 2000, 30_000
_SCAN_MS = 10_000
# So many networks fit the page and the heap.
_MAX_NETWORKS = 10
_DEEPSLEEP = 5
_AUTH_WPA2 = 3
# The settings that the page shows as they were filled in.
_SHOWN = ("ssid", "host", "name", "place")


def run(record, clock, settings) -> None:
    """Serve the portal until it has settings that work or nobody is there. Does not return."""
    done = False
    try:
        done = serve(settings, record, IDLE_MS if _attended(record, settings) else UNATTENDED_MS)
    except Exception as error:
        print("portal:", type(error).__name__, error)
    finish(record, clock, settings, done)


def _attended(record, settings) -> bool:
    """Whether a person may be there: power, reset or button, not an alarm of its own."""
    if machine.reset_cause() != _DEEPSLEEP:
        record.failures = 0
        return True
    return bool(settings.ssid and settings.host)


def serve(settings, record, idle_ms: int) -> bool:
    """Whether new settings were taken before `idle_ms` without a visitor. Raises OSError."""
    portal = Portal(settings, start_access_point())
    server = Server(portal.respond, ip_bytes(portal.address))
    try:
        portal.start()
        server.start()
        print("portal: join", portal.device, "and open http://%s/" % portal.address)
        while not portal.finished(idle_ms):
            server.serve_once()
            portal.poll(record)
    finally:
        server.stop()
        portal.stop()
    return portal.saved


def start_access_point() -> str:
    """Put our own network on the air; return its address."""
    name, key, known = identity.access_point()
    point = network.WLAN(network.AP_IF)
    if not point.active():
        point.active(True)
    if not known or point.config("ssid") != name:
        point.config(ssid=name, key=key, security=_AUTH_WPA2)
        identity.mark_access_point_set()
    return point.ifconfig()[0]


def finish(record, clock, settings, done: bool) -> None:
    """Restart with what there is to work with, or sleep. Does not return."""
    clock.tick()
    record.set(rtc.AWAKE, False)
    # What the SDK keeps may be of a network that was only tried.
    record.wifi_digest = 0
    record.set(rtc.STATIC_IP, False)
    if done and record.has(rtc.WIFI_TRIAL):
        # What somebody filled in here is newer than what the hub sent.
        from dormouse import wifi_trial

        wifi_trial.end(record, settings)
    if settings.ssid and settings.host:
        network.WLAN(network.AP_IF).active(False)
        if not done and not settings.switch:
            # The old ones are tried at the next wakes: seconds each, as ever.
            sleep.until_next_wake(record, clock, settings.interval)
        rtc.save(record)
        machine.reset()
    pause = min(_HOUR_MS << min(record.failures, 5), _DAY_MS)
    record.failures = rtc.count_up(record.failures)
    sleep.start(record, pause)


class Portal:
    """What the pages show, and what is done with the form."""

    def __init__(self, settings, address: str):
        self.settings = settings
        self.address = address
        self.device = identity.access_point()[0]
        self.fields = {name: getattr(settings, name) for name in _SHOWN + ("plain",)}
        # The settings that are tried; what was wrong with the last ones.
        self.new: dict = {}
        self.problem = ""
        # The credentials of the settings, and those that worked meanwhile.
        self.keys = {settings.ssid: settings.key}
        # Hubs to choose from: (host, port, enrolment's port).
        self.hubs: list = []
        # Sensors to choose from: entries for the settings, as texts, numbers of the chosen ones.
        self.entries: list = []
        self.texts: list = []
        self.wanted: list = []
        self.attempt: object = None
        self.saved = False
        # Whether the last page was fetched.
        self.done_shown = False
        self.visited = self.scanned = time.ticks_ms()
        self.station = network.WLAN(network.STA_IF)
        self.networks: list = []

    def start(self) -> None:
        """Look for networks and sensors."""
        from dormouse.portal import attached

        self.entries, self.texts, known = attached.offered(self.settings)
        # On a device that has its list what else is found may be there for another reason.
        self.wanted = list(range(known or len(self.entries)))
        if not self.station.active():
            self.station.active(True)
        # Trying to join a network that is not there would take ours off its channel.
        self.station.disconnect()
        self.networks = self.scan()

    def stop(self) -> None:
        """Join nothing more."""
        self.station.disconnect()

    def scan(self):
        """The strongest networks: [(name, dBm, whether it has a key)]."""
        feed()
        found: dict = {}
        try:
            for ssid, _bssid, _channel, dbm, security, hidden in self.station.scan():
                try:
                    name = form.text_of(ssid)
                except ValueError:
                    continue
                if (
                    name
                    and not form.has_control(name)
                    and not hidden
                    and (name not in found or found[name][1] < dbm)
                ):
                    found[name] = (name, dbm, security != 0)
        except OSError as error:
            print("scan:", error)
        feed()
        self.scanned = time.ticks_ms()
        return sorted(found.values(), key=lambda one: -one[1])[:_MAX_NETWORKS]

    def finished(self, idle_ms: int) -> bool:
        """Whether there is nobody to wait for."""
        past = time.ticks_diff(time.ticks_ms(), self.visited)
        if self.saved:
            return past > (_SHOWN_MS if self.done_shown else _UNSHOWN_MS)
        return self.attempt is None and past > idle_ms

    def poll(self, record) -> None:
        """See how an attempt to join goes; once joined, write the settings. Raises OSError."""
        if self.attempt is None:
            return
        result = self.attempt.poll()  # type: ignore[attr-defined]  # a JoinAttempt
        if result is None:
            return
        self.attempt = None
        self.visited = time.ticks_ms()
        self.problem = result or self.look_for_hub()
        if self.problem:
            return
        self.saved = True
        self.settings.change(self.new)
        record.broker_ip = b"\0" * 4
        record.failures = 0

    def look_for_hub(self) -> str:
        """Once the network was joined: why the hub cannot be reached there, or ""."""
        from dormouse.portal import hub

        ssid = self.new["ssid"]
        self.keys[ssid] = self.new["key"]
        if self.new["host"]:
            self.hubs = []
            problem = hub.unresolved(self.new["host"], ssid)
        else:
            self.hubs, problem = hub.find(ssid)
            if not problem:
                self.choose_hub(0)
        if problem:
            self.station.disconnect()
        return problem

    def choose_hub(self, number: int) -> None:
        """Take one of the hubs that answered."""
        host, port, enrol_port = self.hubs[number]
        self.new["host"], self.new["port"] = host, port
        if enrol_port:
            self.new["enrol_port"] = enrol_port

    def respond(self, request):
        """The pieces of the answer to a request."""
        if request.status != 200:
            return pages.error(request.status)
        if request.host not in (self.address, self.address + ":80"):
            # A phone's check whether this is the Internet, or any page that somebody opened.
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
        """Scan, unless that was done just now or a network is being joined."""
        if self.attempt is None and time.ticks_diff(self.visited, self.scanned) > _SCAN_MS:
            self.networks = self.scan()

    def page(self):
        """The page for the present state: form, joining, or done."""
        if self.attempt is not None:
            return pages.joining(self.fields["ssid"])
        if self.saved:
            self.done_shown = True
            return pages.done(self.settings.ssid, self.settings.host)
        return pages.form(self, self.shown())

    def shown(self) -> dict:
        """How the page shows the network: picked from the list, or typed."""
        ssid = self.fields["ssid"]
        listed = self.locked(ssid) is not None
        return {"net": ssid if listed else "", "ssid": "" if listed else ssid}

    def locked(self, ssid: str):
        """Whether the network wants a password; None for one that is not in the list."""
        for name, _dbm, locked in self.networks:
            if name == ssid:
                return locked
        return None

    def known_key(self, ssid: str) -> str:
        """The password of a network that has worked; "" where there is none."""
        return self.keys.get(ssid, "") if self.locked(ssid) is not False else ""

    def submit(self, body):
        """Check the form, and try to join."""
        if self.attempt is not None or self.saved:
            return pages.redirect(self.address)
        try:
            fields = form.parse(body)
        except (ValueError, UnicodeError):
            return pages.error(400)
        new = {name: fields[name].strip() for name in _SHOWN}
        new["ssid"] = ssid = form.chosen_network(fields, self.shown())
        new["key"] = fields["key"] or self.known_key(ssid)
        new["plain"] = bool(fields["plain"])
        self.new = new
        if fields["hub"].isdigit() and int(fields["hub"]) < len(self.hubs):
            self.choose_hub(int(fields["hub"]))
        self.fields = {name: new[name] for name in self.fields}
        if fields["sensors"]:
            chosen = range(len(self.entries))
            self.wanted = [number for number in chosen if str(number) in fields["sensor"]]
            new["sensors"] = [self.entries[number] for number in self.wanted]
        self.problem = form.problem(new, self.locked(ssid))
        if self.problem:
            return self.page()
        self.attempt = JoinAttempt(self.station, ssid, new["key"])
        return pages.redirect(self.address)
