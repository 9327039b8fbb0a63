"""Fixtures that meet the real thing; each lives beside what it starts, in tests/support."""

from __future__ import annotations

pytest_plugins: list[str] = [
    "tests.support.bootloader",
    "tests.support.twins",
    "tests.support.postgres",
    "tests.support.broker",
    "tests.support.controller",
]
