"""Adding a device: the wizard's script, which devices ask, what was found on the device."""
