"""Where the command `dormouse` begins: before anything that takes time is loaded."""

from __future__ import annotations

import os
import signal

__all__ = ["main"]


def main() -> None:
    """Run the command line; Ctrl-C while it is still being loaded is one line, too."""
    own = signal.getsignal(signal.SIGINT)
    if own is signal.default_int_handler:  # else nobody wants to hear of it, as behind nohup
        signal.signal(signal.SIGINT, _end)
    from host.__main__ import main as run  # noqa: PLC0415  # see above

    signal.signal(signal.SIGINT, own)
    run()


def _end(*_: object) -> None:
    os.write(2, b"dormouse: interrupted\n")
    os._exit(130)
