"""What strangers and broken devices may send, through a whole hub on a broker and a database that
are not its own, so that nothing filters before the hub does."""

from __future__ import annotations

import re

import pytest

from tests.support.broker import open_broker
from tests.support.hub import HubProcess, until
from tests.support.publisher import Publisher

GOOD = "HomeKit/good/TemperatureSensor/CurrentTemperature"
_LOGGED = re.compile(r"[0-9-]{10} [0-9:,]{12} INFO hub-(starting|stopped): ")
TEMPERATURE = "HomeKit/bad/TemperatureSensor/CurrentTemperature"
# (topic, payload, the kind that is counted)
BAD = [
    ("HomeKit/bad/TeapotSensor/CurrentTemperature", b"20", "service"),
    ("HomeKit/bad/TemperatureSensor/Brewing", b"20", "characteristic"),
    ("HomeKit/bad/TemperatureSensor/On", b"1", "characteristic"),
    ("HomeKit/bad/TemperatureSensor", b"20", "arity"),
    ("HomeKit/bad/TemperatureSensor/0/0/CurrentTemperature", b"20", "arity"),
    ("HomeKit/bad/TemperatureSensor/first/CurrentTemperature", b"20", "index"),
    (TEMPERATURE, b"nan", "not-finite"),
    (TEMPERATURE, b"inf", "not-finite"),
    (TEMPERATURE, b"1e9", "range"),
    (TEMPERATURE, b"warm", "format"),
    (TEMPERATURE, b"2" * 2**20, "too-large"),
    (TEMPERATURE, b"\xff\xfe", "utf-8"),
    (TEMPERATURE, b"2\x070", "control"),
    ("HomeKit/bad/Temperature Sensor/CurrentTemperature", b"20", "name"),
    ("HomeKit/bad/$batch", b"{", "json"),
    ("HomeKit/bad/$batch", b'{"boot": "9f3a61c2", "up": 1, "readings": [[true, 0, 1]]}', "entry"),
    (f"HomeKit/{'x' * 65}/TemperatureSensor/CurrentTemperature", b"20", "device-id"),
]


@pytest.fixture
async def open_hub(short_tmp, database):
    """A hub on an open broker and a database of the test server; and a way to send to it."""
    async with open_broker(short_tmp) as port:
        hub = HubProcess(
            short_tmp / "data",
            MQTT_URL=f"mqtt://127.0.0.1:{port}",
            DATABASE_URL=database.app_url,
        )
        await hub.start()
        try:
            publisher = Publisher("anyone", port, port)
            await publisher.connect_anonymously()
            yield hub, publisher
            await publisher.close()
        finally:
            await hub.stop()


async def _send(publisher: Publisher, messages) -> None:
    for number, (topic, payload) in enumerate(messages):
        await publisher.send(topic, payload, tag=number)
        await publisher.drain(outstanding=50)
    await publisher.drain()


async def test_bad_messages_are_counted_by_kind_and_change_nothing(open_hub, pair):
    hub, publisher = open_hub
    phone = await pair("127.0.0.1", hub.facts["hap_port"], hub.facts["pairing_code"])
    await _send(publisher, [(GOOD, b"20.5")])
    place = await phone.wait_for("good", "TemperatureSensor", "CurrentTemperature")
    before = await phone.tree()
    wanted: dict[str, int] = {}
    for _, _, kind in BAD:
        wanted[kind] = wanted.get(kind, 0) + 2
    await _send(publisher, [(topic, payload) for topic, payload, _ in BAD * 2])
    await _send(publisher, [(GOOD, b"21.5")])
    await phone.until(place, lambda value: value == 21.5)
    assert (await hub.status())["problems"] == wanted
    tree = await phone.tree()
    assert [a["aid"] for a in tree] == [a["aid"] for a in before]
    assert [d["id"] for d in (await hub.status())["devices"]] == ["good"]
    # Each kind is logged once for a device, however often it comes.
    log = hub.log.read_text()
    assert log.count("range from bad:") == 1
    assert log.count("not-finite from bad:") == 1


async def test_an_empty_payload_takes_the_accessory_away_and_keeps_its_history(open_hub, pair):
    hub, publisher = open_hub
    phone = await pair("127.0.0.1", hub.facts["hap_port"], hub.facts["pairing_code"])
    await _send(publisher, [(GOOD, b"20.5")])
    await phone.wait_for("good", "TemperatureSensor", "CurrentTemperature")
    await _send(publisher, [(GOOD, b"")])

    async def gone():
        return await phone.find("good", "TemperatureSensor", "CurrentTemperature") is None

    await until(gone)
    assert await hub.value("good", "CurrentTemperature") == 20.5


async def test_ten_thousand_strangers_disturb_nobody(open_hub, pair):
    hub, publisher = open_hub
    phone = await pair("127.0.0.1", hub.facts["hap_port"], hub.facts["pairing_code"])
    await _send(publisher, [(GOOD, b"20.5")])
    place = await phone.wait_for("good", "TemperatureSensor", "CurrentTemperature")
    strangers = (f"HomeKit/stranger_{n}/TeapotSensor/Brewing" for n in range(10_000))
    await _send(publisher, ((topic, b"1") for topic in strangers))
    await _send(publisher, [(GOOD, b"21.5")])
    await phone.until(place, lambda value: value == 21.5)
    status = await hub.status()
    assert status["problems"] == {"service": 10_000}
    assert [device["id"] for device in status["devices"]] == ["good"]
    # The log says once that there are too many to name.
    assert len(hub.log.read_text().splitlines()) < 2_200


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"MQTT_PORT": "70000"}, "DORMOUSE_MQTT_PORT='70000'"),
        ({"ENROLMENT": "maybe"}, "DORMOUSE_ENROLMENT='maybe'"),
        ({"MQTT_URL": "http://broker"}, "DORMOUSE_MQTT_URL"),
        ({"DATABASE_URL": "host=/nowhere dbname=none"}, "DORMOUSE_DATABASE_URL"),
        ({"RUN_AS": "nobody-at-all"}, "DORMOUSE_RUN_AS"),
    ],
)
async def test_a_bad_setting_ends_the_command_with_one_line(short_tmp, settings, said):
    environment = {f"DORMOUSE_{name}": value for name, value in settings.items()}
    environment |= {"PATH": "/usr/bin:/bin:/usr/sbin", "DORMOUSE_DATA_DIR": str(short_tmp / "d")}
    environment |= {"DORMOUSE_HTTP_PORT": "0", "DORMOUSE_HOST": "127.0.0.1"}
    status, output = await HubProcess(short_tmp / "d").command("hub", env=environment)
    assert status != 0
    # Beside it stands in the log that a hub began and ended.
    (line,) = (line for line in output.splitlines() if not _LOGGED.match(line))
    assert line.startswith("dormouse: ")
    assert said in line
    assert not (short_tmp / "d" / "hub.json").exists()
