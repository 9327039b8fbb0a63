"""Dormouse on the device."""
