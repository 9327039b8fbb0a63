"""The HomeKit bridge: devices appear in Apple Home by themselves."""
