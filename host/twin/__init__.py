"""Virtual devices: the real firmware on MicroPython's unix port, one process a wake."""
