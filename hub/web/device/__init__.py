"""The parts of a device's page."""
