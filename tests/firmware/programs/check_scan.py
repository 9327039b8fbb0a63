"""What is found on the pins: chips by what they answer, not by their address alone."""

import around
import i2c_bus
from dormouse.sensors.scan import scan

ROM = "28ff641e8d3c0cda"


def found(pins=(4, 14), **world):
    around.world_is(**world)
    result = scan(5, 4, list(pins))
    names = [(entry["driver"], entry.get("address")) for entry in result["found"]]
    return names, result


names, result = found(onewire_pin=14)
assert names == [("bme280", 0x76), ("ds18b20", None)], result
assert result["found"] == [
    {"driver": "bme280", "scl": 5, "sda": 4, "address": 0x76},
    {"driver": "ds18b20", "pin": 14, "rom": ROM},
]
assert result["unknown"] == [] and result["problems"] == []
everything = {"0x76": "bmp280", "0x77": "bme280", "0x44": "sht3x", "0x45": "sht4x", "0x38": "aht20"}
everything.update({"0x23": "bh1750", "0x62": "scd4x"})
names, result = found((), i2c=everything)
assert names == [
    ("bh1750", 0x23), ("aht20", 0x38), ("sht3x", 0x44), ("sht4x", 0x45), ("scd4x", 0x62),
    ("bmp280", 0x76), ("bme280", 0x77),
], names  # fmt: skip
# The other ones at the same addresses.
assert found((), i2c={"0x44": "sht4x", "0x38": "aht10"}, missing=["bme280"])[0] == [
    ("aht10", 0x38), ("sht4x", 0x44),
]  # fmt: skip
# Somebody whom no driver knows.
result = found((), i2c={"0x27": "bme280", "0x44": "bme280"}, missing=[])[1]
assert result["unknown"] == [0x27, 0x44], result
# Who sends less than he should is nobody known, and keeps nobody else out.
real = i2c_bus.I2C.readfrom
sent = [0]


def short(self, address, count, stop=True):
    return real(self, address, count)[: sent[0]]


i2c_bus.I2C.readfrom = short
for sent[0] in range(3):
    names, result = found(i2c={"0x44": "sht3x", "0x38": "aht20", "0x62": "scd4x"}, onewire_pin=14)
    assert ("ds18b20", None) in names, names
    assert not {0x44, 0x38, 0x62} & {at for _, at in names}, names
i2c_bus.I2C.readfrom = real
# Nothing; lines that are held; 1-Wire on the pins of a bus that is not there.
assert found(missing=["bme280", "ds18b20"])[0] == []
result = found(i2c_line="sda", missing=["ds18b20"])[1]
assert result["found"] == [] and "SDA" in result["problems"][0]
names, result = found(i2c_line="scl", onewire_pin=4)
assert names == [("ds18b20", None)] and result["found"][0]["pin"] == 4
assert result["problems"] == ["I2C: SCL on GPIO5 is held low"], result
assert found(missing=["bme280"], onewire_line=0)[0] == []
# A ROM that came damaged, or of another kind, is not offered.
assert found(missing=["bme280"], onewire=[{"rom": ROM[:14] + "71"}])[0] == []
assert found(missing=["bme280"], onewire=[{"rom": "2661626364656639", "chip": "ds18b20"}])[0] == []
around.world_is()
assert scan(None, None, [4])["found"][0]["driver"] == "ds18b20"
