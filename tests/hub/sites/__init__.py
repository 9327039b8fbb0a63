"""Places with a network of their own."""
