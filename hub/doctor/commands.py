"""`dormouse hub doctor`."""

from __future__ import annotations

import contextlib
import json
import secrets
from collections.abc import Iterator
from typing import Any

import typer
from rich.console import Console

from contracts.hub_client import HubRefusedError
from hub.client import HubClient, hub_facts
from hub.doctor.finding import DoctorFinding, Verdict
from hub.settings import Settings, load

__all__ = ["doctor"]

_MARKS = {
    Verdict.GOOD: "[green]good[/]",
    Verdict.NOTE: "[yellow]note[/]",
    Verdict.BAD: "[red]BAD [/]",
}


def doctor(*, as_json: bool = typer.Option(False, "--json"), **flags: str | None) -> None:
    """Try what must not work on the running hub, and say what was found; 1 if something works."""
    settings = load(**flags)
    findings = list(examine(settings))
    if as_json:
        typer.echo(json.dumps([finding.as_json() for finding in findings], ensure_ascii=False))
    else:
        _print(findings)
    if any(finding.verdict is Verdict.BAD for finding in findings):
        raise typer.Exit(1)


def examine(settings: Settings) -> Iterator[DoctorFinding]:
    """Everything that is tried. Raises NoHubError."""
    from hub.doctor import dashboard, machine  # noqa: PLC0415  # no other command needs them

    facts = hub_facts(settings.data_dir)
    with HubClient(settings, "dormouse hub doctor") as hub:
        if facts.get("mqtt_port"):
            yield from _broker(hub, facts)
        for finding in hub.get("/doctor/database"):
            yield DoctorFinding(finding["what"], Verdict(finding["verdict"]), finding["detail"])
        for finding in hub.get("/doctor/parts"):
            yield DoctorFinding(finding["what"], Verdict(finding["verdict"]), finding["detail"])
        yield from _enrolment(hub.get("/accounts"))
        url = f"http://{_here(facts['host'])}:{facts['http_port']}"
        routes = [(one["method"], one["path"]) for one in hub.get("/routes", pages=False)]
        yield from dashboard.examine(url, routes, len(hub.get("/people")))
    yield from machine.files(settings.data_dir)
    yield from machine.ports(facts)
    yield from machine.tls(settings.data_dir / "broker" / "server.crt")


def _broker(hub: HubClient, facts: dict[str, Any]) -> Iterator[DoctorFinding]:
    """With two accounts that live as long as this takes."""
    from hub.doctor import broker  # noqa: PLC0415  # see examine()

    host = _here(facts["host"]).strip("[]")
    names = [f"doctor-{secrets.token_hex(4)}" for _ in range(2)]
    try:
        accounts = [(name, hub.post(f"/accounts/{name}", {})["password"]) for name in names]
        enrolment = (
            broker.BrokerListener(host, facts["enrol_port"]) if facts.get("enrol_port") else None
        )
        yield from broker.examine(
            broker.BrokerListener(host, facts["mqtt_port"]), enrolment, accounts
        )
    finally:
        for name in names:
            with contextlib.suppress(HubRefusedError):
                hub.delete(f"/accounts/{name}")


def _here(host: str) -> str:
    """The host, as part of a URL, by which this machine reaches what listens on `host`."""
    reached = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"[{reached}]" if ":" in reached else reached


def _enrolment(accounts: dict[str, Any]) -> Iterator[DoctorFinding]:
    if accounts["enrolment"] == "open":
        yield DoctorFinding(
            "enrol as a stranger",
            Verdict.NOTE,
            "enrolment is open: whoever reaches the sensor network can add a device; when yours "
            "are in, set DORMOUSE_ENROLMENT=window",
        )
    takeovers = accounts["refused"].get("enrol-take-over", 0)
    if takeovers:
        names = [a["name"] for a in accounts["accounts"] if "enrol-take-over" in a["problems"]]
        yield DoctorFinding(
            "look for attempted take-overs",
            Verdict.NOTE,
            f"{takeovers} with another password: {', '.join(names[:5])} "
            "(a board whose flash was erased? `dormouse devices renew`)",
        )


def _print(findings: list[DoctorFinding]) -> None:
    console = Console(soft_wrap=True)
    for finding in findings:
        detail = f": {finding.detail}" if finding.detail else ""
        console.print(f"{_MARKS[finding.verdict]}  {finding.what}{detail}", highlight=False)
