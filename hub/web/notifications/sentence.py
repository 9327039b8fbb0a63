"""The sentence of a rule: words, and choices between them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

from nicegui import ui

from hub.language.words import N_, _
from hub.notifications.model import RuleKind
from hub.web.notifications.choices import HOURS, LASTING, WHAT, RuleChoices, said

__all__ = ["RuleSentence"]

Chosen = Callable[[RuleChoices], Awaitable[None]]
_PERCENT = {
    None: N_("the device says low"),
    5: N_("below 5 %"),
    10: N_("below 10 %"),
    20: N_("below 20 %"),
}
_WITHIN = {
    None: N_("at no time"),
    7: N_("within 7 days"),
    14: N_("within 14 days"),
    30: N_("within 30 days"),
}
_MISSED = {
    1: N_("1 report"),
    2: N_("2 reports"),
    3: N_("3 reports"),
    6: N_("6 reports"),
    12: N_("12 reports"),
}


class RuleSentence:
    """`When [CO₂] in [Second floor] is [above] [1400] ppm for [15 min], [at any hour]`."""

    def __init__(
        self,
        choices: RuleChoices,
        places: Mapping[int, str],
        devices: Mapping[str, str],
        chosen: Chosen,
    ) -> None:
        self._choices, self._chosen = choices, chosen
        self._where = {
            "": _("any device"),
            **{f"place:{number}": name for number, name in places.items()},
            **{f"device:{key}": name for key, name in devices.items()},
        }

    def show(self) -> ui.element:
        """Build it; gives its first choice."""
        with ui.element("div").classes("dm-sentence"):
            ui.label(_("When"))
            known = {key: said(key) for key in WHAT}
            known.setdefault(self._choices.what, self._choices.what)
            first = self._choice(_("What"), known, self._choices.what, "what")
            if self._choices.kind.of_devices:
                ui.label(_("in") if self._choices.kind is RuleKind.VALUE else _("of"))
                self._choice(_("Where"), self._where, self._choices.where, "where")
            self._middle()
            self._choice(_("Hours"), _said(HOURS), self._choices.hours, "hours")
        return first

    def _middle(self) -> None:
        choices = self._choices
        if choices.kind is RuleKind.VALUE:
            ui.label(_("is"))
            self._side()
            ui.label(_("for"))
            self._choice(_("For how long"), _said(LASTING), choices.lasting_s, "lasting_s")
        elif choices.kind is RuleKind.SILENT:
            ui.label(_("for"))
            self._choice(_("Missed"), _said(_MISSED), choices.missed, "missed")
        elif choices.kind is RuleKind.BATTERY:
            self._choice(_("Charge"), _said(_PERCENT), choices.percent, "percent")
            ui.label(_("or empty"))
            self._choice(_("Empty"), _said(_WITHIN), choices.within_days, "within_days")
        elif choices.kind in {RuleKind.AWAY, RuleKind.TUNNEL}:
            ui.label(_("for"))
            self._choice(_("For how long"), _said(LASTING), choices.lasting_s, "lasting_s")

    def _side(self) -> None:
        choices = self._choices
        sides = choices.words or {True: N_("above"), False: N_("below")}
        self._choice(_("Side"), _said(sides), choices.above, "above")
        if choices.is_state:
            return
        limit = ui.number(value=choices.limit).props("outlined dense debounce=400")
        limit.classes("dm-number").props["aria-label"] = _("Limit")

        async def typed(value: Any) -> None:
            if value is not None:
                await self._take("limit", float(value))

        limit.on_value_change(lambda event: typed(event.value))
        if choices.unit:
            ui.label(choices.unit)

    def _choice(self, label: str, options: Mapping[Any, str], value: Any, name: str) -> ui.select:
        shown = {**options}
        shown.setdefault(value, str(value))
        choice = ui.select(shown, value=value).props("outlined dense options-dense")
        choice.props["aria-label"] = label
        choice.on_value_change(lambda event: self._take(name, event.value))
        return choice

    async def _take(self, name: str, value: Any) -> None:
        if name == "what":
            self._choices = self._choices.about(str(value))
        else:
            self._choices = replace(self._choices, **{name: value})
        await self._chosen(self._choices)


def _said(options: Mapping[Any, str]) -> dict[Any, str]:
    """Choices in the language that holds."""
    return {value: _(text) for value, text in options.items()}
