"""A NATS server as a source: topics, what comes again, who reads, what is refused."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from hub.errors import SettingsError
from hub.mqtt.delivery import Delivery
from hub.nats.cluster import NatsCluster, refuse_unfit_cluster
from hub.nats.same_cluster import refuse_two_clusters
from hub.nats.source import NatsSource
from hub.nats.subjects import is_for_devices, subject_of, topic_of
from hub.settings import Settings
from tests.support.hub import until
from tests.support.mqtt311 import Client
from tests.support.nats_cluster import PASSWORD, nats_nodes

DEVICE = "esp8266_f100d000"


# As the manual of nats-server has them ("Topics and subjects").
@pytest.mark.parametrize(
    ("topic", "subject"),
    [
        ("sensors/cold-1/temp", "sensors.cold-1.temp"),
        ("/sensors/temp", "/.sensors.temp"),
        ("sensors/temp/", "sensors.temp./"),
        ("sensors//temp", "sensors./.temp"),
        ("a.b/c", "a//b.c"),
        ("HomeKit/esp8266_1a2b3c4d/$batch", "HomeKit.esp8266_1a2b3c4d.$batch"),
    ],
)
def test_topics_are_subjects_as_the_gateway_has_them(topic, subject):
    assert subject_of(topic) == subject
    assert topic_of(subject) == topic


def test_filters_have_nats_wildcards():
    assert subject_of("tele/+/SENSOR") == "tele.*.SENSOR"
    assert subject_of("HomeKit/#") == "HomeKit.>"


@pytest.mark.parametrize(
    ("topic", "ours"),
    [
        ("HomeKit/a/$ack", True),
        ("HomeKit/a/Switch/On/set", True),
        ("HomeKit/$hub/claim", True),
        ("HomeKit/a/$ota/state", False),
        ("HomeKit/a/$batch", False),
        ("zigbee2mqtt/lamp/set", False),
    ],
)
def test_what_only_a_hub_says_is_known_by_its_topic(topic, ours):
    assert is_for_devices(topic) is ours


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"nats_url": "nats://a"}, "DORMOUSE_NATS_GATEWAY: name the MQTT listeners"),
        ({"nats_gateway": "mqtt://a"}, "name DORMOUSE_NATS_URL too"),
        ({"nats_url": "mqtt://a", "nats_gateway": "mqtt://a"}, "DORMOUSE_NATS_URL: must be"),
        ({"nats_url": "nats://a", "nats_gateway": "http://a"}, "DORMOUSE_NATS_GATEWAY: must be"),
        ({"nats_url": "nats://u:p@a,nats://b", "nats_gateway": "mqtt://a"}, "the same user"),
        ({"nats_url": "nats://a", "nats_gateway": "mqtt://a", "mqtt_url": "mqtt://b"}, "or from"),
    ],
)
def test_what_does_not_hold_together_is_refused(settings, why):
    with pytest.raises(SettingsError, match=why):
        refuse_unfit_cluster(Settings(**settings))


def test_a_cluster_is_its_servers_with_one_login():
    cluster = NatsCluster.of("nats://u:p%40@a,tls://u:p%40@b:5", "mqtt://c,mqtt://d:2")
    assert cluster.servers == ("nats://a:4222", "tls://b:5")
    assert (cluster.user, cluster.password) == ("u", "p@")
    assert [one.port for one in cluster.gateways] == [1883, 2]


class Reader:
    """A source and what it delivered."""

    def __init__(self, cluster: NatsCluster, name: str) -> None:
        self.source = NatsSource(cluster, ["HomeKit/#", "enrol/+"], client_id=name)
        self.got: list[Delivery] = []

    async def start(self) -> None:
        await self.source.start(self.got.append)
        await until(lambda: asyncio.sleep(0, self.source.connected.is_set()))

    async def has(self, number: int) -> None:
        await until(lambda: asyncio.sleep(0, len(self.got) >= number), every_s=0.01)


async def test_one_reads_and_what_it_did_not_acknowledge_the_next_one_gets(tmp_path: Path):
    async with nats_nodes(tmp_path, 1, [DEVICE]) as nodes:
        first, second = (Reader(nodes.cluster, name) for name in ("first", "second"))
        await first.start()
        port = nodes.nodes[0].ports["mqtt"]
        device = await Client.let_in("127.0.0.1", port, DEVICE, DEVICE, PASSWORD)
        await device.subscribe(f"HomeKit/{DEVICE}/#")
        state = f"HomeKit/{DEVICE}/Switch/On"
        for value in ("1", "2", "3"):
            await device.publish(state, value)
        await first.has(3)
        assert [(one.topic, one.payload) for one in first.got] == [
            (state, b"1"), (state, b"2"), (state, b"3"),
        ]  # fmt: skip
        await second.start()
        for one in first.got[:2]:
            first.source.acknowledge(one)

        # What is said to the device arrives there, and is no news here; nor is its like.
        await first.source.publish(f"HomeKit/{DEVICE}/$ack", '{"seq": 1}', retain=True)
        await first.source.publish(state, "0")
        await device.publish(state, "4")
        await first.has(4)
        assert first.got[3].payload == b"4"
        assert ("HomeKit/" + DEVICE + "/$ack", b'{"seq": 1}') in [one[:2] for one in device.got]
        assert not second.got

        # One more device gets its account, and nobody's connection ends.
        nodes.let_in("esp8266_f100d001")
        newcomer = await Client.let_in(
            "127.0.0.1", port, "esp8266_f100d001", "esp8266_f100d001", PASSWORD
        )
        await newcomer.close()
        assert not device.closed.is_set()
        assert first.source.connected.is_set()

        # The one that reads ends: the other gets what was not acknowledged, and no more.
        await first.source.stop()
        await second.has(2)
        assert [one.payload for one in second.got] == [b"3", b"4"]
        assert second.got[0].redelivered
        await second.source.stop()
        await device.close()


async def test_servers_of_two_clusters_are_refused(tmp_path: Path):
    (tmp_path / "other").mkdir()
    async with nats_nodes(tmp_path, 1) as ours, nats_nodes(tmp_path / "other", 1) as others:
        reader = Reader(ours.cluster, "first")
        await reader.start()
        await reader.source.stop()
        url, gateway = f"{ours.url},{others.url}", f"{ours.gateway},{others.gateway}"
        mixed = Reader(NatsCluster.of(url, gateway), "mixed")
        with pytest.raises(SettingsError, match=r"nats://.* and nats://.* are of two clusters"):
            await mixed.start()
        # One that is away is no other cluster.
        await others.kill(others.nodes[0])
        async with asyncio.timeout(60):  # nats-py waits for twice as long
            await refuse_two_clusters(NatsCluster.of(url, gateway))
