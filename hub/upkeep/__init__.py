"""What the hub does by itself so that its database stays small and quick."""
