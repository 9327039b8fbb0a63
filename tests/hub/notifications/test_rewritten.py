"""A rule that is made to say something else: kept whole, or left as it was."""

from __future__ import annotations

import pytest

from hub.notifications.errors import NameTakenError
from hub.notifications.model import RuleKind, RuleOptions
from hub.notifications.service import NewRule
from tests.hub.notifications.world import OPERATOR


@pytest.fixture
async def told(world, receiver):
    """What Anna is told; two sensors of which one is too cold, as a rule says."""
    await world.channel("Anna", f"http://{receiver.host}/anna")
    world.temperatures |= {"cellar": 1.0, "attic": 20.0}
    await world.report()
    await world.rule("cellar below 3 degrees", "Anna", urgent=True, name="Frost")
    await world.passes(5)
    assert len(receiver.got) == 1
    receiver.got.clear()
    return receiver


async def test_of_the_same_subject_it_is_the_same_rule(world, told):
    [rule] = await world.service.rules(OPERATOR)
    new = NewRule("cellar below 0 degrees", tell=("Anna",), urgent=True)
    kept = await world.service.rewrite_rule(OPERATOR, rule.id, new)
    assert (kept.id, kept.name, kept.options.below) == (rule.id, "Frost", 0.0)
    await world.passes(5)
    assert await ended(world) == ["no longer watched: its rule was changed"]
    assert len(told.got) == 1


async def test_of_another_subject_it_is_another_rule_that_stays_off(world, told):
    [rule] = await world.service.rules(OPERATOR)
    await world.service.change_rule(OPERATOR, rule.id, enabled=False)
    new = NewRule(
        kind=RuleKind.SILENT, options=RuleOptions(missed=3), device="attic", tell=("Anna",)
    )
    kept = await world.service.rewrite_rule(OPERATOR, rule.id, new)
    assert await world.service.rules(OPERATOR) == [kept]
    assert kept.id != rule.id
    assert (kept.name, kept.kind, kept.device, kept.enabled, kept.urgent) == (
        "Frost", RuleKind.SILENT, "attic", False, False
    )  # fmt: skip
    assert (kept.channels, kept.made_by, kept.created_at) == (
        rule.channels, rule.made_by, rule.created_at
    )  # fmt: skip
    # A name that is the sentence says what the rule says now.
    plain = await world.rule("cellar below 3 degrees", "Anna")
    assert plain.name == "cellar: temperature below 3 °C"
    said = await world.service.rewrite_rule(OPERATOR, plain.id, NewRule("attic below 3 degrees"))
    assert said.name == "attic: temperature below 3 °C"


@pytest.mark.parametrize(
    "sentence", ["cellar below 0 degrees", "attic below 3 degrees"], ids=["same", "another"]
)
async def test_one_that_is_refused_leaves_the_rule_and_what_it_told(world, told, sentence):
    taken = await world.rule("attic above 30 degrees", "Anna", name="Heat")
    before = await world.service.rules(OPERATOR)
    rule = next(one for one in before if one.id != taken.id)
    with pytest.raises(NameTakenError):
        await world.service.rewrite_rule(OPERATOR, rule.id, NewRule(sentence, name="Heat"))
    assert await world.service.rules(OPERATOR) == before
    await world.passes(5)
    [alert] = await world.service.inbox(OPERATOR)
    assert (alert.rule, alert.ended_at) == (rule.id, None)
    assert told.got == []


async def ended(world) -> list[str]:
    return [one.ended_text for one in await world.service.inbox(OPERATOR) if one.ended_at]
