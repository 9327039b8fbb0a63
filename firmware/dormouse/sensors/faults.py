"""What people are told of pins and buses. Loaded when there is something to tell."""

from dormouse.version import BOARD

# What is printed on NodeMCU and D1 mini.
_LABELS = {16: 0, 5: 1, 4: 2, 0: 3, 2: 4, 14: 5, 12: 6, 13: 7, 15: 8}
_LABELLED = ("nodemcu", "d1-mini")
_UNLABELLED = ("esp-01", "esp-12", "sonoff-basic", "sonoff-s20")
_ENODEV, _EIO, _ETIMEDOUT, _SDA_HELD = 19, 5, 110, 16


def pins(*numbers) -> str:
    """Pins as a person finds them: "D2/D1", "GPIO4/GPIO5"; both where the board is not known."""
    labels, plain = names(*numbers)
    return "%s (%s)" % (labels, plain) if labels and plain else labels or plain


def names(*numbers):
    """(labels, GPIO numbers), one of them "" where the other is enough."""
    plain = "/".join(["GPIO%s" % number for number in numbers])
    if BOARD in _UNLABELLED or not all(number in _LABELS for number in numbers):
        return "", plain
    labels = "/".join(["D%d" % _LABELS[number] for number in numbers])
    return labels, "" if BOARD in _LABELLED else plain


def of_i2c(error, address: int, sda: int, scl: int) -> OSError:
    """An error of an I2C transfer, with what to look at."""
    labels, plain = names(sda, scl)
    where, beside = labels or plain, " (%s)" % plain if labels and plain else ""
    code = error.args[0] if error.args else None
    if code == _ETIMEDOUT:
        text = "the bus on %s is held low: a short, or no power?" % where
    elif code == _SDA_HELD:
        text = "SDA held low on %s: a short, or no power?" % where
    elif code in (_ENODEV, _EIO):
        text = "not found at 0x%02x on %s: wiring?" % (address, where)
    else:
        text = "at 0x%02x on %s: %s" % (address, where, error)
    return OSError(text + beside)
