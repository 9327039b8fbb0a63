"""Rules, channels and the inbox, under /notifications."""

from __future__ import annotations

from datetime import datetime, time
from typing import Annotated, Self

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field, StringConstraints, model_validator

from hub.api.access import Read
from hub.api.parameters import DeviceKey, Name, Number
from hub.notifications.hours import Hours
from hub.notifications.model import (
    Alert,
    ChannelKind,
    NotifyChannel,
    Rule,
    RuleKind,
    RuleOptions,
    sentence,
)
from hub.notifications.outbox import SentMessage
from hub.notifications.past import Tried
from hub.notifications.service import NewChannel, NewRule, NotificationService

__all__ = ["routes"]

_Large = Annotated[int, Field(ge=1, le=2**63 - 1)]
_After = Annotated[int, Field(ge=60, le=604800)]
_Names = Annotated[list[Name], Field(max_length=20)]


class RuleBody(BaseModel, extra="forbid"):
    """A rule: as a sentence, or by its parts."""

    sentence: str = Field(
        "", max_length=200, examples=["Cellar temperature below 3 °C for 20 min"],
        description="instead of kind, options, place and device",
    )  # fmt: skip
    name: Annotated[str, StringConstraints(strip_whitespace=True, max_length=100)] = Field(
        "", pattern=r"^[^\x00-\x1f\x7f-\x9f]*$", description="else the sentence"
    )
    kind: RuleKind | None = None
    options: RuleOptions = RuleOptions()
    place: Number | None = Field(None, description="with everything below it in the tree")
    device: DeviceKey | None = None
    tell: _Names = Field([], description="channels, by name; none: the inbox alone")
    urgent: bool = Field(False, description="comes through quiet hours and digests")
    own: bool = Field(False, description="for oneself; else everybody's: takes the scope write")
    escalate: _Names = Field(
        [], description="channels that are told besides where nobody acknowledged in time"
    )
    escalate_after_s: _After | None = Field(None, description="in that time", examples=[900])


class RuleChange(BaseModel, extra="forbid"):
    """What is given is changed."""

    name: Name | None = None
    options: RuleOptions | None = None
    tell: _Names | None = None
    urgent: bool | None = None
    enabled: bool | None = None
    escalate: _Names | None = Field(None, description="an empty list: nobody")
    escalate_after_s: _After | None = None


class NotifyRuleOut(BaseModel):
    """A rule."""

    id: int
    name: str
    sentence: str
    kind: RuleKind
    options: RuleOptions
    place: int | None
    device: str | None
    tell: list[str]
    escalate: list[str]
    escalate_after_s: int | None
    urgent: bool
    enabled: bool
    own: bool
    made_by: str


class HoursBody(BaseModel, extra="forbid"):
    """When a channel may be used, on the clock of the place that a message is about."""

    quiet_from: time | None = Field(None, examples=["22:00"])
    quiet_until: time | None = Field(None, examples=["07:00"])
    weekends: bool = Field(False, description="quiet all of Saturday and Sunday")
    digest_at: time | None = Field(
        None, description="all but what is urgent, together at that time", examples=["07:30"]
    )

    @model_validator(mode="after")
    def _both(self) -> Self:
        if (self.quiet_from is None) != (self.quiet_until is None):
            raise ValueError("quiet_from and quiet_until go together")
        return self

    def hours(self) -> Hours:
        """The same."""
        return Hours(
            _plain(self.quiet_from), _plain(self.quiet_until), self.weekends, _plain(self.digest_at)
        )


class ChannelBody(HoursBody):
    """A channel to be."""

    name: Name
    kind: ChannelKind = ChannelKind.APPRISE
    address: str = Field(
        min_length=1, max_length=2000, pattern=r"^[!-~]+$",
        description="a secret, which is never given back: Apprise's form (ntfy://, mailto://, "
        "tgram://, pover://, ...), or a webhook's http(s) address",
    )  # fmt: skip
    own: bool = Field(False, description="for oneself; else everybody's: takes the scope admin")


class ChannelOut(BaseModel):
    """A channel without its address."""

    id: int
    name: str
    kind: ChannelKind
    shown: str
    quiet_from: time | None
    quiet_until: time | None
    weekends: bool
    digest_at: time | None
    own: bool
    made_by: str
    sent: datetime | None
    failed: datetime | None
    error: str


class NewChannelOut(ChannelOut):
    """A channel, and this once what its messages are signed with (webhooks alone)."""

    signing_secret: str | None


class AlertOut(BaseModel):
    """An entry of the inbox."""

    id: int
    rule: int | None
    kind: RuleKind
    name: str
    text: str
    device: str | None
    place: int | None
    urgent: bool
    since: datetime
    opened: datetime
    ended: datetime | None
    ended_text: str
    acknowledged: datetime | None
    acknowledged_by: str | None


class AcknowledgeBody(BaseModel, extra="forbid"):
    """Entries of the inbox."""

    alerts: list[_Large] = Field(min_length=1, max_length=1000)


class MessageOut(BaseModel):
    """A message; `next`: when it is tried again."""

    id: int
    title: str
    body: str
    created: datetime
    next: datetime | None
    attempts: int
    sent: datetime | None
    given_up: datetime | None
    error: str


class WouldTellOut(BaseModel):
    """Once."""

    name: str
    since: datetime
    until: datetime | None


class TriedOut(BaseModel):
    """When a rule would have told something in the last 30 days."""

    sentence: str
    said: str
    known: bool = Field(description="false: of such rules the past says nothing")
    whole: bool = Field(description="false: there is more than was looked at")
    times: list[WouldTellOut]


def routes(notifications: NotificationService) -> APIRouter:
    """The routes under /notifications."""
    router = APIRouter(prefix="/notifications", tags=["notifications"])
    handlers = _Handlers(notifications)
    router.get("")(handlers.inbox)
    router.post("/acknowledge", status_code=204)(handlers.acknowledge)
    router.get("/rules")(handlers.rules)
    router.post("/rules", status_code=201)(handlers.add_rule)
    router.post("/rules/try")(handlers.try_new)
    router.patch("/rules/{number}")(handlers.change_rule)
    router.delete("/rules/{number}", status_code=204)(handlers.remove_rule)
    router.get("/rules/{number}/try")(handlers.try_rule)
    router.get("/channels")(handlers.channels)
    router.post("/channels", status_code=201)(handlers.add_channel)
    router.put("/channels/{number}/hours")(handlers.set_hours)
    router.delete("/channels/{number}", status_code=204)(handlers.remove_channel)
    router.post("/channels/{number}/test")(handlers.test)
    router.get("/channels/{number}/messages")(handlers.messages)
    return router


class _Handlers:
    """What the routes do."""

    def __init__(self, notifications: NotificationService) -> None:
        self._notifications = notifications

    async def inbox(
        self, caller: Read, only_open: Annotated[bool, Query(alias="open")] = False
    ) -> list[AlertOut]:
        """What there was to tell: what goes on first, then the newest; 200 at most."""
        return [_alert(one) for one in await self._notifications.inbox(caller, only_open=only_open)]

    async def acknowledge(self, caller: Read, body: AcknowledgeBody) -> None:
        """Note that somebody saw them."""
        await self._notifications.acknowledge(caller, body.alerts)

    async def rules(self, caller: Read) -> list[NotifyRuleOut]:
        """One's own rules and everybody's of the tenant, by name."""
        names = await self._channel_names(caller)
        return [_rule(one, names) for one in await self._notifications.rules(caller)]

    async def add_rule(self, caller: Read, body: RuleBody) -> NotifyRuleOut:
        """Add a rule: one's own, or with the scope write everybody's."""
        rule = await self._notifications.add_rule(caller, _new(body))
        return _rule(rule, await self._channel_names(caller))

    async def try_new(self, caller: Read, body: RuleBody) -> TriedOut:
        """When such a rule would have told something in the last 30 days; nothing is kept."""
        rule = await self._notifications.read(caller, _new(body))
        return _tried(sentence(rule), await self._notifications.try_rule(caller, _new(body)))

    async def try_rule(self, caller: Read, number: Annotated[Number, Path()]) -> TriedOut:
        """When a rule would have told something in the last 30 days."""
        rule = await self._notifications.rule(caller, number)
        return _tried(sentence(rule), await self._notifications.try_rule(caller, number))

    async def change_rule(
        self, caller: Read, number: Annotated[Number, Path()], body: RuleChange
    ) -> NotifyRuleOut:
        """Change a rule: one's own, or with the scope write everybody's."""
        rule = await self._notifications.change_rule(
            caller, number, name=body.name, options=body.options, tell=body.tell,
            urgent=body.urgent, enabled=body.enabled, escalate=body.escalate,
            escalate_after_s=body.escalate_after_s,
        )  # fmt: skip
        return _rule(rule, await self._channel_names(caller))

    async def remove_rule(self, caller: Read, number: Annotated[Number, Path()]) -> None:
        """Forget a rule; what it told stays in the inbox."""
        await self._notifications.remove_rule(caller, number)

    async def channels(self, caller: Read) -> list[ChannelOut]:
        """One's own channels and everybody's of the tenant, by name, without their addresses."""
        return [ChannelOut(**_channel(one)) for one in await self._notifications.channels(caller)]

    async def add_channel(self, caller: Read, body: ChannelBody) -> NewChannelOut:
        """Add a channel: one's own, or with the scope admin everybody's."""
        new = NewChannel(body.name, body.kind, body.address, body.hours(), body.own)
        channel, signing = await self._notifications.add_channel(caller, new)
        return NewChannelOut(**_channel(channel), signing_secret=signing or None)

    async def set_hours(
        self, caller: Read, number: Annotated[Number, Path()], body: HoursBody
    ) -> ChannelOut:
        """Say when a channel may be used."""
        channel = await self._notifications.set_hours(caller, number, body.hours())
        return ChannelOut(**_channel(channel))

    async def remove_channel(self, caller: Read, number: Annotated[Number, Path()]) -> None:
        """Forget a channel, and what was on its way to it."""
        await self._notifications.remove_channel(caller, number)

    async def test(self, caller: Read, number: Annotated[Number, Path()]) -> MessageOut:
        """Send a message to a channel now; what became of it."""
        return _message(await self._notifications.test(caller, number))

    async def messages(self, caller: Read, number: Annotated[Number, Path()]) -> list[MessageOut]:
        """What went to a channel, or did not, the newest first; 200 at most."""
        return [_message(one) for one in await self._notifications.messages(caller, number)]

    async def _channel_names(self, caller: Read) -> dict[int, str]:
        return {one.id: one.name for one in await self._notifications.channels(caller)}


def _new(body: RuleBody) -> NewRule:
    return NewRule(
        body.sentence, body.name, body.kind, body.options, body.place, body.device,
        tuple(body.tell), body.urgent, body.own, tuple(body.escalate), body.escalate_after_s,
    )  # fmt: skip


def _rule(rule: Rule, names: dict[int, str]) -> NotifyRuleOut:
    return NotifyRuleOut(
        id=rule.id, name=rule.name, sentence=sentence(rule), kind=rule.kind, options=rule.options,
        place=rule.place, device=rule.device,
        tell=[names[one] for one in rule.channels if one in names],
        escalate=[names[one] for one in rule.escalate if one in names],
        escalate_after_s=rule.escalate_after_s, urgent=rule.urgent,
        enabled=rule.enabled, own=rule.person is not None, made_by=rule.made_by,
    )  # fmt: skip


def _channel(channel: NotifyChannel) -> dict[str, object]:
    hours = channel.hours
    return {
        "id": channel.id, "name": channel.name, "kind": channel.kind, "shown": channel.shown,
        "quiet_from": hours.quiet_from, "quiet_until": hours.quiet_until,
        "weekends": hours.weekends, "digest_at": hours.digest_at,
        "own": channel.person is not None, "made_by": channel.made_by, "sent": channel.sent_at,
        "failed": channel.failed_at, "error": channel.error,
    }  # fmt: skip


def _alert(alert: Alert) -> AlertOut:
    return AlertOut(
        id=alert.id, rule=alert.rule, kind=alert.kind, name=alert.name, text=alert.text,
        device=alert.device, place=alert.place, urgent=alert.urgent, since=alert.since,
        opened=alert.opened_at, ended=alert.ended_at, ended_text=alert.ended_text,
        acknowledged=alert.acknowledged_at, acknowledged_by=alert.acknowledged_by,
    )  # fmt: skip


def _message(message: SentMessage) -> MessageOut:
    return MessageOut(
        id=message.id, title=message.title, body=message.body, created=message.created_at,
        next=message.next_at, attempts=message.attempts, sent=message.sent_at,
        given_up=message.dead_at, error=message.error,
    )  # fmt: skip


def _tried(said: str, tried: Tried) -> TriedOut:
    return TriedOut(
        sentence=said, said=str(tried), known=tried.known, whole=tried.whole,
        times=[WouldTellOut(name=t.name, since=t.since, until=t.until) for t in tried.times],
    )  # fmt: skip


def _plain(given: time | None) -> time | None:
    """Without seconds and offset: it is the wall clock's."""
    return None if given is None else given.replace(second=0, microsecond=0, tzinfo=None)
