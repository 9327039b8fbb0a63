"""Who the device is: an id from the chip, a password of its own making."""

import os
from binascii import hexlify

import machine

from dormouse import settings

FILE = "password"
ACCESS_POINT_FILE = "portal"
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789A"
"""32 that nobody takes for another: 10 of them are 50 bits."""
_KEY_LENGTH = 10


def device_id() -> str:
    """`esp8266_<chip id>`: the broker user name and the second level of every topic.

    The port gives the chip's 24 bits lowest byte first, in 4 bytes: the last two digits are 00.
    """
    return "esp8266_" + str(hexlify(machine.unique_id()), "ascii")


def password() -> str:
    """128 random bits as 32 hex digits, made at the first boot and stored on flash."""
    try:
        with open(FILE) as file:
            stored = file.read()
        if len(stored) == 32:
            return stored
    except OSError:
        pass
    made = str(hexlify(os.urandom(16)), "ascii")
    settings.write_file(FILE, made)
    return made


def access_point():
    """(name, password, whether the SDK has it) of the portal's network.

    The password is made once and stored on flash; `dormouse flash` and `label` print it.
    """
    name = "dormouse-" + device_id()[8:14]
    try:
        with open(ACCESS_POINT_FILE) as file:
            stored = file.read()
        # A line end says that the SDK has it.
        if len(stored.rstrip()) == _KEY_LENGTH:
            return name, stored.rstrip(), stored.endswith("\n")
    except OSError:
        pass
    made = "".join([_LETTERS[byte & 31] for byte in os.urandom(_KEY_LENGTH)])
    settings.write_file(ACCESS_POINT_FILE, made)
    return name, made, False


def mark_access_point_set() -> None:
    """Note on flash that the SDK has the network's password, since it can never be read back."""
    settings.write_file(ACCESS_POINT_FILE, access_point()[1] + "\n")
