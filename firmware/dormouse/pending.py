"""Readings that wait to be acknowledged, packed for RTC memory.

What was measured in one wake is a group:

    varint  seconds since the group before (the first: since `base_at`)
    varint  mask of the series it has a value of, shifted left by 1, plus 1 if numbers are missing
    varint  how many sequence numbers are missing before it (only with that 1)
    float32 one value for each series in the mask, lowest index first

A group's readings are numbered consecutively, so a single temperature every 5 minutes takes 7
bytes and three values of a BME280 take 15.
"""

import struct


def varint(out: bytearray, n: int) -> None:
    """Append n >= 0, 7 bits a byte, lowest first."""
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)


class Pending:
    """Packed groups in order of time; the first one counts from `base_at` and `base_seq`."""

    def __init__(self, data: bytes = b"", base_at: int = 0, base_seq: int = 0):
        self.data = bytearray(data)
        self.base_at = base_at
        self.base_seq = base_seq
        self._end()

    def _end(self) -> None:
        """Find the time and sequence number that the next group counts from."""
        self.last_at = self.base_at
        self.last_seq = self.base_seq
        for at, first, mask, _offset, _end in self.groups():
            self.last_at = at
            self.last_seq = first + _ones(mask) - 1

    def _varint(self, i: int):
        n = shift = 0
        while True:
            byte = self.data[i]
            i += 1
            n |= (byte & 127) << shift
            if byte < 128:
                return n, i
            shift += 7

    def groups(self):
        """Yield (at, first seq, mask, offset of the values, offset of the end).

        IndexError if the data ends within a group.
        """
        i = 0
        at = self.base_at
        seq = self.base_seq
        while i < len(self.data):
            step, i = self._varint(i)
            mask, i = self._varint(i)
            if mask & 1:
                gap, i = self._varint(i)
                seq += gap
            mask >>= 1
            at += step
            count = _ones(mask)
            end = i + 4 * count
            if end > len(self.data) or not count:
                raise IndexError
            yield at, seq + 1, mask, i, end
            seq += count
            i = end

    def readings(self, after: int = 0, upto: int = 0x7FFFFFFF):
        """Yield (seq, at, series index, value) with after < seq <= upto."""
        for at, seq, mask, i, _end in self.groups():
            index = 0
            while mask:
                if mask & 1:
                    if after < seq <= upto:
                        yield seq, at, index, struct.unpack_from("<f", self.data, i)[0]
                    seq += 1
                    i += 4
                mask >>= 1
                index += 1

    def add(self, at: int, seq: int, values) -> None:
        """Append a group numbered from seq: `values` is [(series index, value)], index rising."""
        mask = 0
        for index, _value in values:
            mask |= 1 << index
        if not mask:
            return
        if not self.data:
            self._count_from(at, seq)
        self._begin(at, seq, mask)
        for _index, value in values:
            self.data.extend(struct.pack("<f", value))

    def forget(self, seq: int) -> bool:
        """Drop the groups numbered up to and including seq; True if there were any."""
        cut = 0
        for at, first, mask, _offset, end in self.groups():
            last = first + _ones(mask) - 1
            if last > seq:
                break
            cut, base_at, base_seq = end, at, last
        if cut:
            self.data = self.data[cut:]
            self.base_at = base_at
            self.base_seq = base_seq
        return cut > 0

    def thin(self, room: int) -> int:
        """Make the data fit into `room` bytes; return how many readings that cost.

        One group at a time goes from the older half, each time the one whose neighbours are
        closest together: the past becomes coarser, its beginning and the newest stay.
        """
        lost = 0
        while len(self.data) > room:
            spans = list(self.groups())
            victim = _least_missed(spans)
            lost += _ones(spans[victim][2])
            if victim == 0 and len(spans) > 1:
                self._count_from(spans[1][0], spans[1][1])
            kept = Pending(b"", self.base_at, self.base_seq)
            for n, (at, first, mask, start, end) in enumerate(spans):
                if n != victim:
                    kept._begin(at, first, mask)
                    kept.data.extend(self.data[start:end])
            self.data = kept.data
            self._end()
        return lost

    def _count_from(self, at: int, seq: int) -> None:
        """Let the first group be the one of that time and number."""
        self.base_at = self.last_at = at
        self.base_seq = self.last_seq = seq - 1

    def _begin(self, at: int, first: int, mask: int) -> None:
        """Append a group's head."""
        gap = first - self.last_seq - 1
        varint(self.data, max(0, at - self.last_at))
        varint(self.data, mask << 1 | (1 if gap else 0))
        if gap:
            varint(self.data, gap)
        self.last_at = max(at, self.last_at)
        self.last_seq = first + _ones(mask) - 1


def _least_missed(spans) -> int:
    """The index of the group to drop, by the times around it."""
    best, shortest = 0, 0x7FFFFFFF
    for n in range(1, min(len(spans) - 1, max(2, len(spans) // 2))):
        hole = spans[n + 1][0] - spans[n - 1][0]
        if hole < shortest:
            best, shortest = n, hole
    return best


def _ones(mask: int) -> int:
    n = 0
    while mask:
        n += mask & 1
        mask >>= 1
    return n
