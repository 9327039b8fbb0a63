"""Hooks: a push to a repository starts a chain of steps, up to devices with the new firmware."""
