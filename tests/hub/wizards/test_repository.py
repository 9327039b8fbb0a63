"""Wizards in the database: per person, tenant and wizard; two browsers at once."""

from __future__ import annotations

import pytest

from hub.database.database import Database
from hub.database.errors import DatabaseError
from hub.wizards.machine import WizardProgress
from hub.wizards.repository import MovedOnError, SavedProgress, WizardRepository


async def test_it_is_there_again_for_the_same_person_only(store: Database):
    await store.ensure_tenant("beach")
    ann = WizardRepository(store.of("home"), "ann")
    assert await ann.load("add") == SavedProgress()
    progress = WizardProgress({"name": {"text": "Übersee ☃ <b>"}}, "name")
    kept = await ann.save("add", SavedProgress(), progress)
    assert await WizardRepository(store.of("home"), "ann").load("add") == kept
    assert kept.progress == progress
    for other in (
        WizardRepository(store.of("home"), "bob").load("add"),
        WizardRepository(store.of("beach"), "ann").load("add"),
        ann.load("other"),
    ):
        assert await other == SavedProgress()


async def test_who_is_behind_does_not_overwrite(store: Database):
    ann = WizardRepository(store.of("home"), "ann")
    first = await ann.save("add", SavedProgress(), WizardProgress(at="a"))
    second = await ann.save("add", first, WizardProgress(at="b"))
    for late in (SavedProgress(), first):
        with pytest.raises(MovedOnError, match="another window"):
            await ann.save("add", late, WizardProgress(at="late"))
    assert await ann.load("add") == second


async def test_only_a_reset_clears_it_and_what_was_open_elsewhere_does_not_bring_it_back(
    store: Database,
):
    ann = WizardRepository(store.of("home"), "ann")
    kept = await ann.save("add", SavedProgress(), WizardProgress(at="a"))
    await ann.reset("add")
    assert await ann.load("add") == SavedProgress()
    with pytest.raises(MovedOnError):
        await ann.save("add", kept, WizardProgress(at="b"))
    again = await ann.save("add", SavedProgress(), WizardProgress(at="c"))
    with pytest.raises(MovedOnError):
        await ann.save("add", kept, WizardProgress(at="b"))
    assert await ann.load("add") == again


async def test_what_cannot_be_kept_is_refused(store: Database):
    ann = WizardRepository(store.of("home"), "ann")
    for text in ("\0", "\ud800"):
        with pytest.raises(DatabaseError):
            await ann.save("add", SavedProgress(), WizardProgress({"name": {"name": text}}))
    assert await ann.load("add") == SavedProgress()
