"""Wizards in the database: per person, tenant and wizard; two browsers at once."""

from __future__ import annotations

import pytest

from hub.database.database import Database
from hub.database.errors import StoreError
from hub.web.wizard.machine import Progress
from hub.web.wizard.repository import Kept, MovedOnError, Wizards


async def test_it_is_there_again_for_the_same_person_only(store: Database):
    await store.ensure_tenant("beach")
    ann = Wizards(store.of("home"), "ann")
    assert await ann.load("add") == Kept()
    progress = Progress({"name": {"text": "Übersee ☃ <b>"}}, "name")
    kept = await ann.save("add", Kept(), progress)
    assert await Wizards(store.of("home"), "ann").load("add") == kept
    assert kept.progress == progress
    for other in (
        Wizards(store.of("home"), "bob").load("add"),
        Wizards(store.of("beach"), "ann").load("add"),
        ann.load("other"),
    ):
        assert await other == Kept()


async def test_who_is_behind_does_not_overwrite(store: Database):
    ann = Wizards(store.of("home"), "ann")
    first = await ann.save("add", Kept(), Progress(at="a"))
    second = await ann.save("add", first, Progress(at="b"))
    for late in (Kept(), first):
        with pytest.raises(MovedOnError, match="another window"):
            await ann.save("add", late, Progress(at="late"))
    assert await ann.load("add") == second


async def test_only_a_reset_clears_it_and_what_was_open_elsewhere_does_not_bring_it_back(
    store: Database,
):
    ann = Wizards(store.of("home"), "ann")
    kept = await ann.save("add", Kept(), Progress(at="a"))
    await ann.reset("add")
    assert await ann.load("add") == Kept()
    with pytest.raises(MovedOnError):
        await ann.save("add", kept, Progress(at="b"))
    again = await ann.save("add", Kept(), Progress(at="c"))
    with pytest.raises(MovedOnError):
        await ann.save("add", kept, Progress(at="b"))
    assert await ann.load("add") == again


async def test_what_cannot_be_kept_is_refused(store: Database):
    ann = Wizards(store.of("home"), "ann")
    for text in ("\0", "\ud800"):
        with pytest.raises(StoreError):
            await ann.save("add", Kept(), Progress({"name": {"name": text}}))
    assert await ann.load("add") == Kept()
