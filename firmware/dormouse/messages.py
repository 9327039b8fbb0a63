"""The payloads that a device sends (docs/topics.md)."""

import json

from dormouse.version import VERSION

BATCH_LIMIT = 24
"""Readings in a `$batch`: 1.5 KB of JSON, which is what the heap has in one piece for sure."""


def format_value(value, decimals: int) -> str:
    """A value as a state topic carries it; `decimals` 0 is an integer, also for booleans."""
    if not decimals:
        return str(int(value + 0.5) if value >= 0 else -int(0.5 - value))
    text = ("%." + str(decimals) + "f") % value
    text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def batch(record, now: int, series, after: int, upto: int, limit: int = BATCH_LIMIT):
    """(`$batch` with pending readings after < seq <= upto, the last in it); `series` names them.

    At most `limit` of them: the rest is for another message. Without any the payload is None and
    the last is `upto`. `now` is in seconds on the device's clock.
    """
    out = None
    last = upto
    count = 0
    for seq, at, index, value in record.pending.readings(after, upto):
        if count == limit:
            break
        if out is None:
            head = '{"boot":"%s","up":%d,"lost":%d,"after":%d,"readings":['
            out = bytearray((head % (boot_id(record), now, record.lost, after)).encode())
        else:
            out.append(44)
        name, text = series[index].name, format_value(value, series[index].decimals)
        out.extend(('[%d,%d,"%s",%s]' % (seq, max(0, now - at), name, text)).encode())
        count += 1
        last = seq
    if out is not None:
        out.extend(b"]}")
    return out, last if count == limit else upto


def boot_id(record) -> str:
    """The boot identity: 8 hex digits."""
    return "%02x%02x%02x%02x" % tuple(record.boot)


def enrolment(device: str, password: str, model: str) -> str:
    """What `enrol/<id>` carries."""
    payload = {"id": device, "password": password, "model": model, "firmware": VERSION}
    return json.dumps(payload)


def acked_seq(ack: dict, record) -> int:
    """The sequence number that an `$ack` acknowledges; 0 if it is another boot identity's."""
    seq = ack.get("seq")
    if ack.get("boot") != boot_id(record) or not isinstance(seq, int):
        return 0
    return min(seq, record.seq)


def json_object(payload) -> dict:
    """A payload that should be a JSON object; an empty one if it is not."""
    try:
        value = json.loads(payload)
    except (ValueError, UnicodeError):
        return {}
    return value if isinstance(value, dict) else {}
