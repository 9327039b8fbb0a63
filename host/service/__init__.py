"""The hub as a service of systemd's."""
