"""The payloads that a device sends (docs/topics.md)."""

import json

from dormouse.version import BOARD, VERSION

MOST = 24
"""Readings in a `$batch`: 1.5 KB of JSON, which is what the heap has in one piece for sure."""


def text(value, decimals: int) -> str:
    """A value as a state topic carries it; `decimals` 0 is an integer, also for booleans."""
    if not decimals:
        return str(int(value + 0.5) if value >= 0 else -int(0.5 - value))
    shown = ("%." + str(decimals) + "f") % value
    return shown.rstrip("0").rstrip(".")


def batch(record, now: int, series, after: int, upto: int, most: int = MOST):
    """(`$batch` with pending readings after < seq <= upto, the last in it); `series` names them.

    At most `most` of them: the rest is for another message. Without any the payload is None and the
    last is `upto`.
    """
    out = None
    last = upto
    count = 0
    for seq, at, index, value in record.pending.readings(after, upto):
        if count == most:
            break
        if out is None:
            head = '{"boot":"%s","up":%d,"lost":%d,"after":%d,"readings":['
            out = bytearray((head % (boot(record), now, record.lost, after)).encode())
        else:
            out.append(44)
        what = series[index]
        item = '[%d,%d,"%s",%s]' % (seq, max(0, now - at), what.name, text(value, what.decimals))
        out.extend(item.encode())
        count += 1
        last = seq
    if out is not None:
        out.extend(b"]}")
    return out, last if count == most else upto


def boot(record) -> str:
    """The boot identity: 8 hex digits."""
    return "%02x%02x%02x%02x" % tuple(record.boot)


def report(record, settings, state: dict, problems) -> str:
    """`$report`: `state` is what the caller knows (reset, up, next_wake_s, battery_mv, rssi)."""
    import gc

    gc.collect()
    said = {
        "firmware": VERSION,
        "board": BOARD,
        "model": settings.model,
        "boot": boot(record),
        "seq": record.seq,
        "awake_ms": record.awake_ms,
        "heap_free": gc.mem_free(),
        "config": settings.config,
    }
    said.update(state)
    problems = problems + ["setting " + name for name in settings.bad]
    if settings.problem:
        problems.append(settings.problem)
    if problems:
        said["problems"] = problems
    return json.dumps(said)


def enrolment(device: str, password: str, model: str) -> str:
    """What `enrol/<id>` carries."""
    said = {"id": device, "password": password, "model": model, "firmware": VERSION}
    return json.dumps(said)


def acknowledged(payload, record) -> int:
    """The sequence number that an `$ack` acknowledges; 0 if it is another boot identity's."""
    said = json_object(payload)
    seq = said.get("seq")
    if said.get("boot") != boot(record) or not isinstance(seq, int):
        return 0
    return min(seq, record.seq)


def json_object(payload) -> dict:
    """A payload that should be a JSON object; an empty one if it is not."""
    try:
        said = json.loads(payload)
    except (ValueError, UnicodeError):
        return {}
    return said if isinstance(said, dict) else {}
