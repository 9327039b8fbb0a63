"""A rule that told a channel of something, for tests that want a row in every table."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from hub.database.database import TenantDatabase
from hub.notifications.alerts import AlertRepository
from hub.notifications.compose import composed
from hub.notifications.finding import Around, Finding, Findings
from hub.notifications.hours import Hours
from hub.notifications.model import ChannelKind, NotifyChannel, Rule, RuleKind, RuleOptions
from hub.notifications.outbox import Outbox
from hub.notifications.repository import RuleRepository
from hub.zones.service import TenantZones


async def notified(database: TenantDatabase, name: str, now: datetime) -> None:
    rules = RuleRepository(database)
    webhook = NotifyChannel(0, name, ChannelKind.WEBHOOK, "", False, Hours(), None, "ann")
    channel = await rules.add_channel(webhook, "http://localhost", "whsec_", None)
    new = Rule(0, name, RuleKind.SILENT, RuleOptions(), channels=(channel,), made_by="ann")
    number = await rules.add_rule(new)
    [rule] = [one for one in await rules.rules() if one.id == number]
    around = Around("", now, TenantZones(ZoneInfo("UTC"), None, {}), {}, {})
    found = Findings(rule, [Finding(name, name, "silent", now)])
    channels = {one.id: one for one in await rules.channels()}
    assert await AlertRepository(database).record(found, {}, channels, around) == 1
    made = await Outbox(database).compose(
        now + timedelta(minutes=2), lambda said: composed(said, {}, around.common, now)
    )
    assert made == 1
