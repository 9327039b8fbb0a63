"""Hours and days of a zone: what series did in them, worked out of readings and of rollups."""
