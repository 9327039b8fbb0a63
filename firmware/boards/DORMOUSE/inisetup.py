"""The first start of a board: in place of the port's module of this name.

The port formats a flash that is erased. Where anything else lies (half a filesystem, since power
failed in the first start; what another firmware left) it asks for a person at the prompt, for ever;
a sensor in a wall has none.
"""

import time

import vfs
from flashbdev import bdev

# A weak supply reads wrong for a moment, and settings must not be lost to that.
_TRIES = 5
_PAUSE_MS = 200


def setup() -> None:
    """Called by the port's `_boot` when the filesystem cannot be mounted: mount it, or make one.

    Raises OSError when the flash takes no filesystem.
    """
    for _ in range(_TRIES):
        time.sleep_ms(_PAUSE_MS)
        try:
            vfs.mount(bdev, "/")
            return
        except OSError:
            pass
    print("no filesystem at sector", bdev.start_sec, "- making one of", bdev.blocks, "sectors")
    vfs.VfsLfs2.mkfs(bdev)
    vfs.mount(vfs.VfsLfs2(bdev), "/")
