"""What the demonstration's terminal shows: how to pair and log in, beside the devices' values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from contracts import qr
from contracts.links import link
from contracts.status_table import status_table, status_view

__all__ = ["DemoScreen"]

_BESIDE = 44  # columns that words and values beside the code need, at least


class DemoScreen:
    """One picture that fits the terminal, however large it is now.

    The pairing code and the link are always in it; the QR code where there is room beside or
    above the values.
    """

    def __init__(
        self,
        facts: Mapping[str, Any],
        first_link: str | None,
        note: str | None = None,
        encoding: str = "utf-8",
    ) -> None:
        self._note = note or ""
        self._code = qr.shown(facts["setup_uri"], encoding)
        lines = self._code.splitlines()
        self._code_width, self._code_height = len(lines[0]), len(lines)
        self._pairing_code = str(facts["pairing_code"])
        self._link = first_link or link(facts["host"], facts["http_port"], "/")
        self._first = first_link is not None
        self._ports = (
            f"broker {facts['mqtt_port']}, enrolment {facts['enrol_port']}, "
            f"HomeKit {facts['hap_port']}, HTTP {facts['http_port']}"
        )
        self._data_dir = str(facts["data_dir"])

    def draw(self, console: Console, status: Mapping[str, Any]) -> RenderableType:
        """The picture for the console as large as it is at this moment."""
        width, height = console.size
        table = status_view(status, width)
        if width < self._code_width + _BESIDE or height < self._code_height:
            return Group(self._words(brief=True), table)
        words = self._words(brief=False)
        below = len(console.render_lines(table, console.options, pad=False))
        if self._code_height + below <= height:
            return Group(self._beside(words), table)
        return self._beside(Group(self._words(brief=True), status_table(status)))

    def _beside(self, what: RenderableType) -> RenderableType:
        grid = Table.grid(padding=(0, 2))
        grid.add_column(width=self._code_width, no_wrap=True)
        grid.add_column(overflow="fold")
        grid.add_row(Text(self._code, style="bright_white on black"), what)
        return grid

    def _words(self, *, brief: bool) -> Text:
        # A link that is folded is still one to click, where the terminal knows links.
        clickable = Text(self._link, style=f"bold link {self._link}")
        once = " (opens once)" if self._first and brief else ""
        text = Text.assemble(
            "Pair in the Home app with the code ", (self._pairing_code, "bold"), "\n",
            f"dashboard{once}:" if brief or not self._first
            else "dashboard: the first administrator opens, once and within three days,",
            "\n", clickable, "\n",
            overflow="fold",
        )  # fmt: skip
        if not brief:
            text.append(f"{self._ports}\ndata in {self._data_dir}\n")
        if self._note:
            text.append(f"{self._note}\n")
        return text.append("Ctrl-C ends it")
