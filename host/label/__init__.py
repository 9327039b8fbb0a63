"""The label of a device: how a phone gets into the network that its portal opens."""
