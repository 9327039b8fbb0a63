"""All sources, by the kind of rules that they serve."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from hub.anomalies.watch import AnomalyWatch
from hub.database.database import Database
from hub.explain.problems import Explainer, OutagesLike
from hub.notifications.finding import FindingSource
from hub.notifications.late import LateReadings
from hub.notifications.model import RuleKind
from hub.notifications.sources.battery import BatterySource
from hub.notifications.sources.hooks import HookRunSource
from hub.notifications.sources.machine import (
    AwaySource,
    BackupSource,
    BackupStanding,
    DiskSource,
    RolloutSource,
)
from hub.notifications.sources.odd import OddSource
from hub.notifications.sources.silent import SilentSource
from hub.notifications.sources.tunnels import TunnelSource
from hub.notifications.sources.values import ValueSource

__all__ = ["sources"]


def sources(
    database: Database,
    explainer: Explainer,
    anomalies: AnomalyWatch,
    outages: OutagesLike,
    *,
    folder: Path,
    backups: Callable[[], BackupStanding],
    late: LateReadings,
) -> Mapping[RuleKind, FindingSource]:
    """What can be told of here; `backups` says how they are, `late` what readings came late."""
    return {
        RuleKind.VALUE: ValueSource(database, late),
        RuleKind.SILENT: SilentSource(database, explainer),
        RuleKind.BATTERY: BatterySource(database, explainer),
        RuleKind.ODD: OddSource(database, anomalies),
        RuleKind.ROLLOUT: RolloutSource(database),
        RuleKind.HOOK: HookRunSource(database),
        RuleKind.AWAY: AwaySource(outages),
        RuleKind.DISK: DiskSource(folder),
        RuleKind.TUNNEL: TunnelSource(explainer),
        RuleKind.BACKUP: BackupSource(backups),
    }
