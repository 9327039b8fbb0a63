"""An AHT10 (Aosong): an AHT20 without checksum, initialised by another command."""

import aht20_chip


class Chip(aht20_chip.Chip):
    """Six bytes."""

    kind = "aht10"
    initialise = b"\xe1\x08\x00"
    checked = False
