"""A NATS cluster as where messages come from: JetStream to read, its MQTT gateway to write."""
