"""The firmware frozen into MicroPython: its sources that the user names, and their own make."""
