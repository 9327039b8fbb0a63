"""The MQTT side: topics, where messages come from, the broker, who may connect."""
