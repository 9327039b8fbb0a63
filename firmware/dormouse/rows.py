"""`$batch` with rows: readings for the record in few bytes, for a hub that says that it reads them.

The series are named once, by HomeKit's short types, and what changes each wake of `$report` stands
beside the readings. Other hubs get what messages.py makes, and values and reports of their own.
"""

from dormouse import messages, rtc
from dormouse.pending import count_bits

WRITE = 1072
"""Bytes of one write: lwIP's send buffer, two segments of 536 (its TCP_SND_BUF and TCP_MSS)."""

ROWS = 2
"""The number of the form with rows, as `$ack` has it in `batch`."""

# Unacknowledged wakes after which a hub is taken for one that reads no rows: one that never said
# that it does, and one that did but may have been replaced.
_UNHEARD, _SILENT = 2, 8

# The first group of the UUID of HomeKit's services and characteristics (HAP specification, chapters
# 8 and 9; Eve's of air pressure), without leading zeros. As a text it lies in flash, as a table it
# would lie in the heap.
_TYPES = (
    "|TemperatureSensor 8A|CurrentTemperature 11|HumiditySensor 82|CurrentRelativeHumidity 10"
    "|BatteryService 96|BatteryLevel 68|StatusLowBattery 79"
    "|AirPressureSensor E863F00A|AirPressure E863F10F"
    "|LightSensor 84|CurrentAmbientLightLevel 6B"
    "|CarbonDioxideSensor 97|CarbonDioxideLevel 93|CarbonDioxideDetected 92"
    "|AirQualitySensor 8D|AirQuality 95|PM2.5Density C6|PM10Density C7"
    "|ContactSensor 80|ContactSensorState 6A|MotionSensor 85|MotionDetected 22|Switch 49|On 25|"
)


def short(name: str) -> str:
    """A series' name with HomeKit's short types where they are known: "8A/1/11"."""
    parts = name.split("/")
    for i, part in enumerate(parts):
        at = _TYPES.find("|" + part + " ")
        if at >= 0:
            at += len(part) + 2
            parts[i] = _TYPES[at : _TYPES.find("|", at)]
    return "/".join(parts)


def understood(record) -> bool:
    """Whether the hub can be expected to understand rows."""
    if record.hub == rtc.HUB_LISTS:
        return False
    return record.unacked_wakes < (_SILENT if record.hub == rtc.HUB_ROWS else _UNHEARD)


def learn(record, ack: dict, as_rows: bool, dropped: bool) -> None:
    """Note what an `$ack` tells of the hub.

    `as_rows`: they are what is sent now; `dropped`: it acknowledged readings of ours.
    """
    form = ack.get("batch")
    if isinstance(form, int) and form >= ROWS:
        record.hub = rtc.HUB_ROWS
    elif ack and (not as_rows or ack.get("boot") != messages.boot_id(record)):
        # It was made by a hub that says nothing of them.
        record.hub = rtc.HUB_LISTS
    elif dropped:
        # They were sent as nothing but rows.
        record.hub = rtc.HUB_ROWS


def room(session, rest: int) -> int:
    """Bytes for a payload, beside what is queued and `rest` bytes that are yet to be."""
    # PUBLISH: two bytes of length at most, the topic's length, the packet id.
    header = 7 + len(session.topic) + len("$batch")
    return WRITE - len(session.out) - rest - header


def batch(record, now: int, series, after: int, upto: int, room: int, states=(), brief=None):
    """(`$batch` with the wakes that have readings after < seq <= upto, the last in it).

    As many wakes as make `room` bytes, one at least. `states` are [(index of the series, value)]
    that are not for the record; `brief` is what changes each wake of `$report`. Without anything to
    say the payload is None.
    """
    groups = [
        group
        for group in record.pending.groups()
        if group[1] + count_bits(group[2]) - 1 > after and group[1] <= upto
    ]
    masks = 0
    for group in groups:
        masks |= group[2]
    head = '{"boot":"%s","up":%d' % (messages.boot_id(record), now)
    if record.lost:
        head += ',"lost":%d' % record.lost
    if groups and after != groups[0][1] - 1:
        head += ',"after":%d' % after
    names = [short(series[i].name) for i in range(len(series)) if masks >> i & 1]
    if names:
        head += ',"series":["%s"]' % '","'.join(names)
    out = bytearray((head + ',"rows":[').encode())
    tail = _tail(series, states, brief)
    last = after
    for at, seq, mask, start, _end in groups:
        row = "[%d,%d%s]" % (
            seq,
            max(0, now - at),
            _values(record.pending, series, masks, mask, start),
        )
        if last > after:
            if len(out) + 1 + len(row) + len(tail) > room:
                break
            out.append(44)
        out.extend(row.encode())
        last = seq + count_bits(mask) - 1
    else:
        last = upto
    if not groups and not states and not brief:
        return None, upto
    out.extend(tail.encode())
    return out, last


def _values(pending, series, masks: int, mask: int, start: int) -> str:
    """The values of a wake from `start` on, in the columns of `masks`, as far as it has some."""
    row = ""
    for index in range(len(series)):
        if mask >> index & 1:
            row += "," + messages.format_value(pending.value(start), series[index].decimals)
            start += 4
        elif masks >> index & 1 and mask >> index:
            row += ",null"
    return row


def _tail(series, states, brief) -> str:
    """What stands behind the rows."""
    tail = "]"
    if states:
        said = ""
        for index, value in states:
            text = messages.format_value(value, series[index].decimals)
            said += ',"%s":%s' % (short(series[index].name), text)
        tail += ',"now":{%s}' % said[1:]
    if brief:
        numbers = ["null" if one is None else str(one) for one in brief]
        tail += ',"report":[%s]' % ",".join(numbers)
    return tail + "}"
