"""Whether a device takes an update command (docs/topics.md, `$ota`): decided from values alone."""

ACCEPTED, REFUSED, OPEN = "accepted", "refused", "open"
UPDATED, FAILED = "updated", "failed"
_MAX_VERSION_LENGTH = 64
_OPTIONAL = (("board", str), ("key", str), ("size", int), ("battery_mv", int), ("downgrade", bool),
             ("counter", int))  # fmt: skip


class Target:
    """The device that a command is for, as it is.

    `slot` in bytes, 0 if no update reaches this firmware; `battery_mv` None where it is not
    measured; `key` empty where any will do; `counter`: the highest security counter confirmed.
    """

    def __init__(self, device, version, board, slot, key="", battery_mv=None, counter=0):
        self.device = device
        self.version = version
        self.board = board
        self.slot = slot
        self.key = key
        self.battery_mv = battery_mv
        self.counter = counter


def decide(command: dict, target: Target, last: dict):
    """(state, reason) to answer: accepted, refused and why, or the outcome of the same command.

    `last` is what is stored of the update that was begun last, empty if there was none.
    """
    if not well_formed(command):
        return REFUSED, "malformed"
    if command.get("device", target.device) != target.device:
        return REFUSED, "device"
    last_id = last.get("id", 0)
    if command["id"] == last_id and last.get("state") in (UPDATED, FAILED):
        return last["state"], last.get("reason")
    if not newer(command["id"], last_id):
        return REFUSED, "old"
    reason = _mismatch(command, target)
    return (REFUSED, reason) if reason else (ACCEPTED, None)


def _mismatch(command: dict, target: Target):
    """Why the image does not fit the device now, or None."""
    new, running = parse_version(command["version"]), parse_version(target.version)
    missing_mv = command.get("battery_mv", 0) - (target.battery_mv or 0)
    for reason, holds in (
        ("device", not target.slot),
        ("running", command["version"] == target.version),
        ("board", command.get("board") not in (None, "", target.board)),
        ("size", command.get("size", 0) > target.slot),
        ("key", target.key and command.get("key") != target.key),
        ("downgrade", not command.get("downgrade") and running and new < running),
        ("counter", command.get("counter", target.counter) < target.counter),
        ("battery", target.battery_mv is not None and missing_mv > 0),
    ):
        if holds:
            return reason
    return None


def well_formed(command: dict) -> bool:
    """Whether it has an id and a version, and nothing of a wrong type."""
    if not valid_id(command.get("id")) or parse_version(command.get("version")) is None:
        return False
    for name, kind in _OPTIONAL:
        value = command.get(name, kind())
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            return False
    return True


def valid_id(value) -> bool:
    """Whether it may be a command's number."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= 0xFFFFFFFF


def newer(number: int, last: int) -> bool:
    """Whether a command came after the last one: numbers go round (RFC 1982, 32 bits).

    So there is a next number after every other, whatever was stored. 0 is none.
    """
    return not last or 0 < (number - last & 0xFFFFFFFF) < 0x80000000


def parse_version(text):
    """(1, 2, 3) of "1.2.3" (what follows a - or + has no rank); None if it is no version."""
    if not isinstance(text, str) or len(text) > _MAX_VERSION_LENGTH:
        return None
    for mark in "-+":
        text = text.split(mark, 1)[0]
    parts = text.split(".")
    if len(parts) != 3 or not all(part.isdigit() for part in parts):
        return None
    return int(parts[0]), int(parts[1]), int(parts[2])


def outcome(last: dict, version: str, server_ran: bool):
    """(state, reason) of an update that was begun, by the version that runs now."""
    if version == last.get("version"):
        return UPDATED, None
    if version != last.get("from"):
        return FAILED, "version"
    # From the OTA server, with nothing new; or it was never reached.
    return FAILED, "unchanged" if server_ran else "interrupted"
