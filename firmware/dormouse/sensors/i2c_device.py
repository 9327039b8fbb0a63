"""A sensor on the I2C bus: transfers that fail say so, and checksums.

MicroPython raises nothing when data are not acknowledged, or fewer come than were asked for.
"""

from machine import I2C, Pin
from micropython import const

from dormouse.sensors.checksum import sensirion_crc

# EBUSY, which no transfer raises.
SDA_HELD = const(16)


class I2CDevice:
    """The bus (`options` are its own) and an address. Raises OSError with a text for people."""

    def __init__(self, entry, address: int, **options):
        self.scl, self.sda = entry["scl"], entry["sda"]
        self.address = entry.get("address", address)
        self.line = Pin(self.sda)
        self.i2c = I2C(scl=Pin(self.scl), sda=self.line, **options)

    def write(self, data: bytes) -> None:
        """Send bytes, all of which must be acknowledged."""
        acknowledged = self._transfer(self.i2c.writeto, data)
        if acknowledged is not None and acknowledged != len(data):
            raise OSError("it took %d of %d bytes" % (acknowledged, len(data)))

    def read(self, count: int) -> bytes:
        """Take bytes."""
        return self._whole(self._transfer(self.i2c.readfrom, count), count)

    def registers(self, start: int, count: int) -> bytes:
        """What registers hold."""
        return self._whole(self._transfer(self.i2c.readfrom_mem, start, count), count)

    def set_register(self, register: int, value: int) -> None:
        """Write a register; whether it was taken is seen by what it holds."""
        self._transfer(self.i2c.writeto_mem, register, bytes((value,)))

    def words(self, count: int) -> list:
        """Take 16-bit words with Sensirion's checksum behind each."""
        data = self.read(3 * count)
        words = []
        for i in range(0, len(data), 3):
            if sensirion_crc(data[i : i + 2]) != data[i + 2]:
                raise OSError("checksum")
            words.append(data[i] << 8 | data[i + 1])
        return words

    def _transfer(self, function, *args):
        try:
            result = function(self.address, *args)
            # SDA held low acknowledges everything and reads as zeros; between transfers it is high.
            if not self.line.value():
                raise OSError(SDA_HELD)
            return result
        except OSError as error:
            from dormouse.sensors.faults import of_i2c

            raise of_i2c(error, self.address, self.sda, self.scl)

    def _whole(self, data: bytes, count: int) -> bytes:
        if len(data) != count:
            raise OSError("%d bytes came where %d were due" % (len(data), count))
        return data
