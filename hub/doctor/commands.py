"""`dormouse hub doctor`."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator
from typing import Any

import typer

from contracts.hub_client import HubRefusedError
from hub.client import HubClient, Json, hub_facts
from hub.doctor.finding import DoctorFinding, DoctorKind, Verdict, exit_status, of_kind
from hub.doctor.report import report
from hub.settings import Settings, load

__all__ = ["doctor"]


def doctor(context: typer.Context, *, as_json: Json = False, **flags: str | None) -> None:
    """Try what must not work on the running hub, and say what holds; docs/security.md has the exit statuses."""  # noqa: E501  # one line of --help
    if context.invoked_subcommand is not None:
        return
    settings = load(**flags)
    findings = list(examine(settings))
    report(findings, as_json=as_json)
    raise typer.Exit(exit_status(findings))


def examine(settings: Settings) -> Iterator[DoctorFinding]:
    """Everything that is tried. Raises NoHubError."""
    from hub.doctor import dashboard, machine  # noqa: PLC0415  # no other command needs them

    facts = hub_facts(settings.data_dir)
    with HubClient(settings, "dormouse hub doctor") as hub:
        if facts.get("mqtt_port"):
            yield from of_kind(DoctorKind.BROKER, _broker(hub, facts))
        yield from of_kind(DoctorKind.DATABASE, map(_told, hub.get("/doctor/database")))
        yield from of_kind(DoctorKind.PARTS, map(_told, hub.get("/doctor/parts")))
        yield from of_kind(DoctorKind.BROKER, _enrolment(hub.get("/accounts")))
        url = f"http://{_here(facts['host'])}:{facts['http_port']}"
        routes = [(one["method"], one["path"]) for one in hub.get("/routes", pages=False)]
        people = len(hub.get("/people"))
        yield from of_kind(DoctorKind.DASHBOARD, dashboard.examine(url, routes, people))
        # Each tenant has bridges of its own, on ports of their own.
        bridges = {one["port"]: one["name"] for one in hub.get("/homekit/pairings")}
    yield from of_kind(DoctorKind.FILES, machine.files(settings.data_dir))
    yield from of_kind(DoctorKind.PORTS, machine.ports(facts, bridges))
    certificate = settings.data_dir / "broker" / "server.crt"
    yield from of_kind(DoctorKind.CERTIFICATE, machine.tls(certificate))


def _told(finding: dict[str, str]) -> DoctorFinding:
    return DoctorFinding(finding["what"], Verdict(finding["verdict"]), finding["detail"])


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
            "a stranger cannot enrol",
            Verdict.NOTE,
            "enrolment is open: whoever reaches the sensor network can add a device; when yours "
            "are in, set DORMOUSE_ENROLMENT=window",
        )
    takeovers = accounts["refused"].get("enrol-take-over", 0)
    if takeovers:
        names = [a["name"] for a in accounts["accounts"] if "enrol-take-over" in a["problems"]]
        yield DoctorFinding(
            "nobody tried to take a device over",
            Verdict.NOTE,
            f"{takeovers} with another password: {', '.join(names[:5])} "
            "(a board whose flash was erased? `dormouse devices renew`)",
        )
