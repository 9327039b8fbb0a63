"""What the demonstration waits for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from host.twin.demo import missing
from host.twin.firmware import Build
from host.twin.fleet import Fleet
from host.twin.hub import HubAddress
from host.twin.kinds import TwinKind


def test_missing_names_device_kind_and_value(tmp_path):
    kinds = [TwinKind.DHT22, TwinKind.SWITCH]
    fleet = Fleet(HubAddress("127.0.0.1"), Build(tmp_path, tmp_path), tmp_path, kinds)
    first, second = fleet.twins
    status = {
        "devices": [
            {
                "id": first.id,
                "values": [
                    {"service": "TemperatureSensor", "characteristic": "CurrentTemperature"}
                ],
            },
            {"id": "another", "values": [{"service": "Switch", "characteristic": "On"}]},
        ]
    }
    assert missing(fleet.twins, kinds, status) == [
        f"{first.id} (dht22): HumiditySensor/CurrentRelativeHumidity",
        f"{second.id} (switch): Switch/On",
    ]
    assert missing([], [], status) == []


def test_what_an_earlier_run_left_is_missing_still(tmp_path):
    kinds, began = [TwinKind.SWITCH], datetime(2026, 12, 1, 4, tzinfo=UTC)
    fleet = Fleet(HubAddress("127.0.0.1"), Build(tmp_path, tmp_path), tmp_path, kinds)

    def status(at: datetime) -> dict[str, object]:
        value = {"service": "Switch", "characteristic": "On", "at": at.isoformat()}
        return {"devices": [{"id": fleet.twins[0].id, "values": [value]}]}

    earlier = status(began - timedelta(hours=3))
    assert missing(fleet.twins, kinds, earlier, began) == [
        f"{fleet.twins[0].id} (switch): Switch/On"
    ]
    assert missing(fleet.twins, kinds, status(began + timedelta(seconds=1)), began) == []
