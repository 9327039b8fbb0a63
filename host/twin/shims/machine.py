"""The chip: RTC memory, reset causes, deep sleep, pins, ADC, I2C, watchdog."""

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

    def value(self, x=None):
        if x is None:
            if self.mode == Pin.OUT:
                return _outputs().get(str(self.id), 0)
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
    """10 bits for 0..1 V."""

    def __init__(self, id):
        pass

    def read(self):
        return min(1024, world.get("adc_mv") * 1024 // 1000)


# Who answers on I2C; each is `<name>_chip.py` here. Imported when spoken to: the heap is small.
CHIPS = {
    0x76: "bme280",
}


class I2C:
    """A bus with the chips of the world on it."""

    def __init__(self, id=-1, scl=None, sda=None, freq=400000, timeout=50000):
        self._met = {}

    def scan(self):
        return sorted([a for a in CHIPS if CHIPS[a] not in world.get("missing")])

    def _chip(self, address):
        if address not in self.scan():
            raise OSError(19)
        if address not in self._met:
            self._met[address] = __import__(CHIPS[address] + "_chip").Chip()
        return self._met[address]

    def readfrom_mem(self, address, register, count, addrsize=8):
        return self._chip(address).read(register, count)

    def writeto_mem(self, address, register, data, addrsize=8):
        self._chip(address).write(register, data)


SoftI2C = I2C
