"""Adding a device: the wizard's script, who is at the door, what was found on the device."""
