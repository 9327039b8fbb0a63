"""The firmware's version and board; `host.firmware` writes the real ones when it compiles."""

VERSION = "0.0.0"
BOARD = "generic"
# What the portal looks at: (scl, sda) of I2C or None, pins for 1-Wire, and how many millivolts of
# the battery read 1024, by the board's own divider (None: it has none).
I2C = (5, 4)
ONEWIRE = (4, 14, 12, 13, 2)
BATTERY_MV = None
