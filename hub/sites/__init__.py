"""Places with a network of their own, reached through a WireGuard tunnel."""
