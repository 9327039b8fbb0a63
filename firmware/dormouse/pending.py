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


def append_varint(out: bytearray, n: int) -> None:
    """Append n >= 0, 7 bits a byte, lowest first."""
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)


class Pending:
    """Packed groups in order of time; the first one counts from `base_at` and `base_seq`.

    Times are seconds on the device's clock. Raises IndexError if the data ends within a group.
    """

    def __init__(self, data: bytes = b"", base_at: int = 0, base_seq: int = 0):
        self.data = bytearray(data)
        self.base_at = base_at
        self.base_seq = base_seq
        self._find_end()

    def _find_end(self) -> None:
        """Find the time and sequence number that the next group counts from. Raises IndexError."""
        self.last_at = self.base_at
        self.last_seq = self.base_seq
        for at, first, mask, _offset, _end in self.groups():
            self.last_at = at
            self.last_seq = first + count_bits(mask) - 1

    def _read_varint(self, i: int):
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

        Raises IndexError if the data ends within a group.
        """
        i = 0
        at = self.base_at
        seq = self.base_seq
        while i < len(self.data):
            step, i = self._read_varint(i)
            mask, i = self._read_varint(i)
            if mask & 1:
                gap, i = self._read_varint(i)
                seq += gap
            mask >>= 1
            at += step
            count = count_bits(mask)
            end = i + 4 * count
            if end > len(self.data) or not count:
                raise IndexError
            yield at, seq + 1, mask, i, end
            seq += count
            i = end

    def value(self, offset: int) -> float:
        """The value at an offset that `groups` gave."""
        return struct.unpack_from("<f", self.data, offset)[0]

    def readings(self, after: int = 0, upto: int = 0x7FFFFFFF):
        """Yield (seq, at, series index, value) with after < seq <= upto."""
        for at, seq, mask, i, _end in self.groups():
            index = 0
            while mask:
                if mask & 1:
                    if after < seq <= upto:
                        yield seq, at, index, self.value(i)
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
            self._set_base(at, seq)
        self._append_head(at, seq, mask)
        for _index, value in values:
            self.data.extend(struct.pack("<f", value))

    def drop(self, seq: int) -> bool:
        """Drop the groups numbered up to and including seq; True if there were any."""
        cut = 0
        for at, first, mask, _offset, end in self.groups():
            last = first + count_bits(mask) - 1
            if last > seq:
                break
            cut, base_at, base_seq = end, at, last
        if cut:
            self.data = self.data[cut:]
            self.base_at = base_at
            self.base_seq = base_seq
        return cut > 0

    def thin(self, size: int) -> int:
        """Make the data fit into `size` bytes; return how many readings that cost.

        One group at a time goes from the older half, each time the one whose neighbours are
        closest together: the past becomes coarser, its beginning and the newest stay.
        """
        lost = 0
        while len(self.data) > size:
            groups = list(self.groups())
            dropped = _densest(groups)
            lost += count_bits(groups[dropped][2])
            if dropped == 0 and len(groups) > 1:
                self._set_base(groups[1][0], groups[1][1])
            thinned = Pending(b"", self.base_at, self.base_seq)
            for n, (at, first, mask, start, end) in enumerate(groups):
                if n != dropped:
                    thinned._append_head(at, first, mask)
                    thinned.data.extend(self.data[start:end])
            self.data = thinned.data
            self._find_end()
        return lost

    def _set_base(self, at: int, seq: int) -> None:
        """Let the first group be the one of that time and number."""
        self.base_at = self.last_at = at
        self.base_seq = self.last_seq = seq - 1

    def _append_head(self, at: int, first: int, mask: int) -> None:
        """Append a group's head."""
        gap = first - self.last_seq - 1
        append_varint(self.data, max(0, at - self.last_at))
        append_varint(self.data, mask << 1 | (1 if gap else 0))
        if gap:
            append_varint(self.data, gap)
        self.last_at = max(at, self.last_at)
        self.last_seq = first + count_bits(mask) - 1


def _densest(groups) -> int:
    """The index of the group whose neighbours are closest, in the older half."""
    best, smallest = 0, 0x7FFFFFFF
    for n in range(1, min(len(groups) - 1, max(2, len(groups) // 2))):
        gap = groups[n + 1][0] - groups[n - 1][0]
        if gap < smallest:
            best, smallest = n, gap
    return best


def count_bits(mask: int) -> int:
    """How many bits are set."""
    n = 0
    while mask:
        n += mask & 1
        mask >>= 1
    return n
