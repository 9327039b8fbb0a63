"""One wake: measure while WiFi joins, send everything in one write, take what is waiting."""

import hashlib
import time

from dormouse import messages, rtc
from dormouse.deadline import Deadline
from dormouse.mqtt_session import MqttSession, Refused
from dormouse.packets import BadPacket
from dormouse.sensors import Sensors
from dormouse.settings import CONFIGURABLE, valid
from dormouse.watchdog import feed
from dormouse.wifi import Station

_POLL_MS = 10
# What the database does not acknowledge is sent again: soon at first, then at every 8th wake.
_RESEND_EVERY = 8


def run(record, clock, settings, reset: str) -> None:
    """Everything between waking and sleeping; never longer than `deadline_ms`. Raises LongPress."""
    if record.has(rtc.HUNG):
        reset = "watchdog"
        record.set(rtc.HUNG, False)
    select_wifi(record, settings)
    wake = Wake(record, clock, settings, reset)
    reached = wake.run()
    record.failures = 0 if reached else rtc.count_up(record.failures)
    if wake.update:
        from dormouse import ota

        clock.tick()
        ota.enter_server(record, settings)


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
            self.station.start()
        except OSError as error:
            # Then this wake is for measuring.
            print("wifi:", error)
            joining = False
        self.values = measure(self.sensors, self.deadline)
        add_readings(self.record, self.clock, self.sensors.series, self.values)
        rtc.save(self.record)
        return joining and self.station.wait(self.deadline) and self.exchange()

    def exchange(self) -> bool:
        """Publish, and follow commands; whether the broker took everything."""
        record = self.record
        session = MqttSession(self.settings, record, self.deadline)
        try:
            session.queue_connect()
            before = record.sent_seq
            last = self.queue_batch(session, before, record.seq)
            for index, value in self.values:
                series = self.sensors.series[index]
                session.publish(series.name, messages.format_value(value, series.decimals), False)
            if self.reset != "deepsleep":
                session.queue_name()
            session.publish("$report", self.report(), True)
            outcome_delivered = queue_ota_outcome(session, record)
            session.open()
            record.sent_seq = last
            outcome_delivered()
            if apply_config(session.commands.get("$config", b""), record, self.settings):
                session.queue_name()
                session.publish("$report", self.report(), True)
                session.send()
            finish_wifi_trial(record, self.settings)
            self.apply_ack(session.commands.get("$ack", b""))
            if self.resend_due(before):
                self.send_batches(session, 0, before)
            self.send_batches(session, last, record.seq)
            self.handle_ota(session)
            return True
        except (OSError, BadPacket, Refused, MemoryError) as error:
            print("broker:", type(error).__name__, error)
            record.broker_ip = b"\0" * 4
            return False
        finally:
            session.close()

    def handle_ota(self, session) -> None:
        """Follow the update command that waits, if there is one. Raises OSError, BadPacket."""
        payload = session.commands.pop("$ota", b"")
        if payload:
            from dormouse.ota_negotiation import negotiate

            self.update = negotiate(self, session, payload)
        elif self.record.magic != rtc.NO_MAGIC:
            self.record.magic = rtc.NO_MAGIC

    def queue_batch(self, session, after: int, upto: int) -> int:
        """Queue a `$batch` of readings after < seq <= upto; return the last that is in it."""
        now = self.clock.tick()
        # What failed for want of memory is sent in smaller pieces.
        limit = messages.BATCH_LIMIT >> min(self.record.failures, 2)
        payload, last = messages.batch(self.record, now, self.sensors.series, after, upto, limit)
        if payload:
            session.publish("$batch", payload, True)
        return last

    def send_batches(self, session, after: int, upto: int) -> None:
        """Send the readings after < seq <= upto, and wait for the broker.

        Raises OSError, BadPacket.
        """
        while after < upto:
            after = self.queue_batch(session, after, upto)
            session.send()
            self.record.sent_seq = max(self.record.sent_seq, after)

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

    def apply_ack(self, payload) -> None:
        """Drop the readings that an `$ack` says the database holds."""
        if self.record.pending.drop(messages.acked_seq(payload, self.record)):
            self.record.unacked_wakes = 0

    def resend_due(self, before: int) -> bool:
        """Whether to send again what is still pending up to `before`; counts the wakes of that.

        `before` is the last reading that the broker took from an earlier wake. The database may
        be behind because the hub is away (the broker keeps the readings for it), or because
        the broker lost them.
        """
        record = self.record
        waiting = any(True for _ in record.pending.readings(0, before))
        wakes = record.unacked_wakes = rtc.count_up(record.unacked_wakes) if waiting else 0
        return waiting and (wakes in (1, 2, 4) or wakes % _RESEND_EVERY == 0)


def queue_ota_outcome(session, record):
    """Queue an update's outcome, if there is one; return what to call when the broker has it."""
    if not record.has(rtc.OTA_OUTCOME):
        return _do_nothing
    from dormouse import ota_negotiation

    return ota_negotiation.queue_outcome(session, record)


def _do_nothing() -> None:
    """There was no outcome."""


def select_wifi(record, settings) -> None:
    """Before joining: use WiFi credentials that are on trial, if there are any."""
    if record.has(rtc.WIFI_TRIAL):
        from dormouse import wifi_trial

        wifi_trial.select(record, settings)


def finish_wifi_trial(record, settings) -> None:
    """The broker was reached: end a trial of WiFi credentials, if there is one."""
    if record.has(rtc.WIFI_TRIAL):
        from dormouse import wifi_trial

        wifi_trial.finish(record, settings)


def measure(sensors, deadline):
    """What the sensors measure: [(index of the series, value)]."""
    ready = Deadline(sensors.start())
    while ready.left() and deadline.left():
        feed()
        time.sleep_ms(min(_POLL_MS, ready.left()))
    return sensors.read()


def add_readings(record, clock, series, values) -> None:
    """Number the values and add them to what is pending."""
    names = hashlib.sha256(",".join([one.name for one in series]).encode()).digest()
    digest = names[0] << 8 | names[1]
    if record.series_digest != digest:
        # Their indexes mean something else now.
        record.lost += sum(1 for _ in record.pending.readings())
        record.pending.drop(record.seq)
        record.series_digest = digest
    recorded = [(index, value) for index, value in values if series[index].recorded]
    record.pending.add(clock.tick(), record.seq + 1, recorded)
    record.seq += len(recorded)


def apply_config(payload, record, settings) -> bool:
    """Apply a `$config` of another version than ours; True if it was one and is applied.

    Raises OSError.
    """
    config = messages.json_object(payload)
    version = config.get("version")
    if not valid("config", version) or version == settings.config:
        return False
    if "wifi" in config:
        from dormouse import wifi_trial

        if not wifi_trial.applicable(record, settings, config):
            return False
    changes = {"config": version}
    for name in CONFIGURABLE:
        if name in config:
            if valid(name, config[name]):
                changes[name] = config[name]
            else:
                settings.invalid.append(name)
    return settings.change(changes)
