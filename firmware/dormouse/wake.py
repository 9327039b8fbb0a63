"""One wake: measure while WiFi joins, say everything in one write, take what is waiting."""

import hashlib
import time

from dormouse import messages, rtc
from dormouse.broker import Conversation, Refused
from dormouse.deadline import Deadline
from dormouse.packets import BadPacket
from dormouse.sensors import Sensors
from dormouse.settings import CONFIGURABLE, valid
from dormouse.watchdog import feed
from dormouse.wifi import Station

_POLL_MS = 10
# What the database does not acknowledge is sent again: soon at first, then at every 8th wake.
_RESEND_EVERY = 8


def run(record, clock, settings, reset: str) -> None:
    """Everything between waking and sleeping; never longer than `deadline_ms`."""
    if record.has(rtc.CRASHED):
        reset = "watchdog"
        record.set(rtc.CRASHED, False)
    prepare(record, settings)
    wake = Wake(record, clock, settings, reset)
    reached = wake.run()
    record.failures = 0 if reached else rtc.more(record.failures)
    if wake.update:
        from dormouse import ota

        clock.tick()
        ota.hand_over(record, settings)


class Wake:
    """What one wake works with."""

    def __init__(self, record, clock, settings, reset: str):
        self.record = record
        self.clock = clock
        self.settings = settings
        self.reset = reset
        self.deadline = Deadline(settings.deadline_ms)
        self.station = Station(record, clock, settings)
        self.sensors = Sensors(settings.sensors)
        self.values: list = []
        # Whether an update is to begin now.
        self.update = False

    def run(self) -> bool:
        """Whether the broker took everything."""
        joining = True
        try:
            self.station.begin()
        except OSError as error:
            # Then this wake is for measuring.
            print("wifi:", error)
            joining = False
        self.values = measure(self.sensors, self.deadline)
        keep(self.record, self.clock, self.sensors.series, self.values)
        rtc.save(self.record)
        return joining and self.station.wait(self.deadline) and self.talk()

    def talk(self) -> bool:
        """Whether the broker took everything."""
        record = self.record
        talk = Conversation(self.settings, record, self.deadline)
        try:
            talk.greet()
            before = record.sent
            last = self.queue(talk, before, record.seq)
            for index, value in self.values:
                series = self.sensors.series[index]
                talk.publish(series.name, messages.text(value, series.decimals), False)
            if self.reset != "deepsleep":
                talk.introduce()
            talk.publish("$report", self.report(), True)
            told = tell(talk, record)
            talk.open()
            record.sent = last
            told()
            if configure(talk.commands.get("$config", b""), record, self.settings):
                talk.introduce()
                talk.publish("$report", self.report(), True)
                talk.send()
            settle(record, self.settings)
            if self.again(talk, before):
                self.send(talk, 0, before)
            self.send(talk, last, record.seq)
            self.obey(talk)
            return True
        except (OSError, BadPacket, Refused, MemoryError) as error:
            print("broker:", type(error).__name__, error)
            record.broker = b"\0" * 4
            return False
        finally:
            talk.close()

    def obey(self, talk) -> None:
        """Follow the command that waits, if there is one. Raises OSError, BadPacket."""
        payload = talk.commands.pop("$ota", b"")
        if payload:
            from dormouse import update

            self.update = update.obey(self, talk, payload)
        elif self.record.magic != rtc.NO_MAGIC:
            self.record.magic = rtc.NO_MAGIC

    def queue(self, talk, after: int, upto: int) -> int:
        """Queue a `$batch` of readings after < seq <= upto; return the last that is in it."""
        now = self.clock.tick()
        # What failed for want of memory is said in smaller pieces.
        most = messages.MOST >> min(self.record.failures, 2)
        payload, last = messages.batch(self.record, now, self.sensors.series, after, upto, most)
        if payload:
            talk.publish("$batch", payload, True)
        return last

    def send(self, talk, after: int, upto: int) -> None:
        """Send the readings after < seq <= upto, and wait for the broker. Raises OSError."""
        while after < upto:
            after = self.queue(talk, after, upto)
            talk.send()
            self.record.sent = max(self.record.sent, after)

    def report(self) -> str:
        """`$report` of this wake."""
        state = {
            "reset": self.reset,
            "up": self.clock.tick(),
            "next_wake_s": self.settings.interval,
            "battery_mv": self.sensors.battery_mv,
            "rssi": self.station.rssi(),
        }
        return messages.report(self.record, self.settings, state, self.sensors.problems)

    def again(self, talk, before: int) -> bool:
        """Forget what `$ack` says the database holds; whether the rest is to be sent again.

        `before` is the last reading that the broker took from an earlier wake. The database may
        be behind because the hub is away (the broker keeps the readings for it), or because
        the broker lost them.
        """
        record = self.record
        if record.pending.forget(messages.acknowledged(talk.commands.get("$ack", b""), record)):
            record.stuck = 0
        waiting = any(True for _ in record.pending.readings(0, before))
        record.stuck = rtc.more(record.stuck) if waiting else 0
        return waiting and (record.stuck in (1, 2, 4) or record.stuck % _RESEND_EVERY == 0)


def tell(talk, record):
    """Queue the outcome of an update, if one is to be told; return what to do when it was."""
    if not record.has(rtc.OUTCOME):
        return _nothing
    from dormouse import update

    return update.tell(talk, record)


def prepare(record, settings) -> None:
    """Before joining: use WiFi credentials that are on trial, if there are any."""
    if record.has(rtc.TRIAL):
        from dormouse import credentials

        credentials.prepare(record, settings)


def settle(record, settings) -> None:
    """Let a trial of WiFi credentials end, if there is one: the broker was reached."""
    if record.has(rtc.TRIAL):
        from dormouse import credentials

        credentials.settle(record, settings)


def _nothing() -> None:
    """There was nothing to tell."""


def measure(sensors, deadline):
    """What the sensors say: [(index of the series, value)]."""
    ready = Deadline(sensors.start())
    while ready.left() and deadline.left():
        feed()
        time.sleep_ms(min(_POLL_MS, ready.left()))
    return sensors.read()


def keep(record, clock, series, values) -> None:
    """Number the values and add them to what is pending."""
    names = hashlib.sha256(",".join([one.name for one in series]).encode()).digest()
    stamp = names[0] << 8 | names[1]
    if record.series != stamp:
        # Their indexes mean something else now.
        record.lost += sum(1 for _ in record.pending.readings())
        record.pending.forget(record.seq)
        record.series = stamp
    recorded = [(index, value) for index, value in values if series[index].recorded]
    record.pending.add(clock.tick(), record.seq + 1, recorded)
    record.seq += len(recorded)


def configure(payload, record, settings) -> bool:
    """Apply a `$config` of another version than ours; True if it was one and is applied."""
    said = messages.json_object(payload)
    version = said.get("version")
    if not valid("config", version) or version == settings.config:
        return False
    if "wifi" in said:
        from dormouse import credentials

        if not credentials.wanted(record, settings, said):
            return False
    changes = {"config": version}
    for name in CONFIGURABLE:
        if name in said:
            if valid(name, said[name]):
                changes[name] = said[name]
            else:
                settings.bad.append(name)
    return settings.change(changes)
