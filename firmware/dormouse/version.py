"""The firmware's version and board; `host.firmware` writes the real ones when it compiles."""

VERSION = "0.0.0"
BOARD = "generic"
