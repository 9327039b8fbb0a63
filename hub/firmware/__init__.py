"""Firmware images that the hub hands out: checked when they come, signed elsewhere."""
