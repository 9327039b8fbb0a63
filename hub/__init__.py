"""Dormouse at home: broker, HomeKit bridge, store."""
