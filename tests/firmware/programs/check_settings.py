"""Settings: defaults, limits, and a file that is written only when it must be."""

import json
import os

import world
from dormouse import settings

assert world.STATE  # what counts writes to flash


def write(text):
    with open("settings.json", "w") as file:
        file.write(text)


def flash_writes():
    with open("../flash-writes") as file:
        return int(file.read())


os.remove("settings.json")
assert settings.load().interval == 300

for text in ("", "{", "[]", "null", '"x"', "\x00", "{}"):
    write(text)
    read = settings.load()
    assert (read.interval, read.port, read.ssid, read.invalid) == (300, 1883, "", []), text

bad = {
    "interval": [0, -5, "60", None, 1.5, True, 10**9, []],
    "port": [0, 65536, "1883"],
    "ssid": [5, "x" * 33, None],
    "deadline_ms": [100, 60001, False],
    "sensors": [{}, [5], [{"pin": 4}], "dht22", [{"driver": 5}]],
    "switch": [{}, {"relay": "12"}, 5, []],
}
for name, values in bad.items():
    for value in values:
        write(json.dumps({name: value, "host": "h"}))
        read = settings.load()
        assert read.invalid == [name], (name, value)
        assert getattr(read, name) == getattr(settings.Settings(), name)
        assert read.host == "h"

write(json.dumps({"interval": 60, "ssid": "net", "unknown": 1}))
read = settings.load()
assert (read.interval, read.ssid) == (60, "net")
before = flash_writes()
assert not read.change({"interval": 60})
assert not read.change({"interval": 0, "nonsense": 5})
assert flash_writes() == before
assert read.change({"interval": 61})
assert flash_writes() == before + 1
again = settings.load()
assert (again.interval, again.ssid) == (61, "net")
again.save()
assert flash_writes() == before + 1
try:
    again.nonsense
    assert False
except AttributeError:
    pass
