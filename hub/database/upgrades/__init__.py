"""From one release's schema to the next, and back."""
