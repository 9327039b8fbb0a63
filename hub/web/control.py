"""The hub's private HTTP application, for the command line; hub/web/site.py has the public one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI

from contracts.homekit.definitions import INFORMATION
from hub.device_settings.control import router as config
from hub.devices.overview import DeviceOverview, LastValue, overview
from hub.devices.replace import router as replace
from hub.doctor.control import router as doctor
from hub.explain.control import router as explain
from hub.firmware.control import router as firmware
from hub.homekit.control import router as homekit
from hub.mapping.control import router as mapping
from hub.mqtt.control import router as devices
from hub.people.control import router as people
from hub.places.control import router as places
from hub.rollouts.control import router as rollouts
from hub.tokens.control import router as tokens
from hub.web.listing import served

if TYPE_CHECKING:
    from hub.app import Hub

__all__ = ["control_app"]


def control_app(hub: Hub) -> FastAPI:
    """For the command line, on the control socket: whoever may open that may do all of this."""
    app = FastAPI(title="Dormouse control", openapi_url=None)

    @app.get("/status")
    async def status() -> dict[str, Any]:
        devices = await overview(hub.running.store, hub.settings.tenant)
        ingest = hub.mqtt.ingest.of(hub.settings.tenant)
        names = hub.bridges.running()[hub.settings.tenant].names()
        return {
            "devices": [_device(device, names) for device in devices],
            "counts": dict(ingest.counts),
            "pending": ingest.pending,
            "problems": dict(hub.problems.total),
        }

    app.include_router(devices(lambda: hub.mqtt))

    @app.get("/web/routes")
    async def web_routes(*, pages: bool = True) -> list[tuple[str, str]]:
        return await served(hub.site, pages=pages)

    app.include_router(config(hub))
    app.include_router(doctor(lambda: hub.running.store, hub.examine_parts))
    app.include_router(firmware(hub.firmware))
    app.include_router(explain(hub))
    app.include_router(homekit(hub.bridges.running))
    app.include_router(mapping(hub))
    app.include_router(places(lambda: hub.running.store, hub.settings.tenant))
    app.include_router(replace(hub))
    app.include_router(people(hub))
    app.include_router(tokens(hub))
    app.include_router(rollouts(lambda: hub.rollouts, hub.settings.tenant))
    return app


def _device(device: DeviceOverview, names: Mapping[str, str]) -> dict[str, Any]:
    return {
        "id": device.device,
        "name": names.get(device.device),
        "seen": device.seen_at.isoformat() if device.seen_at else None,
        "next_wake": device.next_wake_at.isoformat() if device.next_wake_at else None,
        "battery_mv": device.battery_mv,
        "report": device.report,
        "values": [
            {
                "service": value.series.service,
                "index": value.series.index,
                "characteristic": value.series.characteristic,
                "value": value.value,
                "at": value.at.isoformat(),
            }
            for value in device.values
            if not _is_information(value)
        ],
    }


def _is_information(value: LastValue) -> bool:
    return value.series.service == INFORMATION
