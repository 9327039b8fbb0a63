"""Who the device is: an id from the chip, a password of its own making."""

import os
from binascii import hexlify

import machine

from dormouse import settings

FILE = "password"


def device_id() -> str:
    """`esp8266_<chip id>`: the broker user name and the second level of every topic."""
    return "esp8266_" + str(hexlify(machine.unique_id()), "ascii")


def password() -> str:
    """128 random bits as 32 hex digits, made at the first boot and kept on flash."""
    try:
        with open(FILE) as file:
            kept = file.read()
        if len(kept) == 32:
            return kept
    except OSError:
        pass
    made = str(hexlify(os.urandom(16)), "ascii")
    settings.write(FILE, made)
    return made
