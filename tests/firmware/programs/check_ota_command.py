"""The decision about an update command, and what is stored of the last one."""

import os

from dormouse import ota, ota_command, ota_negotiation
from dormouse.ota_command import Target, decide

LAST = {"id": 50, "version": "1.4.0", "from": "1.2.0", "state": "open"}
GOOD = {"id": 100, "version": "1.3.0", "board": "nodemcu", "size": 5000, "key": "ab",
        "battery_mv": 2700, "downgrade": False}  # fmt: skip


def target(**changes):
    known = {"device": "me", "version": "1.2.9", "board": "nodemcu", "slot": 5000, "key": "ab",
             "battery_mv": 2700}  # fmt: skip
    known.update(changes)
    return Target(**known)


def command(**changes):
    changed = dict(GOOD)
    changed.update(changes)
    return changed


def answer(given, device=None, last=None):
    state, reason = decide(given, device or target(), last or {})
    return state + " " + reason if reason else state


assert answer(GOOD) == "accepted"
assert answer({"id": 1, "version": "9.0.0"}, target(key="")) == "accepted"
assert answer(command(device="me", unknown=[1])) == "accepted"

for bad in (
    {},
    {"id": 5},
    {"version": "1.3.0"},
    command(id=0),
    command(id=-1),
    command(id=True),
    command(id=2**32),
    command(id="100"),
    command(id=100.0),
    command(version=None),
    command(version=13),
    command(version="1.3"),
    command(version="1.3.0.1"),
    command(version="1.3.x"),
    command(version="-1.3.0"),
    command(version="1..0"),
    command(version="1.3.0" + "+" * 70),
    command(board=7),
    command(board=None),
    command(size="5000"),
    command(size=True),
    command(battery_mv=None),
    command(downgrade=1),
    command(key=["ab"]),
):
    assert answer(bad) == "refused malformed", bad

# The first mismatch is the reason; each is enough.
assert answer(command(device="you")) == "refused device"
assert answer(GOOD, target(slot=0)) == "refused device"
assert answer(command(version="1.2.9")) == "refused running"
assert answer(command(version="1.2.9", downgrade=True)) == "refused running"
assert answer(command(board="d1mini")) == "refused board"
assert answer(command(board="")) == "accepted"
assert answer(command(size=5001)) == "refused size"
assert answer(command(key="cd")) == "refused key"
assert answer(command(key="")) == "refused key"
assert answer(command(key="cd"), target(key="")) == "accepted"
assert answer(command(version="1.2.8")) == "refused downgrade"
assert answer(command(version="0.99.99")) == "refused downgrade"
assert answer(command(version="1.2.8", downgrade=True)) == "accepted"
assert answer(command(version="1.10.0")) == "accepted"
assert answer(command(version="1.2.9-rc1")) == "accepted"
assert answer(command(counter=5), target(counter=5)) == "accepted"
assert answer(command(counter=4), target(counter=5)) == "refused counter"
assert answer(command(counter=4, downgrade=True), target(counter=5)) == "refused counter"
assert answer(GOOD, target(counter=5)) == "accepted"
assert answer(command(counter="5")) == "refused malformed"
assert answer(GOOD, target(battery_mv=2699)) == "refused battery"
assert answer(GOOD, target(battery_mv=None)) == "accepted"

# The same command again, an older one, and one while the outcome of another is open.
for state, reason in (("updated", None), ("failed", "unchanged")):
    last = {"id": 100, "state": state, "reason": reason}
    assert answer(GOOD, last=last) == (state + " " + reason if reason else state)
    assert answer(command(id=99), last=last) == "refused old"
    assert answer(command(id=101), last=last) == "accepted"
assert answer(GOOD, last={"id": 100, "state": "open"}) == "refused old"

# Outcomes.
assert ota_command.outcome(LAST, "1.4.0", True) == ("updated", None)
assert ota_command.outcome(LAST, "1.4.0", False) == ("updated", None)
assert ota_command.outcome(LAST, "1.2.0", True) == ("failed", "unchanged")
assert ota_command.outcome(LAST, "1.2.0", False) == ("failed", "interrupted")
assert ota_command.outcome(LAST, "1.3.0", True) == ("failed", "version")

# A file that cannot be read is none.
assert ota.last_update() == {}
for damaged in ("", "{", "[]", "null", '{"id": "5"}', '{"id": true}', "\x00"):
    with open(ota.FILE, "w") as file:
        file.write(damaged)
    assert ota.last_update() == {}, damaged
ota.store_begun(GOOD)
last = ota.last_update()
assert last == {"id": 100, "version": "1.3.0", "from": ota.VERSION, "state": "open"}
os.remove(ota.FILE)

assert ota_negotiation.slot_size() == 0x99000
# A copy on the filesystem or in ROMFS would go on running, whatever is in the slot.
os.mkdir("copy")
ota_negotiation.COPIES = ("none", "copy")
assert ota_negotiation.slot_size() == 0
os.rmdir("copy")
