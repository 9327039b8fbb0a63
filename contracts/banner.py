"""What the terminal shows when the hub has started."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.text import Text

from contracts import qr
from contracts.links import link

__all__ = ["banner"]


def banner(
    console: Console,
    facts: dict[str, Any],
    first_link: str | None = None,
    *,
    open_code: bool = False,
) -> None:
    """Pairing code and QR, where data lies, which ports, how to the dashboard.

    Secret are the pairing code and, while nobody has used it, the first administrator's link: they
    are shown on a terminal alone, since what is written elsewhere becomes somebody's log.
    `open_code` shows the pairing code anywhere.
    """
    if console.is_terminal or open_code:
        code = qr.shown(facts["setup_uri"], console.encoding)
        console.print(Text(code, style="bright_white on black"))
        console.print(f"Pair in the Home app with the code [bold]{facts['pairing_code']}[/bold]")
    else:
        console.print("pairing code: `dormouse homekit qr`; who is to see the dashboard: "
                      "`dormouse people invite`", highlight=False, soft_wrap=True)  # fmt: skip
    console.print(f"data in {facts['data_dir']}", highlight=False)
    console.print(
        f"broker on port {facts['mqtt_port']}, enrolment {facts['enrol_port']}, "
        f"HomeKit {facts['hap_port']}, HTTP {facts['http_port']}",
        highlight=False,
    )
    home = link(facts["host"], facts["http_port"], "/")
    if first_link is None:
        console.print(f"dashboard at {home}", highlight=False)
    else:
        console.print(
            "dashboard: the first administrator opens, once and within three days,\n"
            f"  [bold]{first_link}[/bold]",
            highlight=False,
            soft_wrap=True,
        )
