"""One wake: measure while WiFi joins, send everything in one write, take what is waiting."""

import gc
import hashlib
import time

from dormouse import forget, messages, rows, rtc
from dormouse.deadline import Deadline
from dormouse.mqtt_session import MqttSession, Refused
from dormouse.packets import BadPacket
from dormouse.report import Report
from dormouse.sensors import Sensors
from dormouse.settings import CONFIGURABLE, valid
from dormouse.watchdog import feed
from dormouse.wifi import Station

_POLL_MS = 10
# What the database does not acknowledge is sent again: soon at first, then at every 8th wake.
_RESEND_EVERY = 8
_MOST_HALVINGS = 2


def run(record, clock, settings, reset: str) -> int:
    """Everything between waking and sleeping; never longer than `deadline_ms`.

    Return the seconds from this wake to the next. Raises LongPress.
    """
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
    return wake.next_wake_s()


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
        # Whether `$batch` has rows; whether an update is to begin now.
        self.as_rows = False
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
        if not joining or not self.station.wait(self.deadline):
            return False
        reached = self.exchange()
        if not self.update:
            # The outcome of an update was told, or a command refused.
            forget("ota_negotiation", "ota", "ota_command", "security_counter")
        # Making messages leaves up to 6 KB of waste; what follows wants room, too.
        gc.collect()
        if not self.update:
            self.station.check_lease(self.deadline, self.next_wake_s())
        return reached

    def exchange(self) -> bool:
        """Publish, and follow commands; whether the broker took everything."""
        record = self.record
        session = MqttSession(self.settings, record, self.deadline)
        self.as_rows = rows.understood(record)
        try:
            session.queue_connect()
            before = record.sent_seq
            last, delivered = self.queue_news(session)
            session.open()
            record.sent_seq = last
            delivered()
            config = session.commands.get("$config", b"")
            if apply_config(config, record, self.settings, self.deadline):
                session.queue_name()
                queue_removals(session, self.settings)
                report = self.report()
                report.publish(session)
                session.send()
                report.delivered()
            finish_wifi_trial(record, self.settings)
            self.apply_ack(session.commands.get("$ack", b""))
            if self.resend_due(before):
                self.send_batches(session, 0, before)
            self.send_batches(session, last, record.seq)
            self.handle_ota(session)
            record.halvings = 0
            return True
        except (OSError, BadPacket, Refused, MemoryError) as error:
            print("broker:", type(error).__name__, error)
            if isinstance(error, MemoryError):
                # What failed for want of memory is sent in smaller pieces.
                record.halvings = min(record.halvings + 1, _MOST_HALVINGS)
            record.broker_ip = b"\0" * 4
            return False
        finally:
            session.close()

    def queue_news(self, session):
        """Queue what this wake has to say: (the last reading in it, what to call at the end).

        The end is when the broker has all of it.
        """
        record = self.record
        report = self.report()
        whole = not self.as_rows or self.reset != "deepsleep" or report.due()
        # `$batch` goes first: the hub stores no value that comes beside it. It takes what room the
        # rest leaves.
        connect, session.out = session.out, bytearray()
        if self.settings.plain or not self.as_rows:
            queue_plain(session, self.sensors.series, self.values)
        if self.reset != "deepsleep" or record.failures:
            session.queue_name()
        if whole:
            report.publish(session)
        outcome_delivered = queue_ota_outcome(session, record)
        rest, session.out = session.out, connect
        brief = None if whole else report.brief()
        states = unrecorded(self.sensors.series, self.values)
        last = self.queue_batch(session, record.sent_seq, record.seq, len(rest), states, brief)
        session.out.extend(rest)

        def delivered() -> None:
            outcome_delivered()
            if whole:
                report.delivered()

        return last, delivered

    def handle_ota(self, session) -> None:
        """Follow the update command that waits, if there is one. Raises OSError, BadPacket."""
        payload = session.commands.pop("$ota", b"")
        if payload:
            from dormouse.ota_negotiation import negotiate

            self.update = negotiate(self, session, payload)
        elif self.record.magic != rtc.NO_MAGIC:
            self.record.magic = rtc.NO_MAGIC

    def queue_batch(self, session, after: int, upto: int, rest=0, states=(), brief=None) -> int:
        """Queue a `$batch` of readings after < seq <= upto; return the last that is in it.

        `rest` bytes are to go out with it; `states` and `brief` as in rows.batch.
        """
        record, series = self.record, self.sensors.series
        now = self.clock.tick()
        if self.as_rows:
            room = rows.room(session, rest) >> record.halvings
            payload, last = rows.batch(record, now, series, after, upto, room, states, brief)
        else:
            limit = messages.BATCH_LIMIT >> record.halvings
            payload, last = messages.batch(record, now, series, after, upto, limit)
        if payload:
            session.publish("$batch", payload, True)
        return last

    def send_batches(self, session, after: int, upto: int) -> None:
        """Send the readings after < seq <= upto, and wait for the broker.

        Raises OSError, BadPacket.
        """
        while after < upto:
            # What was sent before is waste by now, and a message wants one piece.
            gc.collect()
            after = self.queue_batch(session, after, upto)
            session.send()
            self.record.sent_seq = max(self.record.sent_seq, after)

    def report(self) -> Report:
        """`$report` of this wake."""
        state = {
            "reset": self.reset,
            "up": self.clock.tick(),
            "next_wake_s": self.next_wake_s(),
            "battery_mv": self.sensors.battery_mv,
            "rssi": self.station.rssi(),
        }
        return Report(self.record, self.settings, state, self.sensors.problems)

    def next_wake_s(self) -> int:
        """Seconds from this wake to the next: the interval, or less for a sensor's sake."""
        interval = self.settings.interval
        return min(interval, self.sensors.wake_s or interval)

    def apply_ack(self, payload) -> None:
        """Drop the readings that an `$ack` says the database holds."""
        record = self.record
        ack = messages.json_object(payload)
        dropped = record.pending.drop(messages.acked_seq(ack, record))
        if dropped:
            record.unacked_wakes = 0
        rows.learn(record, ack, self.as_rows, dropped)

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
    return sensors.read(deadline)


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


def unrecorded(series, values):
    """The values that are not for the record: [(index of the series, value)]."""
    return [(index, value) for index, value in values if not series[index].recorded]


def queue_plain(session, series, values) -> None:
    """Queue every value on the topic of its own."""
    for index, value in values:
        text = messages.format_value(value, series[index].decimals)
        session.publish(series[index].name, text, False)


def queue_removals(session, settings) -> None:
    """Queue that series are no more: an empty value is that to whoever shows them."""
    for name in settings.gone:
        session.publish(name, "", True)
    settings.gone = []


def apply_config(payload, record, settings, deadline=None) -> bool:
    """Apply a `$config` of another version than ours; True if it was one and is applied.

    `deadline` is put off by what a trial of sensors takes. Raises OSError.
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
    if "sensors" in config and config["sensors"] != settings.sensors:
        from dormouse import sensors_trial

        if sensors_trial.attempt(settings, config, deadline):
            changes["sensors"] = config["sensors"]
    add_configurable(changes, config, settings)
    if changes.get("brokers", settings.brokers) != settings.brokers:
        # The one that is used now may be none of them.
        record.broker_ip = b"\0" * 4
    return settings.change(changes)


def add_configurable(changes, config, settings) -> None:
    """Add what a `$config` has of plain settings; what is not allowed is to be reported."""
    for name, value in config.items():
        if name in CONFIGURABLE and valid(name, value):
            changes[name] = value
            if name in settings.invalid:
                # As the file had it: that is over.
                settings.invalid.remove(name)
        elif name not in ("version", "wifi", "sensors"):
            # Of a newer hub, or out of range: whoever asked for it is told.
            settings.invalid.append(name)
