"""What a device makes of an update command (docs/topics.md, `$ota`): decided from values alone."""

ACCEPTED, REFUSED, OPEN = "accepted", "refused", "open"
UPDATED, FAILED = "updated", "failed"
_LONGEST = 64
_OPTIONAL = (("board", str), ("key", str), ("size", int), ("battery_mv", int), ("downgrade", bool))


class Here:
    """What the device knows of itself.

    `slot` in bytes, 0 if no update reaches this firmware; `battery_mv` None where it is not
    measured; `key` empty where any will do.
    """

    def __init__(self, device, version, board, slot, key="", battery_mv=None):
        self.device = device
        self.version = version
        self.board = board
        self.slot = slot
        self.key = key
        self.battery_mv = battery_mv


def decide(command: dict, here: Here, note: dict):
    """(state, reason) to answer: accepted, refused and why, or what became of the same command.

    `note` is what the device keeps of the last command it acted on, empty if there was none.
    """
    if not well_formed(command):
        return REFUSED, "malformed"
    if command.get("device", here.device) != here.device:
        return REFUSED, "device"
    last = note.get("id", 0)
    if command["id"] == last and note.get("state") in (UPDATED, FAILED):
        return note["state"], note.get("reason")
    if command["id"] <= last:
        return REFUSED, "old"
    reason = _against(command, here)
    return (REFUSED, reason) if reason else (ACCEPTED, None)


def _against(command: dict, here: Here):
    """Why the image is not for us now, or None."""
    wanted, ours = number(command["version"]), number(here.version)
    missing = command.get("battery_mv", 0) - (here.battery_mv or 0)
    for reason, holds in (
        ("device", not here.slot),
        ("running", command["version"] == here.version),
        ("board", command.get("board") not in (None, "", here.board)),
        ("size", command.get("size", 0) > here.slot),
        ("key", here.key and command.get("key") != here.key),
        ("downgrade", not command.get("downgrade") and ours and wanted < ours),
        ("battery", here.battery_mv is not None and missing > 0),
    ):
        if holds:
            return reason
    return None


def well_formed(command: dict) -> bool:
    """Whether it has an id and a version, and nothing of a wrong type."""
    if not is_id(command.get("id")) or number(command.get("version")) is None:
        return False
    for name, kind in _OPTIONAL:
        value = command.get(name, kind())
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            return False
    return True


def is_id(value) -> bool:
    """Whether it may be a command's number."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= 0xFFFFFFFF


def number(text):
    """(1, 2, 3) of "1.2.3" (what follows a - or + has no rank); None if it is no version."""
    if not isinstance(text, str) or len(text) > _LONGEST:
        return None
    for mark in "-+":
        text = text.split(mark, 1)[0]
    parts = text.split(".")
    if len(parts) != 3 or not all(part.isdigit() for part in parts):
        return None
    return int(parts[0]), int(parts[1]), int(parts[2])


def outcome(note: dict, version: str, came_back: bool):
    """(state, reason) of an update that was begun, by the version that runs now."""
    if version == note.get("version"):
        return UPDATED, None
    if version != note.get("from"):
        return FAILED, "version"
    # From the OTA server, with nothing new; or it was never reached.
    return FAILED, "unchanged" if came_back else "interrupted"
