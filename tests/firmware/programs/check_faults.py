"""How pins are called: as they are printed on the board that it is."""

from dormouse.sensors import faults

for board, one, two in (
    ("nodemcu", "D2", "D2/D1"),
    ("d1-mini", "D2", "D2/D1"),
    ("esp-12", "GPIO4", "GPIO4/GPIO5"),
    ("sonoff-basic", "GPIO4", "GPIO4/GPIO5"),
    ("generic", "D2 (GPIO4)", "D2/D1 (GPIO4/GPIO5)"),
):
    faults.BOARD = board
    assert (faults.pins(4), faults.pins(4, 5)) == (one, two), board
faults.BOARD = "nodemcu"
# RX has no D.
assert faults.pins(3) == "GPIO3"
for code, text in (
    (19, "not found at 0x76 on D2/D1: wiring?"),
    (5, "not found at 0x76 on D2/D1: wiring?"),
    (110, "the bus on D2/D1 is held low: a short, or no power?"),
    (16, "SDA held low on D2/D1: a short, or no power?"),
    (12, "at 0x76 on D2/D1: [Errno 12] ENOMEM"),
):
    assert str(faults.of_i2c(OSError(code), 0x76, 4, 5)) == text, code
faults.BOARD = "esp-12"
assert str(faults.of_i2c(OSError(19), 0x38, 4, 5)) == "not found at 0x38 on GPIO4/GPIO5: wiring?"
