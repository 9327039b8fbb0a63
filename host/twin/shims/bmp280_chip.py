"""A BMP280: a BME280 without humidity, and another chip id (BST-BMP280-DS001, 4.3)."""

import bme280_chip


class Chip(bme280_chip.Chip):
    """Neither humidity's calibration nor its registers."""

    chip_id = 0x58
    kind = "bmp280"

    def add_humidity(self):
        pass

    def measure_humidity(self, fine):
        pass
