"""The hub brings itself to another version, and goes back by itself where that is not healthy."""
