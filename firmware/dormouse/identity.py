"""Who the device is: an id from the chip, a password of its own making."""

import os
from binascii import hexlify

import machine

from dormouse import settings

FILE = "password"
POINT_FILE = "portal"
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789A"
"""32 that nobody takes for another: 10 of them are 50 bits."""
_POINT_KEY = 10


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


def access_point():
    """(name, password, whether the SDK has it) of the portal's network.

    The password is made once and kept on flash; `dormouse provision` prints it.
    """
    name = "dormouse-" + device_id()[-4:]
    try:
        with open(POINT_FILE) as file:
            kept = file.read()
        if len(kept.rstrip()) == _POINT_KEY:
            return name, kept.rstrip(), kept.endswith("\n")
    except OSError:
        pass
    made = "".join([_LETTERS[byte & 31] for byte in os.urandom(_POINT_KEY)])
    settings.write(POINT_FILE, made)
    return name, made, False


def told_access_point() -> None:
    """Note that the SDK has been told the network's password: it never says it."""
    settings.write(POINT_FILE, access_point()[1] + "\n")
