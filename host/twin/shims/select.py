"""Polling sockets of the shim and real streams alike."""

import socket

import uselect
import utime

POLLIN, POLLOUT, POLLERR, POLLHUP = 1, 4, 8, 16
# How often a link that delays is looked at.
_SLICE_MS = 2


class poll:
    """As on the device: (object, events) of what is ready."""

    def __init__(self):
        self.flags = {}

    def register(self, thing, flags=POLLIN | POLLOUT):
        self.flags[id(thing)] = (thing, flags)

    modify = register

    def unregister(self, thing):
        self.flags.pop(id(thing), None)

    def poll(self, timeout=-1):
        began = utime.ticks_ms()
        while True:
            ready, real, delayed = self._look()
            left = timeout - utime.ticks_diff(utime.ticks_ms(), began) if timeout >= 0 else 1000
            if ready or left <= 0:
                wait = 0
            else:
                wait = min(left, _SLICE_MS) if delayed else left
            if real:
                for key, events in self._really(real, wait):
                    ready.append((key, events))
            elif wait:
                utime.sleep_ms(wait)
            if ready or 0 <= timeout <= utime.ticks_diff(utime.ticks_ms(), began):
                return ready

    def _look(self):
        """What the shim knows: (ready, [(real, thing, flags)], whether something is under way)."""
        ready, real, delayed = [], [], False
        for thing, flags in self.flags.values():
            if not isinstance(thing, socket.socket):
                real.append((thing, thing, flags))
                continue
            thing.advance()
            delayed = delayed or thing.waiting()
            if thing.state == socket._BROKEN:
                ready.append((thing, POLLERR | POLLHUP))
            elif thing.state in (socket._CONNECTED, socket._BOUND):
                if thing.queue and not thing.writable():
                    flags &= ~POLLOUT
                real.append((thing.real, thing, flags))
        return ready, real, delayed

    def _really(self, real, wait):
        poller = uselect.poll()
        things = {}
        for stream, thing, flags in real:
            poller.register(stream, flags)
            things[id(stream)] = thing
        return [(things[id(stream)], events) for stream, events in poller.poll(wait)]

    def ipoll(self, timeout=-1, flags=0):
        return iter(self.poll(timeout))
