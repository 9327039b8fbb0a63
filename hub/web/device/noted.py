"""What people note about a device: its attributes, and a form for who may change them."""

from __future__ import annotations

import json
from typing import Any

from nicegui import ui

from hub.api.principal import Principal
from hub.errors import HubError
from hub.language.words import _
from hub.live import LiveChange
from hub.services import Services

__all__ = ["NotedPanel", "text_of", "value_of"]


class NotedPanel:
    """The attributes by name; a value is JSON where it can be read so, else a text."""

    def __init__(
        self, services: Services, principal: Principal, device: str, attributes: dict[str, Any]
    ) -> None:
        self._services, self._principal, self._device = services, principal, device
        self._attributes = attributes

    def build(self) -> None:
        """Make it."""
        self.listed()
        self._status = ui.label().props('role="status"')
        if not self._principal.administers:
            return
        with ui.row().classes("items-end w-full"):
            self._name = ui.input(_("Attribute")).props("outlined dense maxlength=100")
            self._value = ui.input(_("Value")).props("outlined dense maxlength=8000")
            ui.button(_("Note"), on_click=self._add).props("no-caps outline")

    @ui.refreshable_method
    def listed(self) -> None:
        """What is noted, by name."""
        if not self._attributes:
            ui.label(_("Nothing is noted about it.")).classes("dm-soft")
            return
        with ui.element("ul").classes("dm-list"):
            for name, value in sorted(self._attributes.items()):
                with ui.element("li").classes("dm-row"):
                    with ui.element("div").classes("dm-grow"):
                        ui.label(name).classes("dm-strong")
                        ui.label(text_of(value))
                    if self._principal.administers:
                        button = ui.button(
                            _("Remove"), on_click=lambda _, one=name: self._note({one: None})
                        )
                        button.props("flat no-caps").props["aria-label"] = _(
                            "Remove {name}", name=name
                        )

    def read(self, attributes: dict[str, Any]) -> None:
        """Show others: somebody changed them."""
        if attributes != self._attributes:
            self._attributes = attributes
            self.listed.refresh()

    async def _add(self) -> None:
        name = str(self._name.value or "").strip()
        if not name:
            self._status.text = _("Say what the attribute is called.")
            return
        if await self._note({name: value_of(str(self._value.value or ""))}):
            self._name.value = self._value.value = ""

    async def _note(self, change: dict[str, Any]) -> bool:
        tenant = self._principal.tenant
        try:
            after = await self._services.devices.note(
                tenant, self._device, change, self._principal.name
            )
        except HubError as error:
            self._status.text = f"{error}."
            return False
        self._status.text = ""
        self.read(after)
        self._services.live.publish(tenant, LiveChange("device", self._device))
        return True


def value_of(text: str) -> Any:
    """What was typed: JSON where it can be read so, else the text itself."""
    try:
        return json.loads(text, parse_constant=_no_json)
    except (ValueError, RecursionError):
        return text


def _no_json(text: str) -> None:
    raise ValueError(text)  # Python would read NaN and Infinity


def text_of(value: Any) -> str:
    """A value as it can be typed."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
