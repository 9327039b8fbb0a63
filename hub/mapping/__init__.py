"""Devices that speak otherwise: their topics, payloads and units, put into HomeKit's terms."""
