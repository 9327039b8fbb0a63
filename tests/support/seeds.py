"""The seed of a random test: the same in every run, so that what is red once is red again.

`SEED=<number>` gives another one, `SEED=random` (as `make fuzz` does) a new one each time.
"""

from __future__ import annotations

import os
import random
import zlib


def seed(bits: int = 32) -> int:
    """The running test's seed, 0 to 2**bits - 1, made of its name; printed, so that it is known."""
    given = os.environ.get("SEED", "")
    if given == "random":
        chosen = random.SystemRandom().getrandbits(32)
    elif given:
        chosen = int(given)
    else:
        test, _, _ = os.environ["PYTEST_CURRENT_TEST"].rpartition(" (")
        chosen = zlib.crc32(test.encode())
    chosen %= 2**bits
    print(f"SEED={chosen}")
    return chosen
