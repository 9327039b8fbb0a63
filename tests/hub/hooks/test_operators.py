"""A hook that replaces the hub is run, changed and removed by an operator alone."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from hub.hooks.errors import HookUnknownError, OperatorNeededError
from hub.hooks.model import HookChange, NewHook
from hub.hooks.service import HookService
from hub.live import Live

STEPS = [{"kind": "install", "command": "true", "file": "version"}, {"kind": "update"}]


@pytest.fixture
async def hooks(store):
    """A hook of the hub itself and one of firmware; runs are queued, and nothing carries them."""
    runner = SimpleNamespace(hurry=lambda: None)
    found = HookService(store, Live(), runner, SimpleNamespace(refuse_unfit=lambda: None))
    for name, steps in (("hub", STEPS), ("firmware", [{"kind": "test", "command": "true"}])):
        new = {"name": name, "source": "github", "repository": "https://git.example.org/o/r.git"}
        await found.add("home", NewHook(**new, chain={"steps": steps}), "ann")
    return found


async def test_who_is_no_operator_is_refused_all_of_it(hooks):
    for attempt in (
        hooks.run("home", "hub", "ben"),
        hooks.change("home", "hub", HookChange(secret=""), "ben"),
        hooks.remove("home", "hub", "ben"),
    ):
        with pytest.raises(OperatorNeededError, match="hook hub updates the hub itself"):
            await attempt
    assert (await hooks.of("home").named("hub")).chain.updates_hub
    assert await hooks.of("home").runs(None, 10) == []


async def test_an_operator_may_and_others_may_with_other_hooks(hooks):
    assert (await hooks.run("home", "hub", "ann", operator=True)).name == "hub"
    await hooks.remove("home", "hub", "ann", operator=True)
    await hooks.remove("home", "firmware", "ben")
    for name in ("hub", "firmware"):
        with pytest.raises(HookUnknownError):
            await hooks.of("home").named(name)
