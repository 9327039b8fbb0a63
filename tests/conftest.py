"""Fixtures that meet the real thing; each lives beside what it starts, in tests/support."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings

# How long an example takes is the machine's business, which runs other tests beside.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

_SUPPORT = Path(__file__).parent / "support"
pytest_plugins = [f"tests.support.{f.stem}" for f in sorted(_SUPPORT.glob("[a-z]*.py"))]


# Whose files take minutes go first: the short ones fill up what is left at the end.
_LONG = ("system", "web", "provision", "device", "rollout", "boot", "store")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the files by where they lie; within them nothing changes."""
    here = Path(__file__).parent
    first = {name: rank for rank, name in enumerate(_LONG)}
    items.sort(key=lambda item: first.get(item.path.relative_to(here).parts[0], len(_LONG)))


@pytest.fixture
def short_tmp():
    """A folder with a short path (unix sockets allow 107 bytes) that children as another user may
    enter."""
    folder = Path(tempfile.mkdtemp(prefix="dm", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)
