"""A rule as a sentence with choices in it, tried on the last 30 days at each change."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from nicegui import ui

from hub.api.principal import Principal
from hub.errors import HubError
from hub.language.words import _
from hub.notifications.model import NotifyChannel, Rule, RuleKind
from hub.notifications.past import DAYS, Tried
from hub.notifications.service import NewRule, NotificationService
from hub.web.ask import confirm
from hub.web.cards import attempted, card, small_button
from hub.web.notifications.choices import RuleChoices, step_of
from hub.web.notifications.rule_said import rule_name
from hub.web.notifications.sentence import RuleSentence
from hub.web.notifications.trial import show_trial, tried_said

__all__ = ["RuleEditor"]

Changed = Callable[[], Awaitable[None]]
_AFTER_S = 900


class RuleEditor:
    """A card with one rule: a new one until somebody chooses one of those that there are."""

    def __init__(
        self, service: NotificationService, who: Principal, zone: ZoneInfo, changed: Changed
    ) -> None:
        self._service, self._who, self._zone, self._changed = service, who, zone, changed
        self._rule: Rule | None = None
        self._choices = RuleChoices().about("CurrentTemperature")
        self._channels: list[NotifyChannel] = []
        self._places: Mapping[int, str] = {}
        self._devices: Mapping[str, str] = {}
        self._tell: tuple[str, ...] = ()
        self._next: tuple[str, ...] = ()
        self._after_s = _AFTER_S
        self._urgent, self._own, self._name = False, not who.administers, ""
        self._trials = 0

    async def show(self) -> None:
        """Build the card."""
        self._box = ui.element("div").classes("w-full")
        await self.edit(None)

    async def edit(self, rule: Rule | None, *, focus: bool = False) -> None:
        """Take another rule in hand; None: a new one. `focus`: and bring the keyboard to it."""
        self._rule = rule
        self._channels = await self._service.channels(self._who)
        self._places, self._devices = await self._service.subjects(self._who)
        names = {one.id: one.name for one in self._channels}
        if rule is None:
            self._choices = RuleChoices().about("CurrentTemperature")
            self._tell, self._next, self._after_s = (), (), _AFTER_S
            self._urgent, self._own, self._name = False, not self._who.administers, ""
        else:
            self._choices = RuleChoices.of(rule)
            self._tell = tuple(names[one] for one in rule.channels if one in names)
            self._next = tuple(names[one] for one in rule.escalate if one in names)
            self._after_s = rule.escalate_after_s or _AFTER_S
            self._urgent, self._own, self._name = rule.urgent, rule.person is not None, rule.name
        self._build()
        if focus:  # before it is tried: later it would close what somebody has opened meanwhile
            self._first.run_method("focus")
        await self._try()

    def _build(self) -> None:
        self._box.clear()
        title = _("New rule") if self._rule is None else _("Rule")
        with self._box, card(title) as head, ui.element("div").classes("dm-panel-body"):
            sentence = RuleSentence(self._choices, self._places, self._devices, self._choose)
            self._first = sentence.show()
            self._told()
            self._said = ui.label().classes("dm-strong").props('role="status" data-testid="rule"')
            self._trial = ui.element("figure").classes("w-full")
            self._further()
            self._buttons()
        with head:
            if self._rule is not None:
                small_button(_("New rule"), _("Make a new rule instead"), lambda: self.edit(None))

    def _told(self) -> None:
        names = sorted(
            {one.name for one in self._channels if (one.person is not None) == self._own}
        )
        with ui.element("div").classes("dm-sentence"):
            ui.label(_("tell"))
            told = self._names(_("Tell"), names, self._tell, _("the inbox only"))
            told.on_value_change(lambda event: self._set(tell=event.value))
            ui.label(_("then, where nobody has seen it,"))
            further = self._names(_("Then tell"), names, self._next, _("nobody else"))
            further.on_value_change(lambda event: self._set(following=event.value))
            after = {
                300: _("5 min"),
                900: _("15 min"),
                2700: _("45 min"),
                7200: "2 h",
                86400: _("1 day"),
            }
            after.setdefault(self._after_s, f"{self._after_s // 60} min")
            chosen = ui.select(after, value=self._after_s).props(
                f'outlined dense options-dense aria-label="{_("After")}"'
            )
            ui.label(_("later, and once more when it is over."))
            chosen.on_value_change(lambda event: self._set(after=event.value))

    @staticmethod
    def _names(label: str, names: list[str], value: tuple[str, ...], none: str) -> ui.select:
        known = [one for one in value if one in names]
        choice = ui.select(names, multiple=True, value=known).props("outlined dense options-dense")
        choice.props["aria-label"] = label
        choice.props["placeholder"] = none
        choice.props(f":display-value=\"props.modelValue?.length ? undefined : '{none}'\"")
        return choice

    def _set(self, *, tell: object = None, following: object = None, after: object = None) -> None:
        if isinstance(tell, list):
            self._tell = tuple(tell)
        if isinstance(following, list):
            self._next = tuple(following)
        if isinstance(after, int):
            self._after_s = after

    def _further(self) -> None:
        more = ui.expansion(_("Name, urgency, or say it in words")).props("dense").classes("w-full")
        with more, ui.element("div").classes("dm-panel-body"):
            name = ui.input(_("Name (empty: its sentence)"), value=self._name)
            name.props("outlined dense maxlength=100")
            name.on_value_change(lambda event: setattr(self, "_name", str(event.value or "")))
            urgent = ui.checkbox(_("Urgent: comes through quiet hours"), value=self._urgent)
            urgent.on_value_change(lambda event: setattr(self, "_urgent", bool(event.value)))
            if self._who.administers and self._rule is None:
                everybody = ui.checkbox(_("For everybody"), value=not self._own)

                def owned(on: object) -> None:
                    self._own = not on
                    self._tell = self._next = ()
                    self._build()

                everybody.on_value_change(lambda event: owned(event.value))
            self._words()

    def _words(self) -> None:
        said = ui.input(_("Say it in words"), placeholder=_("Cellar below 3 °C for 20 min"))
        said.props("outlined dense maxlength=200")

        async def read() -> None:
            rule = await attempted(
                self._service.read(self._who, NewRule(str(said.value or ""), own=self._own))
            )
            if rule is not None:
                self._choices = RuleChoices.of(rule)
                self._build()
                await self._try()

        said.on("keydown.enter", read)
        small_button(_("Read it"), _("Read it into the sentence"), read)

    def _buttons(self) -> None:
        with ui.row().classes("items-center w-full"):
            ui.button(_("Save"), on_click=self._save).props("no-caps unelevated")
            ui.button(_("Send a test"), on_click=self._test).props("no-caps outline")
            if self._rule is not None:
                ui.space()
                ui.button(_("Delete rule…"), on_click=self._remove).props(
                    "no-caps flat color=negative"
                )

    def _new(self, limit: float | None = None) -> NewRule:
        """Raises RuleRefusedError's like where a choice is missing."""
        choices = self._choices
        return NewRule(
            name=self._name if self._rule is None or self._name != self._rule.name else "",
            kind=choices.kind, options=choices.options(limit=limit), place=choices.place,
            device=choices.device, tell=self._tell, urgent=self._urgent, own=self._own,
            escalate=self._next, escalate_after_s=self._after_s if self._next else None,
        )  # fmt: skip

    async def _choose(self, choices: RuleChoices) -> None:
        """Something in the sentence was chosen; another subject has another sentence."""
        shape = (choices.what, choices.kind)
        before = (self._choices.what, self._choices.kind)
        self._choices = choices
        if shape != before:
            self._build()
            self._first.run_method("focus")
        await self._try()

    async def _try(self) -> None:
        self._trials += 1
        number, another = self._trials, self._another()
        try:
            tried = await self._service.try_rule(self._who, self._new())
            fewer = None
            if another is not None and tried.times:
                fewer = await self._service.try_rule(self._who, self._new(another))
        except HubError as error:
            self._said.text = f"{str(error).rstrip('.')}."
            self._trial.clear()
            return
        if number != self._trials:
            return
        self._show_trial(tried, fewer, another)

    def _another(self) -> float | None:
        """A limit that is further away."""
        choices = self._choices
        if choices.kind is not RuleKind.VALUE or choices.is_state or choices.limit is None:
            return None
        step = step_of(choices.what)
        return choices.limit + (step if choices.above else -step)

    def _show_trial(self, tried: Tried, fewer: Tried | None, another: float | None) -> None:
        self._said.text = tried_said(tried)
        self._trial.clear()
        if not tried.known:
            return
        with self._trial:
            if fewer is not None and another is not None:
                ui.label(
                    _(
                        "At {another} {unit}: {times} times.",
                        another=f"{another:g}",
                        unit=self._choices.unit,
                        times=len(fewer.times),
                    )
                ).classes("dm-note")
            now = datetime.now(UTC)
            show_trial(tried, now - timedelta(days=DAYS), now, self._zone)

    async def _save(self) -> None:
        if self._rule is None:
            saved = await attempted(self._service.add_rule(self._who, self._new()))
        else:
            saved = await attempted(
                self._service.rewrite_rule(self._who, self._rule.id, self._new())
            )
        if saved is not None:
            ui.notify(_("{name}: saved.", name=saved.name))
            await self._changed()
            await self.edit(saved)

    async def _test(self) -> None:
        if not self._tell:
            ui.notify(_("Choose whom it tells: a test goes there."))
        for name in self._tell:
            sent = await attempted(self._service.test(self._who, name))
            if sent is not None:
                ui.notify(
                    f"{name}: "
                    + (_("sent.") if sent.sent_at else _("not sent: {error}.", error=sent.error))
                )
        await self._changed()

    async def _remove(self) -> None:
        rule = self._rule
        if rule is None or not await confirm(
            _("Delete the rule {name}?", name=rule_name(rule)), yes=_("Delete")
        ):
            return
        if await attempted(self._service.remove_rule(self._who, rule.id)) is not None:
            await self._changed()
            await self.edit(None)
