"""Wizards in the database: per person, tenant and wizard; two browsers at once."""

from __future__ import annotations

import pytest

from hub.database.database import Database
from hub.database.errors import DatabaseError
from hub.wizards.machine import WizardProgress
from hub.wizards.repository import (
    DraftNameError,
    DraftTakenError,
    DraftUnknownError,
    MovedOnError,
    SavedProgress,
    TooManyDraftsError,
    WizardRepository,
)


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


async def test_a_person_has_several_drafts_under_names(store: Database):
    ann, bob = (WizardRepository(store.of("home"), who) for who in ("ann", "bob"))
    shed = await ann.save("add", SavedProgress(), WizardProgress({"a": {}}), "Shed")
    plain = await ann.save("add", SavedProgress(), WizardProgress({"a": {}, "b": {}}, "b"))
    assert [(one.name, one.answered) for one in await ann.drafts("add")] == [("", 2), ("Shed", 1)]
    assert (await ann.load("add", "Shed"), await ann.load("add")) == (shed, plain)
    assert await bob.drafts("add") == await ann.drafts("other") == []
    # Each goes on by itself; the one that was changed last is first.
    shed = await ann.save("add", shed, WizardProgress({"a": {}, "c": {}}), "Shed")
    assert [one.name for one in await ann.drafts("add")] == ["Shed", ""]
    assert await ann.name("add", "", "  Loft ☃ ") == "Loft ☃"
    assert await ann.load("add", "Loft ☃") == plain
    with pytest.raises(MovedOnError):
        await ann.save("add", plain, WizardProgress({"a": {}}))
    for draft, name, refused in [
        ("Loft ☃", "Shed", DraftTakenError),
        ("nowhere", "x", DraftUnknownError),
        ("Shed", " ", DraftNameError),
        ("Shed", "a\nb", DraftNameError),
        ("Shed", "x" * 101, DraftNameError),
    ]:
        with pytest.raises(refused):
            await ann.name("add", draft, name)
    await ann.reset("add", "Loft ☃")
    assert [one.name for one in await ann.drafts("add")] == ["Shed"]


async def test_the_drafts_of_a_person_are_bounded(store: Database):
    ann = WizardRepository(store.of("home"), "ann")
    for n in range(20):
        await ann.save("add", SavedProgress(), WizardProgress(at=str(n)), str(n))
    with pytest.raises(TooManyDraftsError):
        await ann.save("add", SavedProgress(), WizardProgress(), "one more")
    # What is there goes on, and so do others.
    kept = await ann.load("add", "7")
    await ann.save("add", kept, WizardProgress(at="x"), "7")
    await WizardRepository(store.of("home"), "bob").save("add", SavedProgress(), WizardProgress())
