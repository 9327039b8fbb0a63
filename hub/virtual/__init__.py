"""Virtual sensors that the hub runs beside itself, to try it without a board."""
