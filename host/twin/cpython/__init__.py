"""What MicroPython has and CPython has not, for the device's firmware on a machine without it.

`run.py` is the program of such a virtual device. The modules beside it have the names under which
the chip's stand-ins (`host/twin/shims`) know the system beneath them.
"""
