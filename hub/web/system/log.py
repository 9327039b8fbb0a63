"""The card Log: what happened lately, by its gravity, and as a file."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from nicegui import ui

from hub.language.times import when
from hub.language.words import N_, _
from hub.logs.read import for_tenant, newest
from hub.web.cards import card, empty, small_button

__all__ = ["LogCard", "log_line_said"]

_READ, _SHOWN = 1000, 12
_LEVELS = {"all": None, "warnings": {"warning"}, "errors": {"error", "critical"}}
_SEGMENTS = {"all": N_("All"), "warnings": N_("Warnings"), "errors": N_("Errors")}
_WORDS = {"warning": "warn", "error": "bad", "critical": "bad"}


class LogCard:
    """The newest first; `most` are shown."""

    def __init__(self, data_dir: Path, tenant: str, zone: ZoneInfo, *, most: int = _SHOWN) -> None:
        self._data_dir, self._tenant, self._zone, self._most = data_dir, tenant, zone, most
        self._lines: list[dict[str, Any]] = []
        self._chosen = "all"
        self._buttons: dict[str, ui.element] = {}

    async def show(self) -> None:
        """Build it."""
        lines = await asyncio.to_thread(newest, self._data_dir, for_tenant(self._tenant), _READ)
        self._lines = lines[::-1]
        with card(_("Log")) as head:
            self._box = ui.element("div").classes("w-full")
        with head, ui.row().classes("items-center"):
            group = ui.element("div").classes("dm-segments").props('role="group"')
            group.props["aria-label"] = _("Which lines")
            with group:
                for name in _LEVELS:
                    self._segment(name)
            small_button(_("Download"), _("Download the log"), self._download, icon="download")
        self._fill()

    def _segment(self, name: str) -> None:
        number = "" if name == "all" else f" {len(self._of(name))}"
        button = ui.element("button").props('type="button"')

        def choose() -> None:
            self._chosen = name
            self._fill()

        button.on("click", choose)
        with button:
            ui.html(f"{_(_SEGMENTS[name])}{number}", sanitize=False, tag="span")
        self._buttons[name] = button

    def _of(self, name: str) -> list[dict[str, Any]]:
        levels = _LEVELS[name]
        return [one for one in self._lines if levels is None or one.get("level") in levels]

    def _fill(self) -> None:
        for name, button in self._buttons.items():
            button.props["aria-pressed"] = "true" if name == self._chosen else "false"
            button.update()
        lines = self._of(self._chosen)[: self._most]
        self._box.clear()
        with self._box:
            if not lines:
                empty(
                    "notes", _("Nothing of that"), _("What happens to devices, people and the hub.")
                )
                return
            with ui.element("table").classes("dm-log"):
                with ui.element("thead"), ui.element("tr"):
                    for title in (_("Time"), _("Level"), _("What")):
                        with ui.element("th").props('scope="col"'):
                            ui.html(title, sanitize=False, tag="span")
                with ui.element("tbody"):
                    for line in lines:
                        self._row(line)

    def _row(self, line: dict[str, Any]) -> None:
        level = str(line.get("level", ""))
        with ui.element("tr"):
            with ui.element("td"):
                ui.label(when(datetime.fromisoformat(line["at"]), self._zone)).classes("dm-note")
            with ui.element("td"):
                ui.label(level).classes(f"dm-note {_WORDS.get(level, '')}")
            with ui.element("td"):
                ui.label(log_line_said(line))

    def _download(self) -> None:
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in self._lines[::-1])
        ui.download(text.encode(), "dormouse-log.jsonl", "application/jsonl")


def log_line_said(line: dict[str, Any]) -> str:
    """What happened, with its reason where the text does not say it."""
    text, reason = str(line["text"]), str(line.get("reason") or "")
    return text if not reason or reason in text else f"{text}: {reason}"
