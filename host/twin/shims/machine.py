"""The chip: RTC memory, reset causes, deep sleep, pins, ADC, buses, watchdog.

What is on a bus is imported when it is spoken to: the heap is small.
"""

import json
import os

import utime
import world

PWRON_RESET, WDT_RESET, SOFT_RESET, DEEPSLEEP_RESET, HARD_RESET = 0, 1, 4, 5, 6
DEEPSLEEP = 4
_MEMORY = 492


def unique_id():
    return world.chip()


def reset_cause():
    return int(os.getenv("TWIN_RESET_CAUSE") or 0)


def freq(hz=None):
    return 80000000


def idle():
    utime.sleep_ms(1)


def reset():
    world.end(76, "reset-cause", "4")


def deepsleep(ms=0):
    """Microseconds are counted in 32 bits; 0 sleeps for ever."""
    world.end(75, "sleep", str(ms * 1000 & 0xFFFFFFFF))


class RTC:
    """RTC user memory as `rtc.bin`."""

    def memory(self, data=None):
        if data is None:
            return world.read("rtc.bin") or b""
        if len(data) > _MEMORY:
            raise ValueError("buffer too long")
        world.write("rtc.bin", data)
        return None


class WDT:
    """Resets the chip (cause 1) when it was not fed in time; noticed at the next feed or sleep."""

    fed = None

    def __init__(self, id=0, timeout=5000):
        self.feed()

    def feed(self):
        starving(0)
        WDT.fed = utime.ticks_ms()


def starving(ms):
    """What the watchdog does if nothing feeds it for another `ms`."""
    if WDT.fed is None:
        return
    left = world.get("watchdog_ms") - utime.ticks_diff(utime.ticks_ms(), WDT.fed)
    if ms > left:
        utime.sleep_ms(max(0, left))
        world.end(76, "reset-cause", "1")


# Where the lines of the world's I2C bus are.
WIRED = {"scl": 5, "sda": 4}


class Pin:
    """Inputs read the world's `pins`; outputs are kept in `pins.json`."""

    IN, OUT, OPEN_DRAIN = 0, 1, 2
    PULL_UP = 1
    IRQ_FALLING, IRQ_RISING = 2, 1

    def __init__(self, id, mode=-1, pull=-1, value=None):
        self.id = id
        self.mode = mode
        if value is not None:
            self.value(value)

    def __call__(self, x=None):
        return self.value(x)

    def init(self, mode=-1, pull=-1, value=None):
        self.__init__(self.id, mode, pull, value)

    def value(self, x=None):
        if x is None:
            if self.mode == Pin.OUT:
                return _outputs().get(str(self.id), 0)
            if self.id == WIRED.get(world.get("i2c_line")):
                return 0
            return world.get("pins").get(str(self.id), 1)
        levels = _outputs()
        levels[str(self.id)] = int(bool(x))
        world.write("pins.json", json.dumps(levels))
        return None

    def on(self):
        self.value(1)

    def off(self):
        self.value(0)


def _outputs():
    return json.loads(world.read("pins.json") or b"{}")


class ADC:
    """10 bits for 0..1 V at channel 0; channel 1 is the supply where the chip was set up for it."""

    def __init__(self, id):
        if id not in (0, 1):
            raise ValueError("ADC(%d) doesn't exist" % id)
        self.id = id

    def read(self):
        if self.id:
            # What the SDK says while the pin is set up for voltages from outside.
            return 65535
        counts = world.get("adc_counts")
        return min(1024, world.get("adc_mv") * 1024 // 1000) if counts is None else counts

    def read_u16(self):
        return self.read() * 65535 // 1024


def dht_readinto(pin, buf):
    """A DHT's frame of 40 bits. Raises OSError(ETIMEDOUT) when bits do not come."""
    import dht22_chip

    frame = dht22_chip.answer()
    if frame is None:
        raise OSError(110)
    # What came before the bits ended is in the buffer all the same.
    buf[: len(frame)] = frame
    if len(frame) < 5:
        raise OSError(110)


# Who answers on I2C, by address, without a word of the world's `i2c`: each is `<name>_chip.py`.
CHIPS = {
    0x76: "bme280",
}

# Who is on SPI, by the pin that selects it, without a word of the world's `spi`.
SPI_CHIPS = {}


def I2C(*args, **options):
    import i2c_bus

    return i2c_bus.I2C(*args, **options)


SoftI2C = I2C


def UART(*args, **options):
    import serial_line

    return serial_line.UART(*args, **options)


def SPI(*args, **options):
    import spi_bus

    return spi_bus.SPI(*args, **options)
