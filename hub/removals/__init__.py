"""Readings, series and devices that people have removed, and the trail of that."""
