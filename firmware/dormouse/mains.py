"""A device on mains power: it stays awake, connected, and connects again for ever.

The relay works by its button whatever the network does. Readings wait in the record, which lies
in RTC memory too, so that a restart loses none.
"""

import errno
import time

import machine

from dormouse import messages, packets, rows, rtc, switch, watchdog
from dormouse.deadline import Deadline
from dormouse.mqtt_session import KEEPALIVE_S, MqttSession, Refused
from dormouse.packets import BadPacket
from dormouse.report import Report
from dormouse.sensors import Sensors
from dormouse.tcp import ANSWER_MS, Timeout
from dormouse.wake import (
    add_readings,
    apply_config,
    finish_wifi_trial,
    measure,
    queue_ota_outcome,
    queue_plain,
    queue_removals,
    select_wifi,
    unrecorded,
)
from dormouse.wifi import Station, credentials_digest

# How often the button is looked at.
_POLL_MS = 20
# Pauses between attempts: doubled from the first to the longest.
_MIN_PAUSE_MS, _MAX_PAUSE_MS = 500, 60000
_JOIN_MS = 15000
# A ping leaves time for its answer before the broker gives up at 1.5 times the keep-alive.
_PING_MS = KEEPALIVE_S * 500
# How often RTC memory gets the clock: a restart loses so much of it.
_SAVE_S = 2
_DAY = 86400
# Readings in a message, when larger ones found no memory: as few as a wake sends then.
_SMALLEST_BATCH = messages.BATCH_LIMIT // 4
_SET = "Switch/On/set"
_ONLINE = "$online"


def run(record, clock, settings, reset: str) -> None:
    """Run until the chip is reset: does not return. Raises LongPress."""
    device = MainsDevice(record, clock, settings, reset)
    device.start()
    try:
        device.run()
    finally:
        device.stop()


class MainsDevice:
    """The relay, the sensors, and what is to be published of them."""

    def __init__(self, record, clock, settings, reset: str, negotiation=None):
        self.record = record
        self.clock = clock
        self.settings = settings
        self.reset = reset
        self.station = Station(record, clock, settings, False)
        self.sensors = Sensors(settings.sensors)
        self.series = self.sensors.series + [switch.SERIES]
        self.switch = switch.Switch(settings.switch, record.has(rtc.RELAY_ON))
        # When to measure again; whether the switch's state is to be recorded.
        self.measure_at = Deadline(0)
        self.switched = True
        # The latest of each series that was not published, by index; whether a report is due.
        self.unpublished: dict = {}
        self.report_due = True
        # Whether that is to be whole: a session begins with such a one.
        self.whole_due = True
        # What the broker has yet to acknowledge: {packet id: last reading in it}.
        self.unacked: dict = {}
        # The last reading that this session queued, and how many go into one message.
        self.queued_seq = 0
        self.batch_limit = messages.BATCH_LIMIT
        # What goes on about an update command, once there was one.
        self.negotiation = negotiation
        # The clock as the RTC memory has it.
        self.saved_s = 0
        # Whether an update is to begin now.
        self.update = False

    def start(self) -> None:
        """Switch the relay as it was, and poll its button at each feed of the watchdog."""
        self.switch.set(self.switch.on)
        watchdog.add(self, _POLL_MS)

    def stop(self) -> None:
        """Poll the button no more."""
        watchdog.remove(self)

    def run(self) -> None:
        """Connect and serve, again and again. Does not return."""
        pause = _MIN_PAUSE_MS
        while True:
            select_wifi(self.record, self.settings)
            session = MqttSession(self.settings, self.record, Deadline(_JOIN_MS))
            try:
                if self.join():
                    self.connect(session)
                    pause = _MIN_PAUSE_MS
                    self.serve(session)
                    self.enter_ota_server(session)
            except MemoryError:
                # The smallest pieces are too large: a restart makes the heap whole again.
                if self.batch_limit <= _SMALLEST_BATCH:
                    raise
                self.batch_limit //= 2
                print("broker: MemoryError")
            except (OSError, BadPacket, Refused) as error:
                print("broker:", type(error).__name__, error)
                self.record.broker_ip = b"\0" * 4
            session.close()
            self.record.failures = rtc.count_up(self.record.failures)
            self.wait(pause)
            pause = min(2 * pause, _MAX_PAUSE_MS)

    def poll(self) -> None:
        """What goes on whatever is waited for: clock and button."""
        self.clock.tick()
        if self.switch.poll():
            self.switched = True

    def join(self) -> bool:
        """Whether WiFi is there, or comes soon."""
        digest = credentials_digest(self.settings.ssid, self.settings.key)
        if self.record.wifi_digest == digest and self.station.wlan.isconnected():
            return True
        self.station = Station(self.record, self.clock, self.settings, False)
        self.station.start()
        return self.station.wait(Deadline(_JOIN_MS))

    def wait(self, ms: int) -> None:
        """Let time pass; record what is due."""
        limit = Deadline(ms)
        while limit.left():
            watchdog.feed()
            self.record_due()
            time.sleep_ms(min(_POLL_MS, limit.left()))

    def record_due(self) -> bool:
        """Add to the record what changed or is due; True if there is something to publish."""
        values = []
        if not self.measure_at.left():
            self.measure_at = Deadline(1000 * min(self.settings.interval, _DAY))
            self.report_due = True
            values = measure(self.sensors, Deadline(self.settings.deadline_ms))
        if self.switched:
            self.switched = False
            self.record.set(rtc.RELAY_ON, self.switch.on)
            values.append((len(self.series) - 1, 1 if self.switch.on else 0))
        now = self.clock.tick()
        if values:
            self.unpublished.update(dict(values))
            add_readings(self.record, self.clock, self.series, values)
        if values or now - self.saved_s >= _SAVE_S:
            self.saved_s = now
            rtc.save(self.record)
        return bool(values) or self.report_due

    def connect(self, session) -> None:
        """Send everything in one write, wait for the answers.

        Raises OSError, BadPacket, Refused.
        """
        self.record_due()
        session.deadline = Deadline(_JOIN_MS)
        session.queue_connect([_SET], (_ONLINE, "0"))
        session.publish(_ONLINE, "1", True, True)
        session.queue_name()
        self.unacked = {}
        self.negotiation = None
        # All that the database has not acknowledged: what the last session sent may be lost.
        self.queued_seq = 0
        self.unpublished[len(self.series) - 1] = self.switch.on
        self.report_due = self.whole_due = True
        self.queue(session)
        outcome_delivered = queue_ota_outcome(session, self.record)
        session.open()
        outcome_delivered()
        self.handle_acks(session)
        self.record.failures = 0
        self.handle_commands(session)
        if self.record.has(rtc.WIFI_TRIAL):
            # How it ended is reported before it is forgotten.
            self.publish_report(session, self.report())
            session.send()
            finish_wifi_trial(self.record, self.settings)

    def queue(self, session) -> None:
        """Queue readings that were not, values that are asked for, the report if it is due."""
        record = self.record
        # Only a hub that said so gets rows: nobody else's message would be read before the next
        # connection.
        as_rows = record.hub == rtc.HUB_ROWS
        values, self.unpublished = list(self.unpublished.items()), {}
        report = self.report() if self.report_due else None
        self.report_due = False
        whole = report and (not as_rows or self.whole_due or report.due())
        brief = report.brief() if report and not whole else None
        self.queue_batch(session, as_rows, unrecorded(self.series, values), brief)
        plain = [one for one in values if self.series[one[0]] is not switch.SERIES]
        if self.settings.plain or not as_rows:
            queue_plain(session, self.series, plain)
        if len(plain) < len(values):
            session.publish(switch.SERIES.name, "1" if self.switch.on else "0", True, True)
        if report and whole:
            self.publish_report(session, report)

    def queue_batch(self, session, as_rows: bool, states, brief) -> None:
        """Queue a `$batch` of readings that were not, as far as it goes."""
        record, after = self.record, self.queued_seq
        now = self.clock.tick()
        if as_rows:
            # As much smaller as messages that list them have become.
            room = rows.room(session, 0) * self.batch_limit // messages.BATCH_LIMIT
            payload, self.queued_seq = rows.batch(
                record, now, self.series, after, record.seq, room, states, brief
            )
        else:
            payload, self.queued_seq = messages.batch(
                record, now, self.series, after, record.seq, self.batch_limit
            )
        if payload:
            self.unacked[session.publish("$batch", payload, True)] = self.queued_seq

    def report(self) -> Report:
        """`$report` of a device that stays awake."""
        state = {
            "reset": self.reset,
            "up": self.clock.tick(),
            "next_wake_s": None,
            "battery_mv": self.sensors.battery_mv,
            "rssi": self.station.rssi(),
        }
        problems, self.sensors.problems = self.sensors.problems, []
        return Report(self.record, self.settings, state, problems)

    def publish_report(self, session, report: Report) -> None:
        """Queue the whole of a report."""
        self.whole_due = False
        report.publish(session)
        # Should it be lost with the connection: the next begins with another one.
        report.delivered()

    def handle_ack(self, payload) -> None:
        """Drop the readings that an `$ack` says the database holds."""
        record = self.record
        as_rows = record.hub == rtc.HUB_ROWS
        ack = messages.json_object(payload)
        dropped = record.pending.drop(messages.acked_seq(ack, record))
        rows.learn(record, ack, as_rows, dropped)
        if as_rows and record.hub != rtc.HUB_ROWS:
            # It has not read what was sent: all of it goes again.
            self.queued_seq = 0
        rtc.save(record)

    def serve(self, session) -> None:
        """Follow commands, publish and ping until an update begins or other WiFi is to be tried.

        Raises OSError (when the connection ends), BadPacket.
        """
        next_ping = Deadline(_PING_MS)
        pinged = False
        overdue = None
        while not self.update and not self.settings.wifi_waiting:
            watchdog.feed()
            session.connection.deadline = Deadline(ANSWER_MS)
            packet = session.connection.poll_packet()
            if packet:
                pinged = pinged and packet[0] != packets.PINGRESP
                session.handle(packet)
                self.handle_acks(session)
                self.handle_commands(session)
            self.queue_due(session)
            if not next_ping.left():
                next_ping = Deadline(_PING_MS)
                pinged = True
                session.out.extend(packets.PINGREQ)
            if session.out:
                session.connection.write(session.out)
                session.out = bytearray()
            if not pinged and not session.unacked:
                overdue = None
            elif overdue is None:
                overdue = Deadline(ANSWER_MS)
            elif not overdue.left():
                raise Timeout(errno.ETIMEDOUT)
            if not packet:
                session.connection.wait_readable(_POLL_MS)

    def queue_due(self, session) -> None:
        """Queue what there is to publish by now."""
        if self.record_due() or (self.queued_seq < self.record.seq and not session.unacked):
            self.queue(session)
        if self.negotiation and self.negotiation.retry_due():
            self.negotiation.accept(session)

    def handle_acks(self, session) -> None:
        """Note what the broker has acknowledged."""
        if self.negotiation and not session.unacked:
            self.negotiation.acknowledged()
        for packet_id in list(self.unacked):
            if packet_id not in session.unacked:
                self.record.sent_seq = max(self.record.sent_seq, self.unacked.pop(packet_id))

    def handle_commands(self, session) -> None:
        """Follow the commands that came. Raises OSError, BadPacket."""
        while session.commands:
            name, payload = session.commands.popitem()
            if name == _SET:
                on = switch.parse_set(payload)
                if on is not None:
                    self.switch.set(on)
                    self.switched = True
            elif name == "$ack":
                self.handle_ack(payload)
            elif name == "$config":
                self.handle_config(session, payload)
            elif name == "$ota" and (payload or self.negotiation):
                self.handle_ota(session, payload)

    def handle_config(self, session, payload) -> None:
        """Apply settings; other sensors want a restart. Raises OSError, BadPacket."""
        sensors = self.settings.sensors
        if not apply_config(payload, self.record, self.settings):
            return
        self.measure_at = Deadline(0)
        if self.settings.sensors != sensors:
            session.connection.deadline = Deadline(ANSWER_MS)
            queue_removals(session, self.settings)
            self.publish_report(session, self.report())
            session.send()
            session.close()
            self.clock.tick()
            rtc.save(self.record)
            machine.reset()

    def handle_ota(self, session, payload) -> None:
        """Answer an update command, or begin when the hub says so. Raises OSError, BadPacket."""
        if self.negotiation is None:
            from dormouse.ota_negotiation import Negotiation

            self.negotiation = Negotiation(self.record, self.settings, self.station, self.sensors)
        if self.negotiation.handle(session, payload):
            session.connection.deadline = Deadline(ANSWER_MS)
            self.update = self.negotiation.begin(session)

    def enter_ota_server(self, session) -> None:
        """Restart into the OTA server, if an update is to begin: then does not return."""
        if not self.update:
            return
        from dormouse import ota

        session.close()
        self.clock.tick()
        ota.enter_server(self.record, self.settings)
