"""All that the running hub tells its doctor of itself, in order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hub.backups.service import BackupService
from hub.database.one_cluster import OneCluster
from hub.database.postgres import Postgres
from hub.database.replica.replica import Replica
from hub.doctor.backups import examine_backups
from hub.doctor.finding import DoctorFinding
from hub.doctor.notifications import examine_channels
from hub.doctor.parts import (
    examine,
    examine_address,
    examine_broker_version,
    examine_clock,
    examine_disk,
    examine_dropped,
    examine_silent,
    examine_store,
)
from hub.mqtt.broker import Broker
from hub.notifications.trouble import FailingChannel
from hub.runtime.host_clock import HostClock
from hub.runtime.problems import Problems
from hub.runtime.supervisor import Supervisor
from hub.settings import Settings

__all__ = ["examine_hub"]


def examine_hub(
    settings: Settings,
    supervisor: Supervisor,
    *,
    broker: Broker | None,
    postgres: Postgres | None,
    backups: BackupService,
    problems: Problems,
    clock: HostClock,
    cluster: OneCluster | None,
    replica: Replica | None,
    failing_channels: Sequence[FailingChannel],
) -> Iterator[DoctorFinding]:
    """`broker` and `postgres` are its own; None where they are somebody else's.

    `cluster` is the Postgres of somebody else's; `replica` is the standby that is read from. None
    where there is none.
    """
    children = [] if broker is None else [broker.main.child, broker.enrolment.child]
    if postgres is not None:
        children.append(postgres.child)
    yield from examine(supervisor, children)
    yield examine_address(settings.host)
    yield examine_disk(settings.data_dir)
    if broker is not None:
        yield from examine_store(broker.store)
        yield from examine_broker_version(broker.version)
        yield examine_silent(broker.cannot_end_silent)
    yield from examine_backups(backups)
    if cluster is not None:
        yield DoctorFinding.of(
            "the database's servers are of one cluster",
            not cluster.foreign,
            "; ".join(cluster.foreign.values()),
        )
    if replica is not None:
        yield DoctorFinding.of(
            "the database's standby is read from",
            not replica.unfit,
            f"{replica.unfit}; charts and exports are asked of the primary meanwhile",
        )
    yield from examine_channels(failing_channels)
    yield from examine_dropped(problems)
    yield from examine_clock(clock)
