"""Writing bootloader and application to a board over its serial port."""
