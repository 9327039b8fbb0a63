"""Packed readings against a plain list, with random wakes, acknowledgements and thinning."""

import random

from dormouse.pending import Pending
from seed import SEED

random.seed(SEED)


def rnd(low, high):
    return low + random.getrandbits(20) % (high - low + 1)


def expect(pending, model):
    got = list(pending.readings())
    assert got == model, (got, model)


def reopened(pending):
    """As after a sleep: from bytes."""
    return Pending(bytes(pending.data), pending.base_at, pending.base_seq)


for _ in range(12):
    at, seq = rnd(0, 100000), rnd(0, 100000)
    pending, model = Pending(b"", at, seq), []
    for _ in range(60):
        what = rnd(0, 9)
        if what < 7:
            at += 1 + rnd(0, 3) * rnd(0, 40000)
            series = [i for i in range(14) if rnd(0, 3) == 0]
            values = [(i, rnd(-1000, 1000) / 16) for i in series]
            pending.add(at, seq + 1, values)
            model += [(seq + 1 + n, at, i, value) for n, (i, value) in enumerate(values)]
            seq += len(values)
        elif what == 7 and model:
            upto = model[rnd(0, len(model) - 1)][0]
            # Wakes go whole: those whose last reading is acknowledged.
            ends = {at: last for last, at, _, _ in model}
            last = 0
            for one in model:
                if ends[one[1]] <= upto:
                    last = max(last, ends[one[1]])
            pending.drop(upto)
            model = [one for one in model if one[0] > last]
        elif what == 8:
            room = rnd(60, 300)
            before = len(list(pending.readings()))
            newest = model[-1] if model else None
            lost = pending.thin(room)
            assert len(pending.data) <= room
            left = list(pending.readings())
            assert before - len(left) == lost
            assert [one for one in model if one in left] == left
            assert newest is None or left[-1] == newest
            model = left
        else:
            pending = reopened(pending)
        expect(pending, model)
        middle = model[len(model) // 2][0] if model else 0
        assert list(pending.readings(middle)) == [one for one in model if one[0] > middle]

# One temperature every 5 minutes takes 7 bytes, three values of a BME280 take 15.
pending = Pending()
for n in range(1, 11):
    pending.add(300 * n, n, [(0, 20.5)])
assert len(pending.data) == 69
pending = Pending()
for n in range(10):
    pending.add(300 * (n + 1), 3 * n + 1, [(0, 20.5), (1, 45), (2, 1013.25)])
assert len(pending.data) == 149

# Thinning costs no more than it must, in the older half, and spreads the loss.
pending = Pending()
for n in range(1, 58):
    pending.add(300 * n, n, [(0, n)])
assert len(pending.data) == 398
assert pending.thin(397) == 1
assert [seq for seq, _, _, _ in pending.readings()] == [1] + list(range(3, 58))
assert pending.thin(300) <= 20
seqs = [seq for seq, _, _, _ in pending.readings()]
assert seqs[0] == 1 and seqs[-20:] == list(range(38, 58))
assert pending.thin(7) and [one[0] for one in pending.readings()] == [57]

# Cut anywhere, the data is refused, never misread.
whole = Pending()
for n in range(1, 5):
    whole.add(300 * n, 2 * n - 1, [(0, n), (1, n)])
for cut in range(1, len(whole.data)):
    if cut not in (10, 21, 32):
        try:
            Pending(bytes(whole.data[:cut]))
            assert False, cut
        except IndexError:
            pass
