"""A device with mains power: it stays awake, connected, and tries again for ever.

The relay works by its button whatever the network does. Readings wait in the record, which lies
in RTC memory too, so that a restart loses none.
"""

import errno
import time

from dormouse import messages, packets, rtc, switch
from dormouse.broker import KEEPALIVE_S, Conversation, Refused
from dormouse.deadline import Deadline
from dormouse.link import ANSWER_MS, Silent
from dormouse.packets import BadPacket
from dormouse.sensors import Sensors
from dormouse.wake import configure, keep, measure, prepare, settle, tell
from dormouse.watchdog import feed, meanwhile
from dormouse.wifi import Station, stamp

# How often the button is looked at.
_LOOK_MS = 20
# Pauses between attempts: doubled from the first to the longest.
_FIRST_PAUSE_MS, _LONGEST_PAUSE_MS = 500, 60000
_JOIN_MS = 15000
# A ping leaves time for its answer before the broker gives up at 1.5 times the keep-alive.
_PING_MS = KEEPALIVE_S * 500
# How often RTC memory gets the clock: a restart loses so much of it.
_SAVE_S = 2
_DAY = 86400
_SET = "Switch/On/set"
_ONLINE = "$online"


def run(record, clock, settings, reset: str) -> None:
    """Does not return."""
    stay = Stay(record, clock, settings, reset)
    meanwhile.task = stay.look
    meanwhile.every_ms = _LOOK_MS
    pause = _FIRST_PAUSE_MS
    while True:
        prepare(record, settings)
        talk = Conversation(settings, record, Deadline(_JOIN_MS))
        try:
            if stay.join() and stay.greet(talk):
                pause = _FIRST_PAUSE_MS
                stay.serve(talk)
                stay.hand_over(talk)
        except (OSError, BadPacket, Refused) as error:
            print("broker:", type(error).__name__, error)
            record.broker = b"\0" * 4
        talk.close()
        record.failures = rtc.more(record.failures)
        stay.wait(pause)
        pause = min(2 * pause, _LONGEST_PAUSE_MS)


class Stay:
    """The relay, the sensors, and what is to be said of them.

    `exchange` is what goes on about an update command, once there was one (dormouse/update.py).
    """

    def __init__(self, record, clock, settings, reset: str, exchange=None):
        self.record = record
        self.clock = clock
        self.settings = settings
        self.reset = reset
        self.station = Station(record, clock, settings)
        self.sensors = Sensors(settings.sensors)
        self.series = self.sensors.series + [switch.SERIES]
        self.switch = switch.Switch(settings.switch, record.has(rtc.RELAY))
        self.due = Deadline(0)
        self.changed = True
        # The latest of each series that was not said yet, by index; whether a report is due.
        self.values: dict = {}
        self.report_due = True
        # What the broker has yet to acknowledge: {packet id: last reading in it}.
        self.batches: dict = {}
        self.said = 0
        self.exchange = exchange
        # The clock as the RTC memory has it.
        self.saved = 0
        # Whether an update is to begin now.
        self.update = False

    def look(self) -> None:
        """What goes on whatever is waited for."""
        self.clock.tick()
        if self.switch.look():
            self.changed = True

    def join(self) -> bool:
        """Whether WiFi is there, or comes soon."""
        ours = self.record.wifi == stamp(self.settings.ssid, self.settings.key)
        if ours and self.station.wlan.isconnected():
            return True
        self.station = Station(self.record, self.clock, self.settings)
        self.station.begin()
        return self.station.wait(Deadline(_JOIN_MS))

    def wait(self, ms: int) -> None:
        """Let time pass; measure and note what is due."""
        limit = Deadline(ms)
        while limit.left():
            feed()
            self.note()
            time.sleep_ms(min(_LOOK_MS, limit.left()))

    def note(self) -> bool:
        """Add to the record what changed or is due; True if there is something to say."""
        values = []
        if not self.due.left():
            self.due = Deadline(1000 * min(self.settings.interval, _DAY))
            self.report_due = True
            values = measure(self.sensors, Deadline(self.settings.deadline_ms))
        if self.changed:
            self.changed = False
            self.record.set(rtc.RELAY, self.switch.on)
            values.append((len(self.series) - 1, 1 if self.switch.on else 0))
        now = self.clock.tick()
        if values:
            self.values.update(dict(values))
            keep(self.record, self.clock, self.series, values)
        if values or now - self.saved >= _SAVE_S:
            self.saved = now
            rtc.save(self.record)
        return bool(values) or self.report_due

    def greet(self, talk) -> bool:
        """Say everything in one write, wait for the answers. Raises OSError, Refused."""
        self.note()
        talk.deadline = Deadline(_JOIN_MS)
        talk.greet([_SET], (_ONLINE, "0"))
        talk.publish(_ONLINE, "1", True, True)
        talk.introduce()
        self.batches = {}
        self.exchange = None
        # All that the database has not acknowledged: what the last connection sent may be lost.
        self.said = 0
        self.values[len(self.series) - 1] = self.switch.on
        self.report_due = True
        self.say(talk)
        told = tell(talk, self.record)
        talk.open()
        told()
        self.taken(talk)
        self.record.failures = 0
        self.obey(talk)
        if self.record.has(rtc.TRIAL):
            # How it ended is told before it is forgotten.
            talk.publish("$report", self.report(), True)
            talk.send()
            settle(self.record, self.settings)
        return True

    def say(self, talk) -> None:
        """Queue readings not said yet, the values on their topics, the report if it is due."""
        record = self.record
        now = self.clock.tick()
        batch, self.said = messages.batch(record, now, self.series, self.said, record.seq)
        if batch:
            self.batches[talk.publish("$batch", batch, True)] = self.said
        for index, value in self.values.items():
            series = self.series[index]
            kept = series is switch.SERIES
            talk.publish(series.name, messages.text(value, series.decimals), kept, kept)
        self.values = {}
        if self.report_due:
            self.report_due = False
            talk.publish("$report", self.report(), True)

    def report(self) -> str:
        """`$report` of a device that stays awake."""
        state = {
            "reset": self.reset,
            "up": self.clock.tick(),
            "next_wake_s": None,
            "battery_mv": self.sensors.battery_mv,
            "rssi": self.station.rssi(),
        }
        problems, self.sensors.problems = self.sensors.problems, []
        return messages.report(self.record, self.settings, state, problems)

    def serve(self, talk) -> None:
        """Obey, report and ping until an update begins, or another network is to be tried.

        Raises OSError (when the connection ends), BadPacket.
        """
        quiet = Deadline(_PING_MS)
        pinged = False
        overdue = None
        while not self.update and not self.settings.moving:
            feed()
            talk.link.deadline = Deadline(ANSWER_MS)
            packet = talk.link.arrived()
            if packet:
                pinged = pinged and packet[0] != packets.PINGRESP
                talk.take(packet)
                self.taken(talk)
                self.obey(talk)
            self.speak(talk)
            if not quiet.left():
                quiet = Deadline(_PING_MS)
                pinged = True
                talk.out.extend(packets.PINGREQ)
            if talk.out:
                talk.link.write(talk.out)
                talk.out = bytearray()
            if not pinged and not talk.unanswered:
                overdue = None
            elif overdue is None:
                overdue = Deadline(ANSWER_MS)
            elif not overdue.left():
                raise Silent(errno.ETIMEDOUT)
            if not packet:
                talk.link.idle(_LOOK_MS)

    def speak(self, talk) -> None:
        """Queue what there is to say by now."""
        if self.note() or (self.said < self.record.seq and not talk.unanswered):
            self.say(talk)
        if self.exchange and self.exchange.overdue():
            self.exchange.ask(talk)

    def taken(self, talk) -> None:
        """Note what the broker has acknowledged."""
        if self.exchange and not talk.unanswered:
            self.exchange.answered()
        for packet_id in list(self.batches):
            if packet_id not in talk.unanswered:
                self.record.sent = max(self.record.sent, self.batches.pop(packet_id))

    def obey(self, talk) -> None:
        """Act on the commands that came."""
        while talk.commands:
            name, payload = talk.commands.popitem()
            if name == _SET:
                wanted = switch.parse(payload)
                if wanted is not None:
                    self.switch.set(wanted)
                    self.changed = True
            elif name == "$ack":
                self.record.pending.forget(messages.acknowledged(payload, self.record))
                rtc.save(self.record)
            elif name == "$config" and configure(payload, self.record, self.settings):
                self.due = Deadline(0)
            elif name == "$ota" and (payload or self.exchange):
                self.follow(talk, payload)

    def follow(self, talk, payload) -> None:
        """Answer an update command, or begin when the hub says so. Raises OSError, BadPacket."""
        if self.exchange is None:
            from dormouse import update

            sensors = self.sensors
            self.exchange = update.Exchange(self.record, self.settings, self.station, sensors)
        if self.exchange.take(talk, payload):
            talk.link.deadline = Deadline(ANSWER_MS)
            self.update = self.exchange.begin(talk)

    def hand_over(self, talk) -> None:
        """Let the bootloader have the device, if an update is to begin: then does not return."""
        if not self.update:
            return
        from dormouse import ota

        talk.close()
        self.clock.tick()
        ota.hand_over(self.record, self.settings)
