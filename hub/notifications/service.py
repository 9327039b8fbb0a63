"""What may be done about notifications: by pages and by the API alike."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TypeVar

from hub.api.access import may
from hub.api.principal import Principal
from hub.api.scope import Scope
from hub.database.database import Database
from hub.devices.known import require_device
from hub.live import Live, LiveChange
from hub.notifications.alerts import AlertRepository
from hub.notifications.compose import Composed
from hub.notifications.delivery import AlertDelivery
from hub.notifications.errors import (
    ChannelAddressError,
    ChannelUnknownError,
    NotOnesOwnError,
    RuleRefusedError,
    RuleUnknownError,
)
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
from hub.notifications.notifier import Notifier
from hub.notifications.outbox import Outbox, SentMessage
from hub.notifications.past import PastTrial, Tried
from hub.notifications.phrases import parse
from hub.notifications.reach import ChannelReach, networks
from hub.notifications.repository import RuleRepository
from hub.notifications.subjects import names_of, whereabouts_of
from hub.notifications.webhook import host_of, new_secret, shown_webhook

__all__ = ["NewChannel", "NewRule", "NotificationService"]

log = logging.getLogger(__name__)

_INBOX = 200


@dataclass(frozen=True, slots=True)
class NewRule:
    """A rule to be: said as a sentence, or by its parts; `own`: for oneself alone.

    `escalate` are channels that are told where nobody acknowledged within `escalate_after_s`.
    """

    sentence: str = ""
    name: str = ""
    kind: RuleKind | None = None
    options: RuleOptions = field(default_factory=RuleOptions)
    place: int | None = None
    device: str | None = None
    tell: tuple[str, ...] = ()
    urgent: bool = False
    own: bool = False
    escalate: tuple[str, ...] = ()
    escalate_after_s: int | None = None


@dataclass(frozen=True, slots=True)
class NewChannel:
    """A channel to be; `address` is a secret: Apprise's, or a webhook's http(s) address."""

    name: str
    kind: ChannelKind
    address: str
    hours: Hours = field(default_factory=Hours)
    own: bool = False

    def __repr__(self) -> str:
        return f"NewChannel({self.name!r}, {self.kind})"


class NotificationService:
    """The notifications of all tenants.

    Who may look has rules and channels of their own; everybody's rules are for who may change
    things, everybody's channels for administrators, rules about the hub's machine for `home`, the
    hub's own tenant. `reachable` are the networks that channels may reach besides public addresses.
    """

    def __init__(
        self,
        database: Database,
        notifier: Notifier,
        delivery: AlertDelivery,
        live: Live,
        *,
        past: PastTrial,
        home: str,
        reachable: str = "",
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database, self._notifier, self._delivery = database, notifier, delivery
        self._live, self._past, self._home = live, past, home
        self._reach, self._clock = ChannelReach(networks(reachable)), clock

    async def rules(self, who: Principal) -> list[Rule]:
        """One's own and everybody's, by name."""
        return await self._of(who).rules()

    async def channels(self, who: Principal) -> list[NotifyChannel]:
        """One's own and everybody's, by name, without their addresses."""
        return await self._of(who).channels()

    def any_fails(self) -> bool:
        """Whether a channel of everybody's, in the hub's own tenant, takes no messages."""
        return any(
            one.tenant == self._home and not one.own for one in self._notifier.trouble.failing()
        )

    async def subjects(self, who: Principal) -> tuple[dict[int, str], dict[str, str]]:
        """Whom a rule can be about: names of places by number, of devices by id."""
        places, devices = await names_of(self._database.of(who.tenant))
        return places, {device: name or device for device, name in devices.items()}

    async def rule(self, who: Principal, which: str | int) -> Rule:
        """By number or name. Raises RuleUnknownError."""
        return _one(await self.rules(who), which, RuleUnknownError(which))

    async def channel(self, who: Principal, which: str | int) -> NotifyChannel:
        """By number or name. Raises ChannelUnknownError."""
        return _one(await self.channels(who), which, ChannelUnknownError(which))

    async def read(self, who: Principal, new: NewRule) -> Rule:
        """The rule that somebody means, not kept.

        Raises RuleRefusedError, ChannelUnknownError, DeviceUnknownError.
        """
        kind, options, place, device = new.kind, new.options, new.place, new.device
        if new.sentence:
            said = parse(new.sentence, await whereabouts_of(self._database.of(who.tenant)))
            kind, options, place, device = said.kind, said.options, said.place, said.device
        if kind is None or kind is RuleKind.CHANNEL:
            raise RuleRefusedError("say what it is about: a sentence, or a kind")
        if (place is not None or device is not None) and not kind.of_devices:
            raise RuleRefusedError(f"a rule of kind {kind} is about the hub, not about a place")
        if place is not None and device is not None:
            raise RuleRefusedError("a rule is about a place or about a device, not both")
        if kind.of_the_machine and who.tenant != self._home:
            raise RuleRefusedError(
                f"{kind} is about the hub's machine: a rule of {self._home}, its own tenant"
            )
        lacking = options.lacking(kind)
        if lacking:
            raise RuleRefusedError(lacking)
        if device is not None:
            await require_device(self._database.of(who.tenant), device)
        places, names = await names_of(self._database.of(who.tenant))
        if place is not None and place not in places:
            raise RuleRefusedError(f"there is no place {place}")
        rule = Rule(
            0, "", kind, options, place, device, places.get(place or 0), names.get(device or ""),
            urgent=new.urgent, person=who.person if new.own else None,
            channels=await self._told(who, new.tell, own=new.own),
            escalate=await self._told(who, new.escalate, own=new.own),
            escalate_after_s=new.escalate_after_s, made_by=who.name, created_at=self._clock(),
        )  # fmt: skip
        _check_escalation(rule)
        return replace(rule, name=new.name or sentence(rule)[:100])

    async def add_rule(self, who: Principal, new: NewRule) -> Rule:
        """Keep a rule. Raises what `read` raises, NotOnesOwnError, NameTakenError, TooManyError."""
        self._refuse(who, own=new.own, scope=Scope.WRITE)
        rule = await self.read(who, new)
        number = await self._of(who).add_rule(rule)
        self._changed(who, f"rule {number} was added by {who.name}")
        return await self.rule(who, number)

    async def change_rule(
        self,
        who: Principal,
        number: int,
        *,
        name: str | None = None,
        options: RuleOptions | None = None,
        tell: Sequence[str] | None = None,
        urgent: bool | None = None,
        enabled: bool | None = None,
        escalate: Sequence[str] | None = None,
        escalate_after_s: int | None = None,
    ) -> Rule:
        """Change what is given. Raises RuleUnknownError, RuleRefusedError and what `add_rule` does.

        A rule that is switched off, or looks at something else, ends what it had open. `escalate`
        and `escalate_after_s` go together; an empty list ends it.
        """
        rule = await self.rule(who, number)
        self._refuse(who, own=rule.person is not None, scope=Scope.WRITE)
        channels, own, told_next = rule.channels, rule.person is not None, rule.escalate
        if tell is not None:
            channels = await self._told(who, tell, own=own)
        if escalate is not None:
            told_next = await self._told(who, escalate, own=own)
        lacking = None if options is None else options.lacking(rule.kind)
        if lacking:
            raise RuleRefusedError(lacking)
        changed = replace(
            rule,
            name=rule.name if name is None else name,
            options=options or rule.options,
            channels=channels,
            urgent=rule.urgent if urgent is None else urgent,
            enabled=rule.enabled if enabled is None else enabled,
            escalate=told_next,
            escalate_after_s=(escalate_after_s or rule.escalate_after_s) if told_next else None,
        )
        _check_escalation(changed)
        return await self._write_rule(who, rule, changed)

    async def rewrite_rule(self, who: Principal, number: int, new: NewRule) -> Rule:
        """Make a rule say what `new` says; it stays whose it is, and on or off.

        Its name stays, unless it has none but its sentence. Raises what `change_rule` raises.
        """
        rule = await self.rule(who, number)
        self._refuse(who, own=rule.person is not None, scope=Scope.WRITE)
        read = await self.read(who, replace(new, own=rule.person is not None))
        named = rule.name != sentence(rule)[:100]
        changed = replace(
            read, id=rule.id, name=new.name or (rule.name if named else read.name),
            enabled=rule.enabled, person=rule.person, made_by=rule.made_by,
            created_at=rule.created_at,
        )  # fmt: skip
        if (read.kind, read.place, read.device) == (rule.kind, rule.place, rule.device):
            return await self._write_rule(who, rule, changed)
        # Of another subject it is another rule, with a number of its own.
        number = await self._notifier.end_all_of(
            who.tenant, rule, "changed", lambda to: to.replace(rule.id, changed)
        )
        self._changed(who, f"rule {rule.id} became rule {number} by {who.name}")
        return await self.rule(who, number)

    async def _write_rule(self, who: Principal, rule: Rule, changed: Rule) -> Rule:
        """Keep a rule as changed; what it had open and no longer looks at ends."""
        if not changed.enabled or _looks_at(changed) != _looks_at(rule):
            why = "changed" if changed.enabled else "switched off"
            await self._notifier.end_all_of(who.tenant, changed, why, lambda to: to.change(changed))
        else:
            await self._of(who).change_rule(changed)
        self._changed(who, f"rule {rule.id} was changed by {who.name}")
        return await self.rule(who, rule.id)

    async def remove_rule(self, who: Principal, which: str | int) -> Rule:
        """Forget a rule: it as it was. Raises RuleUnknownError, NotOnesOwnError."""
        rule = await self.rule(who, which)
        self._refuse(who, own=rule.person is not None, scope=Scope.WRITE)
        end = self._notifier.end_all_of
        await end(who.tenant, rule, "removed", lambda to: to.remove(rule.id))
        self._changed(who, f"rule {rule.id} was removed by {who.name}")
        return rule

    async def try_rule(self, who: Principal, new: NewRule | int) -> Tried:
        """When a rule, kept or not, would have told something in the last 30 days."""
        rule = await (self.rule(who, new) if isinstance(new, int) else self.read(who, new))
        return await self._past.tried(who.tenant, rule)

    async def add_channel(self, who: Principal, new: NewChannel) -> tuple[NotifyChannel, str]:
        """Keep a channel; with it, this once, what a webhook's messages are signed with.

        Raises ChannelAddressError, NotOnesOwnError, NameTakenError, TooManyError.
        """
        self._refuse(who, own=new.own, scope=Scope.ADMIN)
        # Who has the hub's own machine in their hands reaches everything from there anyway.
        anywhere = who.operator
        if not new.address.isascii() or not new.address.isprintable() or " " in new.address:
            raise ChannelAddressError("an address has no blanks and none but ASCII's letters")
        if not anywhere:
            self._refuse_private(new.address)
        signing = ""
        if new.kind is ChannelKind.WEBHOOK:
            shown, signing = shown_webhook(new.address), new_secret()
        else:
            shown = await self._delivery.check(new.address)
        channel = NotifyChannel(
            0, new.name, new.kind, shown, anywhere, new.hours,
            who.person if new.own else None, who.name,
        )  # fmt: skip
        number = await self._of(who).add_channel(channel, new.address, signing, channel.person)
        self._changed(who, f"channel {number} was added by {who.name}")
        return await self.channel(who, number), signing

    async def set_hours(self, who: Principal, number: int, hours: Hours) -> NotifyChannel:
        """When a channel may be used. Raises ChannelUnknownError, NotOnesOwnError."""
        channel = await self.channel(who, number)
        self._refuse(who, own=channel.person is not None, scope=Scope.WRITE)
        await self._of(who).set_hours(number, hours)
        self._changed(who, f"channel {number} was changed by {who.name}")
        return await self.channel(who, number)

    async def remove_channel(self, who: Principal, which: str | int) -> NotifyChannel:
        """Forget a channel: it as it was. Raises ChannelUnknownError, NotOnesOwnError."""
        channel = await self.channel(who, which)
        self._refuse(who, own=channel.person is not None, scope=Scope.ADMIN)
        await self._of(who).remove_channel(channel.id)
        self._changed(who, f"channel {channel.id} was removed by {who.name}")
        return channel

    async def test(self, who: Principal, which: str | int) -> SentMessage:
        """What becomes of a message now. Raises as `set_hours` does, and TooManyTestsError."""
        channel = await self.channel(who, which)
        self._refuse(who, own=channel.person is not None, scope=Scope.WRITE)
        self._notifier.pace_test(who.tenant, channel.id)
        now = self._clock()
        text = f"This is a test by {who.name}: notifications of {who.tenant} arrive here."
        data = {"text": text}
        payload = {"type": "dormouse.test", "timestamp": now.isoformat(), "data": data}
        outbox = Outbox(self._database.of(who.tenant))
        number = await outbox.add(channel.id, Composed("Dormouse: a test", text, payload), now)
        await self._notifier.send_of(who.tenant)
        messages = await outbox.messages([channel.id], _INBOX)
        return next(one for one in messages if one.id == number)

    async def inbox(self, who: Principal, *, only_open: bool = False) -> list[Alert]:
        """What there was to tell: open first, then the newest."""
        alerts = AlertRepository(self._database.of(who.tenant))
        return await alerts.inbox(who.person, _INBOX, only_open=only_open)

    async def acknowledge(self, who: Principal, alerts: Sequence[int]) -> None:
        """Note that somebody saw them. Raises AlertUnknownError."""
        repository = AlertRepository(self._database.of(who.tenant))
        await repository.acknowledge(alerts, who.person, who.name, self._clock())
        self._live.publish(who.tenant, LiveChange("notification", ""))

    async def messages(self, who: Principal, which: str | int) -> list[SentMessage]:
        """What went to a channel, or did not, the newest first. Raises ChannelUnknownError."""
        channel = await self.channel(who, which)
        return await Outbox(self._database.of(who.tenant)).messages([channel.id], _INBOX)

    def _of(self, who: Principal) -> RuleRepository:
        return RuleRepository(self._database.of(who.tenant), who.person)

    async def _told(self, who: Principal, names: Sequence[str], *, own: bool) -> tuple[int, ...]:
        """The channels that a rule tells: of the same owner as the rule."""
        owner = who.person if own else None
        channels = [one for one in await self.channels(who) if one.person == owner]
        found = (_one(channels, name, ChannelUnknownError(name)) for name in names)
        return tuple(sorted({one.id for one in found}))

    def _refuse(self, who: Principal, *, own: bool, scope: Scope) -> None:
        if own and not who.person:
            raise NotOnesOwnError("only a person has rules and channels of their own")
        if not own and not may(who, scope):
            raise NotOnesOwnError(
                f"{who.name} may not change what is everybody's in {who.tenant}: it takes the "
                f"scope {scope}"
            )

    def _refuse_private(self, address: str) -> None:
        """An address that names a private one outright; names are looked up when it is used."""
        host = host_of(address)
        literal = host.replace(".", "").isdigit() or ":" in host
        if literal and not self._reach.may(host):
            raise ChannelAddressError(
                f"{host} is no public address: the command line on the hub's machine may name "
                "it, or the hub's setting notify_networks allows its network"
            )

    def _changed(self, who: Principal, what: str) -> None:
        log.info("notifications of %s: %s", who.tenant, what)
        self._live.publish(who.tenant, LiveChange("notification", ""))


def _looks_at(rule: Rule) -> tuple[object, ...]:
    return rule.kind, rule.options, rule.place, rule.device


def _check_escalation(rule: Rule) -> None:
    if bool(rule.escalate) != (rule.escalate_after_s is not None):
        raise RuleRefusedError("who is told next, and after how long, go together")
    if set(rule.escalate) & set(rule.channels):
        raise RuleRefusedError(
            "whom a rule tells at once it cannot tell next: name another channel"
        )


_Owned = TypeVar("_Owned", bound=Rule | NotifyChannel)


def _one(found: Sequence[_Owned], which: str | int, unknown: Exception) -> _Owned:
    """By number or by name, one's own before everybody's."""
    named = [one for one in found if one.name == which]
    own = [one for one in named if one.person is not None]
    numbered = [one for one in found if str(one.id) == str(which)]
    for one in (*own, *named, *numbered):
        return one
    raise unknown
