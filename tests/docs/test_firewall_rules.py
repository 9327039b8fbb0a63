"""Rules of firewalls in the users' pages are those that the product makes, and no others."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from typer.testing import CliRunner

from hub.sites.commands import app

DOCS = Path(__file__).parents[2] / "docs"
SHOWN = re.compile(
    r"^```\n\$ dormouse site (firewall [^\n]*)\n(.*?)\n```$", re.MULTILINE | re.DOTALL
)
# What rules of nftables or OpenWrt are known by.
BY_HAND = re.compile(
    r"type filter hook|^config (zone|rule|forwarding)|^set firewall\.", re.MULTILINE
)


def test_rules_shown_are_what_the_command_prints():
    shown = [
        found for page in DOCS.glob("*.md") for found in SHOWN.findall(page.read_text("utf-8"))
    ]
    assert {"--openwrt" in command for command, _ in shown} == {False, True}
    for command, text in shown:
        result = CliRunner().invoke(app, shlex.split(command))
        assert (result.exit_code, result.output) == (0, f"{text}\n"), command


def test_no_rules_are_written_by_hand():
    for page in DOCS.glob("*.md"):
        rest = SHOWN.sub("", page.read_text("utf-8"))
        assert not BY_HAND.search(rest), page.name
