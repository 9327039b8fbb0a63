"""Fixtures that meet the real thing; each lives beside what it starts, in tests/support."""

from __future__ import annotations

import os
import signal
import zlib
from pathlib import Path

import pytest
from hypothesis import settings

# How long an example takes is the machine's business, which runs other tests beside; what is red
# once is red again (tests/support/seeds.py).
settings.register_profile("patient", deadline=None, derandomize=not os.environ.get("SEED"))
settings.load_profile("patient")

_SUPPORT = Path(__file__).parent / "support"
pytest_plugins = [f"tests.support.{f.stem}" for f in sorted(_SUPPORT.glob("[a-z]*.py"))]
pytest.register_assert_rewrite(*pytest_plugins)  # before one of them imports another


# What takes a minute and more on a busy machine goes first; short ones fill up what is left at the
# end. A file is one process's from its first test to its last.
_LONGEST = ("test_rollout_storm.py", "test_every_page.py")
_LONG = {
    *("test_access.py", "test_adding.py", "test_backup.py", "test_bytes.py"),
    *("test_charts_drawn.py", "test_command.py", "test_command_cuts.py", "test_demo.py"),
    *("test_device.py", "test_end_to_end.py", "test_explain.py", "test_fifteen.py"),
    *("test_first_light.py", "test_flash.py", "test_flash_chain.py", "test_frame.py"),
    *("test_home.py", "test_homekit_page.py", "test_hung_database.py", "test_isolation.py"),
    *("test_mains.py", "test_new_driver.py", "test_one_truth.py", "test_other_systems.py"),
    *("test_places_page.py", "test_policies.py", "test_portal.py", "test_postgres.py"),
    *(
        "test_power_cut.py",
        "test_powercut.py",
        "test_qemu.py",
        "test_restored.py",
        "test_rollout_gates.py",
    ),
    *("test_rollout_one.py", "test_routes.py", "test_schema.py", "test_silent_strangers.py"),
    *("test_survival.py", "test_trust_doctor.py", "test_trust_enrolment.py"),
    *("test_trust_twin.py", "test_wifi_command.py", "test_wrong_clock.py"),
}


def _turn(path: Path) -> tuple[bool, bool, int]:
    """When a file's turn is: those that wait and those that compute are mixed."""
    mixed = zlib.crc32(str(path.relative_to(Path(__file__).parent)).encode())
    return path.name not in _LONGEST, path.name not in _LONG, mixed


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the files; within them nothing changes."""
    items.sort(key=lambda item: _turn(item.path))


def pytest_configure() -> None:
    """Let children have Ctrl-C where this run itself is to be spared it.

    A shell starts what it puts in the background with SIGINT ignored, and children inherit that. A
    handler that does nothing spares this process as well, but a program it starts has the default.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, lambda *_: None)
