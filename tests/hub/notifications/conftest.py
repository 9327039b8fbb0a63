"""What tests of notifications share."""

from __future__ import annotations

import pytest

from tests.hub.notifications.receiver import receiving
from tests.hub.notifications.world import World, evening


@pytest.fixture
def receiver():
    with receiving() as found:
        yield found


@pytest.fixture
async def world(store, accounts, tmp_path):
    return World(store, accounts, tmp_path, evening())
