"""The parts of the page Hooks."""
