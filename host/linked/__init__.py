"""Linked files (ELF) of the chip's programs: read, and checked before anything is flashed."""
