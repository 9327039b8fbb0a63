"""Whether the servers that are named are one cluster's: of two each hears half of the devices."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json

from hub.errors import SettingsError
from hub.nats.client import client_library
from hub.nats.cluster import NatsCluster
from hub.nats.pulls import STREAM

__all__ = ["refuse_two_clusters"]

_WITHIN_S = 2


async def refuse_two_clusters(cluster: NatsCluster) -> None:
    """Raises SettingsError where two of the servers have streams of their own, or one has none.

    Those that are away, or elect, are not judged.
    """
    made = await asyncio.gather(*(_stream_made(cluster, one) for one in cluster.servers))
    found = {one: at for one, at in zip(cluster.servers, made, strict=True) if at is not None}
    for one, other in itertools.pairwise(found):
        if found[one] != found[other]:
            raise SettingsError(
                f"DORMOUSE_NATS_URL: {one} and {other} are of two clusters: name the servers of one"
            )


async def _stream_made(cluster: NatsCluster, server: str) -> str | None:
    """When the stream that a server knows was made; "" where there is none, None: no answer."""
    nats = client_library()

    async def quiet(_error: Exception) -> None:
        """That it is away is told by whoever connects for good."""

    with contextlib.suppress(OSError, TimeoutError, nats.errors.Error):
        connection = await nats.connect(
            [server],
            user=cluster.user,
            password=cluster.password,
            name="dormouse hub",
            allow_reconnect=False,
            connect_timeout=_WITHIN_S,
            # Its first attempt, too, it makes again: by itself for two minutes.
            max_reconnect_attempts=1,
            reconnect_time_wait=0.1,
            error_cb=quiet,
        )
        try:
            answer = await connection.request(
                f"$JS.API.STREAM.INFO.{STREAM}", b"", timeout=_WITHIN_S
            )
        finally:
            await connection.close()
        said = json.loads(answer.data)
        if said.get("error", {}).get("code") == 404:
            return ""
        made = said.get("created")
        return str(made) if made else None
    return None
