"""Home Assistant and openHAB: every device of a tenant by MQTT discovery, to see and to command."""
