"""The decision about an update command, and the note that is kept of it."""

import os

from dormouse import order, ota, update
from dormouse.order import Here, decide

NOTE = {"id": 50, "version": "1.4.0", "from": "1.2.0", "state": "open"}
GOOD = {"id": 100, "version": "1.3.0", "board": "nodemcu", "size": 5000, "key": "ab",
        "battery_mv": 2700, "downgrade": False}  # fmt: skip


def here(**changes):
    known = {"device": "me", "version": "1.2.9", "board": "nodemcu", "slot": 5000, "key": "ab",
             "battery_mv": 2700}  # fmt: skip
    known.update(changes)
    return Here(**known)


def command(**changes):
    said = dict(GOOD)
    said.update(changes)
    return said


def answer(said, where=None, note=None):
    state, reason = decide(said, where or here(), note or {})
    return state + " " + reason if reason else state


assert answer(GOOD) == "accepted"
assert answer({"id": 1, "version": "9.0.0"}, here(key="")) == "accepted"
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

# What is wrong first is told; each is enough.
assert answer(command(device="you")) == "refused device"
assert answer(GOOD, here(slot=0)) == "refused device"
assert answer(command(version="1.2.9")) == "refused running"
assert answer(command(version="1.2.9", downgrade=True)) == "refused running"
assert answer(command(board="d1mini")) == "refused board"
assert answer(command(board="")) == "accepted"
assert answer(command(size=5001)) == "refused size"
assert answer(command(key="cd")) == "refused key"
assert answer(command(key="")) == "refused key"
assert answer(command(key="cd"), here(key="")) == "accepted"
assert answer(command(version="1.2.8")) == "refused downgrade"
assert answer(command(version="0.99.99")) == "refused downgrade"
assert answer(command(version="1.2.8", downgrade=True)) == "accepted"
assert answer(command(version="1.10.0")) == "accepted"
assert answer(command(version="1.2.9-rc1")) == "accepted"
assert answer(GOOD, here(battery_mv=2699)) == "refused battery"
assert answer(GOOD, here(battery_mv=None)) == "accepted"

# The same command again, an older one, and one while another is not told yet.
for state, reason in (("updated", None), ("failed", "unchanged")):
    note = {"id": 100, "state": state, "reason": reason}
    assert answer(GOOD, note=note) == (state + " " + reason if reason else state)
    assert answer(command(id=99), note=note) == "refused old"
    assert answer(command(id=101), note=note) == "accepted"
assert answer(GOOD, note={"id": 100, "state": "open"}) == "refused old"

# What became of one.
assert order.outcome(NOTE, "1.4.0", True) == ("updated", None)
assert order.outcome(NOTE, "1.4.0", False) == ("updated", None)
assert order.outcome(NOTE, "1.2.0", True) == ("failed", "unchanged")
assert order.outcome(NOTE, "1.2.0", False) == ("failed", "interrupted")
assert order.outcome(NOTE, "1.3.0", True) == ("failed", "version")

# A note that cannot be read is none.
assert ota.read() == {}
for damaged in ("", "{", "[]", "null", '{"id": "5"}', '{"id": true}', "\x00"):
    with open(ota.FILE, "w") as file:
        file.write(damaged)
    assert ota.read() == {}, damaged
ota.begin(GOOD)
note = ota.read()
assert note == {"id": 100, "version": "1.3.0", "from": ota.VERSION, "state": "open"}
os.remove(ota.FILE)

assert update.slot() == 0x99000
# A copy on the filesystem or in ROMFS would go on running, whatever is in the slot.
os.mkdir("copy")
update.COPIES = ("none", "copy")
assert update.slot() == 0
os.rmdir("copy")
