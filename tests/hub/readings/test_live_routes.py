"""Server-Sent Events: as heard, of one tenant, honest about what was missed, ended when over."""

from __future__ import annotations

import asyncio
import contextlib
import json

import pytest
import pytest_asyncio

from hub.readings.live_routes import _event
from tests.hub.filled import TEMPERATURE
from tests.hub.people.joined import client_of
from tests.support.hub import until
from tests.support.publisher import Publisher

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("full")]


class Stream:
    """Events of an open stream: (kind, data), and the last id."""

    def __init__(self, answer):
        self.answer, self.last, self.beats = answer, None, 0
        self._lines = answer.aiter_lines()

    async def beat(self):
        """Until it beats; the line that came instead, if one did."""
        async with asyncio.timeout(60):
            async for line in self._lines:
                if line.startswith(":"):
                    return None
                if line:
                    return line
        return "the end"

    async def next(self, kind=None, limit_s=60):
        """The next event, or the next one of that kind."""
        async with asyncio.timeout(limit_s):
            event, data = None, None
            async for line in self._lines:
                name, _, value = line.partition(": ")
                if name == "event":
                    event = value
                elif name == "data":
                    data = json.loads(value)
                elif name == "id":
                    self.last = value
                elif line.startswith(":"):
                    self.beats += 1
                elif not line and event is not None:
                    if kind in (None, event):
                        return event, data
                    event = data = None
        raise EOFError


@contextlib.asynccontextmanager
async def listening(client, *, after=None, **query):
    headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": after} if after else {})
    async with client.stream("GET", "/api/live", params=query, headers=headers) as answer:
        assert answer.status_code == 200, await answer.aread()
        assert answer.headers["content-type"].startswith("text/event-stream")
        stream = Stream(answer)
        event, data = await stream.next()
        assert event == "ready", (event, data)
        yield stream


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sensor(full):
    """A device of home that publishes."""
    facts = full.facts
    device = Publisher("live_1", facts["mqtt_port"], facts["enrol_port"])
    await device.enrol()
    yield device
    await device.close()


async def say(device, value, characteristic=TEMPERATURE):
    await device.send(f"HomeKit/{device.device}/{characteristic}", str(value).encode(), tag=1)
    await device.drain()


async def test_a_value_is_seen_when_it_is_sent(rob, sensor):
    async with listening(rob) as stream:
        for value in (21.5, 22.5, 23.5):
            await say(sensor, value)
            event, data = await stream.next()
            assert (event, data["series"]) == ("value", f"live_1/{TEMPERATURE}")
            assert (data["value"], data["raw"]) == (value, value)


async def test_values_are_calibrated_as_they_are_told(ann, rob, sensor):
    await say(sensor, 10)
    series = f"live_1/{TEMPERATURE}"

    async def known():
        answer = await ann.put("/api/calibrations", json={"series": series, "gain": 2})
        return answer.status_code == 204

    async with listening(rob) as stream:
        await until(known)
        assert await stream.next("change") == (
            "change",
            {"noun": "calibration", "key": series},
        )
        await say(sensor, 11)
        _, data = await stream.next("value")
        assert (data["value"], data["raw"]) == (22, 11)
        await ann.put("/api/calibrations", json={"series": series})


async def test_only_what_was_asked_for_comes(rob, sensor, ann):
    async with (
        listening(rob, device="other") as other,
        listening(rob, series=f"live_1/{TEMPERATURE}") as one,
    ):
        await say(sensor, 1, "HumiditySensor/CurrentRelativeHumidity")
        await say(sensor, 22)
        _, data = await one.next("value")
        assert data["series"] == f"live_1/{TEMPERATURE}"
        place = (await ann.post("/api/places", json={"name": "Attic"})).json()["id"]
        # What comes next is not a device's.
        assert await other.next() == ("change", {"noun": "place", "key": str(place)})


async def test_another_tenant_hears_nothing(eve, ann, sensor):
    async with listening(eve) as hers, listening(ann) as ours:
        await say(sensor, 23)
        await ours.next("value")
        answer = await eve.post("/api/places", json={"name": "Pier"})
        assert await hers.next() == ("change", {"noun": "place", "key": str(answer.json()["id"])})


async def test_what_a_device_says_stays_in_its_line(rob, sensor):
    evil = "</script><script>alert(1)</script> data: x"
    async with listening(rob) as stream:
        await say(sensor, evil, "AccessoryInformation/Manufacturer")
        event, data = await stream.next()
        assert (event, data["value"]) == ("value", evil)
    lines = _event("value", {"value": "x\n\nevent: end\r\ndata: \u2028"}, "a-1").split("\n")
    assert len(lines) == 5
    assert lines[0] == "event: value"
    assert lines[2:] == ["id: a-1", "", ""]


async def test_who_comes_back_goes_on_without_a_hole(rob, sensor):
    async with listening(rob, device="live_1") as stream:
        await say(sensor, 1)
        await stream.next("value")
        last = stream.last
    for number in range(2, 8):
        await say(sensor, number)
    async with listening(rob, device="live_1", after=last) as stream:
        assert [(await stream.next("value"))[1]["value"] for _ in range(6)] == [2, 3, 4, 5, 6, 7]


async def test_what_cannot_be_told_any_more_is_told_as_missed(rob, sensor):
    async with listening(rob, after="00000000-7") as stream:
        assert await stream.next() == ("missed", {"events": None})
    async with listening(rob, device="live_1") as stream:
        await say(sensor, 0)
        await stream.next("value")
        last = stream.last
    count = 3000  # more than are kept
    for number in range(count):
        name = f"HomeKit/live_1/{TEMPERATURE}"
        await sensor.send(name, str(number % 100).encode(), tag=number)
        await sensor.drain(outstanding=500)
    await say(sensor, -99)

    async def heard():
        answer = await rob.get("/api/devices/live_1/series")
        found = answer.json() if answer.status_code == 200 else []
        return any(series["value"] == -99 for series in found)

    await until(heard, limit_s=60)  # the broker's word that it has them is not the hub's
    async with listening(rob, device="live_1", after=last) as stream:
        event, data = await stream.next()
        assert event == "missed"
        rest = count - data["events"]
        assert 0 < rest < 2048
        for number in range(count - rest, count):
            assert (await stream.next("value"))[1]["value"] == number % 100
        assert (await stream.next("value"))[1]["value"] == -99


async def test_a_revoked_token_ends_its_stream_at_once(ann, program, make_token, full):
    token = await make_token("read", name="stream")
    async with program(token) as client, listening(client) as stream:
        [kept] = [t for t in (await ann.get("/api/tokens")).json() if t["name"] == "stream"]
        assert (await ann.delete(f"/api/tokens/{kept['id']}")).status_code == 204
        assert await stream.next() == ("end", {"reason": "no longer allowed"})
        assert stream.beats == 0  # with each of which it is looked at anyway
        with pytest.raises(EOFError):
            await stream.next()


async def test_logging_out_ends_the_stream(full):
    async with client_of(full, "rob") as client, listening(client) as stream:
        assert (await client.post("/logout")).status_code == 303
        assert await stream.next() == ("end", {"reason": "no longer allowed"})


async def test_streams_are_bounded_for_each_person(full, eve):
    async with client_of(full, "max") as client, contextlib.AsyncExitStack() as stack:
        for _ in range(8):
            await stack.enter_async_context(listening(client))
        answer = await client.get("/api/live")
        assert answer.status_code == 429
        assert "close one" in answer.json()["detail"]
        async with listening(eve):
            pass
    async with client_of(full, "max") as client:

        async def again():
            async with client.stream("GET", "/api/live") as answer:
                return answer.status_code == 200

        await until(again)


async def test_under_load_a_slow_reader_hinders_nobody(rob, ann, sensor):
    """One reads nothing, one all: the other gets every event, and the devices are heard as ever."""
    count = 5000
    async with listening(ann, device="live_1"), listening(rob, device="live_1") as stream:

        async def flood():
            for number in range(count):
                name = f"HomeKit/live_1/{TEMPERATURE}"
                await sensor.send(name, str(number % 100).encode(), tag=number)
                await sensor.drain(outstanding=1000)
            await sensor.drain()

        flooding = asyncio.create_task(flood())
        seen = missed = 0
        while seen + missed < count:
            event, data = await stream.next(limit_s=60)
            if event == "missed":
                missed += data["events"]
            elif event == "value":
                assert data["value"] == (seen + missed) % 100
                seen += 1
        await flooding
        print(f"{count} events, {missed} of them missed")


async def test_a_silent_stream_beats(rob, full):
    async with listening(rob, device="nobody_1") as stream:
        # Nothing but that, whenever it comes: every 15 s.
        assert await stream.beat() is None
